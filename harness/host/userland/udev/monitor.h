/**
 * @file monitor.h
 * The netlink sockets on which tools hear of devices that come and go.
 */
#ifndef VP_HOST_MONITOR_H
#define VP_HOST_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#include "host/userland/supervisor/handler.h"
#include "host/userland/udev/uevent.h"

/** Who answers the system call @p number; NULL if it is not one on sockets. */
call_handler monitor_handler(int number);
bool monitor_owns(const struct userland *host, uint64_t pipe);
/** Tell all listeners that something happened to a device or to a part of it. */
void monitor_announce_one(struct userland *host, const char *action, struct uevent_subject subject);
void monitor_forget_session(struct userland *host, const struct session *session);
void monitor_free_all(struct userland *host);

#endif
