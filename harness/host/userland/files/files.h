/**
 * @file files.h
 * System calls on paths.
 */
#ifndef VP_HOST_FILES_H
#define VP_HOST_FILES_H

#include "host/userland/supervisor/handler.h"

/** Who answers the system call @p number; NULL if it is not one on paths. */
call_handler files_handler(int number);

#endif
