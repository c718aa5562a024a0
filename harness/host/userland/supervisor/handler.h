/** @file handler.h Who answers a system call of a tool. */
#ifndef VP_HOST_HANDLER_H
#define VP_HOST_HANDLER_H

#include "host/tool/call.h"

struct userland;

/** Answers, or keeps a copy and answers later. */
typedef void (*call_handler)(struct userland *host, const struct call *call);

#endif
