#include "vparticle/sd_card.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device_private.h"
#include "system/update/update.h"

enum {
    FILE_LIMIT = 1 << 20, /* bytes; no chip has more */
    CHUNK = 512,          /* HAL_OTA_ChunkSize() @ v0.7.0 */
};

const char *const vp_sd_file_names[VP_SD_FILES] = {"system1.bin", "system2.bin", "system3.bin",
                                                   "firmware.bin"};

struct vp_sd_card {
    struct {
        uint8_t *bytes; /* NULL: there is none */
        size_t size;
    } files[VP_SD_FILES];
    unsigned stage; /* the application's, in retained memory: a restart does not change it */
};

/* ---- The card ------------------------------------------------------------------------------- */

static int read_all(FILE *from, const char *path, uint8_t **bytes, size_t *size,
                    struct vp_failure *failure)
{
    *bytes = malloc(FILE_LIMIT + 1);
    if (!*bytes) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    *size = fread(*bytes, 1, FILE_LIMIT + 1, from);
    if (ferror(from)) {
        return vp_fail(failure, VP_ERROR_IO, "%s: %s", path, strerror(errno));
    }
    if (*size > FILE_LIMIT) {
        return vp_fail(failure, VP_ERROR_RANGE,
                       "%s: has more than 1 MiB: no board has a module of that size", path);
    }
    uint8_t *fitting = realloc(*bytes, *size ? *size : 1);
    *bytes = fitting ? fitting : *bytes;
    return 0;
}

static int load(struct vp_sd_card *card, unsigned number, const char *folder,
                struct vp_failure *failure)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, vp_sd_file_names[number]) < 0) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    FILE *from = fopen(path, "rb");
    int error = 0;
    if (from) {
        error =
            read_all(from, path, &card->files[number].bytes, &card->files[number].size, failure);
        fclose(from);
    } else if (errno != ENOENT) {
        error = vp_fail(failure, VP_ERROR_IO, "%s: %s", path, strerror(errno));
    }
    free(path);
    return error;
}

int vp_sd_card_insert(struct vp_sd_card **card, const char *folder, struct vp_failure *failure)
{
    struct vp_sd_card *made = calloc(1, sizeof *made);
    if (!made) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    bool any = false;
    for (unsigned i = 0; i < VP_SD_FILES; i++) {
        const int error = load(made, i, folder, failure);
        if (error) {
            vp_sd_card_remove(made);
            return error;
        }
        any = any || made->files[i].bytes;
    }
    if (!any) {
        vp_sd_card_remove(made);
        return vp_fail(failure, VP_ERROR_NOT_FOUND,
                       "%s: has none of the files that are looked for: system1.bin, system2.bin, "
                       "system3.bin, firmware.bin",
                       folder);
    }
    *card = made;
    return 0;
}

void vp_sd_card_remove(struct vp_sd_card *card)
{
    if (card) {
        for (unsigned i = 0; i < VP_SD_FILES; i++) {
            free(card->files[i].bytes);
        }
        free(card);
    }
}

/* ---- The application ------------------------------------------------------------------------ */

static int write_chunks(struct vp_system *system, const uint8_t *bytes, size_t size)
{
    int error = 0;
    for (size_t at = 0; at < size && !error; at += CHUNK) {
        const size_t left = size - at;
        error = vp_update_write(system, (uint32_t)at, bytes + at,
                                (uint32_t)(left < CHUNK ? left : CHUNK));
    }
    return error;
}

/* updateFromFile() */
static int update(struct vp_system *system, const uint8_t *bytes, size_t size,
                  struct vp_sd_copy *copy)
{
    struct vp_update_result result;
    int error = vp_update_begin(system, (uint32_t)size);
    if (error) {
        return error;
    }
    error = write_chunks(system, bytes, size);
    if (error) {
        vp_update_cancel(system); /* "save chunk failed": finished without success */
        return error;
    }
    error = vp_update_finish(system, &result);
    copy->checked = result.checked;
    copy->result = result.result;
    copy->accepted = result.queued || result.installed;
    return error;
}

int vp_sd_card_copy(struct vp_sd_card *card, struct vp_device *device, struct vp_sd_copy *copy)
{
    if (vp_device_mode(device) != VP_MODE_NORMAL) {
        return VP_ERROR_BUSY;
    }
    while (card->stage < VP_SD_FILES && !card->files[card->stage].bytes) {
        card->stage++;
    }
    if (card->stage == VP_SD_FILES) {
        return 0;
    }
    *copy = (struct vp_sd_copy){.file = vp_sd_file_names[card->stage]};
    const int error = update(&device->system, card->files[card->stage].bytes,
                             card->files[card->stage].size, copy);
    if (!error) {
        card->stage++;
        vp_system_reset(&device->system, VP_SYSTEM_PLAIN_RESET, 0);
    }
    vp_device_look(device);
    return error ? error : 1;
}
