/*
 * Writes a forged module for every row of the catalogue to standard output, each as a line of JSON
 * that says what is in it, a zero byte, and the image. For binary-version-reader.js.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "vparticle/forge.h"

static json_t *dependency(const struct vp_module_dependency *of)
{
    return json_pack("[iii]", of->function, of->index, of->version);
}

static int write_row(const struct vp_catalogue_module *row)
{
    uint8_t *image;
    size_t size;
    const int error = vp_forge_catalogue_module(row, &image, &size);
    if (error) {
        fprintf(stderr, "%s %s of %s: %s\n", row->part, row->release,
                vp_platform_name(row->platform), vp_error_text(error));
        return error;
    }
    json_t *line = json_pack(
        "{si ss ss si si si so so si si}", "platform", row->platform, "release", row->release,
        "part", row->part, "version", row->version, "function", row->function, "index", row->index,
        "dependency", dependency(&row->dependencies[0]), "dependency2",
        dependency(&row->dependencies[1]), "header", (int)row->header_offset, "size", (int)size);
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\0');
    fwrite(image, 1, size, stdout);
    json_decref(line);
    free(image);
    return ferror(stdout) ? -1 : 0;
}

int main(void)
{
    static const enum vp_platform platforms[] = {VP_PLATFORM_CORE, VP_PLATFORM_PHOTON,
                                                 VP_PLATFORM_P1, VP_PLATFORM_ELECTRON};
    for (size_t i = 0; i < sizeof platforms / sizeof *platforms; i++) {
        unsigned count;
        const struct vp_catalogue_module *rows = vp_catalogue_modules(platforms[i], &count);
        for (unsigned row = 0; row < count; row++) {
            if (write_row(&rows[row])) {
                return 1;
            }
        }
    }
    return 0;
}
