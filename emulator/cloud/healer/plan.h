/**
 * @file plan.h
 * What the Safe Mode Healer sends next to a device that describes itself so: a pure function.
 *
 * The real one's algorithm is not public. Each rule says where it is from.
 */
#ifndef CLOUD_HEALER_PLAN_H
#define CLOUD_HEALER_PLAN_H

#include "vparticle/catalogue.h"
#include "vparticle/field.h"

enum heal_rule_id {
    HEAL_RULE_APPLICATION, /**< what the application needs comes first */
    HEAL_RULE_LOWEST,      /**< one module a start, and what others need before them */
    HEAL_RULE_RELEASE,     /**< which release a needed version is taken from */
    HEAL_RULE_BOOTLOADER,  /**< a bootloader is sent where a system part needs it */
    HEAL_RULE_WAY_STATION, /**< a release that has to be passed through */
    HEAL_RULE_NEVER_DOWN,
    HEAL_RULE_STOP, /**< when it gives up */
    HEAL_RULES,
};

struct heal_rule {
    const char *words, *source;
};

extern const struct heal_rule heal_rules[HEAL_RULES];

enum heal_outcome {
    HEAL_NOTHING,    /**< no module is missing: whatever keeps it in safe mode, none would help */
    HEAL_SEND,       /**< `module` */
    HEAL_IMPOSSIBLE, /**< no known release has what is needed: see `need` */
};

struct heal_step {
    enum heal_outcome outcome;
    struct vp_module_dependency need; /**< what was unmet in the end */
    const struct vp_catalogue_module *module;
    enum heal_rule_id rule; /**< that brought it about */
};

/** What to send to a device with these modules. */
struct heal_step heal_plan(const struct vp_field_report *report);

/** Is a user application's need for a system met by what is installed? */
bool heal_is_met(const struct vp_field_report *report, const struct vp_module_dependency *need);

#endif
