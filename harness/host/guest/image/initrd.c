#include "host/guest/image/initrd.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum { FILE_MAX = 64 << 20, CONSOLE_MAJOR = 5, CONSOLE_MINOR = 1 };

struct writer {
    struct archive *archive;
    struct vp_failure *failure;
};

struct contents {
    uint8_t *bytes;
    size_t size;
};

/* ---- Reading --------------------------------------------------------------------------------- */

static int grow(struct contents *contents, size_t *capacity)
{
    if (contents->size < *capacity) {
        return 0;
    }
    *capacity = *capacity ? *capacity * 2 : 256 * 1024;
    uint8_t *grown = *capacity <= FILE_MAX ? realloc(contents->bytes, *capacity) : NULL;
    if (grown) {
        contents->bytes = grown;
    }
    return grown ? 0 : VP_ERROR_NO_MEMORY;
}

static int read_all(struct archive *archive, struct contents *contents)
{
    size_t capacity = 0;
    la_ssize_t count;
    do {
        if (grow(contents, &capacity)) {
            return ARCHIVE_FATAL;
        }
        count =
            archive_read_data(archive, contents->bytes + contents->size, capacity - contents->size);
        contents->size += count > 0 ? (size_t)count : 0;
    } while (count > 0);
    return count < 0 ? ARCHIVE_FATAL : ARCHIVE_OK;
}

/* Uncompressed, whatever it is compressed with. */
static int read_file(const char *path, struct contents *contents, struct vp_failure *failure)
{
    struct archive_entry *entry;
    struct archive *archive = archive_read_new();
    if (!archive) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory to read %s", path);
    }
    archive_read_support_filter_all(archive);
    archive_read_support_format_raw(archive);
    int error = 0;
    if (archive_read_open_filename(archive, path, 64 * 1024) != ARCHIVE_OK) {
        error = vp_fail(failure, VP_ERROR_IO, "cannot read %s: %s", path,
                        archive_error_string(archive));
    } else if (archive_read_next_header(archive, &entry) != ARCHIVE_OK ||
               read_all(archive, contents) != ARCHIVE_OK) {
        const char *reason = archive_error_string(archive);
        error = vp_fail(failure, VP_ERROR_INVALID, "cannot unpack %s: %s", path,
                        reason ? reason : "it is too large");
    }
    archive_read_free(archive);
    return error;
}

/* ---- Writing --------------------------------------------------------------------------------- */

static int write_entry(struct writer *writer, const char *name, mode_t mode, const void *bytes,
                       size_t size)
{
    struct archive_entry *entry = archive_entry_new();
    if (!entry) {
        return vp_fail(writer->failure, VP_ERROR_NO_MEMORY, "no memory for the guest's initrd");
    }
    archive_entry_set_pathname(entry, name);
    archive_entry_set_mode(entry, mode);
    archive_entry_set_size(entry, (la_int64_t)size);
    archive_entry_set_nlink(entry, 1);
    if (S_ISCHR(mode)) {
        archive_entry_set_rdev(entry, makedev(CONSOLE_MAJOR, CONSOLE_MINOR));
    }
    int status = archive_write_header(writer->archive, entry);
    if (status == ARCHIVE_OK && size &&
        archive_write_data(writer->archive, bytes, size) != (la_ssize_t)size) {
        status = ARCHIVE_FATAL;
    }
    archive_entry_free(entry);
    return status == ARCHIVE_OK
               ? 0
               : vp_fail(writer->failure, VP_ERROR_IO, "cannot write the guest's initrd: %s",
                         archive_error_string(writer->archive));
}

static int write_copy(struct writer *writer, const char *name, mode_t mode, const char *path)
{
    struct contents contents = {NULL, 0};
    int error = read_file(path, &contents, writer->failure);
    if (!error) {
        error = write_entry(writer, name, mode, contents.bytes, contents.size);
    }
    free(contents.bytes);
    return error;
}

static int write_modules(struct writer *writer, const struct initrd *initrd)
{
    const struct modules *modules = initrd->modules;
    char order[MODULES_MAX * (MODULE_NAME_SIZE + 4)] = "";
    size_t used = 0;
    int error = 0;
    for (unsigned i = 0; i < modules->order_count && !error; i++) {
        char path[PATH_MAX], name[MODULE_NAME_SIZE + 16];
        const unsigned index = modules->order[i];
        snprintf(path, sizeof path, "%s/%s", initrd->folder, modules->files[index]);
        snprintf(name, sizeof name, "modules/%s.ko", modules->wanted[index]);
        used +=
            (size_t)snprintf(order + used, sizeof order - used, "%s.ko\n", modules->wanted[index]);
        error = write_copy(writer, name, S_IFREG | 0644, path);
    }
    return error ? error : write_entry(writer, "modules/order", S_IFREG | 0644, order, used);
}

static int write_entries(struct writer *writer, const struct initrd *initrd)
{
    static const char *const folders[] = {"bin",     "changes", "dev",  "lower",
                                          "modules", "proc",    "root", "sys"};
    int error = 0;
    for (size_t i = 0; i < sizeof folders / sizeof *folders && !error; i++) {
        error = write_entry(writer, folders[i], S_IFDIR | 0755, NULL, 0);
    }
    /* The kernel opens it for /init before devtmpfs is there. */
    if (!error) {
        error = write_entry(writer, "dev/console", S_IFCHR | 0600, NULL, 0);
    }
    if (!error) {
        error = write_copy(writer, "bin/busybox", S_IFREG | 0755, initrd->busybox);
    }
    if (!error) {
        error = write_modules(writer, initrd);
    }
    return error ? error
                 : write_entry(writer, "init", S_IFREG | 0755, initrd->init, initrd->init_size);
}

int initrd_write(const struct initrd *initrd, const char *path, struct vp_failure *failure)
{
    struct writer writer = {archive_write_new(), failure};
    if (!writer.archive) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory for the guest's initrd");
    }
    int error = 0;
    if (archive_write_set_format_cpio_newc(writer.archive) != ARCHIVE_OK ||
        archive_write_open_filename(writer.archive, path) != ARCHIVE_OK) {
        error = vp_fail(failure, VP_ERROR_IO, "cannot write %s: %s", path,
                        archive_error_string(writer.archive));
    } else {
        error = write_entries(&writer, initrd);
        if (!error && archive_write_close(writer.archive) != ARCHIVE_OK) {
            error = vp_fail(failure, VP_ERROR_IO, "cannot write %s: %s", path,
                            archive_error_string(writer.archive));
        }
    }
    archive_write_free(writer.archive);
    if (error) {
        unlink(path);
    }
    return error;
}
