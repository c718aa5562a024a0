/**
 * @file cloud.h
 * The system firmware's end of its connection to the cloud.
 *
 * Source: system/src/system_task.cpp, system_cloud_internal.cpp, communication/src @ v0.4.6,
 * v0.5.2, v0.7.0, v1.5.2, v2.2.0, v3.3.1; what differs is in rules.c.
 *
 * Assumptions: the application leaves the connection to the system (SYSTEM_MODE(AUTOMATIC));
 * sessions are never resumed (an Electron would keep one for weeks, and say no Hello in it).
 */
#ifndef VP_SYSTEM_CLOUD_H
#define VP_SYSTEM_CLOUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vparticle/application.h"
#include "vparticle/link.h"

struct vp_system;
struct vp_session;

/** The other side, as vp_device_set_link() said it. */
struct vp_link {
    bool set;
    struct vp_link_handlers handlers;
    void *context;
};

/** Why the chip was reset: backup register 2 (hal/inc/core_hal.h @ v0.7.0). */
enum vp_reset_reason {
    VP_RESET_REASON_NONE = 0,
    VP_RESET_REASON_UNKNOWN = 10,
    VP_RESET_REASON_UPDATE = 70,
    VP_RESET_REASON_UPDATE_TIMEOUT = 90,
    VP_RESET_REASON_FACTORY = 100,
    VP_RESET_REASON_SAFE_MODE = 110,
    VP_RESET_REASON_DFU = 120,
    VP_RESET_REASON_USER = 140,
};

enum vp_cloud_state {
    VP_CLOUD_OFF,       /**< nothing to connect to, or not wanted now */
    VP_CLOUD_NETWORK,   /**< it joins the network: green */
    VP_CLOUD_REACHING,  /**< it opens the connection: cyan */
    VP_CLOUD_GREETING,  /**< Hello was sent, and is not answered yet: cyan, fast */
    VP_CLOUD_CONNECTED, /**< cyan, or magenta in safe mode; breathing */
};

struct vp_cloud {
    enum vp_cloud_state state;
    uint32_t left;              /**< milliseconds: VP_CLOUD_NETWORK, VP_CLOUD_REACHING */
    unsigned failures;          /**< attempts in a row that came to nothing */
    bool signals;               /**< all colours: PUT /s */
    bool told_reset;            /**< why it was reset, once a start */
    struct vp_session *session; /**< NULL while there is no connection */
};

/** Connect if that is wanted and possible now, or leave the connection if it is not. */
void vp_cloud_look(struct vp_system *system);

/** Leave the connection: whoever is on the other side hears of it. */
void vp_cloud_stop(struct vp_system *system);

/** At a start: why the chip was reset (Init_Last_Reset_Info() in core_hal_stm32f2xx.c @ v0.6.0). */
void vp_cloud_take_reason(struct vp_system *system);

/** Before a reset: leave word why. Generations that don't tell leave none. */
void vp_cloud_leave_reason(struct vp_system *system, enum vp_reset_reason reason);

/** A message from the cloud. It may change the system's state, and reset the chip. */
void vp_cloud_receive(struct vp_system *system, const uint8_t *message, size_t length);

/** The connection is gone. */
void vp_cloud_lost(struct vp_system *system);

/** @return is a file being received from the cloud? */
bool vp_cloud_is_updating(const struct vp_system *system);

/** Let time pass. */
void vp_cloud_advance(struct vp_system *system, uint32_t milliseconds);

/** @return milliseconds until it does something by itself, but for pings; -1: it waits for others
 */
int64_t vp_cloud_deadline(const struct vp_system *system);

/** @return the same with pings and their answers */
int64_t vp_cloud_patience(const struct vp_system *system);

#endif
