/**
 * @file enumerate.h
 * Enumeration: a device that was just imported is asked what it is, and configured.
 */
#ifndef VP_HOST_ENUMERATE_H
#define VP_HOST_ENUMERATE_H

#include <stdbool.h>

struct enumeration;
struct host_device;

/**
 * Read the descriptors of an imported device and configure it; then @p done is called once, unless
 * the link closes before.
 */
int enumeration_start(struct host_device *device,
                      void (*done)(struct host_device *device, bool success));
/** Stop without calling `done`. Its transfer must have completed (the link is closed). */
void enumeration_free(struct enumeration *enumeration);

#endif
