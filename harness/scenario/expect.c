/* The step `expect`: mode, USB identity, modules, flash. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/engine_private.h"

enum { LARGEST_FILE = 4 << 20 };

/* A stretch of flash. */
struct range {
    uint32_t address, size;
};

static int expect_mode(struct vp_engine *engine, const struct vp_step *step)
{
    const enum vp_mode wanted = *step->expect->mode;
    const enum vp_mode mode = vp_device_mode(vp_engine_device_of(engine, step)->device);
    return mode == wanted ? 0
                          : vp_engine_fail(engine, step, vp_text("mode %s", vp_mode_name(wanted)),
                                           vp_text("mode %s", vp_mode_name(mode)));
}

static int expect_usb(struct vp_engine *engine, const struct vp_step *step)
{
    struct vp_usb_identity identity;
    char found[16] = "none";
    if (vp_device_identity(vp_engine_device_of(engine, step)->device, &identity) == 0) {
        snprintf(found, sizeof found, "%04x:%04x", identity.vendor_id, identity.product_id);
    }
    return strcmp(found, step->expect->usb) == 0
               ? 0
               : vp_engine_fail(engine, step, vp_text("USB device %s", step->expect->usb),
                                vp_text("%s", found));
}

static int expect_led(struct vp_engine *engine, const struct vp_step *step)
{
    struct vp_led led;
    char found[32];
    vp_device_led(vp_engine_device_of(engine, step)->device, &led);
    snprintf(found, sizeof found, "%s %s", vp_led_color_name(led.color),
             vp_led_pattern_name(led.pattern));
    return strcmp(found, step->expect->led) == 0
               ? 0
               : vp_engine_fail(engine, step, vp_text("LED %s", step->expect->led),
                                vp_text("%s", found));
}

/* ---- Modules ----------------------------------------------------------------------------- */

static const struct vp_module_slot *find_slot(const struct vp_engine_device *device,
                                              const char *part)
{
    unsigned count;
    const struct vp_module_slot *slots = vp_device_slots(device->device, &count);
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(slots[i].name, part) == 0) {
            return &slots[i];
        }
    }
    return NULL;
}

static int no_such_slot(struct vp_engine *engine, const struct vp_step *step, const char *part)
{
    return vp_engine_stop(
        engine, VP_BROKEN,
        vp_text("line %u: a %s has no slot '%s'", step->line,
                vp_platform_name((uint16_t)vp_engine_device_of(engine, step)->platform), part));
}

/* In its slot, with a right CRC. */
static int expect_version(struct vp_engine *engine, const struct vp_step *step, const char *part,
                          const uint16_t *version)
{
    if (!version) {
        return 0;
    }
    struct vp_engine_device *device = vp_engine_device_of(engine, step);
    const struct vp_flash *flash = vp_device_flash(device->device);
    const struct vp_module_slot *slot = find_slot(device, part);
    if (!slot) {
        return no_such_slot(engine, step, part);
    }
    struct vp_module module;
    struct vp_failure failure;
    char *found = NULL;
    if (vp_module_parse_flash(flash, slot->start, &module, &failure)) {
        found = vp_text("%s", failure.text);
    } else if (module.version != *version) {
        found = vp_text("version %u", module.version);
    } else if (!vp_module_crc_matches(flash, slot->start, &module)) {
        found = vp_text("version %u with a wrong CRC", module.version);
    } else {
        return 0;
    }
    return vp_engine_fail(engine, step, vp_text("%s version %u", part, *version), found);
}

static int expect_modules(struct vp_engine *engine, const struct vp_step *step)
{
    const struct vp_versions *versions = step->expect->modules;
    const struct {
        const char *part;
        const uint16_t *version;
    } wanted[] = {
        {"bootloader", versions->bootloader},
        {"system-part1", versions->system_part1},
        {"system-part2", versions->system_part2},
        {"system-part3", versions->system_part3},
        {"user", versions->user},
        {"monolithic", versions->monolithic},
    };
    int error = 0;
    for (unsigned i = 0; !error && i < sizeof wanted / sizeof wanted[0]; i++) {
        error = expect_version(engine, step, wanted[i].part, wanted[i].version);
    }
    return error;
}

/* ---- Flash --------------------------------------------------------------------------------- */

static int read_file(const char *path, uint8_t **bytes, size_t *size, struct vp_failure *failure)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        vp_fail(failure, VP_ERROR_IO, "%s: %s", path, strerror(errno));
        return VP_ERROR_IO;
    }
    *bytes = malloc(LARGEST_FILE);
    *size = *bytes ? fread(*bytes, 1, LARGEST_FILE, file) : 0;
    const bool bad = !*bytes || ferror(file) || *size == LARGEST_FILE || *size == 0;
    fclose(file);
    if (bad) {
        free(*bytes);
        vp_fail(failure, VP_ERROR_IO, "%s: cannot be read, is empty or too large", path);
        return VP_ERROR_IO;
    }
    return 0;
}

static int find_range(struct vp_engine *engine, const struct vp_step *step,
                      const struct vp_flash_check *check, struct range *range)
{
    struct vp_engine_device *device = vp_engine_device_of(engine, step);
    const struct vp_flash_geometry *geometry = vp_flash_geometry(vp_device_flash(device->device));
    const struct vp_flash_sector *last = &geometry->sectors[geometry->sector_count - 1];
    if (check->part) {
        const struct vp_module_slot *slot = find_slot(device, check->part);
        if (!slot) {
            no_such_slot(engine, step, check->part);
            return VP_ERROR_INVALID;
        }
        *range = (struct range){slot->start, slot->limit - slot->start};
    } else if (check->at) {
        *range = (struct range){*check->at, check->size ? *check->size : 0};
    } else {
        const uint32_t start = geometry->sectors[0].address;
        *range = (struct range){start, last->address + last->size - start};
    }
    return 0;
}

/* Both have `range.size` bytes; the first difference and how many there are. */
static char *describe_difference(const struct range *range, const uint8_t *wanted,
                                 const uint8_t *found)
{
    uint32_t first = range->size, count = 0;
    for (uint32_t i = 0; i < range->size; i++) {
        if (wanted[i] != found[i]) {
            first = count++ ? first : i;
        }
    }
    return count ? vp_text("%u of %u bytes differ; at 0x%08x there is %02x, not %02x", count,
                           range->size, range->address + first, found[first], wanted[first])
                 : NULL;
}

static int compare(struct vp_engine *engine, const struct vp_step *step, const struct range *range,
                   const uint8_t *wanted, const char *what)
{
    const struct vp_flash *flash = vp_device_flash(vp_engine_device_of(engine, step)->device);
    uint8_t *found = malloc(range->size ? range->size : 1);
    if (!found) {
        return vp_engine_stop(engine, VP_ABORTED, vp_text("out of memory"));
    }
    int error = 0;
    if (vp_flash_read(flash, range->address, found, range->size)) {
        error = vp_engine_stop(engine, VP_BROKEN,
                               vp_text("line %u: %u bytes at 0x%08x are not in the flash",
                                       step->line, range->size, range->address));
    } else {
        char *difference = describe_difference(range, wanted, found);
        if (difference) {
            error = vp_engine_fail(
                engine, step,
                vp_text("%u bytes of flash at 0x%08x %s", range->size, range->address, what),
                difference);
        }
    }
    free(found);
    return error;
}

static int compare_file(struct vp_engine *engine, const struct vp_step *step,
                        const struct vp_flash_check *check, struct range range)
{
    struct vp_failure failure;
    char *path;
    uint8_t *bytes = NULL;
    size_t size = 0;
    if (vp_expand(check->equals, engine->variables, &path, &failure)) {
        return vp_engine_stop(engine, VP_BROKEN, vp_text("%s", failure.text));
    }
    int error = read_file(path, &bytes, &size, &failure);
    if (error) {
        error = vp_engine_fail(engine, step, vp_text("%s to compare with", check->equals),
                               vp_text("%s", failure.text));
    } else {
        char *what = vp_text("equal to %s", check->equals);
        range.size = (uint32_t)size;
        error = compare(engine, step, &range, bytes, what ? what : "");
        free(what);
        free(bytes);
    }
    free(path);
    return error;
}

static int compare_with_before(struct vp_engine *engine, const struct vp_step *step,
                               const struct range *range, bool erased)
{
    const struct vp_flash *before = vp_engine_device_of(engine, step)->before;
    uint8_t *wanted =
        vp_flash_contains(before, range->address, range->size) ? malloc(range->size + 1) : NULL;
    if (wanted) {
        vp_flash_read(before, range->address, wanted, range->size);
        if (erased) {
            memset(wanted, 0xFF, range->size);
        }
    }
    const int error = wanted ? compare(engine, step, range, wanted, erased ? "erased" : "unchanged")
                             : vp_engine_stop(engine, VP_BROKEN,
                                              vp_text("line %u: %u bytes at 0x%08x are not in the "
                                                      "flash",
                                                      step->line, range->size, range->address));
    free(wanted);
    return error;
}

static int expect_flash(struct vp_engine *engine, const struct vp_step *step,
                        const struct vp_flash_check *check)
{
    struct range range;
    const int error = find_range(engine, step, check, &range);
    if (error) {
        return error;
    }
    return check->equals ? compare_file(engine, step, check, range)
                         : compare_with_before(engine, step, &range, check->erased != NULL);
}

int vp_engine_expect(struct vp_engine *engine, const struct vp_step *step)
{
    const struct vp_expect *expect = step->expect;
    vp_engine_settle(engine);
    int error = expect->mode ? expect_mode(engine, step) : 0;
    if (!error && expect->usb) {
        error = expect_usb(engine, step);
    }
    if (!error && expect->led) {
        error = expect_led(engine, step);
    }
    if (!error && expect->modules) {
        error = expect_modules(engine, step);
    }
    for (unsigned i = 0; !error && i < expect->flash_count; i++) {
        error = expect_flash(engine, step, &expect->flash[i]);
    }
    return error;
}
