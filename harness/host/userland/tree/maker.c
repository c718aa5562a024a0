#include "host/userland/tree/maker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vparticle/error.h"

void maker_bytes(struct maker *maker, const char *name, const void *data, size_t size)
{
    char path[MAKER_PATH_SIZE + MAKER_NAME_SIZE];
    char fresh[MAKER_PATH_SIZE + MAKER_NAME_SIZE];
    snprintf(path, sizeof path, "%s/%s", maker->folder, name);
    snprintf(fresh, sizeof fresh, "%s/.fresh", maker->folder);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0444);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size || rename(fresh, path)) {
        maker->error = VP_ERROR_IO;
    }
    if (fd >= 0) {
        close(fd);
    }
}

void maker_file(struct maker *maker, const char *name, const char *format, ...)
{
    char text[1024];
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    maker_bytes(maker, name, text, (size_t)size < sizeof text ? (size_t)size : sizeof text - 1);
}

void maker_text(struct maker *maker, const char *name, const char *text)
{
    if (text) {
        maker_file(maker, name, "%s\n", text);
    }
}

void maker_remove_file(const struct maker *maker, const char *name)
{
    char path[MAKER_PATH_SIZE + MAKER_NAME_SIZE];
    snprintf(path, sizeof path, "%s/%s", maker->folder, name);
    unlink(path);
}

void maker_link(struct maker *maker, const char *name, const char *target)
{
    char path[MAKER_PATH_SIZE + MAKER_NAME_SIZE];
    snprintf(path, sizeof path, "%s/%s", maker->folder, name);
    unlink(path);
    if (symlink(target, path)) {
        maker->error = VP_ERROR_IO;
    }
}

struct maker maker_folder(const struct maker *parent, const char *name)
{
    struct maker maker = {.error = parent->error};
    int size = snprintf(maker.folder, sizeof maker.folder, "%s/%s", parent->folder, name);
    if (size >= (int)sizeof maker.folder || (mkdir(maker.folder, 0755) && errno != EEXIST)) {
        maker.error = VP_ERROR_IO;
    }
    return maker;
}
