#include "boot/update.h"

#include <string.h>

#include "boot/dct_code.h"
#include "dct/dct.h"
#include "dct/module_slots.h"
#include "vparticle/module.h"

enum { FACTORY_LIMIT = 0x20000, PIECE = 4096 };

/* ---- Checks ------------------------------------------------------------------------ */

/* FLASH_CheckValidAddressRange: without USE_SERIAL_FLASH only internal flash is valid. */
static bool range_valid(const struct vp_boot *boot, uint8_t device, uint32_t start, uint32_t length)
{
    return device == VP_PENDING_INTERNAL && vp_flash_contains(boot->flash, start, length);
}

/* FLASH_CheckCopyMemory */
static bool may_copy(const struct vp_boot *boot, const struct vp_pending_module *copy)
{
    if (!range_valid(boot, copy->source_device, copy->source, copy->length) ||
        !range_valid(boot, copy->destination_device, copy->destination, copy->length)) {
        return false;
    }
    if (!(copy->flags & VP_PENDING_CHECK_ALL)) {
        return true;
    }
    struct vp_module module;
    if (vp_module_read_header(boot->flash, copy->source, &module)) {
        return false;
    }
    const uint64_t needed = (uint64_t)(module.end - module.start) + VP_MODULE_CRC_SIZE;
    if ((copy->flags & (VP_PENDING_CHECK_FUNCTION | VP_PENDING_CHECK_CRC)) &&
        copy->length < needed) {
        return false;
    }
    if (module.function != VP_MODULE_RESOURCE && module.platform != boot->board->platform) {
        return false;
    }
    if ((copy->flags & VP_PENDING_CHECK_DESTINATION) && module.start != copy->destination) {
        return false;
    }
    if ((copy->flags & VP_PENDING_CHECK_FUNCTION) && module.function != copy->function) {
        return false;
    }
    return !(copy->flags & VP_PENDING_CHECK_CRC) ||
           vp_module_crc_matches(boot->flash, copy->source, &module);
}

/* ---- Copying ------------------------------------------------------------------------- */

static int copy_words(struct vp_flash *to, uint32_t destination, const struct vp_flash *from,
                      uint32_t source, uint32_t length)
{
    uint8_t piece[PIECE];
    for (uint32_t done = 0; done < length; done += PIECE) {
        const uint32_t size = length - done < PIECE ? length - done : PIECE;
        int error = vp_flash_read(from, source + done, piece, size);
        error = error ? error : vp_flash_program_words(to, destination + done, piece, size);
        if (error) {
            return error;
        }
    }
    return 0;
}

/* FLASH_CopyMemory: sector by sector; whole words, the last one with what follows the module. */
static bool copy_module(struct vp_boot *boot, const struct vp_pending_module *copy)
{
    if (!may_copy(boot, copy)) {
        return false;
    }
    uint32_t source = copy->source, destination = copy->destination, left = copy->length;
    while (left > 0) {
        const struct vp_flash_sector *sector = vp_flash_sector_at(boot->flash, destination);
        if (!sector || vp_flash_erase(boot->flash, destination)) {
            return false;
        }
        const uint32_t room = sector->address + sector->size - destination;
        const uint32_t block = left < room ? left : room;
        if (copy_words(boot->flash, destination, boot->flash, source, (block + 3) & ~3u)) {
            return false;
        }
        left -= block;
        source += block;
        destination += block;
    }
    return true;
}

/* ---- Pending modules ---------------------------------------------------------------- */

static int read_slot(struct vp_boot *boot, unsigned slot, struct vp_pending_module *module)
{
    uint8_t bytes[VP_PENDING_SLOT_SIZE];
    const int error = vp_boot_dct_read(boot, vp_pending_offset(slot), bytes, sizeof bytes);
    if (!error) {
        vp_pending_unpack(bytes, module);
    }
    return error;
}

static int free_slot(struct vp_boot *boot, unsigned slot)
{
    static const uint8_t magic[2] = {VP_PENDING_FREE & 0xFF, VP_PENDING_FREE >> 8};
    return vp_boot_dct_write(boot, vp_pending_offset(slot), magic, sizeof magic);
}

/* Up to bootloader 11: one after the other; a slot that was done is zeroed where it stands. */
static void copy_then_zero(struct vp_boot *boot, void (*busy)(struct vp_boot *boot, bool updating))
{
    for (unsigned slot = VP_PENDING_FIRST_SLOT; slot < VP_PENDING_SLOTS; slot++) {
        struct vp_pending_module module;
        if (read_slot(boot, slot, &module) || module.magic != VP_PENDING_MODULE) {
            continue;
        }
        busy(boot, true);
        copy_module(boot, &module);
        vp_dct_zero(boot->flash, boot->board, boot->generation->dct_version,
                    vp_pending_offset(slot), VP_PENDING_SLOT_SIZE);
        busy(boot, false);
    }
}

/* From 100 on: all slots are freed first, since copying may replace the code that can. */
static void free_then_copy(struct vp_boot *boot, void (*busy)(struct vp_boot *boot, bool updating))
{
    struct vp_pending_module modules[VP_PENDING_SLOTS];
    unsigned count = 0;
    for (unsigned slot = VP_PENDING_FIRST_SLOT; slot < VP_PENDING_SLOTS; slot++) {
        if (read_slot(boot, slot, &modules[count])) {
            return;
        }
        if (modules[count].magic == VP_PENDING_MODULE) {
            if (free_slot(boot, slot)) {
                return;
            }
            count++;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        busy(boot, true);
        copy_module(boot, &modules[i]);
        busy(boot, false);
    }
    vp_boot_forget_dct_code(boot);
}

/* From 2.0.0 on: a slot is freed when its module was copied, so that a cut does no harm. */
static void copy_then_free(struct vp_boot *boot, void (*busy)(struct vp_boot *boot, bool updating))
{
    struct vp_pending_module modules[VP_PENDING_SLOTS];
    for (unsigned slot = VP_PENDING_FIRST_SLOT; slot < VP_PENDING_SLOTS; slot++) {
        if (read_slot(boot, slot, &modules[slot])) {
            return;
        }
    }
    bool any = false;
    for (unsigned slot = VP_PENDING_FIRST_SLOT; slot < VP_PENDING_SLOTS; slot++) {
        if (modules[slot].magic != VP_PENDING_MODULE) {
            continue;
        }
        if (!any) {
            any = true;
            busy(boot, true);
        }
        copy_module(boot, &modules[slot]);
        if (!(modules[slot].flags & VP_PENDING_CHECK_FUNCTION) ||
            modules[slot].function == VP_MODULE_SYSTEM) {
            vp_boot_forget_dct_code(boot);
        }
        free_slot(boot, slot);
    }
    if (any) {
        busy(boot, false);
    }
}

void vp_boot_update_modules(struct vp_boot *boot, void (*busy)(struct vp_boot *boot, bool updating))
{
    switch (boot->generation->rules->update) {
    case VP_UPDATE_COPY_THEN_ZERO:
        copy_then_zero(boot, busy);
        break;
    case VP_UPDATE_FREE_THEN_COPY:
        free_then_copy(boot, busy);
        break;
    case VP_UPDATE_COPY_THEN_FREE:
        copy_then_free(boot, busy);
        break;
    case VP_UPDATE_SERIAL_IMAGE:
        break;
    }
}

/* ---- Factory reset -------------------------------------------------------------------- */

/* FLASH_ApplyFactoryResetImage: what the system put into the slot, else what the bootloader was
 * built with. */
static void factory_module(struct vp_boot *boot, struct vp_pending_module *module)
{
    if (read_slot(boot, VP_PENDING_FACTORY_SLOT, module) == 0 &&
        module->magic == VP_PENDING_FACTORY) {
        return;
    }
    *module = (struct vp_pending_module){
        .source = boot->generation->factory,
        .destination = boot->board->user.start,
        .length = FACTORY_LIMIT,
        .function = VP_MODULE_USER,
        .flags = VP_PENDING_CHECK_ALL,
    };
}

bool vp_boot_factory_available(struct vp_boot *boot)
{
    if (boot->generation->rules->update == VP_UPDATE_SERIAL_IMAGE) {
        return true; /* the Core's firmware does not look */
    }
    struct vp_pending_module module;
    factory_module(boot, &module);
    return may_copy(boot, &module);
}

bool vp_boot_restore_factory(struct vp_boot *boot)
{
    if (boot->generation->rules->update == VP_UPDATE_SERIAL_IMAGE) {
        vp_boot_restore_image(boot, VP_BOOT_IMAGE_FACTORY);
        return true;
    }
    struct vp_pending_module module;
    factory_module(boot, &module);
    return copy_module(boot, &module);
}

/* ---- The Core's serial flash ------------------------------------------------------------ */

/* EXTERNAL_FLASH_FAC_ADDRESS, _BKP_, _OTA_: hw_config.h @ v0.7.0 */
static uint32_t image_address(enum vp_boot_image image)
{
    static const uint32_t addresses[] = {
        [VP_BOOT_IMAGE_FACTORY] = 0x20000,
        [VP_BOOT_IMAGE_BACKUP] = 0x40000,
        [VP_BOOT_IMAGE_OTA] = 0x60000,
    };
    return addresses[image];
}

static uint32_t application_room(const struct vp_boot *boot)
{
    const struct vp_flash_geometry *geometry = vp_flash_geometry(boot->flash);
    const struct vp_flash_sector *last = &geometry->sectors[geometry->sector_count - 1];
    return last->address + last->size - boot->board->application;
}

void vp_boot_restore_image(struct vp_boot *boot, enum vp_boot_image image)
{
    const uint32_t start = boot->board->application, room = application_room(boot);
    if (!boot->external || vp_flash_erase_range(boot->flash, start, room)) {
        return;
    }
    copy_words(boot->flash, start, boot->external, image_address(image), room);
}

void vp_boot_back_up(struct vp_boot *boot)
{
    enum { BLOCK = 0x20000 };
    const uint32_t to = image_address(VP_BOOT_IMAGE_BACKUP);
    if (!boot->external || vp_flash_erase_range(boot->external, to, BLOCK)) {
        return;
    }
    copy_words(boot->external, to, boot->flash, boot->board->application, application_room(boot));
}
