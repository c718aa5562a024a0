#include "net/socket.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "vparticle/usbip.h"

enum { BACKLOG = 64 };

static int fail_errno(struct vp_failure *failure, const char *address, const char *what)
{
    int error = errno == EADDRINUSE ? VP_ERROR_BUSY : VP_ERROR_IO;
    return vp_fail(failure, error, "cannot listen on '%.200s': %s: %s%s", address, what,
                   strerror(errno),
                   errno == EADDRINUSE ? "; choose another address (port 0 picks a free one) or "
                                         "end the program that has it"
                                       : "");
}

/**
 * A socket file whose program has ended stays behind and refuses connections: remove it.
 * @return 0 if the path may be bound now
 */
static int remove_stale(const char *text, const struct sockaddr_storage *address, socklen_t length,
                        struct vp_failure *failure)
{
    const char *path = ((const struct sockaddr_un *)address)->sun_path;
    struct stat status;
    if (lstat(path, &status) != 0) {
        return errno == ENOENT ? 0 : fail_errno(failure, text, "lstat");
    }
    if (!S_ISSOCK(status.st_mode)) {
        return vp_fail(failure, VP_ERROR_BUSY,
                       "cannot listen on '%.200s': there is a file of that name that is not a "
                       "socket; choose another path",
                       text);
    }
    int probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) {
        return fail_errno(failure, text, "socket");
    }
    int refused =
        connect(probe, (const struct sockaddr *)address, length) != 0 && errno == ECONNREFUSED;
    close(probe);
    if (!refused) {
        return vp_fail(failure, VP_ERROR_BUSY,
                       "cannot listen on '%.200s': another program listens there; choose another "
                       "path or end that program",
                       text);
    }
    if (unlink(path) != 0 && errno != ENOENT) {
        return fail_errno(failure, text, "unlink of the stale socket");
    }
    return 0;
}

/** @return a listening descriptor, or an error with @p failure filled in */
static int open_socket(const char *text, const struct sockaddr_storage *address, socklen_t length,
                       struct vp_failure *failure)
{
    const int on = 1;
    int fd = socket(address->ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return fail_errno(failure, text, "socket");
    }
    if (address->ss_family != AF_UNIX) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    }
    const char *what = "bind";
    if (bind(fd, (const struct sockaddr *)address, length) == 0) {
        what = "listen";
        if (listen(fd, BACKLOG) == 0) {
            return fd;
        }
    }
    int error = fail_errno(failure, text, what);
    close(fd);
    return error;
}

static char *path_of(const struct sockaddr_storage *address)
{
    return strdup(((const struct sockaddr_un *)address)->sun_path);
}

int vp_socket_listen(const char *text, int *descriptor, char **unix_path,
                     struct vp_failure *failure)
{
    struct sockaddr_storage address;
    socklen_t length;
    *unix_path = NULL;
    int error = vp_usbip_address_parse(text, &address, &length, failure);
    const bool local = !error && address.ss_family == AF_UNIX;
    if (local) {
        error = remove_stale(text, &address, length, failure);
    }
    if (error) {
        return error;
    }
    if (local && !(*unix_path = path_of(&address))) {
        return vp_fail(failure, VP_ERROR_IO, "cannot listen on '%.200s': out of memory", text);
    }
    const int fd = open_socket(text, &address, length, failure);
    if (fd < 0) {
        free(*unix_path);
        *unix_path = NULL;
        return fd;
    }
    *descriptor = fd;
    return 0;
}

void vp_socket_address(int descriptor, char *text, size_t size)
{
    struct sockaddr_storage address = {0};
    socklen_t length = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &length) == 0) {
        vp_usbip_address_text(text, size, &address, length);
    }
}
