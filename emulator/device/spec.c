#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device/device_private.h"
#include "vparticle/field.h"
#include "vparticle/forge.h"
#include "vparticle/nearest.h"

enum { MAX_SPEC = 4096 };

static const char erased[] = "erased";

/* A SPEC taken apart. The strings point into `copy`. */
struct spec {
    char *copy;
    const struct vp_board *board;
    const char *report;      /* file that the field sent; NULL: board and release are named */
    const char *release;     /* a release of the catalogue, or `erased` */
    uint16_t bootloader;     /* 0: the release's own */
    const char *mode;        /* NULL: whatever it comes up in */
    const char *flash;       /* image file, or NULL */
    const char *external;    /* image file of the serial flash, or NULL */
    const char *application; /* file that says what the application answers, or NULL */
    bool monolithic;         /* the firmware is one image */
    unsigned seen;           /* which keys were given: a bit each */
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

static int read_external(struct spec *spec, char *value, struct vp_failure *failure)
{
    if (!spec->board->external) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "external=%s: %s has no serial flash; P1 and Core do", value,
                       spec->board->name);
    }
    spec->external = value;
    return *value ? 0
                  : vp_fail(failure, VP_ERROR_INVALID,
                            "external=: must name an image file of the serial flash; it is made if "
                            "it does not exist");
}

static int read_firmware(struct spec *spec, char *value, struct vp_failure *failure)
{
    spec->monolithic = strcmp(value, "monolithic") == 0;
    if (!spec->monolithic && strcmp(value, "modular") != 0) {
        return vp_fail(failure, VP_ERROR_INVALID, "firmware=%s: must be modular or monolithic",
                       value);
    }
    if (!spec->monolithic && !spec->board->modular) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "firmware=modular: the firmware of %s is always monolithic",
                       spec->board->name);
    }
    return 0;
}

static int read_application(struct spec *spec, char *value, struct vp_failure *failure)
{
    spec->application = value;
    return *value ? 0
                  : vp_fail(failure, VP_ERROR_INVALID,
                            "app=: must name a JSON file with what the application answers: "
                            "{\"functions\": {\"led\": 1}, \"variables\": {\"count\": 3}}");
}

static const struct key {
    const char *name;
    int (*read)(struct spec *spec, char *value, struct vp_failure *failure);
    bool with_report; /* makes sense where a file says what is in flash */
} keys[] = {
    {"bootloader", read_bootloader, false},
    {"mode", read_mode, true},
    {"id", read_id, true},
    {"flash", read_flash, true},
    {"external", read_external, false},
    {"firmware", read_firmware, false},
    {"app", read_application, true},
};

#define KEY_NAMES "bootloader, mode, id, flash, external, firmware, app"

enum { KEY_COUNT = sizeof keys / sizeof *keys };

static int read_pair(struct spec *spec, char *pair, struct vp_failure *failure)
{
    char *value = strchr(pair, '=');
    if (!value) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "'%s': after the first comma a device is described by key=value "
                       "(keys: " KEY_NAMES ")",
                       pair);
    }
    *value++ = '\0';
    struct vp_nearest nearest = vp_nearest_start(pair);
    for (size_t i = 0; i < KEY_COUNT; i++) {
        if (strcmp(keys[i].name, pair) == 0) {
            if (spec->seen & 1u << i) {
                return vp_fail(failure, VP_ERROR_INVALID,
                               "%s=%s: '%s' was given before; give it once", pair, value, pair);
            }
            if (spec->report && !keys[i].with_report) {
                return vp_fail(failure, VP_ERROR_INVALID,
                               "%s=%s: inspect=FILE says that already; leave it out", pair, value);
            }
            spec->seen |= 1u << i;
            return keys[i].read(spec, value, failure);
        }
        vp_nearest_offer(&nearest, keys[i].name);
    }
    return vp_fail(failure, VP_ERROR_INVALID,
                   "'%s' is not a key of a device; did you mean '%s'? "
                   "(keys: " KEY_NAMES ")",
                   pair, nearest.best);
}

/* ---- Platform and release ------------------------------------------------------------ */

static int read_platform(struct spec *spec, const char *name, struct vp_failure *failure)
{
    enum vp_platform platform;
    if (vp_platform_from_name(name, &platform)) {
        vp_fail(failure, 0, "'%s' is not a platform; there are photon, p1, electron and core",
                name);
        return VP_ERROR_NOT_FOUND;
    }
    spec->board = vp_board_find(platform);
    spec->monolithic = !spec->board->modular;
    return 0;
}

static int read_release(struct spec *spec, const char *name, struct vp_failure *failure)
{
    const enum vp_platform platform = spec->board->platform;
    spec->release = name ? name : vp_monolithic_newest(platform);
    if (strcmp(spec->release, erased) != 0 && !vp_monolithic_version(platform, spec->release)) {
        return vp_fail(failure, VP_ERROR_NOT_FOUND,
                       "%s has no release '%s'; did you mean '%s'? ('erased' is a chip with only "
                       "a bootloader)",
                       spec->board->name, name, vp_monolithic_nearest(platform, name));
    }
    return 0;
}

/* What comes first: PLATFORM[@RELEASE], or inspect=FILE. */
static int read_subject(struct spec *spec, char *text, struct vp_failure *failure)
{
    static const char report[] = "inspect=";
    if (strncmp(text, report, sizeof report - 1) == 0) {
        spec->report = text + sizeof report - 1;
        return *spec->report
                   ? 0
                   : vp_fail(failure, VP_ERROR_INVALID,
                             "inspect=: must name a file with what 'particle serial inspect' "
                             "printed, a description as JSON, or a flash image");
    }
    char *release = strchr(text, '@');
    if (release) {
        *release++ = '\0';
    }
    const int error = read_platform(spec, text, failure);
    return error ? error : read_release(spec, release, failure);
}

static int parse(struct spec *spec, const char *text, unsigned number, struct vp_failure *failure)
{
    *spec = (struct spec){0};
    memcpy(spec->id, vp_device_default_id, sizeof spec->id);
    spec->id[VP_DEVICE_ID_SIZE - 1] = (uint8_t)(spec->id[VP_DEVICE_ID_SIZE - 1] + number);
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
    int error = read_subject(spec, platform, failure);
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

static int fill(struct vp_flash *flash, struct vp_flash *external, const struct spec *spec,
                struct vp_failure *failure)
{
    const enum vp_platform platform = spec->board->platform;
    if (strcmp(spec->release, erased) == 0) {
        return vp_module_install_bootloader(
            flash, platform, spec->bootloader ? spec->bootloader : newest_bootloader(spec->board),
            failure);
    }
    return spec->monolithic ? vp_module_install_monolithic(flash, external, platform, spec->release,
                                                           spec->bootloader, failure)
                            : vp_module_install_release(flash, platform, spec->release,
                                                        spec->bootloader, failure);
}

/* A flash in memory becomes one in a file, if there is to be one. */
static int keep_in_file(struct vp_flash **flash, const char *path, struct vp_failure *failure)
{
    if (!path || !*flash) {
        return 0;
    }
    struct vp_flash *opened;
    int error = vp_flash_save_image(*flash, path, failure);
    if (!error) {
        error = vp_flash_open_image(&opened, vp_flash_geometry(*flash), path, failure);
    }
    if (!error) {
        vp_flash_destroy(*flash);
        *flash = opened;
    }
    return error;
}

/* Open the image that is there already, or make a flash in memory. */
static int open_or_create(struct vp_flash **flash, const struct vp_flash_geometry *geometry,
                          const char *path, bool *fresh, struct vp_failure *failure)
{
    *fresh = !path || access(path, F_OK) != 0;
    if (!*fresh) {
        return vp_flash_open_image(flash, geometry, path, failure);
    }
    const int error = vp_flash_create(flash, geometry);
    return error ? vp_fail(failure, error, "%s", vp_error_text(error)) : 0;
}

static void discard(struct vp_device_parts *parts)
{
    vp_flash_destroy(parts->flash);
    vp_flash_destroy(parts->external);
}

/* What is in an image file already stays as it is. */
static int make_flash(struct vp_device_parts *parts, const struct spec *spec,
                      struct vp_failure *failure)
{
    bool fresh, external_fresh = false;
    int error = open_or_create(&parts->flash, spec->board->geometry, spec->flash, &fresh, failure);
    if (!error && spec->board->external) {
        error = open_or_create(&parts->external, spec->board->external, spec->external,
                               &external_fresh, failure);
    }
    if (!error && fresh) {
        error = fill(parts->flash, external_fresh ? parts->external : NULL, spec, failure);
        error = error ? error : keep_in_file(&parts->flash, spec->flash, failure);
    }
    if (!error && external_fresh) {
        error = keep_in_file(&parts->external, spec->external, failure);
    }
    if (error) {
        discard(parts);
    }
    return error;
}

/* The file tells the board, and what is in flash unless an image file says so already. */
static int load_report(struct vp_device_parts *parts, struct spec *spec, struct vp_failure *failure)
{
    enum vp_platform platform;
    int error = vp_field_load(spec->report, &parts->flash, &platform, failure);
    if (error) {
        return error;
    }
    parts->board = spec->board = vp_board_find(platform);
    if (spec->flash && access(spec->flash, F_OK) == 0) {
        vp_flash_destroy(parts->flash);
        parts->flash = NULL;
        error = vp_flash_open_image(&parts->flash, spec->board->geometry, spec->flash, failure);
    } else {
        error = keep_in_file(&parts->flash, spec->flash, failure);
    }
    if (!error && spec->board->external) {
        bool fresh;
        error = open_or_create(&parts->external, spec->board->external, NULL, &fresh, failure);
    }
    if (error) {
        discard(parts);
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

/* A chip without firmware comes up in DFU mode by itself, as it would on a desk. */
static uint16_t request_for(const struct spec *spec, const struct vp_flash *flash)
{
    const char *mode = spec->mode;
    const bool by_itself = spec->board->modular && !vp_boot_application_valid(flash, spec->board);
    if (!mode || (by_itself && spec->release && strcmp(spec->release, erased) == 0)) {
        return VP_BOOT_REQUEST_NONE;
    }
    return strcmp(mode, "dfu") == 0    ? VP_BOOT_REQUEST_DFU
           : strcmp(mode, "safe") == 0 ? VP_BOOT_REQUEST_SAFE_MODE
                                       : VP_BOOT_REQUEST_NONE;
}

/* The device frees it. */
static int load_application(struct vp_device *device, const struct spec *spec,
                            struct vp_failure *failure)
{
    if (!spec->application) {
        return 0;
    }
    const int error = vp_application_load(&device->own_application, spec->application, failure);
    if (!error) {
        vp_device_set_application(device, device->own_application);
    }
    return error;
}

static int build(struct vp_device **device, struct spec *spec, struct vp_failure *failure)
{
    struct vp_device_parts parts = {.board = spec->board};
    memcpy(parts.id, spec->id, sizeof parts.id);
    int error =
        spec->report ? load_report(&parts, spec, failure) : make_flash(&parts, spec, failure);
    if (error) {
        return error;
    }
    parts.request = request_for(spec, parts.flash);
    struct vp_device *made;
    error = vp_device_create(&made, &parts);
    if (error) {
        discard(&parts);
        return vp_fail(failure, error, "%s", vp_error_text(error));
    }
    error = check_mode(made, spec, failure);
    error = error ? error : load_application(made, spec, failure);
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
