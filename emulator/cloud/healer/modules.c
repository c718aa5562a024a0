#include <stdlib.h>
#include <utlist.h>

#include "cloud/core.h"
#include "vparticle/forge.h"

struct cloud_module {
    uint16_t platform, version;
    uint8_t function, index;
    struct cloud_image *image;
    struct cloud_module *next;
};

static int add(struct cloud_modules *modules, const struct cloud_module *what)
{
    struct cloud_module *made = malloc(sizeof *made);
    if (!made) {
        return VP_ERROR_NO_MEMORY;
    }
    *made = *what;
    LL_PREPEND(modules->first, made); /* the newest wins */
    return 0;
}

int cloud_modules_add(struct cloud_modules *modules, const struct vp_module *module,
                      struct cloud_image *image)
{
    return add(modules, &(struct cloud_module){.platform = module->platform,
                                               .version = module->version,
                                               .function = module->function,
                                               .index = module->index,
                                               .image = image});
}

/* A file may hold anything: only the module that is meant will do. */
static bool is_module(const struct vp_catalogue_module *row, const uint8_t *bytes, size_t size)
{
    struct vp_module module;
    return !vp_module_parse(bytes, size, &module, NULL) &&
           module.platform == (uint16_t)row->platform && module.function == row->function &&
           module.index == row->index && module.version == row->version;
}

static int make(const struct cloud_modules *modules, const struct vp_catalogue_module *row,
                uint8_t **bytes, size_t *size)
{
    if (modules->source && !modules->source(modules->context, row, bytes, size)) {
        if (is_module(row, *bytes, *size)) {
            return 0;
        }
        free(*bytes);
    }
    return vp_forge_catalogue_module(row, bytes, size);
}

static int find_new(struct cloud_modules *modules, const struct vp_catalogue_module *row,
                    struct cloud_image **image)
{
    uint8_t *bytes;
    size_t size;
    int error = make(modules, row, &bytes, &size);
    if (error) {
        return error;
    }
    *image = cloud_image_get(modules->images, bytes, size);
    free(bytes);
    if (!*image) {
        return VP_ERROR_NO_MEMORY;
    }
    const struct vp_module module = {.platform = (uint16_t)row->platform,
                                     .version = row->version,
                                     .function = row->function,
                                     .index = row->index};
    error = cloud_modules_add(modules, &module, *image);
    if (error) {
        cloud_image_release(*image);
        return error;
    }
    cloud_image_share(*image);
    return 0;
}

int cloud_modules_find(struct cloud_modules *modules, const struct vp_catalogue_module *row,
                       struct cloud_image **image)
{
    struct cloud_module *at;
    LL_FOREACH(modules->first, at)
    {
        if (at->platform == (uint16_t)row->platform && at->version == row->version &&
            at->function == row->function && at->index == row->index) {
            *image = cloud_image_share(at->image);
            return 0;
        }
    }
    return find_new(modules, row, image);
}

void cloud_modules_free(struct cloud_modules *modules)
{
    struct cloud_module *at, *next;
    LL_FOREACH_SAFE(modules->first, at, next)
    {
        cloud_image_release(at->image);
        free(at);
    }
    modules->first = NULL;
}
