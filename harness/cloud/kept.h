/**
 * @file kept.h
 * Devices that a state folder keeps beside what the cloud knows of them: their flashes as image
 * files, and their SPECs, in FOLDER/devices/ID/.
 */
#ifndef VP_CLOUD_KEPT_H
#define VP_CLOUD_KEPT_H

#include "vparticle/error.h"

/** SPECs of devices, each with its id and its image files. All belongs to the list. */
struct vp_kept_devices {
    char **specs;
    unsigned count;
};

/**
 * Add a device. Where the folder has one of its id already, that one's flash is what is in it.
 * @param state   the folder; it exists
 * @param spec    as for vp_device_from_spec(); one with image files of its own keeps those
 * @param number  as there
 * @return 0, or as vp_device_from_spec(); VP_ERROR_INVALID: a folder whose path a SPEC cannot name
 */
int vp_kept_devices_add(struct vp_kept_devices *list, const char *state, const char *spec,
                        unsigned number, struct vp_failure *failure);

/** Add all that the folder keeps and that is not in the list yet. @return 0, VP_ERROR_IO,
 *  VP_ERROR_INVALID, VP_ERROR_NO_MEMORY */
int vp_kept_devices_load(struct vp_kept_devices *list, const char *state,
                         struct vp_failure *failure);

void vp_kept_devices_free(struct vp_kept_devices *list);

#endif
