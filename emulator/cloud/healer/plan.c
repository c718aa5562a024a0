#include "cloud/healer/plan.h"

#include <string.h>

enum { CHAIN = 16 /* modules that need one another; real ones are 5 at most */ };

const struct heal_rule heal_rules[HEAL_RULES] = {
    [HEAL_RULE_APPLICATION] =
        {"what the user application needs is looked at first, then what system parts need",
         "community.particle.io t/27611 (8): the healer corrects a device whose application was "
         "compiled against a newer system. The order between the two: Assumption"},
    [HEAL_RULE_LOWEST] =
        {"one module a start; a module that another one needs comes before it",
         "community.particle.io t/27494: part 1, restart, part 2, restart; 3 to 4 restarts. That "
         "dependencies decide the order, and not the parts' numbers: Assumption, the same on "
         "Photon "
         "and P1"},
    [HEAL_RULE_RELEASE] = {"modules are those of the oldest release that is new enough; of a "
                           "pre-release only where no "
                           "release is",
                           "Assumption"},
    [HEAL_RULE_BOOTLOADER] =
        {"a bootloader that a system part needs is sent like a part, the oldest that will do",
         "CHANGELOG.md @ v0.7.0-rc.1, PR 1306: forced into safe mode, a new bootloader comes over "
         "the air. Which one: Assumption"},
    [HEAL_RULE_WAY_STATION] = {"see the table of way stations", "there"},
    [HEAL_RULE_NEVER_DOWN] = {"what is there in a newer version than needed stays",
                              "vp_module_dependency_met(): a need is \"at least\". That nothing "
                              "else ever sends an older "
                              "module: Assumption"},
    [HEAL_RULE_STOP] =
        {"it stops when a module that the device took twice is still needed, or could not be "
         "delivered five times in a row",
         "Assumption. A healer that goes on for ever is Brewskey/spark-server issue 239"},
};

/* Releases that a device has to pass through. */
static const struct way_station {
    enum vp_platform platform;
    uint16_t below; /* the system that it has */
    uint16_t via;   /* the release's version */
    const char *source;
} way_stations[] = {
    {VP_PLATFORM_ELECTRON, 21, 21,
     "community.particle.io t/43660: from before 0.5.3 to after it always by way of 0.5.3, which "
     "is "
     "the first that knows system part 3 (CHANGELOG.md @ v0.5.3-rc.2). Paid for twice"},
};

static bool installed(const struct vp_field_module *module)
{
    return module->present && module->store == VP_FIELD_MAIN;
}

bool heal_is_met(const struct vp_field_report *report, const struct vp_module_dependency *need)
{
    if (need->function == VP_MODULE_NONE) {
        return true;
    }
    for (unsigned i = 0; i < report->count; i++) {
        const struct vp_field_module *module = &report->modules[i];
        if (installed(module) && module->function == need->function &&
            module->index == need->index) {
            return module->version >= need->version;
        }
    }
    return false;
}

static uint16_t system_version(const struct vp_field_report *report)
{
    for (unsigned i = 0; i < report->count; i++) {
        const struct vp_field_module *module = &report->modules[i];
        if (installed(module) && module->function == VP_MODULE_SYSTEM &&
            module->index == VP_MODULE_MAIN_PART) {
            return module->version;
        }
    }
    return 0;
}

/* ---- What is unmet -------------------------------------------------------------------------- */

static bool unmet_of(const struct vp_field_report *report, uint8_t function,
                     struct vp_module_dependency *need)
{
    for (unsigned i = 0; i < report->count; i++) {
        const struct vp_field_module *module = &report->modules[i];
        if (!installed(module) || module->function != function) {
            continue;
        }
        for (unsigned k = 0; k < VP_FIELD_DEPENDENCIES; k++) {
            if (!heal_is_met(report, &module->dependencies[k])) {
                *need = module->dependencies[k];
                return true;
            }
        }
    }
    return false;
}

/* ---- What meets it -----------------------------------------------------------------------------
 */

static bool is_pre_release(const char *name)
{
    return strpbrk(name, "-+") != NULL;
}

static const struct vp_catalogue_module *part_of(const struct vp_catalogue_release *release,
                                                 const struct vp_module_dependency *need)
{
    for (unsigned i = 0; i < release->module_count; i++) {
        const struct vp_catalogue_module *module = &release->modules[i];
        if (module->function == need->function && module->index == need->index) {
            return module;
        }
    }
    return NULL;
}

/* The oldest release with that part in at least that version. */
static const struct vp_catalogue_module *find_part_among(enum vp_platform platform,
                                                         const struct vp_module_dependency *need,
                                                         bool pre_releases)
{
    unsigned count;
    const struct vp_catalogue_release *releases = vp_catalogue_releases(platform, &count);
    const struct vp_catalogue_module *found = NULL;
    for (unsigned i = 0; i < count; i++) {
        const struct vp_catalogue_release *release = &releases[i];
        if (release->version < need->version || is_pre_release(release->name) != pre_releases) {
            continue;
        }
        const struct vp_catalogue_module *module = part_of(release, need);
        if (module && (!found || module->version < found->version)) {
            found = module;
        }
    }
    return found;
}

static const struct vp_catalogue_module *find_part(enum vp_platform platform,
                                                   const struct vp_module_dependency *need)
{
    const struct vp_catalogue_module *found = find_part_among(platform, need, false);
    return found ? found : find_part_among(platform, need, true);
}

static const struct vp_catalogue_module *find_bootloader(enum vp_platform platform,
                                                         const struct vp_module_dependency *need)
{
    unsigned count;
    const struct vp_catalogue_module *modules = vp_catalogue_modules(platform, &count);
    uint16_t oldest = 0;
    for (unsigned i = 0; i < count; i++) {
        if (modules[i].function == VP_MODULE_BOOTLOADER && modules[i].version >= need->version &&
            (oldest == 0 || modules[i].version < oldest)) {
            oldest = modules[i].version;
        }
    }
    return oldest > 0 ? vp_catalogue_bootloader(platform, oldest) : NULL;
}

static const struct vp_catalogue_module *find_module(enum vp_platform platform,
                                                     const struct vp_module_dependency *need)
{
    switch (need->function) {
    case VP_MODULE_SYSTEM:
        return find_part(platform, need);
    case VP_MODULE_BOOTLOADER:
        return find_bootloader(platform, need);
    default:
        return NULL;
    }
}

/* A need for a newer system than a way station's becomes a need for that one's. */
static bool go_by_way_station(const struct vp_field_report *report,
                              struct vp_module_dependency *need)
{
    const uint16_t version = system_version(report);
    for (size_t i = 0; i < sizeof way_stations / sizeof *way_stations; i++) {
        const struct way_station *station = &way_stations[i];
        if (need->function == VP_MODULE_SYSTEM && report->platform == station->platform &&
            version > 0 && version < station->below && need->version > station->via) {
            need->index = VP_MODULE_MAIN_PART;
            need->version = station->via;
            return true;
        }
    }
    return false;
}

/* What a running system looks at before it takes a module: not at a bootloader that is needed
 * (ota_flash_hal_stm32f2xx.cpp @ v0.7.0; vp_module_rules.incoming). */
static bool blocks(const struct vp_field_report *report, const struct vp_module_dependency *need)
{
    return need->function == VP_MODULE_SYSTEM && !heal_is_met(report, need);
}

struct heal_step heal_plan(const struct vp_field_report *report)
{
    struct heal_step step = {.outcome = HEAL_NOTHING, .rule = HEAL_RULE_NEVER_DOWN};
    if (unmet_of(report, VP_MODULE_USER, &step.need)) {
        step.rule = HEAL_RULE_APPLICATION;
    } else if (unmet_of(report, VP_MODULE_SYSTEM, &step.need)) {
        step.rule = HEAL_RULE_LOWEST;
    } else {
        return step;
    }
    for (unsigned depth = 0; depth < CHAIN; depth++) {
        if (go_by_way_station(report, &step.need)) {
            step.rule = HEAL_RULE_WAY_STATION;
        }
        step.module = find_module(report->platform, &step.need);
        if (!step.module) {
            break;
        }
        const struct vp_module_dependency *before = NULL;
        for (unsigned k = 0; k < VP_FIELD_DEPENDENCIES && !before; k++) {
            before = blocks(report, &step.module->dependencies[k]) ? &step.module->dependencies[k]
                                                                   : NULL;
        }
        if (!before) {
            step.outcome = HEAL_SEND;
            if (step.need.function == VP_MODULE_BOOTLOADER) {
                step.rule = HEAL_RULE_BOOTLOADER;
            }
            return step;
        }
        step.need = *before;
    }
    step.outcome = HEAL_IMPOSSIBLE;
    step.module = NULL;
    return step;
}
