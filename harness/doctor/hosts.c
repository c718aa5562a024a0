/* Checks of the hosts. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/checks.h"
#include "host/kernel/vhci.h"

/* ---- Userland ------------------------------------------------------------------------------- */

static bool is_at_least(const char *release, unsigned major, unsigned minor)
{
    unsigned own_major = 0, own_minor = 0;
    sscanf(release, "%u.%u", &own_major, &own_minor);
    return own_major > major || (own_major == major && own_minor >= minor);
}

void vp_check_kernel_version(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    const bool known =
        strcmp(world->machine, "x86_64") == 0 || strcmp(world->machine, "aarch64") == 0;
    if (!is_at_least(world->release, 5, 9)) {
        vp_lacks(finding, "Linux %s on %s; 5.9 or newer is needed", world->release, world->machine);
        vp_mend_as_root(world, finding, "apt-get install -y linux-image-amd64 && reboot");
    } else if (!known) {
        vp_lacks(finding, "Linux on %s; x86_64 and aarch64 are known", world->machine);
    } else {
        vp_found(finding, "Linux %s on %s%s", world->release, world->machine,
                 is_at_least(world->release, 5, 19) ? "" : "; 5.19 or newer is faster");
    }
}

void vp_check_seccomp(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    if (world->notifies == 0) {
        vp_found(finding, "a tool's system calls can be answered by us");
    } else if (world->notifies == EBUSY) {
        vp_lacks(finding, "this is run by a host already, and one cannot run inside another");
    } else {
        vp_lacks(finding,
                 "the kernel, or the container that this is in, does not let us answer a "
                 "tool's system calls: %s",
                 strerror(world->notifies));
        vp_mend(finding, "docker run --security-opt seccomp=unconfined ...");
    }
}

void vp_check_pidfd(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    if (world->pidfd) {
        vp_found(finding, "pidfd_open(2) works");
    } else {
        vp_lacks(finding, "pidfd_open(2) does not work here");
        vp_mend(finding, "docker run --security-opt seccomp=unconfined ...");
    }
}

/* ---- vhci_hcd ------------------------------------------------------------------------------- */

static bool is_loaded(const struct vp_doctor_world *world)
{
    return vp_world_has(world, VHCI_FOLDER "/status");
}

/* Compressed or not, as the kernel's package has it. */
static bool is_available(const struct vp_doctor_world *world)
{
    static const char *const endings[] = {"", ".xz", ".zst", ".gz"};
    char path[PATH_MAX];
    for (unsigned i = 0; i < sizeof endings / sizeof *endings; i++) {
        snprintf(path, sizeof path, "/lib/modules/%s/kernel/drivers/usb/usbip/vhci-hcd.ko%s",
                 world->release, endings[i]);
        if (vp_world_has(world, path)) {
            return true;
        }
    }
    return false;
}

/* Ubuntu keeps it out of the package with the kernel. */
static bool is_ubuntu(const struct vp_doctor_world *world)
{
    char path[PATH_MAX], line[256];
    bool found = false;
    FILE *file = vp_world_path(world, "/etc/os-release", path) ? fopen(path, "re") : NULL;
    while (file && !found && fgets(line, sizeof line, file)) {
        found = strcmp(line, "ID=ubuntu\n") == 0;
    }
    if (file) {
        fclose(file);
    }
    return found;
}

void vp_check_vhci(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    if (is_loaded(world)) {
        vp_found(finding, "loaded");
    } else if (is_available(world)) {
        vp_lacks(finding, "the kernel has it, but it is not loaded");
        vp_mend_as_root(world, finding, "modprobe vhci_hcd");
    } else if (is_ubuntu(world)) {
        char command[200];
        snprintf(command, sizeof command,
                 "apt-get install -y linux-modules-extra-%.80s && %smodprobe vhci_hcd",
                 world->release, world->superuser ? "" : "sudo ");
        vp_lacks(finding, "it is in a package of its own");
        vp_mend_as_root(world, finding, command);
    } else {
        vp_lacks(finding, "not in this kernel (Linux %s); the guest brings one that has it",
                 world->release);
        vp_mend(finding, "vparticle guest prepare");
    }
}

void vp_check_vhci_right(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    char path[PATH_MAX];
    const bool right =
        vp_world_path(world, VHCI_FOLDER "/attach", path) && world->access(path, W_OK) == 0;
    if (right) {
        vp_found(finding, "this user may attach devices");
    } else if (!is_loaded(world)) {
        vp_lacks(finding, "it cannot be seen before vhci_hcd is loaded");
    } else {
        vp_lacks(finding, "attaching devices to the kernel takes root");
        vp_mend(finding, "sudo vparticle exec --host kernel ...");
    }
}

void vp_check_vhci_ports(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    char folder[PATH_MAX];
    struct vhci_ports *ports = malloc(sizeof *ports);
    unsigned free_ports = 0;
    if (!ports || !vp_world_path(world, VHCI_FOLDER, folder) || vhci_read(folder, ports)) {
        vp_lacks(finding, "they cannot be seen before vhci_hcd is loaded");
    } else {
        for (size_t i = 0; i < ports->count; i++) {
            free_ports += ports->ports[i].state == VHCI_PORT_FREE;
        }
        if (free_ports) {
            vp_found(finding, "%u of %zu", free_ports, ports->count);
        } else {
            vp_lacks(finding, "all %zu are taken", ports->count);
            vp_mend_as_root(world, finding, "usbip detach --port=00");
        }
    }
    free(ports);
}

/* We speak to vhci_hcd ourselves; it is a tool that scenarios may run. */
void vp_check_usbip(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    char where[PATH_MAX];
    if (vp_world_program(world, "usbip", where)) {
        vp_found(finding, "%.200s", where);
    } else {
        finding->verdict = VP_VERDICT_UNNEEDED;
        snprintf(finding->text, sizeof finding->text,
                 "only for 'usbip attach' by hand, and scenarios about it");
        vp_mend_as_root(world, finding, "apt-get install -y usbip");
    }
}

/* ---- The guest ------------------------------------------------------------------------------ */

void vp_check_guest(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    const struct vp_guest_state *guest = &world->guest;
    if (guest->prepared) {
        vp_found(finding, "prepared, in %.200s", guest->folder);
    } else if (guest->need_count == 0) {
        vp_lacks(finding, "not prepared");
        vp_mend(finding, "vparticle guest prepare");
    } else {
        vp_lacks(finding, "%s", guest->needs[0].what);
        if (strncmp(guest->needs[0].command, "apt-get", 7) == 0) {
            vp_mend_as_root(world, finding, guest->needs[0].command);
        } else {
            vp_mend(finding, "%s", guest->needs[0].command);
        }
    }
}

/* So that nobody looks for a machine that has it. */
void vp_check_kvm(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    finding->verdict = VP_VERDICT_UNNEEDED;
    snprintf(finding->text, sizeof finding->text, "%s; QEMU computes what the guest does",
             vp_world_has(world, "/dev/kvm") ? "/dev/kvm is there, but not used"
                                             : "there is no /dev/kvm");
}
