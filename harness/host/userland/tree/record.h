/** @file record.h The records of udev's database, below /run/udev/data of the tree. */
#ifndef VP_HOST_RECORD_H
#define VP_HOST_RECORD_H

#include "host/userland/tree/maker.h"
#include "host/userland/udev/uevent.h"

/** Write the record of a device, an interface or a serial port, in place of an older one. */
void record_write(struct maker *root, struct uevent_subject subject);

/** Remove it; @p root is the folder of the tree. */
void record_remove(const char *root, struct uevent_subject subject);

#endif
