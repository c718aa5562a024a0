#include "system/update/self_install.h"

#include <stdlib.h>
#include <string.h>

#include "bytes.h"
#include "system/describe/fetch.h"
#include "system/update/bootloader_copy.h"
#include "vparticle/forge.h"

enum {
    FUTURE = 100, /* the first bootloader that belongs to 0.7.0 */
    FUNCTION_IN_HEADER = 14,
    VERSION_IN_HEADER = 10,
};

/* A bootloader image: in the bytes of a part, or made. */
struct carried {
    uint8_t *memory; /* to be freed */
    const uint8_t *image;
    size_t size;
};

/* The part that has the image: the last one. */
static const struct vp_module_slot *carrier(const struct vp_system *system)
{
    const struct vp_figure *parts = &system->generation->start->parts;
    return vp_system_slot(system, VP_MODULE_SYSTEM,
                          (uint8_t)vp_figure_on(parts, system->machine.board->platform));
}

/* Is the header of a whole bootloader at @p at? The CRC is compared when it is copied. */
static bool is_bootloader(const uint8_t *part, size_t size, size_t at,
                          const struct vp_system *system, struct carried *carried)
{
    const uint32_t start = system->machine.board->bootloader.start;
    if (at < VP_MODULE_HEADER_F205 || size - at < VP_MODULE_HEADER_SIZE) {
        return false;
    }
    const uint32_t end = vp_get_le32(part + at + 4);
    if (part[at + FUNCTION_IN_HEADER] != VP_MODULE_BOOTLOADER || end <= start ||
        end > system->machine.board->bootloader.end) {
        return false;
    }
    carried->image = part + at - VP_MODULE_HEADER_F205;
    carried->size = end - start + VP_MODULE_CRC_SIZE;
    const struct vp_module module = {
        .start = start,
        .end = end,
        .crc = carried->size <= size - (at - VP_MODULE_HEADER_F205)
                   ? vp_get_be32(carried->image + carried->size - VP_MODULE_CRC_SIZE)
                   : 0,
    };
    return carried->size <= size - (at - VP_MODULE_HEADER_F205) &&
           (vp_module_integrity(carried->image, carried->size, &module) & VP_CHECK_INTEGRITY);
}

/* Look through the part for a header that starts at the bootloader's address. */
static bool cut_out(const struct vp_system *system, const struct vp_module *part,
                    struct carried *carried)
{
    const size_t size = vp_module_size(part);
    uint8_t needle[4];
    carried->memory = malloc(size);
    if (!carried->memory ||
        vp_flash_read(system->machine.flash, part->start, carried->memory, size)) {
        return false;
    }
    vp_put_le32(needle, system->machine.board->bootloader.start);
    const uint8_t *at = carried->memory;
    const uint8_t *end = carried->memory + size;
    while ((at = memmem(at, (size_t)(end - at), needle, sizeof needle))) {
        if (is_bootloader(carried->memory, size, (size_t)(at - carried->memory), system, carried)) {
            return true;
        }
        at++;
    }
    return false;
}

/* The catalogue's row for a part that is known to carry something. */
static const struct vp_catalogue_module *find_row(const struct vp_system *system,
                                                  const struct vp_module *part)
{
    unsigned count;
    const struct vp_catalogue_module *rows =
        vp_catalogue_modules(system->machine.board->platform, &count);
    for (unsigned i = 0; i < count; i++) {
        if (rows[i].function == part->function && rows[i].index == part->index &&
            rows[i].version == part->version &&
            rows[i].embedded_bootloader != VP_EMBEDDED_UNKNOWN &&
            rows[i].embedded_bootloader != VP_EMBEDDED_NONE) {
            return &rows[i];
        }
    }
    return NULL;
}

static bool make_up(const struct vp_system *system, const struct vp_module *part,
                    struct carried *carried)
{
    const struct vp_catalogue_module *row = find_row(system, part);
    const struct vp_catalogue_module *bootloader =
        row ? vp_catalogue_bootloader(row->platform, row->embedded_bootloader) : NULL;
    free(carried->memory);
    *carried = (struct carried){0};
    if (!bootloader || vp_forge_catalogue_module(bootloader, &carried->memory, &carried->size)) {
        return false;
    }
    carried->image = carried->memory;
    return true;
}

/* bootloader_requires_update() */
static bool is_wanted(enum vp_install_condition condition, uint16_t installed, uint16_t carried)
{
    switch (condition) {
    case VP_INSTALL_OLDER:
        return installed < carried;
    case VP_INSTALL_OLDER_OR_FUTURE:
        return installed < carried || installed >= FUTURE;
    case VP_INSTALL_ONLY_OLDER_BOOTS:
        return (installed < carried || installed >= FUTURE) && carried < FUTURE;
    }
    return false;
}

bool vp_self_install(struct vp_system *system)
{
    const struct vp_install_rules *rules = system->generation->install;
    const struct vp_module_slot *slot = carrier(system);
    struct vp_module part, installed;
    if (system->monolithic || !slot ||
        !vp_board_set_has(rules->on, system->machine.board->platform) ||
        vp_module_parse_flash(system->machine.flash, slot->start, &part, NULL) ||
        vp_module_read_header(system->machine.flash, system->machine.board->bootloader.start,
                              &installed)) {
        return false;
    }
    struct carried carried = {0};
    bool done = false;
    if (cut_out(system, &part, &carried) || make_up(system, &part, &carried)) {
        const uint16_t version =
            vp_get_le16(carried.image + VP_MODULE_HEADER_F205 + VERSION_IN_HEADER);
        done = is_wanted(rules->condition, installed.version, version) &&
               vp_bootloader_copy(system, carried.image, carried.size);
    }
    free(carried.memory);
    return done && rules->resets;
}
