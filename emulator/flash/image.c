#include "flash/flash_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * The file is mapped shared: what the processor "programs" is in the page cache the moment it
 * happens, and a killed process cannot take it back. A new file is written aside and linked into
 * place, so that no other process ever sees one that is not yet erased.
 */

static int write_all(int descriptor, const void *data, size_t length)
{
    const uint8_t *from = data;
    while (length > 0) {
        const ssize_t written = write(descriptor, from, length);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0) {
            return -1;
        }
        from += written;
        length -= (size_t)written;
    }
    return 0;
}

static int write_contents(int descriptor, const struct vp_flash *flash)
{
    const struct vp_flash_geometry *geometry = vp_flash_geometry(flash);
    const uint32_t base = geometry->sectors[0].address;
    uint8_t page[4096];
    for (uint32_t done = 0; done < vp_flash_size(geometry); done += sizeof page) {
        vp_flash_read(flash, base + done, page, sizeof page);
        if (write_all(descriptor, page, sizeof page)) {
            return -1;
        }
    }
    return fsync(descriptor);
}

int vp_flash_save_image(const struct vp_flash *flash, const char *path, struct vp_failure *failure)
{
    char *aside;
    if (asprintf(&aside, "%s.XXXXXX", path) < 0) {
        return VP_ERROR_NO_MEMORY;
    }
    int result = 0;
    const int descriptor = mkostemp(aside, O_CLOEXEC);
    if (descriptor < 0) {
        result = vp_fail(failure, VP_ERROR_IO, "flash image %s: cannot create it: %s", path,
                         strerror(errno));
    } else {
        if (write_contents(descriptor, flash) || fchmod(descriptor, 0644) || link(aside, path)) {
            result = vp_fail(failure, errno == EEXIST ? VP_ERROR_BUSY : VP_ERROR_IO,
                             "flash image %s: cannot write it: %s", path, strerror(errno));
        }
        close(descriptor);
        unlink(aside);
    }
    free(aside);
    return result;
}

/* Make the file, erased. Somebody else may win the race: that is fine. */
static int create_image(const struct vp_flash_geometry *geometry, const char *path,
                        struct vp_failure *failure)
{
    struct vp_flash *empty;
    int error = vp_flash_create(&empty, geometry);
    if (!error) {
        error = vp_flash_save_image(empty, path, failure);
        vp_flash_destroy(empty);
    }
    return error == VP_ERROR_BUSY ? 0 : error;
}

static int open_existing(const char *path, uint32_t size, int *descriptor,
                         struct vp_failure *failure)
{
    *descriptor = open(path, O_RDWR | O_CLOEXEC);
    if (*descriptor < 0) {
        return errno == ENOENT ? VP_ERROR_NOT_FOUND
                               : vp_fail(failure, VP_ERROR_IO, "flash image %s: cannot open it: %s",
                                         path, strerror(errno));
    }
    struct stat status;
    int result = 0;
    if (fstat(*descriptor, &status)) {
        result = vp_fail(failure, VP_ERROR_IO, "flash image %s: %s", path, strerror(errno));
    } else if (!S_ISREG(status.st_mode) || status.st_size != (off_t)size) {
        result = vp_fail(failure, VP_ERROR_INVALID,
                         "flash image %s: must be a regular file of %u bytes, and is %jd bytes; "
                         "name another file, or remove this one to start erased",
                         path, size, (intmax_t)status.st_size);
    } else if (flock(*descriptor, LOCK_EX | LOCK_NB)) {
        result = vp_fail(failure, errno == EWOULDBLOCK ? VP_ERROR_BUSY : VP_ERROR_IO,
                         "flash image %s: another device is using it", path);
    }
    if (result) {
        close(*descriptor);
        *descriptor = -1;
    }
    return result;
}

int vp_flash_open_image(struct vp_flash **flash, const struct vp_flash_geometry *geometry,
                        const char *path, struct vp_failure *failure)
{
    const uint32_t size = vp_flash_size(geometry);
    int descriptor = -1;
    int error = open_existing(path, size, &descriptor, failure);
    if (error == VP_ERROR_NOT_FOUND) {
        error = create_image(geometry, path, failure);
        if (!error) {
            error = open_existing(path, size, &descriptor, failure);
        }
    }
    if (error) {
        return error;
    }
    void *image = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (image == MAP_FAILED) {
        vp_fail(failure, 0, "flash image %s: cannot map it: %s", path, strerror(errno));
        close(descriptor);
        return VP_ERROR_IO;
    }
    struct vp_flash *made;
    error = vp_flash_create(&made, geometry);
    if (error) {
        munmap(image, size);
        close(descriptor);
        return error;
    }
    made->image = image;
    made->image_descriptor = descriptor;
    *flash = made;
    return 0;
}

void vp_flash_close_image(struct vp_flash *flash)
{
    if (flash->image) {
        munmap(flash->image, vp_flash_size(flash->geometry));
        close(flash->image_descriptor);
        flash->image = NULL;
    }
}
