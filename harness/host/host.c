/*
 * The table of engines, and what does not depend on which one it is.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "host/engine.h"

static const struct {
    const char *name;
    int (*create)(struct vp_host **host, const struct vp_host *common, struct vp_failure *failure);
} engines[] = {
    [VP_HOST_USERLAND] = {"userland", userland_create},
    [VP_HOST_KERNEL] = {"kernel", kernel_create},
    [VP_HOST_HARDWARE] = {"hardware", NULL}, /* has no server */
};

int vp_host_engine_from_name(const char *name, enum vp_host_engine *engine)
{
    for (unsigned i = 0; i < sizeof engines / sizeof engines[0]; i++) {
        if (strcmp(name, engines[i].name) == 0) {
            *engine = (enum vp_host_engine)i;
            return 0;
        }
    }
    return VP_ERROR_NOT_FOUND;
}

const char *vp_host_engine_name(enum vp_host_engine engine)
{
    return engines[engine].name;
}

int vp_host_access_from_name(const char *name, enum vp_host_access *access)
{
    if (strcmp(name, "full") == 0) {
        *access = VP_HOST_ACCESS_FULL;
    } else if (strcmp(name, "none") == 0) {
        *access = VP_HOST_ACCESS_NONE;
    } else {
        return VP_ERROR_NOT_FOUND;
    }
    return 0;
}

/* So that a wrong address is an error here, and not a tool that sees no device. */
static int check_server(const struct link_address *server, const char *address,
                        struct vp_failure *failure)
{
    const struct timeval limit = {.tv_sec = 5};
    int fd = socket(server->socket.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return vp_fail(failure, VP_ERROR_IO, "cannot create a socket: %s", strerror(errno));
    }
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    int result = connect(fd, (const struct sockaddr *)&server->socket, server->length);
    int error = errno;
    close(fd);
    if (result) {
        return vp_fail(failure, VP_ERROR_IO,
                       "no emulator answers at %s (%s); start one with 'vparticle run'", address,
                       strerror(error));
    }
    return 0;
}

int vp_host_create(struct vp_host **host, enum vp_host_engine engine, struct ev_loop *loop,
                   const char *address, struct vp_failure *failure)
{
    struct vp_host common = {.loop = loop};
    *host = NULL;
    if (ev_is_default_loop(loop)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "the host cannot run on libev's default loop, which collects all children");
    }
    if (engine == VP_HOST_HARDWARE) {
        return hardware_create(host, &common, address, failure);
    }
    int error =
        vp_usbip_address_parse(address, &common.server.socket, &common.server.length, failure);
    if (!error) {
        error = check_server(&common.server, address, failure);
    }
    return error ? error : engines[engine].create(host, &common, failure);
}

void vp_host_set_log(struct vp_host *host, void (*log)(void *context, const char *line),
                     void *context)
{
    host->log = log;
    host->log_context = context;
}

void host_log(const struct vp_host *host, const char *format, ...)
{
    char line[512];
    va_list arguments;
    if (!host->log) {
        return;
    }
    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    host->log(host->log_context, line);
}

void vp_host_rescan(struct vp_host *host)
{
    host->engine->rescan(host);
}

unsigned vp_host_capacity(const struct vp_host *host)
{
    return host->engine->capacity(host);
}

int vp_host_spawn(struct vp_host *host, const struct vp_host_command *command,
                  struct vp_failure *failure)
{
    return host->engine->spawn(host, command, failure);
}

int vp_host_when_settled(struct vp_host *host, void (*settled)(void *context), void *context)
{
    return host->engine->when_settled(host, settled, context);
}

unsigned vp_host_signal(struct vp_host *host, int signal_number)
{
    return host->engine->signal(host, signal_number);
}

void vp_host_destroy(struct vp_host *host)
{
    if (host) {
        host->engine->destroy(host);
    }
}
