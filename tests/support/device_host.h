/**
 * @file device_host.h
 * A USB host in the same process: control transfers straight into a device, for unit tests.
 */
#ifndef TESTS_DEVICE_HOST_H
#define TESTS_DEVICE_HOST_H

#include <stdint.h>

#include "vparticle/device.h"

/** What a transfer that did not succeed returns instead of a length. */
enum { HOST_STALL = -1, HOST_SILENT = -2, HOST_GONE = -3 };

/** Build a device or fail the test with the reason; enumerated and configured. */
struct vp_device *host_device(const char *spec);

/** Reset the bus and set configuration 1. */
void host_enumerate(struct vp_device *device);

/**
 * One control transfer. @p data holds wLength bytes. A transfer that got no answer is taken back.
 * @return bytes moved, or HOST_STALL, HOST_SILENT, HOST_GONE
 */
int host_control(struct vp_device *device, uint8_t type, uint8_t request, uint16_t value,
                 uint16_t index, void *data, uint16_t length);

/* DFU 1.1, on interface 0. */
int host_dnload(struct vp_device *device, uint16_t block, const void *data, uint16_t length);
int host_upload(struct vp_device *device, uint16_t block, void *data, uint16_t length);
/** The same with room for only @p room bytes of the @p length that are asked for. */
int host_upload_into(struct vp_device *device, uint16_t block, void *data, uint16_t length,
                     uint16_t room);
int host_get_status(struct vp_device *device, uint8_t status[6]);
int host_abort(struct vp_device *device);

/** A DfuSe command with its two GETSTATUS. @return 0, or how the first that failed ended */
int host_command(struct vp_device *device, uint8_t command, uint32_t address);

/** DNLOAD a block with its two GETSTATUS; block 2 is at the address pointer. @return as above */
int host_write(struct vp_device *device, uint16_t block, const void *data, uint16_t length);

enum { HOST_SET_ADDRESS = 0x21, HOST_ERASE = 0x41 };

#endif
