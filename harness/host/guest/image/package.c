#include "host/guest/image/package.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BLOCK = 64 * 1024 };

/* The package is an ar archive; its member data.tar, however compressed, holds the files. */
struct package {
    struct archive *outer, *inner;
    uint8_t block[BLOCK];
};

static la_ssize_t read_member(struct archive *inner, void *context, const void **bytes)
{
    struct package *package = context;
    const la_ssize_t count = archive_read_data(package->outer, package->block, BLOCK);
    if (count < 0) {
        archive_set_error(inner, EIO, "%s", archive_error_string(package->outer));
        return -1;
    }
    *bytes = package->block;
    return count;
}

static int find_files(struct package *package)
{
    struct archive_entry *member;
    int status;
    while ((status = archive_read_next_header(package->outer, &member)) == ARCHIVE_OK) {
        if (strncmp(archive_entry_pathname(member), "data.tar", strlen("data.tar")) == 0) {
            return ARCHIVE_OK;
        }
    }
    return status;
}

static int open_package(struct package *package, const char *path, struct vp_failure *failure)
{
    package->outer = archive_read_new();
    package->inner = archive_read_new();
    if (!package->outer || !package->inner) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory to read %s", path);
    }
    archive_read_support_format_ar(package->outer);
    if (archive_read_open_filename(package->outer, path, BLOCK) != ARCHIVE_OK) {
        /* libarchive's word for a format that it does not know is EILSEQ. */
        const int error = archive_errno(package->outer);
        return vp_fail(failure,
                       error == ENOENT   ? VP_ERROR_NOT_FOUND
                       : error == EILSEQ ? VP_ERROR_INVALID
                                         : VP_ERROR_IO,
                       "cannot read %s: %s", path, archive_error_string(package->outer));
    }
    archive_read_support_filter_all(package->inner);
    archive_read_support_format_tar(package->inner);
    if (find_files(package) != ARCHIVE_OK ||
        archive_read_open(package->inner, package, NULL, read_member, NULL) != ARCHIVE_OK) {
        return vp_fail(failure, VP_ERROR_INVALID, "%s is no Debian package, or is damaged", path);
    }
    return 0;
}

static const char *name_in_package(const char *path)
{
    return strncmp(path, "./", 2) == 0 ? path + 2 : path;
}

static int write_file(struct package *package, const char *folder, const char *name,
                      struct vp_failure *failure)
{
    char path[PATH_MAX];
    const char *slash = strrchr(name, '/');
    const char *last = slash ? slash + 1 : name;
    if (snprintf(path, sizeof path, "%s/%s", folder, last) >= (int)sizeof path || !*last) {
        return vp_fail(failure, VP_ERROR_INVALID, "a name in the package is not usable: %.80s",
                       name);
    }
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0) {
        return vp_fail(failure, VP_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    }
    const int status = archive_read_data_into_fd(package->inner, file);
    if (close(file) || status != ARCHIVE_OK) {
        unlink(path);
        return vp_fail(failure, VP_ERROR_IO, "cannot unpack %s: %s", path,
                       status == ARCHIVE_OK ? strerror(errno)
                                            : archive_error_string(package->inner));
    }
    return 0;
}

static int write_wanted(struct package *package, const struct package_request *request,
                        unsigned *count, struct vp_failure *failure)
{
    struct archive_entry *entry;
    int status, error = 0;
    while (!error && (status = archive_read_next_header(package->inner, &entry)) == ARCHIVE_OK) {
        const char *path = archive_entry_pathname(entry);
        if (path && archive_entry_filetype(entry) == AE_IFREG &&
            request->wanted(request->context, name_in_package(path))) {
            error = write_file(package, request->folder, path, failure);
            *count += !error;
        }
    }
    if (!error && status != ARCHIVE_EOF) {
        error = vp_fail(failure, VP_ERROR_INVALID, "%s", archive_error_string(package->inner));
    }
    return error;
}

int package_extract(const char *path, const struct package_request *request, unsigned *count,
                    struct vp_failure *failure)
{
    unsigned written = 0;
    struct package package = {.outer = NULL};
    int error = open_package(&package, path, failure);
    if (!error) {
        error = write_wanted(&package, request, &written, failure);
    }
    archive_read_free(package.inner);
    archive_read_free(package.outer);
    if (count) {
        *count = written;
    }
    return error;
}
