/* A file that somebody sent: a report, or a flash that was read out. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "field/field_private.h"

enum { FLASH_IMAGE = 1 << 20, LARGEST = FLASH_IMAGE + 1 };

static uint8_t *read_file(const char *path, size_t *size, struct vp_failure *failure)
{
    FILE *file = fopen(path, "rb");
    uint8_t *bytes = malloc(LARGEST);
    *size = file && bytes ? fread(bytes, 1, LARGEST, file) : 0;
    if (!file || !bytes || ferror(file)) {
        vp_fail(failure, VP_ERROR_IO, "%s: %s", path, strerror(errno));
        free(bytes);
        bytes = NULL;
    }
    if (file) {
        fclose(file);
    }
    return bytes;
}

static int fill_from_image(struct vp_flash *flash, const uint8_t *bytes, enum vp_platform *platform,
                           struct vp_failure *failure)
{
    int error = vp_flash_program(flash, 0x08000000, bytes, FLASH_IMAGE);
    if (!error && vp_module_flash_platform(flash, platform)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "it has the size of a flash image, but no module at any place where a "
                       "board keeps one");
    }
    if (!error && *platform == VP_PLATFORM_CORE) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "its first module was built for a Core, whose flash is of another size: "
                       "which board is it from?");
    }
    return error ? vp_fail(failure, error, "%s", vp_error_text(error)) : 0;
}

static int fill_from_report(struct vp_flash *flash, const uint8_t *bytes, size_t size,
                            enum vp_platform *platform, struct vp_failure *failure)
{
    struct vp_field_report report;
    int error = vp_field_parse((const char *)bytes, size, &report, failure);
    if (error) {
        return error;
    }
    *platform = report.platform;
    if (report.platform == VP_PLATFORM_CORE) {
        return vp_fail(failure, VP_ERROR_UNSUPPORTED,
                       "a Core has one monolithic firmware: say which with core@RELEASE");
    }
    return vp_field_install(flash, &report, failure);
}

int vp_field_load(const char *path, struct vp_flash **flash, enum vp_platform *platform,
                  struct vp_failure *failure)
{
    size_t size;
    struct vp_failure reason = {""};
    uint8_t *bytes = read_file(path, &size, failure);
    if (!bytes) {
        return VP_ERROR_IO;
    }
    int error = vp_flash_create(flash, &vp_flash_stm32f205);
    if (error) {
        free(bytes);
        return vp_fail(failure, error, "%s", vp_error_text(error));
    }
    if (size == FLASH_IMAGE) {
        error = fill_from_image(*flash, bytes, platform, &reason);
    } else if (size > VP_FIELD_TEXT_LIMIT) {
        error = vp_fail(&reason, VP_ERROR_INVALID,
                        "too long for a report, and not the 1048576 bytes of a flash image");
    } else {
        error = fill_from_report(*flash, bytes, size, platform, &reason);
    }
    free(bytes);
    if (error) {
        vp_flash_destroy(*flash);
        vp_fail(failure, error, "%s: %s", path, reason.text);
    }
    return error;
}
