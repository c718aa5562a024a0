#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/device_private.h"
#include "vparticle/forge.h"
#include "vparticle/nearest.h"

enum { MAX_SPEC = 4096 };

static const char erased[] = "erased";

/* A SPEC taken apart. The strings point into `copy`. */
struct spec {
    char *copy;
    const struct vp_board *board;
    const char *release; /* a release of the catalogue, or `erased` */
    uint16_t bootloader; /* 0: the release's own */
    const char *mode;    /* NULL: whatever it comes up in */
    const char *flash;   /* image file, or NULL */
    uint8_t id[VP_DEVICE_ID_SIZE];
};

/* ---- Keys -------------------------------------------------------------------------- */

static int read_bootloader(struct spec *spec, char *value, struct vp_failure *failure)
{
    char *end;
    errno = 0;
    const unsigned long version = strtoul(value, &end, 10);
    if (!isdigit((unsigned char)*value) || *end || errno || version == 0 || version > UINT16_MAX) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "bootloader=%s: must be a bootloader version such as 7, 11 or 101", value);
    }
    spec->bootloader = (uint16_t)version;
    return 0;
}

static int read_mode(struct spec *spec, char *value, struct vp_failure *failure)
{
    if (strcmp(value, "dfu") != 0 && strcmp(value, "normal") != 0 && strcmp(value, "safe") != 0) {
        return vp_fail(failure, VP_ERROR_INVALID, "mode=%s: must be dfu, normal or safe", value);
    }
    spec->mode = value;
    return 0;
}

static int hex_digit(char digit)
{
    const int lower = tolower((unsigned char)digit);
    return isdigit((unsigned char)digit)  ? digit - '0'
           : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                          : -1;
}

static int read_id(struct spec *spec, char *value, struct vp_failure *failure)
{
    bool good = strlen(value) == sizeof spec->id * 2;
    for (size_t i = 0; good && i < sizeof spec->id; i++) {
        const int high = hex_digit(value[2 * i]), low = hex_digit(value[2 * i + 1]);
        good = high >= 0 && low >= 0;
        spec->id[i] = (uint8_t)(high * 16 + low);
    }
    return good ? 0
                : vp_fail(failure, VP_ERROR_INVALID,
                          "id=%s: must be 24 hexadecimal digits, such as "
                          "30003a000a47343432313031",
                          value);
}

static int read_flash(struct spec *spec, char *value, struct vp_failure *failure)
{
    spec->flash = value;
    return *value ? 0
                  : vp_fail(failure, VP_ERROR_INVALID,
                            "flash=: must name an image file; it is made if it does not exist");
}

static const struct key {
    const char *name;
    int (*read)(struct spec *spec, char *value, struct vp_failure *failure);
} keys[] = {
    {"bootloader", read_bootloader},
    {"mode", read_mode},
    {"id", read_id},
    {"flash", read_flash},
};

enum { KEY_COUNT = sizeof keys / sizeof *keys };

static int read_pair(struct spec *spec, char *pair, struct vp_failure *failure)
{
    char *value = strchr(pair, '=');
    if (!value) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "'%s': after the first comma a device is described by key=value "
                       "(keys: bootloader, mode, id, flash)",
                       pair);
    }
    *value++ = '\0';
    struct vp_nearest nearest = vp_nearest_start(pair);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].name, pair) == 0) {
            return keys[i].read(spec, value, failure);
        }
        vp_nearest_offer(&nearest, keys[i].name);
    }
    return vp_fail(failure, VP_ERROR_INVALID,
                   "'%s' is not a key of a device; did you mean '%s'? "
                   "(keys: bootloader, mode, id, flash)",
                   pair, nearest.best);
}

/* ---- Platform and release ------------------------------------------------------------ */

static int read_platform(struct spec *spec, const char *name, struct vp_failure *failure)
{
    enum vp_platform platform;
    if (vp_platform_from_name(name, &platform)) {
        vp_fail(failure, 0, "'%s' is not a platform; photon is the one that can be emulated yet",
                name);
        return VP_ERROR_NOT_FOUND;
    }
    spec->board = vp_board_find(platform);
    if (platform != VP_PLATFORM_PHOTON) {
        vp_fail(failure, 0, "%s cannot be emulated yet; only photon can", name);
        return VP_ERROR_UNSUPPORTED;
    }
    return 0;
}

static int read_release(struct spec *spec, const char *name, struct vp_failure *failure)
{
    spec->release = name;
    if (!name) {
        unsigned count;
        const struct vp_catalogue_release *releases =
            vp_catalogue_releases(spec->board->platform, &count);
        spec->release = releases[count - 1].name;
    } else if (strcmp(name, erased) != 0 &&
               !vp_catalogue_find_release(spec->board->platform, name)) {
        return vp_fail(failure, VP_ERROR_NOT_FOUND,
                       "%s has no release '%s'; did you mean '%s'? ('erased' is a chip with only "
                       "a bootloader)",
                       spec->board->name, name,
                       vp_catalogue_nearest_release(spec->board->platform, name));
    }
    return 0;
}

static int parse(struct spec *spec, const char *text, unsigned number, struct vp_failure *failure)
{
    static const uint8_t default_id[VP_DEVICE_ID_SIZE] = {0x30, 0x00, 0x3A, 0x00, 0x0A, 0x47,
                                                          0x34, 0x34, 0x32, 0x31, 0x30, 0x31};
    *spec = (struct spec){0};
    memcpy(spec->id, default_id, sizeof default_id);
    spec->id[VP_DEVICE_ID_SIZE - 1] = (uint8_t)(default_id[VP_DEVICE_ID_SIZE - 1] + number);
    if (strnlen(text, MAX_SPEC) == MAX_SPEC) {
        vp_fail(failure, 0, "a device's description is too long");
        return VP_ERROR_INVALID;
    }
    spec->copy = strdup(text);
    if (!spec->copy) {
        vp_fail(failure, 0, "out of memory");
        return VP_ERROR_NO_MEMORY;
    }
    char *rest = spec->copy;
    char *platform = strsep(&rest, ",");
    char *release = strchr(platform, '@');
    if (release) {
        *release++ = '\0';
    }
    int error = read_platform(spec, platform, failure);
    if (!error) {
        error = read_release(spec, release, failure);
    }
    for (char *pair; !error && (pair = strsep(&rest, ","));) {
        error = read_pair(spec, pair, failure);
    }
    return error;
}

/* ---- Building ---------------------------------------------------------------------------- */

/* The newest bootloader that the platform ever had. */
static uint16_t newest_bootloader(const struct vp_board *board)
{
    unsigned count;
    uint16_t newest = 0;
    const struct vp_catalogue_release *releases = vp_catalogue_releases(board->platform, &count);
    for (unsigned i = 0; i < count; i++) {
        if (releases[i].bootloader > newest) {
            newest = releases[i].bootloader;
        }
    }
    return newest;
}

static int fill(struct vp_flash *flash, const struct spec *spec, struct vp_failure *failure)
{
    if (strcmp(spec->release, erased) == 0) {
        return vp_module_install_bootloader(
            flash, spec->board->platform,
            spec->bootloader ? spec->bootloader : newest_bootloader(spec->board), failure);
    }
    return vp_module_install_release(flash, spec->board->platform, spec->release, spec->bootloader,
                                     failure);
}

static int make_flash(struct vp_flash **flash, const struct spec *spec, struct vp_failure *failure)
{
    if (spec->flash && access(spec->flash, F_OK) == 0) {
        return vp_flash_open_image(flash, spec->board->geometry, spec->flash, failure);
    }
    struct vp_flash *made;
    int error = vp_flash_create(&made, spec->board->geometry);
    if (error) {
        return vp_fail(failure, error, "%s", vp_error_text(error));
    }
    error = fill(made, spec, failure);
    if (!error && spec->flash) {
        error = vp_flash_save_image(made, spec->flash, failure);
        if (!error) {
            error = vp_flash_open_image(flash, spec->board->geometry, spec->flash, failure);
        }
        vp_flash_destroy(made);
    } else if (error) {
        vp_flash_destroy(made);
    } else {
        *flash = made;
    }
    return error;
}

static int check_mode(const struct vp_device *device, const struct spec *spec,
                      struct vp_failure *failure)
{
    const char *mode = vp_mode_name(vp_device_mode(device));
    if (!spec->mode || strcmp(spec->mode, mode) == 0) {
        return 0;
    }
    return vp_fail(
        failure, VP_ERROR_INVALID, "mode=%s: this device comes up in mode %s; %s", spec->mode, mode,
        strcmp(mode, "dfu") == 0 ? "it has no firmware to run, name a release"
                                 : "what is in its flash does not run, see 'vparticle inspect'");
}

static uint16_t request_for(const char *mode)
{
    if (!mode) {
        return VP_BOOT_REQUEST_NONE;
    }
    return strcmp(mode, "dfu") == 0    ? VP_BOOT_REQUEST_DFU
           : strcmp(mode, "safe") == 0 ? VP_BOOT_REQUEST_SAFE_MODE
                                       : VP_BOOT_REQUEST_NONE;
}

static int build(struct vp_device **device, const struct spec *spec, struct vp_failure *failure)
{
    struct vp_device_parts parts = {.board = spec->board, .request = request_for(spec->mode)};
    memcpy(parts.id, spec->id, sizeof parts.id);
    int error = make_flash(&parts.flash, spec, failure);
    if (error) {
        return error;
    }
    struct vp_device *made;
    error = vp_device_create(&made, &parts);
    if (error) {
        vp_flash_destroy(parts.flash);
        return vp_fail(failure, error, "%s", vp_error_text(error));
    }
    error = check_mode(made, spec, failure);
    if (error) {
        vp_device_destroy(made);
        return error;
    }
    *device = made;
    return 0;
}

int vp_device_from_spec(struct vp_device **device, const char *text, unsigned number,
                        struct vp_failure *failure)
{
    struct spec spec;
    int error = parse(&spec, text, number, failure);
    if (!error) {
        error = build(device, &spec, failure);
    }
    free(spec.copy);
    return error;
}

int vp_device_check_spec(const char *text, struct vp_failure *failure)
{
    struct spec spec;
    const int error = parse(&spec, text, 0, failure);
    free(spec.copy);
    return error;
}
