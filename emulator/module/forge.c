#include "vparticle/forge.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <zlib.h>

#include "bytes.h"

enum {
    SUFFIX_AND_CRC = VP_MODULE_SUFFIX_SIZE + VP_MODULE_CRC_SIZE,
    SHA256_FROM_END = 38,
    /* From the header to the reset handler, as in the system parts of 0.6.3. */
    HEADER_TO_RESET = 0xAC,
    /* From the header to a bootloader that a system part carries. */
    HEADER_TO_EMBEDDED = 0x200,
    THUMB = 1,
};

/* The top of RAM, where the stack starts. */
static const uint32_t stack_f205 = 0x20020000, stack_f103 = 0x20005000;

/* xorshift64*: the same bytes for the same recipe, on every machine. */
static void fill(uint8_t *image, const struct vp_module_recipe *recipe)
{
    uint64_t state = (uint64_t)recipe->platform << 48 | (uint64_t)recipe->function << 40 |
                     (uint64_t)recipe->index << 32 | (uint64_t)recipe->version << 16 | 1;
    for (uint32_t i = 0; i < recipe->size; i += 4) {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        vp_put_le32(image + i, (uint32_t)(state * 0x2545F4914F6CDD1Du >> 32));
    }
}

static void put_vector_table(uint8_t *image, const struct vp_module_recipe *recipe)
{
    const uint32_t reset = recipe->address + recipe->header_offset + HEADER_TO_RESET;
    vp_put_le32(image, recipe->header_offset == VP_MODULE_HEADER_F103 ? stack_f103 : stack_f205);
    vp_put_le32(image + 4, reset | THUMB);
    for (uint32_t offset = 8; offset < recipe->header_offset; offset += 4) {
        vp_put_le32(image + offset, (reset + 4) | THUMB);
    }
}

static void put_header(uint8_t *at, const struct vp_module_recipe *recipe)
{
    vp_put_le32(at, recipe->address);
    vp_put_le32(at + 4, recipe->address + recipe->size - VP_MODULE_CRC_SIZE);
    at[8] = at[9] = 0;
    vp_put_le16(at + 10, recipe->version);
    vp_put_le16(at + 12, (uint16_t)recipe->platform);
    at[14] = recipe->function;
    at[15] = recipe->index;
    for (unsigned i = 0; i < 2; i++) {
        uint8_t *dependency = at + 16 + 4 * i;
        dependency[0] = recipe->dependencies[i].function;
        dependency[1] = recipe->dependencies[i].index;
        vp_put_le16(dependency + 2, recipe->dependencies[i].version);
    }
}

/* Suffix, then SHA-256, then CRC: each covers what was written before (build/module.mk). */
static int put_suffix(uint8_t *image, const struct vp_module_recipe *recipe)
{
    uint8_t *suffix = image + recipe->size - SUFFIX_AND_CRC;
    vp_put_le16(suffix, recipe->product_id);
    vp_put_le16(suffix + 2, recipe->product_version);
    vp_put_le16(suffix + 4, 0);
    vp_put_le16(suffix + 38, VP_MODULE_SUFFIX_SIZE);
    if (!EVP_Digest(image, recipe->size - SHA256_FROM_END, suffix + 6, NULL, EVP_sha256(), NULL)) {
        return VP_ERROR_NO_MEMORY;
    }
    const uint32_t covered = recipe->size - VP_MODULE_CRC_SIZE;
    vp_put_be32(image + covered, (uint32_t)crc32(crc32(0, NULL, 0), image, covered));
    return 0;
}

static uint32_t embedded_offset(const struct vp_module_recipe *recipe)
{
    return (recipe->header_offset + HEADER_TO_EMBEDDED + 15) & ~15u;
}

static bool recipe_is_sound(const struct vp_module_recipe *recipe)
{
    const bool header_known = recipe->header_offset == 0 ||
                              recipe->header_offset == VP_MODULE_HEADER_F205 ||
                              recipe->header_offset == VP_MODULE_HEADER_F103;
    const uint64_t needed = recipe->embedded
                                ? (uint64_t)embedded_offset(recipe) + recipe->embedded_size
                                : (uint64_t)recipe->header_offset + HEADER_TO_RESET + 8;
    return header_known && recipe->size % 4 == 0 && needed + SUFFIX_AND_CRC <= recipe->size &&
           recipe->address <= UINT32_MAX - recipe->size;
}

int vp_forge_module(const struct vp_module_recipe *recipe, uint8_t **image, size_t *size)
{
    if (!recipe_is_sound(recipe)) {
        return VP_ERROR_INVALID;
    }
    uint8_t *made = malloc(recipe->size);
    if (!made) {
        return VP_ERROR_NO_MEMORY;
    }
    fill(made, recipe);
    if (recipe->header_offset) {
        put_vector_table(made, recipe);
    }
    put_header(made + recipe->header_offset, recipe);
    if (recipe->text) {
        memcpy(made + recipe->header_offset + VP_MODULE_HEADER_SIZE, recipe->text,
               strnlen(recipe->text, VP_MODULE_TEXT_LIMIT));
    }
    if (recipe->embedded) {
        memcpy(made + embedded_offset(recipe), recipe->embedded, recipe->embedded_size);
    }
    int error = put_suffix(made, recipe);
    if (error) {
        free(made);
        return error;
    }
    *image = made;
    *size = recipe->size;
    return 0;
}

static bool embeds_bootloader(const struct vp_catalogue_module *module)
{
    return module->embedded_bootloader != VP_EMBEDDED_NONE &&
           module->embedded_bootloader != VP_EMBEDDED_UNKNOWN;
}

int vp_forge_catalogue_module(const struct vp_catalogue_module *module, uint8_t **image,
                              size_t *size)
{
    const bool user = module->function == VP_MODULE_USER;
    struct vp_module_recipe recipe = {
        .platform = module->platform,
        .version = module->version,
        .function = module->function,
        .index = module->index,
        .dependencies = {module->dependencies[0], module->dependencies[1]},
        .address = module->address,
        .size = vp_catalogue_nominal_size(module),
        .header_offset = module->header_offset,
        .product_id = user ? (uint16_t)module->platform : 0xFFFF,
        .product_version = user ? module->version : 0xFFFF,
    };
    uint8_t *embedded = NULL;
    if (embeds_bootloader(module)) {
        const struct vp_catalogue_module *bootloader =
            vp_catalogue_bootloader(module->platform, module->embedded_bootloader);
        int error = bootloader
                        ? vp_forge_catalogue_module(bootloader, &embedded, &recipe.embedded_size)
                        : VP_ERROR_NOT_FOUND;
        if (error) {
            return error;
        }
        recipe.embedded = embedded;
    }
    int error = vp_forge_module(&recipe, image, size);
    free(embedded);
    return error;
}
