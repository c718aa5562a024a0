/**
 * @file acm.h
 * The serial driver: /dev/ttyACM0 and its brothers for devices of USB's communication class.
 */
#ifndef VP_HOST_ACM_H
#define VP_HOST_ACM_H

#include <stdbool.h>

struct acm;
struct call;
struct host_device;
struct session;
struct userland;

/** Bind to all serial ports of a device that has just been configured. */
void acm_bind_all(struct host_device *device);

/**
 * Bind to an interface, for USBDEVFS_CONNECT.
 * @param call  answered later, with 1, if this returns true; else nothing was bound
 */
bool acm_bind(struct host_device *device, unsigned interface, const struct call *call);

/** Leave the device alone that @p interface is a part of. */
void acm_unbind(struct host_device *device, unsigned interface);
void acm_unbind_all(struct host_device *device);

/** True while the device is asked before the port at @p interface, or any if that is -1, is shown.
 */
bool acm_is_probing(const struct host_device *device, int interface);

/** True for /dev/ttyACMN, in the tree or not. */
bool acm_is_node(const char *path, unsigned *minor);

/** open(2) of /dev/ttyACM@p minor. */
void acm_open(struct userland *host, const struct call *call, unsigned minor, int flags);

/** The numbers of ioctl(2) that concern ports, by @p index from 0; 0 after the last. */
unsigned acm_ioctl_number(unsigned index);

/** ioctl(2) with such a number. */
void acm_ioctl(struct userland *host, const struct call *call);

/** Is the tool's descriptor a port, perhaps one that has gone? */
bool acm_owns(const struct userland *host, const struct call *call, int fd, unsigned *minor);

/** Close the ports that nobody has open any more. No port is freed here. */
void acm_look_all(struct userland *host);
/** True while what tools have written last is still being sent. */
bool acm_is_closing(const struct userland *host);

void acm_forget_session(struct userland *host, const struct session *session);
/** After all devices have gone. */
void acm_free_all(struct userland *host);

#endif
