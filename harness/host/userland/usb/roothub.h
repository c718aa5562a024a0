/**
 * @file roothub.h
 * The root hub of the virtual host controller, which tools see as a device like any other.
 */
#ifndef VP_HOST_ROOTHUB_H
#define VP_HOST_ROOTHUB_H

#include <stdint.h>

#include "host/userland/usb/usb_device.h"
#include "vparticle/host.h"

struct host_device;

enum { ROOT_HUB_PORTS = VP_HOST_DEVICES };

int roothub_describe(struct usb_device *hub);
/** Answer a control request. @return bytes or a negative errno */
int roothub_control(const struct host_device *hub, const uint8_t setup[8], uint8_t *data,
                    uint32_t length);

#endif
