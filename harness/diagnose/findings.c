/* What is wrong with the modules in a flash, in plain words. */
#include <stdarg.h>
#include <stdio.h>

#include "diagnose/diagnose.h"

void vp_contents_read(struct vp_contents *contents, const struct vp_flash *flash,
                      enum vp_platform platform)
{
    *contents = (struct vp_contents){.platform = platform, .flash = flash};
    contents->slots = vp_module_flash_slots(flash, platform, &contents->slot_count);
    for (unsigned i = 0; i < contents->slot_count; i++) {
        contents->present[i] = vp_module_parse_flash(flash, contents->slots[i].start,
                                                     &contents->modules[i], NULL) == 0;
    }
}

const struct vp_module *vp_contents_find(const struct vp_contents *contents, uint8_t function,
                                         uint8_t index)
{
    for (unsigned i = 0; i < contents->slot_count; i++) {
        if (contents->present[i] && contents->modules[i].function == function &&
            contents->modules[i].index == index) {
            return &contents->modules[i];
        }
    }
    return NULL;
}

const struct vp_module *vp_contents_system(const struct vp_contents *contents)
{
    return vp_contents_find(contents, VP_MODULE_SYSTEM, VP_MODULE_MAIN_PART);
}

void vp_module_words(char *text, size_t size, uint8_t function, uint8_t index)
{
    if (function == VP_MODULE_BOOTLOADER) {
        snprintf(text, size, "the bootloader");
    } else if (function == VP_MODULE_USER) {
        snprintf(text, size, "the application");
    } else if (function == VP_MODULE_MONOLITHIC) {
        snprintf(text, size, "the firmware");
    } else {
        snprintf(text, size, "system part %u", index);
    }
}

void vp_version_words(char *text, size_t size, enum vp_platform platform, uint8_t function,
                      uint16_t version)
{
    const struct vp_catalogue_release *release =
        function == VP_MODULE_SYSTEM ? vp_catalogue_release_by_version(platform, version) : NULL;
    if (release) {
        snprintf(text, size, "%u (%s)", version, release->name);
    } else {
        snprintf(text, size, "%u", version);
    }
}

__attribute__((format(printf, 2, 3))) static void add(struct vp_findings *findings,
                                                      const char *format, ...)
{
    if (findings->count < VP_FINDINGS) {
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(findings->lines[findings->count], sizeof findings->lines[0], format, arguments);
        va_end(arguments);
        findings->count++;
    }
}

static void look_at_dependency(struct vp_findings *findings, const struct vp_contents *contents,
                               const struct vp_module *module,
                               const struct vp_module_dependency *needed)
{
    const struct vp_module *there = vp_contents_find(contents, needed->function, needed->index);
    if (needed->function == VP_MODULE_NONE || (there && there->version >= needed->version)) {
        return;
    }
    char who[32], what[32], wanted[48], found[48];
    vp_module_words(who, sizeof who, module->function, module->index);
    vp_module_words(what, sizeof what, needed->function, needed->index);
    vp_version_words(wanted, sizeof wanted, contents->platform, needed->function, needed->version);
    if (there) {
        vp_version_words(found, sizeof found, contents->platform, needed->function, there->version);
        add(findings, "%s (version %u) needs %s in at least version %s, and %s is there", who,
            module->version, what, wanted, found);
    } else {
        add(findings, "%s (version %u) needs %s in at least version %s, and there is none", who,
            module->version, what, wanted);
    }
}

static void look_at_module(struct vp_findings *findings, const struct vp_contents *contents,
                           unsigned which)
{
    const struct vp_module_slot *slot = &contents->slots[which];
    const struct vp_module *module = &contents->modules[which];
    char name[32];
    vp_module_words(name, sizeof name, slot->function, slot->index);
    if (!contents->present[which]) {
        add(findings, "%s is missing: there is no module at 0x%08x", name, slot->start);
        return;
    }
    if (module->function != slot->function || module->index != slot->index) {
        char other[32];
        vp_module_words(other, sizeof other, module->function, module->index);
        add(findings, "at 0x%08x, where %s belongs, there is %s", slot->start, name, other);
        return;
    }
    if (module->platform != contents->platform) {
        const char *built_for = vp_platform_name(module->platform);
        add(findings, "%s was built for another board: %s", name,
            built_for ? built_for : "one that is unknown here");
    }
    if (!vp_module_crc_matches(contents->flash, slot->start, module)) {
        add(findings, "%s (version %u) is damaged: its CRC is wrong", name, module->version);
    }
    look_at_dependency(findings, contents, module, &module->dependencies[0]);
    if (module->dependencies[0].function != VP_MODULE_NONE) {
        look_at_dependency(findings, contents, module, &module->dependencies[1]);
    }
}

/* What the module checks don't see: each of the two is sound by itself. */
static void look_at_flag(struct vp_findings *findings, const struct vp_contents *contents)
{
    const struct vp_module *system = vp_contents_system(contents);
    const struct vp_module *bootloader = vp_contents_find(contents, VP_MODULE_BOOTLOADER, 0);
    if (contents->safe_for_good && system && bootloader) {
        char version[48];
        vp_version_words(version, sizeof version, contents->platform, VP_MODULE_SYSTEM,
                         system->version);
        add(findings,
            "bootloader %u is too new for the system, version %s: it keeps its flags in another "
            "place, and nothing ever clears the safe-mode flag that the system reads, neither a "
            "reset nor another application",
            bootloader->version, version);
    }
}

void vp_findings_of(struct vp_findings *findings, const struct vp_contents *contents)
{
    for (unsigned i = 0; i < contents->slot_count; i++) {
        look_at_module(findings, contents, i);
    }
    look_at_flag(findings, contents);
}
