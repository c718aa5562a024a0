/**
 * @file scenario.h
 * A scenario: devices, and steps that are done to them and checked. See scenarios/README.md for
 * the format.
 */
#ifndef VP_SCENARIO_SCENARIO_H
#define VP_SCENARIO_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "scenario/words.h"
#include "vparticle/device.h"
#include "vparticle/fault.h"
#include "vparticle/host.h"

enum vp_switch { VP_SWITCH_OFF, VP_SWITCH_ON };

/** What a stream of a tool must hold. */
struct vp_text_check {
    char **contains; /**< each of these texts */
    unsigned contains_count;
    char **lacks; /**< none of these */
    unsigned lacks_count;
    char **matches; /**< each of these extended regular expressions, in one line */
    unsigned matches_count;
    char **order; /**< each of these texts, one behind the other */
    unsigned order_count;
};

/** What the cloud of a scenario is like at first. */
struct vp_cloud_setting {
    enum vp_switch *network, *healer; /**< NULL: on */
};

/** What happens to the cloud, or to the air before it, from a step on. At least one is set. */
struct vp_cloud_step {
    enum vp_switch *network, *healer;
    unsigned *loss, *duplicates; /**< of 1000 messages */
    uint32_t *delay, *jitter;    /**< milliseconds of the device's time */
    unsigned *drop_after;        /**< messages */
};

/** When to kill the tool of a `run`: after so many of these, counted from its start. One is set. */
struct vp_kill_after {
    unsigned *writes;    /**< flash words programmed in one piece */
    unsigned *erases;    /**< flash sectors erased */
    unsigned *transfers; /**< USB transfers answered */
};

/** A fault to set; its kind alone is needed. VP_FAULT_KINDS: end those that are set. */
struct vp_fault_step {
    enum vp_fault_kind kind;
    uint32_t *at, *every, *milliseconds, *bytes;
    char *text;
};

struct vp_hold {
    unsigned milliseconds; /**< of the device's time */
};

/** Version of each module that must be in its slot; those not named do not matter. */
struct vp_versions {
    uint16_t *bootloader, *system_part1, *system_part2, *system_part3, *user, *monolithic;
};

/** Where: `part` (a slot), or `at` and `size`, or all of the flash. What: one of the last three. */
struct vp_flash_check {
    char *part;
    uint32_t *at, *size;
    char *equals; /**< a file */
    bool *erased;
    bool *unchanged; /**< since the scenario began */
};

struct vp_expect {
    enum vp_mode *mode;
    struct vp_versions *modules;
    struct vp_flash_check *flash;
    unsigned flash_count;
    char *usb;                    /**< "2b04:d006", or "none" when off the bus */
    char *led;                    /**< "blue blink": colour and pattern */
    bool *online;                 /**< at the cloud */
    struct vp_text_check *events; /**< of the cloud, since a step looked at them last */
};

enum vp_plug { VP_PLUG_OUT, VP_PLUG_IN };
enum vp_power { VP_POWER_OFF, VP_POWER_ON, VP_POWER_CYCLE };

/** One step; exactly one of run, press, reset, power, plug, fault, cloud, expect is set. */
struct vp_step {
    unsigned line, column; /**< of the step in its file, from 1 */

    char *run;
    int *exit_status;  /**< NULL: 0 */
    unsigned *timeout; /**< seconds; NULL: 60 */
    struct vp_text_check *standard_output, *standard_error;
    struct vp_kill_after *kill_after;
    enum vp_host_access *access; /**< NULL: full */

    struct vp_hold *press;
    struct vp_hold *reset; /**< milliseconds that the button is held during it, 0: not */
    enum vp_power *power;
    enum vp_plug *plug;
    struct vp_fault_step *fault;
    struct vp_cloud_step *cloud;
    struct vp_expect *expect;

    unsigned *device; /**< for all but run: from 1; NULL: 1 */
};

/** A variable of the file, and what it stands for: a scenario of its own for each. */
struct vp_matrix_row {
    char *variable;
    char **values;
    unsigned values_count;
};

struct vp_scenario {
    char *path; /**< as it was given */
    char *name;
    char *choice;          /**< "particle=particle-2.16.0": of a matrix; else NULL */
    unsigned combinations; /**< how many scenarios the file holds */
    struct vp_matrix_row *matrix;
    unsigned matrix_count;
    char **needs; /**< "firmware", or programs that must be installed */
    unsigned needs_count;
    char **devices; /**< SPECs */
    unsigned devices_count;
    struct vp_cloud_setting *cloud; /**< NULL: there is no cloud, and no network */
    struct vp_step *steps;
    unsigned steps_count;
};

enum { VP_DEFAULT_TIMEOUT = 60, VP_LONGEST_TIMEOUT = 86400 };

/** How long the tool of a step may run, in seconds, on a machine that is @p patience times slower.
 */
unsigned vp_step_timeout(const struct vp_step *step, unsigned patience);

/**
 * Load a scenario.
 * @param combination  which of its matrix, from 0; 0 without one
 * @param[out] scenario  owned by the caller: vp_scenario_free()
 * @return 0, VP_ERROR_IO, VP_ERROR_NO_MEMORY, or VP_ERROR_INVALID with @p failure saying
 *         "FILE:LINE:COLUMN: what is wrong", and for an unknown key the nearest known one
 */
int vp_scenario_load(const char *path, unsigned combination, struct vp_scenario **scenario,
                     struct vp_failure *failure);

/** The same from memory; @p path is only a name for messages. */
int vp_scenario_parse(const char *path, const uint8_t *bytes, size_t size, unsigned combination,
                      struct vp_scenario **scenario, struct vp_failure *failure);

/** NULL is allowed. */
void vp_scenario_free(struct vp_scenario *scenario);

/** The key of the step's action: "run", "press", "reset", "power", "plug", "fault", "cloud" or
 *  "expect". */
const char *vp_step_action(const struct vp_step *step);

/**
 * The fault that a step sets, as the device wants it.
 * @return 0, or VP_ERROR_INVALID with what is wrong with it
 */
int vp_step_fault(const struct vp_fault_step *step, struct vp_fault *fault,
                  struct vp_failure *failure);

/** Names of all variables, each with an empty value; ends with a NULL name. */
extern const struct vp_variable vp_scenario_variables[];

#endif
