/* vparticle forge PLATFORM/PART@VERSION -o FILE */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "files/write_file.h"
#include "vparticle/forge.h"

#define MONOLITHIC "monolithic@"

static void print_usage(FILE *to)
{
    fputs(
        "Usage: vparticle forge PLATFORM/PART@VERSION -o FILE\n\n"
        "Make a module with the header, suffix, SHA-256 and CRC-32 of a release. Between them is\n"
        "filler, not code.\n\n"
        "  PLATFORM  photon, p1, electron or core\n"
        "  PART      by file name: bootloader, system-part1, system-part2, tinker, ...;\n"
        "            or monolithic: all in one image\n"
        "  VERSION   a release (0.6.3) or a module version (109)\n"
        "  -o FILE   where to write it; FILE appears whole or not at all\n\n"
        "Examples: photon/system-part1@0.6.3, photon/bootloader@11, electron/tinker@3\n",
        to);
}

/* What is behind the platform: "PART@VERSION"; NULL with @p failure filled in if there is none. */
static const char *find(const char *name, enum vp_platform *platform, struct vp_failure *failure)
{
    const char *slash = strchr(name, '/');
    char platform_name[16];
    if (!slash || (size_t)(slash - name) >= sizeof platform_name) {
        vp_fail(failure, VP_ERROR_INVALID,
                "'%s' is not PLATFORM/PART@VERSION, for example photon/system-part1@0.6.3", name);
        return NULL;
    }
    snprintf(platform_name, sizeof platform_name, "%.*s", (int)(slash - name), name);
    if (vp_platform_from_name(platform_name, platform)) {
        vp_fail(failure, VP_ERROR_NOT_FOUND,
                "there is no platform '%s'; known are photon, p1, electron, core", platform_name);
        return NULL;
    }
    return slash + 1;
}

static int failed(int status, const char *text)
{
    fprintf(stderr, "vparticle forge: %s\n", text);
    return status;
}

static int write_image(const char *path, uint8_t *image, size_t size)
{
    struct vp_failure failure;
    const int error = vp_write_file(path, image, size, &failure);
    free(image);
    return error ? failed(VP_EXIT_SYSTEM, failure.text) : VP_EXIT_OK;
}

/* "photon/monolithic@0.6.3": the catalogue has parts only. */
static int forge_monolithic(enum vp_platform platform, const char *release, const char *path)
{
    struct vp_failure failure;
    uint8_t *image;
    size_t size;
    const int error = vp_forge_monolithic(platform, release, &image, &size);
    if (error == VP_ERROR_NOT_FOUND) {
        vp_fail(&failure, error, "%s has no release '%s'; did you mean '%s'?",
                vp_platform_name(platform), release, vp_monolithic_nearest(platform, release));
        return failed(VP_EXIT_USAGE, failure.text);
    }
    if (error) {
        return failed(VP_EXIT_SYSTEM, vp_error_text(error));
    }
    const int status = write_image(path, image, size);
    if (status == VP_EXIT_OK) {
        printf("%s: %s, all of %s in one image, %zu bytes\n", path, vp_platform_name(platform),
               release, size);
    }
    return status;
}

static int forge_part(enum vp_platform platform, const char *part, const char *path)
{
    struct vp_failure failure;
    uint8_t *image;
    size_t size;
    const struct vp_catalogue_module *module;
    if (vp_forge_find(platform, part, &module, &failure)) {
        return failed(VP_EXIT_USAGE, failure.text);
    }
    const int error = vp_forge_catalogue_module(module, &image, &size);
    if (error) {
        return failed(VP_EXIT_SYSTEM, vp_error_text(error));
    }
    const int status = write_image(path, image, size);
    if (status == VP_EXIT_OK) {
        printf("%s: %s %s, version %u, %zu bytes for 0x%08x%s\n", path,
               vp_platform_name(module->platform), module->part, module->version, size,
               module->address, module->size ? "" : " (no real one was seen: its size is a guess)");
    }
    return status;
}

static int forge(const char *name, const char *path)
{
    struct vp_failure failure;
    enum vp_platform platform;
    const char *part = find(name, &platform, &failure);
    const size_t prefix = sizeof MONOLITHIC - 1;
    if (!part) {
        return failed(VP_EXIT_USAGE, failure.text);
    }
    return strncmp(part, MONOLITHIC, prefix) == 0 ? forge_monolithic(platform, part + prefix, path)
                                                  : forge_part(platform, part, path);
}

int vp_command_forge(int argc, char **argv)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    const char *path = NULL;
    for (int option; (option = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        if (option == 'h') {
            print_usage(stdout);
            return VP_EXIT_OK;
        }
        if (option != 'o') {
            return VP_EXIT_USAGE;
        }
        path = optarg;
    }
    if (!path || argc - optind != 1) {
        fprintf(stderr, "vparticle forge: %s\n\n",
                path ? "name exactly one module" : "say with -o FILE where to write it");
        print_usage(stderr);
        return VP_EXIT_USAGE;
    }
    return forge(argv[optind], path);
}
