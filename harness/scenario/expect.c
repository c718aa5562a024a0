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

/* What a look has come to: as expected, a failure, or a note that nobody could look. */
static int judge(struct vp_engine *engine, const struct vp_step *step, enum vp_seen seen,
                 char *expected, const char *text)
{
    if (seen == VP_SEEN_OTHERWISE) {
        engine->checked++;
        return vp_engine_fail(engine, step, expected, vp_text("%s", text));
    }
    if (seen == VP_SEEN_NOT) {
        engine->unseen++;
        vp_engine_note(engine, vp_text("line %u: %s: not checked on %s: %s", step->line,
                                       expected ? expected : "",
                                       vp_host_engine_name(engine->surroundings->host), text));
    } else {
        engine->checked++;
    }
    free(expected);
    return 0;
}

static int expect_mode(struct vp_engine *engine, const struct vp_step *step)
{
    char text[VP_SEEN_SIZE] = "";
    const enum vp_seen seen = engine->bench->see_mode(engine, step, text);
    return judge(engine, step, seen, vp_text("mode %s", vp_mode_name(*step->expect->mode)), text);
}

static int expect_usb(struct vp_engine *engine, const struct vp_step *step)
{
    char text[VP_SEEN_SIZE] = "";
    const enum vp_seen seen = engine->bench->see_usb(engine, step, text);
    return judge(engine, step, seen, vp_text("USB device %s", step->expect->usb), text);
}

static int expect_led(struct vp_engine *engine, const struct vp_step *step)
{
    char text[VP_SEEN_SIZE] = "";
    const enum vp_seen seen = engine->bench->see_led(engine, step, text);
    return judge(engine, step, seen, vp_text("LED %s", step->expect->led), text);
}

/* ---- Modules ----------------------------------------------------------------------------- */

static const struct vp_module_slot *find_slot(const struct vp_bench_contents *contents,
                                              const char *part)
{
    for (unsigned i = 0; i < contents->slot_count; i++) {
        if (strcmp(contents->slots[i].name, part) == 0) {
            return &contents->slots[i];
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
static int expect_version(struct vp_engine *engine, const struct vp_step *step,
                          const struct vp_bench_contents *contents, const char *part,
                          const uint16_t *version)
{
    if (!version) {
        return 0;
    }
    const struct vp_flash *flash = contents->flash;
    const struct vp_module_slot *slot = find_slot(contents, part);
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

static int expect_modules(struct vp_engine *engine, const struct vp_step *step,
                          const struct vp_bench_contents *contents)
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
        error = expect_version(engine, step, contents, wanted[i].part, wanted[i].version);
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
                      const struct vp_bench_contents *contents, const struct vp_flash_check *check,
                      struct range *range)
{
    const struct vp_flash_geometry *geometry = vp_flash_geometry(contents->flash);
    const struct vp_flash_sector *last = &geometry->sectors[geometry->sector_count - 1];
    if (check->part) {
        const struct vp_module_slot *slot = find_slot(contents, check->part);
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

static int compare(struct vp_engine *engine, const struct vp_step *step,
                   const struct vp_flash *flash, const struct range *range, const uint8_t *wanted,
                   const char *what)
{
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
                        const struct vp_flash *flash, const struct vp_flash_check *check,
                        struct range range)
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
        error = compare(engine, step, flash, &range, bytes, what ? what : "");
        free(what);
        free(bytes);
    }
    free(path);
    return error;
}

static int compare_with_before(struct vp_engine *engine, const struct vp_step *step,
                               const struct vp_bench_contents *contents, const struct range *range,
                               bool erased)
{
    const struct vp_flash *before = contents->before;
    uint8_t *wanted =
        vp_flash_contains(before, range->address, range->size) ? malloc(range->size + 1) : NULL;
    if (wanted) {
        vp_flash_read(before, range->address, wanted, range->size);
        if (erased) {
            memset(wanted, 0xFF, range->size);
        }
    }
    const int error = wanted ? compare(engine, step, contents->flash, range, wanted,
                                       erased ? "erased" : "unchanged")
                             : vp_engine_stop(engine, VP_BROKEN,
                                              vp_text("line %u: %u bytes at 0x%08x are not in the "
                                                      "flash",
                                                      step->line, range->size, range->address));
    free(wanted);
    return error;
}

static int expect_flash(struct vp_engine *engine, const struct vp_step *step,
                        const struct vp_bench_contents *contents,
                        const struct vp_flash_check *check)
{
    struct range range;
    const int error = find_range(engine, step, contents, check, &range);
    if (error) {
        return error;
    }
    return check->equals
               ? compare_file(engine, step, contents->flash, check, range)
               : compare_with_before(engine, step, contents, &range, check->erased != NULL);
}

/* What is in flash is read once for all of the step, because that can take a minute. */
static int expect_contents(struct vp_engine *engine, const struct vp_step *step)
{
    const struct vp_expect *expect = step->expect;
    struct vp_bench_contents contents;
    enum vp_seen seen;
    char text[VP_SEEN_SIZE] = "";
    int error = engine->bench->read(engine, step, &contents, &seen, text);
    if (error) {
        return error;
    }
    error = judge(engine, step, seen, vp_text("modules and flash"), text);
    if (!error && seen == VP_SEEN_AS_EXPECTED && expect->modules) {
        error = expect_modules(engine, step, &contents);
    }
    for (unsigned i = 0; !error && seen == VP_SEEN_AS_EXPECTED && i < expect->flash_count; i++) {
        error = expect_flash(engine, step, &contents, &expect->flash[i]);
    }
    return error;
}

int vp_engine_expect(struct vp_engine *engine, const struct vp_step *step)
{
    const struct vp_expect *expect = step->expect;
    engine->bench->settle(engine);
    int error = expect->mode ? expect_mode(engine, step) : 0;
    if (!error && expect->usb) {
        error = expect_usb(engine, step);
    }
    if (!error && expect->led) {
        error = expect_led(engine, step);
    }
    if (!error && (expect->online || expect->events)) {
        error = engine->bench->expect_of_cloud(engine, step);
    }
    return error || (!expect->modules && !expect->flash_count) ? error
                                                               : expect_contents(engine, step);
}
