/* Requests to the control socket, a line each; whatever comes, each has an answer. */
#include <ev.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vparticle/control.h"
#include "vparticle/fault.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vp_control_socket *control;
static struct vp_device *device;

static void set_up(void)
{
    struct vp_failure failure;
    char address[64];
    snprintf(address, sizeof address, "unix:/tmp/vparticle-fuzz-%ld", (long)getpid());
    if (vp_device_from_spec(&device, "photon@erased,bootloader=11", 0, &failure) ||
        vp_control_socket_create(&control, ev_loop_new(EVFLAG_NOENV), address, &failure) ||
        vp_control_socket_add(control, device)) {
        abort();
    }
    unlink(address + strlen("unix:"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!control) {
        set_up();
    }
    for (const uint8_t *end = data + size; data < end;) {
        const uint8_t *line_end = memchr(data, '\n', (size_t)(end - data));
        const size_t length = (size_t)((line_end ? line_end : end) - data);
        char *answer = vp_control_socket_request(control, (const char *)data, length);
        if (!answer || !strstr(answer, "\"ok\":")) {
            abort();
        }
        free(answer);
        data += length + 1;
    }
    vp_device_power(device, true);
    vp_device_clear_faults(device);
    return 0;
}
