#include "vparticle/module.h"

#include <string.h>

#include <openssl/evp.h>
#include <zlib.h>

#include "bytes.h"

enum {
    /* The SHA-256 covers all bytes before itself, the CRC all but itself. */
    SHA256_FROM_END = 38,
    CHUNK = 4096,
};

/* Where an image's bytes come from: memory, or flash from an address on. */
struct source {
    const uint8_t *bytes;
    const struct vp_flash *flash;
    uint32_t address;
};

/* Bytes @p offset to @p offset + @p length; @p buffer has CHUNK bytes. */
static const uint8_t *chunk_of(const struct source *source, uint32_t offset, uint32_t length,
                               uint8_t *buffer)
{
    if (source->bytes) {
        return source->bytes + offset;
    }
    vp_flash_read(source->flash, source->address + offset, buffer, length);
    return buffer;
}

static uint32_t crc_of(const struct source *source, uint32_t length)
{
    uint8_t buffer[CHUNK];
    uLong crc = crc32(0, NULL, 0);
    for (uint32_t offset = 0; offset < length; offset += CHUNK) {
        const uint32_t piece = length - offset < CHUNK ? length - offset : CHUNK;
        crc = crc32(crc, chunk_of(source, offset, piece, buffer), piece);
    }
    return (uint32_t)crc;
}

static bool sha256_matches(const struct source *source, uint32_t length, const uint8_t *expected)
{
    uint8_t buffer[CHUNK], digest[EVP_MAX_MD_SIZE];
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    bool right = context && EVP_DigestInit_ex(context, EVP_sha256(), NULL);
    for (uint32_t offset = 0; right && offset < length; offset += CHUNK) {
        const uint32_t piece = length - offset < CHUNK ? length - offset : CHUNK;
        right = EVP_DigestUpdate(context, chunk_of(source, offset, piece, buffer), piece);
    }
    right = right && EVP_DigestFinal_ex(context, digest, NULL) && memcmp(digest, expected, 32) == 0;
    EVP_MD_CTX_free(context);
    return right;
}

static unsigned integrity_of(const struct source *source, const struct vp_module *module)
{
    const uint32_t size = vp_module_size(module);
    return (crc_of(source, size - VP_MODULE_CRC_SIZE) == module->crc ? VP_CHECK_INTEGRITY : 0u) |
           (sha256_matches(source, size - SHA256_FROM_END, module->sha256) ? VP_CHECK_SHA256 : 0u);
}

/* A header may say anything: is this a length that an image can have? */
static bool length_is_sound(const struct vp_module *module)
{
    return module->end >= module->start && module->end - module->start >= SHA256_FROM_END &&
           module->end - module->start <= UINT32_MAX - VP_MODULE_CRC_SIZE;
}

unsigned vp_module_integrity(const uint8_t *bytes, size_t length, const struct vp_module *module)
{
    if (!length_is_sound(module) || vp_module_size(module) > length) {
        return 0;
    }
    const struct source source = {.bytes = bytes};
    return integrity_of(&source, module);
}

int vp_module_read_sums(const struct vp_flash *flash, uint32_t address, struct vp_module *module)
{
    if (!length_is_sound(module) || !vp_flash_contains(flash, address, vp_module_size(module))) {
        return VP_ERROR_RANGE;
    }
    const uint32_t end = address + vp_module_size(module);
    uint8_t crc[VP_MODULE_CRC_SIZE];
    vp_flash_read(flash, end - SHA256_FROM_END, module->sha256, sizeof module->sha256);
    vp_flash_read(flash, end - sizeof crc, crc, sizeof crc);
    module->crc = vp_get_be32(crc);
    return 0;
}

unsigned vp_module_integrity_flash(const struct vp_flash *flash, uint32_t address,
                                   const struct vp_module *module)
{
    if (!length_is_sound(module) || !vp_flash_contains(flash, address, vp_module_size(module))) {
        return 0;
    }
    const struct source source = {.flash = flash, .address = address};
    return integrity_of(&source, module);
}

bool vp_module_crc_matches(const struct vp_flash *flash, uint32_t address,
                           const struct vp_module *module)
{
    if (!length_is_sound(module) || !vp_flash_contains(flash, address, vp_module_size(module))) {
        return false;
    }
    const struct source source = {.flash = flash, .address = address};
    const uint32_t length = module->end - module->start;
    uint8_t stored[VP_MODULE_CRC_SIZE];
    vp_flash_read(flash, address + length, stored, sizeof stored);
    return crc_of(&source, length) == vp_get_be32(stored);
}

bool vp_module_dependency_met(const struct vp_module_dependency *dependency,
                              const struct vp_module *installed, unsigned installed_count)
{
    if (dependency->function == VP_MODULE_NONE) {
        return true;
    }
    for (unsigned i = 0; i < installed_count; i++) {
        if (installed[i].function == dependency->function &&
            installed[i].index == dependency->index) {
            return installed[i].version >= dependency->version;
        }
    }
    return false;
}

/* hal/src/stm32f2xx/ota_flash_hal_stm32f2xx.cpp @ v0.7.0 */
static bool dependencies_met(const struct vp_module *module, const struct vp_module_rules *rules)
{
    const struct vp_module_dependency *dependencies = module->dependencies;
    if (dependencies[0].function == VP_MODULE_NONE ||
        (rules->incoming && module->function == VP_MODULE_USER)) {
        return true;
    }
    if (!vp_module_dependency_met(&dependencies[0], rules->installed, rules->installed_count)) {
        return false;
    }
    const bool skipped = !rules->dependency2 ||
                         (rules->incoming && dependencies[1].function == VP_MODULE_BOOTLOADER);
    return skipped ||
           vp_module_dependency_met(&dependencies[1], rules->installed, rules->installed_count);
}

/* Would @p other still be satisfied if @p module replaced what it needs? */
static bool suits(const struct vp_module *module, const struct vp_module *other)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct vp_module_dependency *dependency = &other->dependencies[i];
        if (dependency->function == module->function && dependency->index == module->index &&
            module->version < dependency->version) {
            return false;
        }
    }
    return true;
}

static bool suits_all_others(const struct vp_module *module, const struct vp_module_rules *rules)
{
    if (module->function != VP_MODULE_SYSTEM) {
        return true;
    }
    for (unsigned i = 0; i < rules->installed_count; i++) {
        const struct vp_module *other = &rules->installed[i];
        if (other->function == VP_MODULE_SYSTEM && other->index != module->index &&
            !suits(module, other)) {
            return false;
        }
    }
    return true;
}

static const struct vp_module_slot *slot_of(const struct vp_module *module,
                                            const struct vp_module_rules *rules)
{
    for (unsigned i = 0; i < rules->slot_count; i++) {
        if (rules->slots[i].function == module->function &&
            rules->slots[i].index == module->index) {
            return &rules->slots[i];
        }
    }
    return NULL;
}

unsigned vp_module_validate(const struct vp_module *module, unsigned integrity,
                            const struct vp_module_rules *rules)
{
    const struct vp_module_slot *slot = slot_of(module, rules);
    /* Only the end is compared, and one past the slot is allowed: as the firmware does. */
    if (!slot || module->end < slot->start || module->end > slot->limit) {
        return 0;
    }
    unsigned result = VP_CHECK_RANGE | (integrity & VP_CHECK_INTEGRITY);
    if (module->platform == rules->platform) {
        result |= VP_CHECK_PLATFORM;
    }
    if (dependencies_met(module, rules)) {
        result |= VP_CHECK_DEPENDENCIES;
    }
    if (rules->full && suits_all_others(module, rules)) {
        result |= VP_CHECK_DEPENDENCIES_FULL;
    }
    return result;
}

unsigned vp_module_checks_needed(const struct vp_module_rules *rules)
{
    return VP_CHECK_INTEGRITY | VP_CHECK_DEPENDENCIES | VP_CHECK_RANGE | VP_CHECK_PLATFORM |
           (rules->full ? VP_CHECK_DEPENDENCIES_FULL : 0u);
}
