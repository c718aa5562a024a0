#include "files/write_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool write_all(int descriptor, const char *data, size_t size)
{
    while (size > 0) {
        const ssize_t written = write(descriptor, data, size);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return false;
        }
        data += written;
        size -= (size_t)written;
    }
    return true;
}

/* The mode that open(2) would have given the file; mkstemp(3) gives 0600. */
static mode_t usual_mode(void)
{
    const mode_t mask = umask(0);
    umask(mask);
    return 0666 & ~mask;
}

/* A device, a pipe, a terminal: nothing to replace, so write into it. */
static int write_in_place(const char *path, const void *data, size_t size,
                          struct vp_failure *failure)
{
    const int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    const bool done = descriptor >= 0 && write_all(descriptor, data, size);
    const int reason = errno;
    if (descriptor >= 0) {
        close(descriptor);
    }
    return done ? 0 : vp_fail(failure, VP_ERROR_IO, "cannot write %s: %s", path, strerror(reason));
}

/* Write aside and rename: the file is there whole or as it was. */
static int replace_file(const char *path, const void *data, size_t size, struct vp_failure *failure)
{
    char *beside;
    if (asprintf(&beside, "%s.XXXXXX", path) < 0) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "%s: out of memory", path);
    }
    const int descriptor = mkstemp(beside);
    bool done = descriptor >= 0 && write_all(descriptor, data, size) &&
                fchmod(descriptor, usual_mode()) == 0 && fsync(descriptor) == 0;
    int reason = errno;
    if (descriptor >= 0 && close(descriptor) && done) {
        done = false;
        reason = errno;
    }
    if (done && rename(beside, path)) {
        done = false;
        reason = errno;
    }
    if (!done && descriptor >= 0) {
        unlink(beside);
    }
    free(beside);
    return done ? 0 : vp_fail(failure, VP_ERROR_IO, "cannot write %s: %s", path, strerror(reason));
}

int vp_write_file(const char *path, const void *data, size_t size, struct vp_failure *failure)
{
    struct stat status;
    if (stat(path, &status)) {
        return replace_file(path, data, size, failure);
    }
    if (!S_ISREG(status.st_mode)) {
        return write_in_place(path, data, size, failure);
    }
    char *target = realpath(path, NULL); /* a link stays a link */
    const int error = replace_file(target ? target : path, data, size, failure);
    free(target);
    return error;
}
