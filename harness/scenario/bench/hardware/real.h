/**
 * @file real.h
 * The real board that a scenario runs on: finding it again after each reset, asking for what takes
 * hands, and reading its flash.
 */
#ifndef VP_SCENARIO_REAL_H
#define VP_SCENARIO_REAL_H

#include "hardware/bus.h"
#include "hardware/person.h"
#include "scenario/bench/bench.h"
#include "vparticle/device.h"

struct vp_real {
    struct vp_hardware_bus *bus;
    struct vp_person person;
    struct vp_hardware_board home; /**< as it was found at first: where it is, and who */
    struct vp_hardware_board seen; /**< as it was seen last, if it was */
    bool there;                    /**< on USB, at the last look */
    bool away;                     /**< it was unplugged, or its power taken, by a step */

    struct vp_flash *flash; /**< as it was read last, or NULL */
    struct vp_device *twin; /**< started from that; it knows the slots of the firmware */
};

/** How long a board may take to come up, or to go. */
enum { VP_REAL_PATIENCE_MS = 15000 };

/**
 * Find the one board of that kind.
 * @param serial  which one, or NULL for the only one
 * @return 0; VP_ERROR_NOT_FOUND (none), VP_ERROR_INVALID (several), VP_ERROR_IO
 */
int vp_real_find(struct vp_real *real, const struct vp_board *kind, const char *serial,
                 struct vp_failure *failure);

/** Frees what it holds, not @p real itself. */
void vp_real_clear(struct vp_real *real);

/** Look where it is now; sets `there` and `seen`. */
void vp_real_look(struct vp_real *real);

/** Wait until it has been as it is for a while: no reset is to come any more. */
void vp_real_settle(struct vp_real *real);

/** Look until @p wanted says yes, for VP_REAL_PATIENCE_MS at most. @return whether it did */
bool vp_real_wait(struct vp_real *real, bool (*wanted)(void *context), void *context);

/**
 * Have it brought into DFU mode, if it is not.
 * @return 0, VP_ERROR_IO with the reason
 */
int vp_real_enter_dfu(struct vp_real *real, struct vp_failure *failure);

/**
 * Read its flash, in DFU mode.
 * @return 0; VP_ERROR_UNSUPPORTED (it does not let all of it be read), VP_ERROR_IO,
 *         VP_ERROR_NOT_FOUND, VP_ERROR_NO_MEMORY
 */
int vp_real_read(struct vp_real *real, struct vp_failure *failure);

/**
 * Does the board hold what a scenario begins with: in each slot of the model the same version?
 * @param model  a device as the scenario describes it
 * @param[out] comparable  false: the model has firmware, but none with a header to compare (the
 *                         Core's is not looked for, vp_module_parse_flash())
 * @return 0, or VP_ERROR_INVALID with @p failure saying what to flash first
 */
int vp_real_compare(const struct vp_real *real, struct vp_device *model, const char *spec,
                    bool *comparable, struct vp_failure *failure);

#endif
