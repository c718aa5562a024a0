#include "cloud/kept.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "files/write_file.h"
#include "vparticle/board.h"
#include "vparticle/cloud.h"
#include "vparticle/device.h"

/* The names of what a device's folder holds. */
#define SPEC_FILE     "spec"
#define FLASH_FILE    "flash.img"
#define EXTERNAL_FILE "external.img"

static int no_memory(struct vp_failure *failure)
{
    return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
}

/* Takes `spec` over. */
static int append(struct vp_kept_devices *list, char *spec, struct vp_failure *failure)
{
    char **grown = spec ? realloc(list->specs, (list->count + 1) * sizeof *grown) : NULL;
    if (!grown) {
        free(spec);
        return no_memory(failure);
    }
    list->specs = grown;
    list->specs[list->count++] = spec;
    return 0;
}

static bool has_key(const char *spec, const char *key)
{
    const char *found = strstr(spec, key);
    return found && found > spec && found[-1] == ',';
}

static int make_folder(const char *path, struct vp_failure *failure)
{
    return mkdir(path, 0700) && errno != EEXIST
               ? vp_fail(failure, VP_ERROR_IO, "%s: cannot make it: %s", path, strerror(errno))
               : 0;
}

/* What a SPEC leaves open until the device is made. */
struct identity {
    char id[VP_CLOUD_ID_SIZE + 1];
    bool external; /* it has a serial flash */
};

static int identify(const char *spec, unsigned number, struct identity *identity,
                    struct vp_failure *failure)
{
    struct vp_device *device;
    uint8_t id[VP_DEVICE_ID_SIZE];
    const int error = vp_device_from_spec(&device, spec, number, failure);
    if (error) {
        return error;
    }
    vp_device_id(device, id);
    for (unsigned i = 0; i < VP_DEVICE_ID_SIZE; i++) {
        snprintf(identity->id + 2 * (size_t)i, 3, "%02x", id[i]);
    }
    identity->external = vp_board_find(vp_device_platform(device))->external != NULL;
    vp_device_destroy(device);
    return 0;
}

/* The device's folder with the text that makes it once more. */
static int keep(const char *folder, const char *spec, const struct identity *identity,
                struct vp_failure *failure)
{
    char *path = NULL, *text = NULL;
    int error = 0;
    if (asprintf(&path, "%s/" SPEC_FILE, folder) < 0) {
        path = NULL;
    }
    if (asprintf(&text, "%s%s%s\n", spec, has_key(spec, "id=") ? "" : ",id=",
                 has_key(spec, "id=") ? "" : identity->id) < 0) {
        text = NULL;
    }
    if (!path || !text) {
        error = no_memory(failure);
    } else {
        error = vp_write_file(path, text, strlen(text), failure);
    }
    free(text);
    free(path);
    return error;
}

/* "photon@0.6.3,id=...,flash=FOLDER/flash.img" */
static char *with_images(const char *folder, const char *spec, const struct identity *identity)
{
    char *text;
    const bool id = has_key(spec, "id=");
    const int length = asprintf(
        &text, "%s%s%s,flash=%s/" FLASH_FILE "%s%s%s", spec,
        id ? "" : ",id=", id ? "" : identity->id, folder, identity->external ? ",external=" : "",
        identity->external ? folder : "", identity->external ? "/" EXTERNAL_FILE : "");
    return length < 0 ? NULL : text;
}

static bool is_in(const struct vp_kept_devices *list, const char *spec)
{
    for (unsigned i = 0; i < list->count; i++) {
        if (strcmp(list->specs[i], spec) == 0) {
            return true;
        }
    }
    return false;
}

int vp_kept_devices_add(struct vp_kept_devices *list, const char *state, const char *spec,
                        unsigned number, struct vp_failure *failure)
{
    char folder[PATH_MAX];
    struct identity identity;
    if (has_key(spec, "flash=") || has_key(spec, "external=")) {
        return append(list, strdup(spec), failure);
    }
    if (strchr(state, ',')) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "state folder %s: its name must have no comma: a SPEC could not name the "
                       "files in it",
                       state);
    }
    int error = identify(spec, number, &identity, failure);
    if (error) {
        return error;
    }
    snprintf(folder, sizeof folder, "%s/devices", state);
    error = make_folder(folder, failure);
    if (!error) {
        snprintf(folder, sizeof folder, "%s/devices/%s", state, identity.id);
        error = make_folder(folder, failure);
    }
    if (!error) {
        error = keep(folder, spec, &identity, failure);
    }
    return error ? error : append(list, with_images(folder, spec, &identity), failure);
}

/* ---- Loading ----------------------------------------------------------------------------------
 */

static int read_spec(const char *folder, char *spec, size_t size, struct vp_failure *failure)
{
    char path[PATH_MAX + sizeof "/" SPEC_FILE];
    snprintf(path, sizeof path, "%s/" SPEC_FILE, folder);
    FILE *file = fopen(path, "r");
    const bool read = file && fgets(spec, (int)size, file);
    if (file) {
        fclose(file);
    }
    if (!read) {
        return vp_fail(failure, VP_ERROR_IO, "%s: cannot be read: %s", path, strerror(errno));
    }
    spec[strcspn(spec, "\n")] = '\0';
    return 0;
}

static int load_one(struct vp_kept_devices *list, const char *folder, struct vp_failure *failure)
{
    char spec[PATH_MAX];
    struct identity identity;
    int error = read_spec(folder, spec, sizeof spec, failure);
    if (!error) {
        error = identify(spec, 0, &identity, failure);
    }
    if (error) {
        return error;
    }
    char *text = with_images(folder, spec, &identity);
    if (text && is_in(list, text)) {
        free(text);
        return 0;
    }
    return append(list, text, failure);
}

static int is_device(const struct dirent *entry)
{
    return strspn(entry->d_name, "0123456789abcdef") == VP_CLOUD_ID_SIZE &&
           entry->d_name[VP_CLOUD_ID_SIZE] == '\0';
}

int vp_kept_devices_load(struct vp_kept_devices *list, const char *state,
                         struct vp_failure *failure)
{
    char folder[PATH_MAX];
    struct dirent **entries;
    snprintf(folder, sizeof folder, "%s/devices", state);
    const int count = scandir(folder, &entries, is_device, alphasort);
    int error = 0;
    if (count < 0) {
        return errno == ENOENT ? 0
                               : vp_fail(failure, VP_ERROR_IO, "%s: %s", folder, strerror(errno));
    }
    for (int i = 0; i < count; i++) {
        if (!error) {
            snprintf(folder, sizeof folder, "%s/devices/%s", state, entries[i]->d_name);
            error = load_one(list, folder, failure);
        }
        free(entries[i]);
    }
    free(entries);
    return error;
}

void vp_kept_devices_free(struct vp_kept_devices *list)
{
    for (unsigned i = 0; i < list->count; i++) {
        free(list->specs[i]);
    }
    free(list->specs);
    *list = (struct vp_kept_devices){0};
}
