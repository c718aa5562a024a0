#include "host/guest/cache/cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "files/remove_folder.h"
#include "host/guest/cache/sources.h"

static const char about_file[] = "manifest", sum_file[] = "state.sum";

/* ---- Paths ---------------------------------------------------------------------------------- */

int cache_folder(const char *wish, char *folder, struct vp_failure *failure)
{
    const char *base = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int length;
    if (wish) {
        length = snprintf(folder, PATH_MAX, "%s", wish);
    } else if (base && *base == '/') {
        length = snprintf(folder, PATH_MAX, "%s/vparticle/guest", base);
    } else if (home && *home == '/') {
        length = snprintf(folder, PATH_MAX, "%s/.cache/vparticle/guest", home);
    } else {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "neither XDG_CACHE_HOME nor HOME says where the guest is kept; give --cache "
                       "FOLDER");
    }
    return length < PATH_MAX - 128
               ? 0
               : vp_fail(failure, VP_ERROR_RANGE, "the cache's path is too long");
}

int cache_make_folder(const char *path, struct vp_failure *failure)
{
    char part[PATH_MAX];
    snprintf(part, sizeof part, "%s", path);
    for (char *slash = part; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash) {
            *slash = '\0';
        }
        if (mkdir(part, 0777) && errno != EEXIST) {
            return vp_fail(failure, VP_ERROR_IO, "cannot make the folder %s: %s", part,
                           strerror(errno));
        }
        if (slash) {
            *slash = '/';
        }
    }
    return 0;
}

void cache_state_path(const char *folder, char *path, size_t size)
{
    snprintf(path, size, "%s/state", folder);
}

void cache_nothing_path(const char *folder, char *path, size_t size)
{
    snprintf(path, size, "%s/nothing", folder);
}

/* ---- Files ---------------------------------------------------------------------------------- */

static int read_text(const char *folder, const char *name, char *text, size_t size)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "re");
    if (!file) {
        return VP_ERROR_IO;
    }
    const size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
    return 0;
}

int cache_read_about(const struct cache_entry *entry, char *text, size_t size)
{
    return read_text(entry->folder, about_file, text, size);
}

static int write_text(const char *folder, const char *name, const char *text, size_t size,
                      struct vp_failure *failure)
{
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "we");
    bool written = file && fwrite(text, 1, size, file) == size && fflush(file) == 0 &&
                   fsync(fileno(file)) == 0;
    if (file && fclose(file)) {
        written = false;
    }
    return written ? 0
                   : vp_fail(failure, VP_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
}

uint32_t cache_sum(uint32_t sum, const void *bytes, size_t size)
{
    return (uint32_t)crc32(sum, bytes, (uInt)size);
}

static int sum_file_of(const char *path, uint64_t *size, uint32_t *sum)
{
    static unsigned char block[256 * 1024];
    FILE *file = fopen(path, "re");
    if (!file) {
        return VP_ERROR_IO;
    }
    *size = 0;
    *sum = cache_sum(0, NULL, 0);
    for (size_t count; (count = fread(block, 1, sizeof block, file)) > 0; *size += count) {
        *sum = cache_sum(*sum, block, count);
    }
    const int error = ferror(file) || fsync(fileno(file)) ? VP_ERROR_IO : 0;
    fclose(file);
    return error;
}

bool cache_is_whole(const struct cache_entry *entry)
{
    char path[PATH_MAX + 64];
    uint64_t size;
    uint32_t sum;
    cache_state_path(entry->folder, path, sizeof path);
    return sum_file_of(path, &size, &sum) == 0 && size == entry->state_size &&
           sum == entry->state_sum;
}

int cache_write_about(const char *folder, const struct manifest *manifest,
                      struct vp_failure *failure)
{
    char path[PATH_MAX + 64], text[64];
    uint64_t size;
    uint32_t sum;
    cache_state_path(folder, path, sizeof path);
    if (sum_file_of(path, &size, &sum)) {
        return vp_fail(failure, VP_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    }
    const int length = snprintf(text, sizeof text, "%" PRIu64 " %08" PRIx32 "\n", size, sum);
    const int error = write_text(folder, sum_file, text, (size_t)length, failure);
    return error ? error : write_text(folder, about_file, manifest->text, manifest->size, failure);
}

/* ---- Entries -------------------------------------------------------------------------------- */

static bool is_key(const char *name)
{
    return strlen(name) == KEY_SIZE - 1 && strspn(name, "0123456789abcdef") == KEY_SIZE - 1;
}

/* The key of what it says it was made from, and of this machine. */
static bool fits(const char *text, const char *qemu, const char *key)
{
    static struct manifest manifest;
    char own[KEY_SIZE];
    return manifest_begin_as(&manifest, text) == 0 && manifest_add_machine(&manifest, qemu) == 0 &&
           manifest_key(&manifest, own) == 0 && strcmp(own, key) == 0;
}

static bool read_entry(const char *cache, const char *key, struct cache_entry *entry)
{
    static char text[MANIFEST_SIZE];
    char sum[64];
    return snprintf(entry->folder, sizeof entry->folder, "%s/%s", cache, key) <
               (int)sizeof entry->folder &&
           read_text(entry->folder, about_file, text, sizeof text) == 0 &&
           read_text(entry->folder, sum_file, sum, sizeof sum) == 0 &&
           sscanf(sum, "%" SCNu64 " %" SCNx32, &entry->state_size, &entry->state_sum) == 2 &&
           fits(text, entry->qemu, key);
}

int cache_find(const char *cache, struct cache_entry *entry)
{
    DIR *listing = sources_find_qemu(entry->qemu, sizeof entry->qemu) ? opendir(cache) : NULL;
    bool found = false;
    for (struct dirent *name; listing && !found && (name = readdir(listing));) {
        found = is_key(name->d_name) && read_entry(cache, name->d_name, entry);
    }
    if (listing) {
        closedir(listing);
    }
    return found ? 0 : VP_ERROR_NOT_FOUND;
}

static bool is_unfinished(const char *name)
{
    return strncmp(name, CACHE_MAKING, strlen(CACHE_MAKING)) == 0;
}

static void remove_entries(const char *cache, const char *kept)
{
    char path[PATH_MAX + 256];
    DIR *listing = opendir(cache);
    for (struct dirent *name; listing && (name = readdir(listing));) {
        const bool old = kept && is_key(name->d_name) && strcmp(name->d_name, kept) != 0;
        if (old || is_unfinished(name->d_name)) {
            snprintf(path, sizeof path, "%s/%s", cache, name->d_name);
            vp_remove_folder(path);
        }
    }
    if (listing) {
        closedir(listing);
    }
}

void cache_remove_unfinished(const char *cache)
{
    remove_entries(cache, NULL);
}

int cache_keep(const char *cache, const char *made, const char *key, struct vp_failure *failure)
{
    char path[PATH_MAX + KEY_SIZE];
    snprintf(path, sizeof path, "%s/%s", cache, key);
    vp_remove_folder(path); /* of the same key, and damaged, or it would have been used */
    if (rename(made, path)) {
        return vp_fail(failure, VP_ERROR_IO, "cannot rename %s: %s", made, strerror(errno));
    }
    remove_entries(cache, key);
    return 0;
}
