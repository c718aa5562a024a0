/**
 * @file usbfs.h
 * Device nodes: /dev/bus/usb/BBB/DDD, opened for writing.
 */
#ifndef VP_HOST_USBFS_H
#define VP_HOST_USBFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;
struct host_device;
struct session;
struct userland;

void usbfs_open(struct userland *host, const struct call *call, struct host_device *device,
                bool close_on_exec);
/** ioctl(2) with a number of usbfs. */
void usbfs_ioctl(struct userland *host, const struct call *call);
/** The path of the device node behind a descriptor of usbfs; false if it is none. */
bool usbfs_node_path(const struct userland *host, uint64_t pipe, char *path, size_t size,
                     unsigned *minor);
/** The device is gone: everything in flight ends, POLLERR is raised. */
void usbfs_unplug(struct host_device *device);
void usbfs_forget_session(struct userland *host, const struct session *session);
void usbfs_free_all(struct userland *host);

#endif
