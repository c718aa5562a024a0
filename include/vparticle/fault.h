/**
 * @file fault.h
 * What goes wrong between a device and its host: answers of the serial port that get lost, come
 * late, in pieces or among other text, and a cable that goes when the port is opened.
 *
 * The device itself knows nothing of it. A reply is all that it says on its serial port at once:
 * the answer to a command or to a block, or a letter C.
 *
 * | kind | what happens | its keys |
 * | --- | --- | --- |
 * | serial-drop | the reply never comes | |
 * | serial-delay | it comes so much later, together with what follows until then | ms |
 * | serial-split | it comes in pieces, with a pause after each | bytes, ms |
 * | serial-insert | a text comes before it, as if an application had logged | text |
 * | serial-unplug | the cable goes as soon as the port is opened | |
 *
 * Which ones: `at`, only the one with that number, or `every`, each so-manieth; both count from 1
 * from when the fault is set, and if neither is given it is all of them. The first four count
 * replies (serial-split: those that are longer than a piece), the last one openings (DTR that
 * comes on).
 *
 * What the device says while a reply is late belongs to that reply: it waits in the device's buffer
 * as well, and a host fetches it all at once. What it says in the pauses of a split one is the next
 * reply, as a whole.
 *
 * Delays and pauses are a host's own time: nobody may jump over them, as with
 * vp_device_patience(). What is held back when the port closes, or when the device leaves the bus,
 * is lost.
 */
#ifndef VPARTICLE_FAULT_H
#define VPARTICLE_FAULT_H

#include <stdint.h>

#include "vparticle/error.h"

struct vp_device;

enum vp_fault_kind {
    VP_FAULT_SERIAL_DROP,
    VP_FAULT_SERIAL_DELAY,
    VP_FAULT_SERIAL_SPLIT,
    VP_FAULT_SERIAL_INSERT,
    VP_FAULT_SERIAL_UNPLUG,
    VP_FAULT_KINDS,
};

enum {
    VP_FAULT_LIMIT = 16,          /**< faults of a device at a time */
    VP_FAULT_TEXT_LIMIT = 256,    /**< bytes of an inserted text */
    VP_FAULT_LONGEST_MS = 600000, /**< of a delay or a pause */
};

struct vp_fault {
    enum vp_fault_kind kind;
    uint32_t at, every;    /**< at most one of them; 0: not given */
    uint32_t milliseconds; /**< of a delay; of each pause of a split */
    uint32_t bytes;        /**< the most in a piece */
    char text[VP_FAULT_TEXT_LIMIT + 1];
};

/** Static text, "serial-drop" and so on. */
const char *vp_fault_kind_name(enum vp_fault_kind kind);

/** @param[out] kind  by its name. @return 0 or VP_ERROR_NOT_FOUND, with the nearest name said */
int vp_fault_kind_from_name(const char *name, enum vp_fault_kind *kind, struct vp_failure *failure);

/**
 * Does it say all that its kind needs, and nothing that its kind does not have?
 * @return 0, or VP_ERROR_INVALID
 */
int vp_fault_check(const struct vp_fault *fault, struct vp_failure *failure);

/**
 * Set a fault; several are done in the order in which they were set.
 * @param fault  copied
 * @return 0, VP_ERROR_INVALID as vp_fault_check(), VP_ERROR_BUSY (there are VP_FAULT_LIMIT),
 *         VP_ERROR_NO_MEMORY
 */
int vp_device_add_fault(struct vp_device *device, const struct vp_fault *fault,
                        struct vp_failure *failure);

/** How many are set. */
unsigned vp_device_fault_count(const struct vp_device *device);

/**
 * One of them, in the order in which they were set.
 * @param number  less than vp_device_fault_count()
 * @param[out] fault  a copy
 * @return how often it fired
 */
uint32_t vp_device_fault(const struct vp_device *device, unsigned number, struct vp_fault *fault);

/** End them all. What is held back comes at once. */
void vp_device_clear_faults(struct vp_device *device);

#endif
