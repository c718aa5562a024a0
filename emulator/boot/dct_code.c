#include "boot/dct_code.h"

#include "dct/dct.h"
#include "vparticle/module.h"

enum { SYSTEM_WITH_DCT_CODE = 200 }; /* MIN_MODULE_VERSION_SYSTEM_PART2, bootloader_dct.c */

static bool part_valid(const struct vp_boot *boot, const struct vp_module *part,
                       const struct vp_module_slot *slot)
{
    return part->platform == boot->board->platform && part->function == VP_MODULE_SYSTEM &&
           part->index == slot->index && part->end <= slot->limit &&
           vp_module_crc_matches(boot->flash, part->start, part);
}

/* Both parts whole, part 1 as new as part 2 asks for. @return part 2's CRC, or 0 */
static uint32_t find(const struct vp_boot *boot)
{
    unsigned count;
    const struct vp_module_slot *slots = vp_module_slots(boot->board->platform, 0, &count);
    struct vp_module parts[2] = {{0}};
    for (unsigned i = 0; i < count; i++) {
        if (slots[i].function == VP_MODULE_SYSTEM && slots[i].index <= 2) {
            struct vp_module *part = &parts[slots[i].index - 1];
            if (vp_module_parse_flash(boot->flash, slots[i].start, part, NULL) ||
                !part_valid(boot, part, &slots[i])) {
                return 0;
            }
        }
    }
    const bool usable = parts[1].version >= SYSTEM_WITH_DCT_CODE &&
                        parts[0].version >= parts[1].dependencies[0].version;
    return usable ? parts[1].crc : 0;
}

void vp_boot_forget_dct_code(struct vp_boot *boot)
{
    boot->dct_code_known = false;
}

void vp_boot_flash_written(struct vp_boot *boot, uint32_t end)
{
    const struct vp_region *parts = &boot->board->system_parts;
    if (boot->generation->dct_code == VP_DCT_OF_PART2_ANEW && end >= parts->start &&
        end < parts->end) {
        vp_boot_forget_dct_code(boot);
    }
}

/*
 * Before a call of the DCT code. Once found, the bootloader holds on to it: if the system part is
 * another one by now, it calls into whatever is there.
 */
static int ready(struct vp_boot *boot)
{
    switch (boot->generation->dct_code) {
    case VP_DCT_OWN:
    case VP_DCT_OWN_READ_ONLY:
        return 0;
    case VP_DCT_ABSENT:
        return VP_ERROR_NOT_FOUND;
    default:
        break;
    }
    const uint32_t there = find(boot);
    if (!boot->dct_code_known) {
        boot->dct_code_known = true;
        boot->dct_code_crc = there;
    }
    return !boot->dct_code_crc           ? VP_ERROR_NOT_FOUND
           : boot->dct_code_crc != there ? VP_ERROR_UNSUPPORTED
                                         : 0;
}

int vp_boot_dct_read(struct vp_boot *boot, uint32_t offset, void *data, size_t length)
{
    const int error = ready(boot);
    return error ? error
                 : vp_dct_read_as(boot->flash, boot->board, boot->generation->dct_version, offset,
                                  data, length);
}

int vp_boot_dct_write(struct vp_boot *boot, uint32_t offset, const void *data, size_t length)
{
    if (boot->generation->dct_code == VP_DCT_OWN_READ_ONLY) {
        return VP_ERROR_BUSY;
    }
    const int error = ready(boot);
    return error ? error
                 : vp_dct_write_as(boot->flash, boot->board, boot->generation->dct_version, offset,
                                   data, length);
}
