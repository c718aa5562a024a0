/* Checks of what is around the hosts: real boards, tools, firmware. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor/checks.h"
#include "hardware/bus.h"

/* ---- Real boards ---------------------------------------------------------------------------- */

void vp_check_libusb(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    if (!world->usb.works) {
        vp_lacks(finding, "%s", world->usb.reason);
    } else if (!vp_world_has(world, "/dev/bus/usb")) {
        vp_lacks(finding, "this machine has no USB: there is no /dev/bus/usb");
    } else {
        vp_found(finding, "libusb sees this machine's USB");
    }
}

void vp_check_boards(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    const struct vp_doctor_usb *usb = &world->usb;
    if (usb->refused) {
        vp_lacks(finding, "%u plugged in, of which %u may not be opened by this user: %s",
                 usb->boards, usb->refused, usb->refusal);
        vp_mend(finding, "%s", vp_hardware_access_advice);
    } else if (usb->boards) {
        vp_found(finding, "%u plugged in, which this user may open", usb->boards);
    } else {
        finding->verdict = VP_VERDICT_UNNEEDED;
        snprintf(finding->text, sizeof finding->text,
                 "none is plugged in; only 'clone' and --host hardware use one");
    }
}

/* ---- Tools ---------------------------------------------------------------------------------- */

static void check_tool(const struct vp_doctor_world *world, struct vp_finding *finding,
                       const char *program, const char *command)
{
    char where[PATH_MAX];
    if (vp_world_program(world, program, where)) {
        vp_found(finding, "%.200s", where);
    } else {
        vp_lacks(finding, "not in $PATH");
        vp_mend_as_root(world, finding, command);
    }
}

void vp_check_dfu_util(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    check_tool(world, finding, "dfu-util", "apt-get install -y dfu-util");
}

void vp_check_particle(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    check_tool(world, finding, "particle", "npm install -g particle-cli");
}

void vp_check_sb(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    check_tool(world, finding, "sb", "apt-get install -y lrzsz");
}

void vp_check_lsusb(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    check_tool(world, finding, "lsusb", "apt-get install -y usbutils");
}

void vp_check_udevadm(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    check_tool(world, finding, "udevadm", "apt-get install -y udev");
}

/* ---- What scripts fetch --------------------------------------------------------------------- */

/* As for a scenario: in the folder, or in the nearest one above that has it (scenario/needs.h). */
static bool find_above(const struct vp_doctor_world *world, const char *wanted, char path[PATH_MAX])
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s", world->directory);
    for (;;) {
        const int length = snprintf(path, PATH_MAX, "%s/%s", folder, wanted);
        if (length < PATH_MAX && vp_world_has(world, path)) {
            return true;
        }
        char *slash = strrchr(folder, '/');
        if (!slash) {
            return false;
        }
        *slash = '\0';
    }
}

static void check_fetched(const struct vp_doctor_world *world, struct vp_finding *finding,
                          const char *wanted, const char *script)
{
    char path[PATH_MAX];
    if (find_above(world, wanted, path)) {
        vp_found(finding, "%.200s", path);
    } else {
        vp_lacks(finding, "no %s in %.150s or above; scenarios that need it are skipped", wanted,
                 world->directory);
        vp_mend(finding, "%s", script);
    }
}

void vp_check_firmware(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    check_fetched(world, finding, ".cache/firmware", "scripts/fetch-firmware");
}

void vp_check_fetched_tools(const struct vp_doctor_world *world, struct vp_finding *finding)
{
    check_fetched(world, finding, ".cache/tools/bin", "scripts/fetch-tools");
}
