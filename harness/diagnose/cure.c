/*
 * What would bring the application back: the smallest of a few things that a person would try, in
 * the order in which one would. Each is tried on a copy of the flash.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "diagnose/diagnose.h"
#include "vparticle/forge.h"

static void add_step(struct vp_cure *cure, const struct vp_catalogue_module *module)
{
    for (unsigned i = 0; i < cure->count; i++) {
        if (cure->steps[i]->address == module->address) {
            cure->steps[i] = module;
            return;
        }
    }
    if (cure->count < VP_CURE_STEPS) {
        cure->steps[cure->count++] = module;
    }
}

/* ---- What is needed ------------------------------------------------------------------------ */

/* The highest version of system parts that is there or asked for. */
static uint16_t system_wanted(const struct vp_contents *contents)
{
    uint16_t wanted = 0;
    for (unsigned i = 0; i < contents->slot_count; i++) {
        const struct vp_module *module = &contents->modules[i];
        if (!contents->present[i]) {
            continue;
        }
        if (module->function == VP_MODULE_SYSTEM && module->version > wanted) {
            wanted = module->version;
        }
        for (unsigned d = 0; d < 2; d++) {
            if (module->dependencies[d].function == VP_MODULE_SYSTEM &&
                module->dependencies[d].version > wanted) {
                wanted = module->dependencies[d].version;
            }
        }
    }
    return wanted;
}

static uint16_t bootloader_wanted(const struct vp_catalogue_module *const *parts, unsigned count,
                                  const struct vp_contents *contents)
{
    uint16_t wanted = 0;
    for (unsigned i = 0; i < contents->slot_count; i++) {
        for (unsigned d = 0; contents->present[i] && d < 2; d++) {
            const struct vp_module_dependency *needed = &contents->modules[i].dependencies[d];
            if (needed->function == VP_MODULE_BOOTLOADER && needed->version > wanted) {
                wanted = needed->version;
            }
        }
    }
    for (unsigned i = 0; i < count; i++) {
        for (unsigned d = 0; d < 2; d++) {
            const struct vp_module_dependency *needed = &parts[i]->dependencies[d];
            if (needed->function == VP_MODULE_BOOTLOADER && needed->version > wanted) {
                wanted = needed->version;
            }
        }
    }
    return wanted;
}

/* The oldest bootloader that is new enough. */
static const struct vp_catalogue_module *bootloader_from(enum vp_platform platform,
                                                         uint16_t version)
{
    unsigned count;
    const struct vp_catalogue_module *rows = vp_catalogue_modules(platform, &count);
    const struct vp_catalogue_module *found = NULL;
    for (unsigned i = 0; i < count; i++) {
        if (rows[i].function == VP_MODULE_BOOTLOADER && rows[i].version >= version &&
            (!found || rows[i].version < found->version)) {
            found = &rows[i];
        }
    }
    return found ? vp_catalogue_bootloader(platform, found->version) : NULL;
}

/* The oldest release that is new enough; a release proper rather than a candidate. */
static const struct vp_catalogue_release *release_from(enum vp_platform platform, uint16_t version)
{
    unsigned count;
    const struct vp_catalogue_release *releases = vp_catalogue_releases(platform, &count);
    for (int candidates = 0; candidates < 2; candidates++) {
        for (unsigned i = 0; i < count; i++) {
            if (releases[i].version >= version &&
                (candidates || !strpbrk(releases[i].name, "-+"))) {
                return &releases[i];
            }
        }
    }
    return NULL;
}

static const struct vp_catalogue_module *row_of(enum vp_platform platform, uint8_t function,
                                                uint8_t index, uint16_t version)
{
    unsigned count;
    const struct vp_catalogue_module *rows = vp_catalogue_modules(platform, &count);
    for (unsigned i = 0; i < count; i++) {
        if (rows[i].function == function && rows[i].index == index && rows[i].version == version) {
            return &rows[i];
        }
    }
    return NULL;
}

/* ---- What a person would try ---------------------------------------------------------------- */

static bool is_whole(const struct vp_contents *contents, unsigned which)
{
    const struct vp_module_slot *slot = &contents->slots[which];
    const struct vp_module *module = &contents->modules[which];
    return contents->present[which] && module->platform == contents->platform &&
           module->function == slot->function && module->index == slot->index &&
           vp_module_crc_matches(contents->flash, slot->start, module);
}

static bool is_there(const struct vp_contents *contents, const struct vp_catalogue_module *wanted)
{
    for (unsigned i = 0; i < contents->slot_count; i++) {
        if (contents->slots[i].start == wanted->address && is_whole(contents, i) &&
            contents->modules[i].version == wanted->version) {
            return true;
        }
    }
    return false;
}

/* Put whole modules of the same versions where damaged ones or none are. */
static void repair(struct vp_cure *cure, const struct vp_contents *contents)
{
    for (unsigned i = 0; i < contents->slot_count; i++) {
        const struct vp_module_slot *slot = &contents->slots[i];
        const struct vp_module *module = &contents->modules[i];
        if (is_whole(contents, i) || slot->function == VP_MODULE_USER) {
            continue;
        }
        const uint16_t version = contents->present[i] && module->function == slot->function
                                     ? module->version
                                     : system_wanted(contents);
        const struct vp_catalogue_module *row =
            row_of(contents->platform, slot->function, slot->index, version);
        if (row) {
            add_step(cure, row);
        }
    }
    snprintf(cure->words, sizeof cure->words,
             "Flash what is damaged or missing once more, in the version that is there");
}

static void renew_bootloader(struct vp_cure *cure, const struct vp_contents *contents)
{
    const uint16_t wanted = bootloader_wanted(cure->steps, cure->count, contents);
    const struct vp_module *there = vp_contents_find(contents, VP_MODULE_BOOTLOADER, 0);
    if (wanted > 0 && (!there || there->version < wanted)) {
        const struct vp_catalogue_module *row = bootloader_from(contents->platform, wanted);
        if (row) {
            add_step(cure, row);
            snprintf(cure->words, sizeof cure->words, "Flash bootloader %u, which the system needs",
                     row->version);
        }
    }
}

static void add_system(struct vp_cure *cure, const struct vp_contents *contents,
                       const struct vp_catalogue_release *release)
{
    for (unsigned i = 0; i < release->module_count; i++) {
        const struct vp_catalogue_module *module = &release->modules[i];
        if (module->function == VP_MODULE_SYSTEM && !is_there(contents, module) &&
            vp_catalogue_part(release, module->part) == module) {
            add_step(cure, module);
        }
    }
}

static void renew_system(struct vp_cure *cure, const struct vp_contents *contents)
{
    const struct vp_catalogue_release *release =
        release_from(contents->platform, system_wanted(contents));
    if (!release) {
        renew_bootloader(cure, contents);
        return;
    }
    add_system(cure, contents, release);
    const bool parts = cure->count > 0;
    renew_bootloader(cure, contents);
    if (parts) {
        snprintf(cure->words, sizeof cure->words,
                 "Bring the whole system to %s, the first release that everything on the device "
                 "can run with",
                 release->name);
    }
}

static void renew_application(struct vp_cure *cure, const struct vp_contents *contents)
{
    const struct vp_catalogue_release *release =
        release_from(contents->platform, system_wanted(contents));
    const struct vp_catalogue_module *tinker = release ? vp_catalogue_tinker(release) : NULL;
    if (tinker) {
        add_step(cure, tinker);
    }
    snprintf(cure->words, sizeof cure->words,
             "Flash an application again: its own, built for this board and system, or tinker");
}

static void everything(struct vp_cure *cure, const struct vp_contents *contents)
{
    renew_system(cure, contents);
    char system[sizeof cure->words];
    memcpy(system, cure->words, sizeof system);
    renew_application(cure, contents);
    if (*system) {
        snprintf(cure->words, sizeof cure->words, "%.150s; and flash an application again", system);
    }
}

static void repair_and_application(struct vp_cure *cure, const struct vp_contents *contents)
{
    repair(cure, contents);
    renew_application(cure, contents);
    snprintf(cure->words, sizeof cure->words,
             "Flash what is damaged or missing once more, and then an application: its own, or "
             "tinker");
}

static const struct vp_catalogue_module *system_in(const struct vp_cure *cure)
{
    const struct vp_catalogue_module *found = NULL;
    for (unsigned i = 0; i < cure->count; i++) {
        found = cure->steps[i]->function == VP_MODULE_SYSTEM ? cure->steps[i] : found;
    }
    return found;
}

/* The version of the system that there will be. */
static uint16_t system_after(const struct vp_cure *cure, const struct vp_contents *contents)
{
    const struct vp_catalogue_module *flashed = system_in(cure);
    const struct vp_module *there = vp_contents_system(contents);
    return flashed ? flashed->version : there ? there->version : 0;
}

/* The bootloader that comes with the system, in place of one that is too new for it. */
static void add_own_bootloader(struct vp_cure *cure, const struct vp_contents *contents)
{
    const struct vp_catalogue_release *release =
        vp_catalogue_release_by_version(contents->platform, system_after(cure, contents));
    const struct vp_catalogue_module *row =
        release ? vp_catalogue_bootloader(contents->platform, release->bootloader) : NULL;
    if (!row) {
        return;
    }
    char others[sizeof cure->words];
    memcpy(others, cure->words, sizeof others);
    const bool alone = cure->count == 0;
    add_step(cure, row);
    snprintf(cure->words, sizeof cure->words, "%.120s%sbootloader %u, which goes with system %s",
             alone ? "" : others, alone ? "Flash " : "; and flash ", row->version, release->name);
}

/* ---- Trying --------------------------------------------------------------------------------- */

static int put(struct vp_flash *flash, const struct vp_catalogue_module *module)
{
    uint8_t *image;
    size_t size;
    int error = vp_forge_catalogue_module(module, &image, &size);
    if (!error) {
        error = vp_flash_erase_range(flash, module->address, (uint32_t)size);
        error = error ? error : vp_flash_program(flash, module->address, image, size);
        free(image);
    }
    return error;
}

enum vp_mode vp_step_mode(const struct vp_catalogue_module *step)
{
    return step->function == VP_MODULE_BOOTLOADER ? VP_MODE_LISTENING : VP_MODE_DFU;
}

/* What goes by DFU comes first: then the device is brought into each mode only once. */
static void arrange(struct vp_cure *cure)
{
    struct vp_cure arranged = *cure;
    arranged.count = 0;
    for (unsigned round = 0; round < 2; round++) {
        for (unsigned i = 0; i < cure->count; i++) {
            if ((vp_step_mode(cure->steps[i]) == VP_MODE_DFU) == (round == 0)) {
                arranged.steps[arranged.count++] = cure->steps[i];
            }
        }
    }
    *cure = arranged;
}

/* Step by step, as a person would. @return 0 with the outcome, or VP_ERROR_NO_MEMORY */
static int try_cure(const struct vp_contents *contents, const struct vp_cure *cure, bool *cured)
{
    struct vp_flash *copy = NULL;
    enum vp_mode mode = VP_MODE_NORMAL; /* that it was brought into */
    bool reached = true;
    int error = vp_flash_fork(&copy, contents->flash);
    for (unsigned i = 0; !error && reached && i < cure->count; i++) {
        const enum vp_mode wanted = vp_step_mode(cure->steps[i]);
        if (mode != wanted) {
            mode = wanted;
            error = vp_button_reaches(copy, contents->platform, wanted, &reached);
        }
        if (!error && reached) {
            error = put(copy, cure->steps[i]);
        }
    }
    if (!error) {
        error = vp_mode_with(copy, contents->platform, &mode);
    }
    vp_flash_destroy(copy);
    *cured = !error && reached && mode == VP_MODE_NORMAL;
    return error == VP_ERROR_NO_MEMORY ? error : 0;
}

static int try_attempt(const struct vp_contents *contents, struct vp_diagnosis *diagnosis,
                       const struct vp_cure *cure)
{
    bool cured = false;
    struct vp_cure *tried = &diagnosis->cures[diagnosis->cure_count];
    *tried = *cure;
    arrange(tried);
    int error = cure->count ? try_cure(contents, tried, &cured) : 0;
    diagnosis->cure_count += cured;
    return error;
}

/* Up to the first one that gets along with the bootloader, or brings one along. */
static int try_newer_systems(const struct vp_contents *contents, struct vp_diagnosis *diagnosis)
{
    const struct vp_module *system = vp_contents_system(contents);
    const unsigned before = diagnosis->cure_count;
    unsigned count;
    const struct vp_catalogue_release *releases = vp_catalogue_releases(contents->platform, &count);
    int error = 0;
    for (unsigned i = 0; i < count && !error && diagnosis->cure_count == before; i++) {
        if (system && releases[i].version > system->version && !strpbrk(releases[i].name, "-+")) {
            struct vp_cure cure = {.count = 0};
            add_system(&cure, contents, &releases[i]);
            renew_bootloader(&cure, contents);
            snprintf(cure.words, sizeof cure.words,
                     "Bring the system to %s, the first one after it that gets along with this "
                     "bootloader or brings its own",
                     releases[i].name);
            error = try_attempt(contents, diagnosis, &cure);
        }
    }
    return error;
}

int vp_find_cures(const struct vp_contents *contents, struct vp_diagnosis *diagnosis)
{
    static void (*const attempts[])(struct vp_cure *, const struct vp_contents *) = {
        repair,     renew_bootloader, renew_system, renew_application, repair_and_application,
        everything,
    };
    int error = 0;
    for (size_t i = 0; i < sizeof attempts / sizeof *attempts && !error && !diagnosis->cure_count;
         i++) {
        struct vp_cure cure = {.count = 0};
        attempts[i](&cure, contents);
        error = try_attempt(contents, diagnosis, &cure);
        if (!error && !diagnosis->cure_count && contents->safe_for_good) {
            add_own_bootloader(&cure, contents);
            error = try_attempt(contents, diagnosis, &cure);
        }
    }
    /* A bootloader that is as old as the system is hard to come by. */
    const bool renews_system = diagnosis->cure_count && system_in(&diagnosis->cures[0]);
    return error || !contents->safe_for_good || renews_system
               ? error
               : try_newer_systems(contents, diagnosis);
}
