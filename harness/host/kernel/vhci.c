#include "host/kernel/vhci.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { STATUS_SIZE = 64 << 10 };

/* "hs  0000 006 002 00010002 000003 1-1": hub, port, state, speed, device id, socket, bus id. */
static void parse_line(const char *line, struct vhci_ports *ports)
{
    struct vhci_port port;
    if (ports->count < VHCI_PORTS_MAX &&
        sscanf(line, "hs %u %u %*u %*x %*u %31s", &port.number, &port.state, port.busid) == 3) {
        ports->ports[ports->count++] = port;
    }
}

void vhci_parse_status(const char *text, struct vhci_ports *ports)
{
    while (*text) {
        const size_t length = strcspn(text, "\n");
        char line[128];
        snprintf(line, sizeof line, "%.*s", (int)(length < sizeof line ? length : sizeof line - 1),
                 text);
        parse_line(line, ports);
        text += length + (text[length] == '\n');
    }
}

/* @return 0 or an errno */
static int read_file(const char *path, char *text, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    const ssize_t length = read(fd, text, size - 1);
    const int error = length < 0 ? errno : 0;
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    return error;
}

int vhci_read(const char *folder, struct vhci_ports *ports)
{
    static char text[STATUS_SIZE];
    char path[PATH_MAX];
    ports->count = 0;
    snprintf(path, sizeof path, "%s/status", folder);
    int error = read_file(path, text, sizeof text);
    /* A file for each controller: status, status.1, status.2 ... */
    for (unsigned controller = 1; !error; controller++) {
        vhci_parse_status(text, ports);
        snprintf(path, sizeof path, "%s/status.%u", folder, controller);
        error = read_file(path, text, sizeof text);
        if (error) {
            return 0;
        }
    }
    return error == ENOENT || error == ENOTDIR ? VP_ERROR_NOT_FOUND : VP_ERROR_IO;
}

const struct vhci_port *vhci_find(const struct vhci_ports *ports, unsigned number)
{
    for (size_t i = 0; i < ports->count; i++) {
        if (ports->ports[i].number == number) {
            return &ports->ports[i];
        }
    }
    return NULL;
}

const struct vhci_port *vhci_choose(const struct vhci_ports *ports, const char *busid)
{
    unsigned bus;
    unsigned number;
    if (sscanf(busid, "%3u-%3u", &bus, &number) == 2 && number > 0) {
        const struct vhci_port *same = vhci_find(ports, number - 1);
        if (same && same->state == VHCI_PORT_FREE) {
            return same;
        }
    }
    for (size_t i = 0; i < ports->count; i++) {
        if (ports->ports[i].state == VHCI_PORT_FREE) {
            return &ports->ports[i];
        }
    }
    return NULL;
}

int vhci_check(const char *folder, struct vp_failure *failure)
{
    char path[PATH_MAX];
    struct vhci_ports ports;
    if (vhci_read(folder, &ports)) {
        return vp_fail(failure, VP_ERROR_NOT_FOUND,
                       "this kernel shows no vhci_hcd in %s; load it as root with 'modprobe "
                       "vhci_hcd', or use '--host guest', which brings a kernel",
                       folder);
    }
    snprintf(path, sizeof path, "%s/attach", folder);
    if (access(path, W_OK)) {
        return vp_fail(failure, VP_ERROR_UNSUPPORTED,
                       "%s: %s; attaching devices to the kernel takes root: run this with sudo, or "
                       "use '--host guest', which needs no rights",
                       path, strerror(errno));
    }
    return 0;
}

static int write_file(const char *folder, const char *name, const char *text)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return VP_ERROR_IO;
    }
    const ssize_t written = write(fd, text, strlen(text));
    const int error = errno;
    close(fd);
    errno = error;
    return written < 0 ? VP_ERROR_IO : 0;
}

int vhci_attach(const char *folder, unsigned port, int socket, uint32_t devid, uint32_t speed)
{
    char text[64];
    snprintf(text, sizeof text, "%u %d %u %u", port, socket, devid, speed);
    const int error = write_file(folder, "attach", text);
    return error && errno == EBUSY ? VP_ERROR_BUSY : error;
}

int vhci_detach(const char *folder, unsigned port)
{
    char text[16];
    snprintf(text, sizeof text, "%u", port);
    return write_file(folder, "detach", text);
}
