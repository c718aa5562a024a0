/**
 * @file boot.h
 * Boot the guest, and save its state while it waits for its job.
 */
#ifndef VP_GUEST_BOOT_H
#define VP_GUEST_BOOT_H

#include "host/guest/guest.h"
#include "host/guest/machine/arguments.h"

struct boot {
    struct machine_options options; /**< but for its descriptors */
    const char *state;              /**< path, written anew */
    const struct vp_guest_progress *progress;
};

/** @return 0; VP_ERROR_IO: it did not boot, and the text says what it printed at last */
int boot_and_save(const struct boot *boot, struct vp_failure *failure);

#endif
