/**
 * @file fake_device.h
 * A device whose every behaviour a test decides: the functions of vparticle/device.h that a
 * server calls, on a few variables. A program that links this has no emulated board in it.
 *
 * Endpoint 0 by bRequest: FAKE_REQUEST_*; all others stay pending until fake_device_complete().
 */
#ifndef TESTS_FAKE_DEVICE_H
#define TESTS_FAKE_DEVICE_H

#include "support/device_side.h"

enum {
    FAKE_REQUEST_ECHO = 1,    /**< IN gives what the last OUT brought, cut to wLength */
    FAKE_REQUEST_STATUS = 3,  /**< IN gives the 6 bytes 00 01 02 03 04 05 */
    FAKE_REQUEST_STALL = 4,   /**< stalls */
    FAKE_REQUEST_PENDING = 5, /**< stays pending */
    FAKE_REQUEST_LEAVE = 6,   /**< good, and sets the deadline to 500 ms, then detaches */
    FAKE_REQUEST_VANISH = 7,  /**< detaches before it answers */
};

struct vp_device {
    uint16_t product_id;
    bool attached;
    int64_t deadline;
    uint32_t reattach_after; /**< new deadline after the detach at a deadline; 0 for none */
    struct device_queue pending;
    uint8_t echo[65536];
    uint32_t echo_length;
    unsigned int submitted, cancelled, resets, advances;
    struct device_listeners listeners;
};

struct vp_device *fake_device_create(uint16_t product_id);
void fake_device_attach(struct vp_device *device);
void fake_device_detach(struct vp_device *device);
void fake_device_set_deadline(struct vp_device *device, int64_t milliseconds);

/**
 * Complete the oldest pending transfer of that endpoint and direction with @p data.
 * @return false if there is none
 */
bool fake_device_complete(struct vp_device *device, uint8_t endpoint, bool in, const void *data,
                          uint32_t length);

unsigned int fake_device_pending(const struct vp_device *device);

#endif
