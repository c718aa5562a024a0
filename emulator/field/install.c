/* Builds the modules of a report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field/field_private.h"
#include "vparticle/forge.h"

enum { SMALLEST = 4096 };

static const struct vp_catalogue_module *find_row(enum vp_platform platform,
                                                  const struct vp_field_module *module)
{
    unsigned count;
    const struct vp_catalogue_module *rows = vp_catalogue_modules(platform, &count);
    const struct vp_catalogue_module *nearest = NULL;
    for (unsigned i = 0; i < count; i++) {
        if (rows[i].function != module->function || rows[i].index != module->index) {
            continue;
        }
        if (rows[i].version == module->version) {
            return &rows[i];
        }
        nearest = &rows[i];
    }
    return nearest;
}

/* The version by which a device's memory map is told: that of any of its system parts. */
static uint16_t system_version(const struct vp_field_report *report)
{
    uint16_t version = 0;
    for (unsigned i = 0; i < report->count; i++) {
        const struct vp_field_module *module = &report->modules[i];
        if (module->present && module->function == VP_MODULE_SYSTEM && module->version > version) {
            version = module->version;
        }
    }
    return version;
}

static bool is_monolithic(const struct vp_field_report *report)
{
    bool found = report->platform == VP_PLATFORM_CORE;
    for (unsigned i = 0; i < report->count; i++) {
        found = found ||
                (report->modules[i].present && report->modules[i].function == VP_MODULE_MONOLITHIC);
    }
    return found;
}

static const struct vp_module_slot *find_slot(const struct vp_field_report *report,
                                              const struct vp_field_module *module)
{
    unsigned count;
    const struct vp_module_slot *slots =
        is_monolithic(report) ? vp_module_monolithic_slots(report->platform, &count)
                              : vp_module_slots(report->platform, system_version(report), &count);
    for (unsigned i = 0; i < count; i++) {
        if (slots[i].function == module->function && slots[i].index == module->index) {
            return &slots[i];
        }
    }
    return NULL;
}

/* A module of the factory store is linked for its main place and kept elsewhere. */
static bool find_place(const struct vp_field_report *report, const struct vp_field_module *module,
                       uint32_t *address)
{
    const struct vp_module_slot *slot = find_slot(report, module);
    const struct vp_module_areas *areas =
        vp_module_areas(report->platform, system_version(report), is_monolithic(report));
    if (slot && module->store == VP_FIELD_MAIN) {
        *address = slot->start;
    } else if (slot && module->store == VP_FIELD_FACTORY && !areas->factory.external) {
        *address = areas->factory.start;
    } else {
        return false;
    }
    return true;
}

static bool wrong_platform(const struct vp_field_module *module)
{
    return (module->checked & VP_CHECK_PLATFORM) && !(module->result & VP_CHECK_PLATFORM);
}

static enum vp_platform other_platform(enum vp_platform platform)
{
    return platform == VP_PLATFORM_P1 ? VP_PLATFORM_PHOTON : VP_PLATFORM_P1;
}

static void make_recipe(const struct vp_field_report *report, const struct vp_field_module *module,
                        struct vp_module_recipe *recipe)
{
    const struct vp_module_slot *slot = find_slot(report, module);
    const struct vp_catalogue_module *row = find_row(report->platform, module);
    *recipe = (struct vp_module_recipe){
        .platform = wrong_platform(module) ? other_platform(report->platform) : report->platform,
        .version = module->version,
        .function = module->function,
        .index = module->index,
        .address = slot->start,
        .size = row ? vp_catalogue_nominal_size(row) : SMALLEST,
        .header_offset = row                                    ? row->header_offset
                         : module->function == VP_MODULE_USER   ? 0
                         : report->platform == VP_PLATFORM_CORE ? VP_MODULE_HEADER_F103
                                                                : VP_MODULE_HEADER_F205,
        .product_id = UINT16_MAX,
        .product_version = UINT16_MAX,
    };
    if (module->function == VP_MODULE_USER) {
        recipe->product_id = (uint16_t)report->platform;
        recipe->product_version = module->version;
    }
    memcpy(recipe->dependencies, module->dependencies, sizeof recipe->dependencies);
}

/* As in the catalogue, with what it embeds, if the report agrees with it. */
static int make_image(const struct vp_field_report *report, const struct vp_field_module *module,
                      uint8_t **image, size_t *size)
{
    const struct vp_catalogue_module *row = find_row(report->platform, module);
    if (row && row->version == module->version && !wrong_platform(module) &&
        memcmp(row->dependencies, module->dependencies, sizeof row->dependencies) == 0) {
        return vp_forge_catalogue_module(row, image, size);
    }
    struct vp_module_recipe recipe;
    make_recipe(report, module, &recipe);
    return vp_forge_module(&recipe, image, size);
}

/* A check that failed there has to fail here. Dependencies fail by themselves. */
static void damage(uint8_t *image, size_t size, const struct vp_field_module *module)
{
    if ((module->checked & VP_CHECK_INTEGRITY) && !(module->result & VP_CHECK_INTEGRITY)) {
        image[size / 2] ^= 0xFF;
    }
}

static int install(struct vp_flash *flash, const struct vp_field_report *report,
                   const struct vp_field_module *module, struct vp_failure *failure)
{
    uint32_t address;
    const char *name = vp_module_function_name(module->function);
    if (!find_place(report, module, &address)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "%s %u, version %u: a %s with this system has no place for it",
                       name ? name : "module", module->index, module->version,
                       vp_platform_name((uint16_t)report->platform));
    }
    uint8_t *image;
    size_t size;
    int error = make_image(report, module, &image, &size);
    if (!error) {
        damage(image, size, module);
        error = vp_flash_program(flash, address, image, size);
        free(image);
    }
    return error ? vp_fail(failure, error, "%s %u, version %u: %s", name ? name : "module",
                           module->index, module->version, vp_error_text(error))
                 : 0;
}

int vp_field_install(struct vp_flash *flash, const struct vp_field_report *report,
                     struct vp_failure *failure)
{
    int error = 0;
    for (unsigned i = 0; i < report->count && !error; i++) {
        if (report->modules[i].present) {
            error = install(flash, report, &report->modules[i], failure);
        }
    }
    return error;
}
