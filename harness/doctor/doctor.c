#include "doctor/doctor.h"

#include <jansson.h>

#include "doctor/checks.h"
#include "report/terminal.h"

static const struct {
    const char *name, *use;
} areas[VP_AREA_COUNT] = {
    [VP_AREA_USERLAND] = {"userland host", "--host userland, which is the default"},
    [VP_AREA_KERNEL] = {"kernel host", "--host kernel"},
    [VP_AREA_GUEST] = {"guest host", "--host guest"},
    [VP_AREA_HARDWARE] = {"real boards", "vparticle clone, --host hardware"},
    [VP_AREA_TOOLS] = {"tools", "what runs under a host; install those that you use"},
    [VP_AREA_FIRMWARE] = {"fetched", "what scenarios use besides"},
};

static const struct {
    enum vp_doctor_area area;
    const char *subject;
    vp_check *check;
} checks[] = {
    {VP_AREA_USERLAND, "kernel", vp_check_kernel_version},
    {VP_AREA_USERLAND, "seccomp", vp_check_seccomp},
    {VP_AREA_USERLAND, "pidfd", vp_check_pidfd},
    {VP_AREA_KERNEL, "vhci_hcd", vp_check_vhci},
    {VP_AREA_KERNEL, "right to attach", vp_check_vhci_right},
    {VP_AREA_KERNEL, "free ports", vp_check_vhci_ports},
    {VP_AREA_KERNEL, "usbip", vp_check_usbip},
    {VP_AREA_GUEST, "guest", vp_check_guest},
    {VP_AREA_GUEST, "kvm", vp_check_kvm},
    {VP_AREA_HARDWARE, "libusb", vp_check_libusb},
    {VP_AREA_HARDWARE, "boards", vp_check_boards},
    {VP_AREA_TOOLS, "dfu-util", vp_check_dfu_util},
    {VP_AREA_TOOLS, "particle", vp_check_particle},
    {VP_AREA_TOOLS, "sb", vp_check_sb},
    {VP_AREA_TOOLS, "lsusb", vp_check_lsusb},
    {VP_AREA_TOOLS, "udevadm", vp_check_udevadm},
    {VP_AREA_FIRMWARE, "real firmware", vp_check_firmware},
    {VP_AREA_FIRMWARE, "particle-cli", vp_check_fetched_tools},
};

static const char *const verdicts[] = {
    [VP_VERDICT_OK] = "ok",
    [VP_VERDICT_MISSING] = "missing",
    [VP_VERDICT_UNNEEDED] = "not needed",
};

const char *vp_verdict_name(enum vp_verdict verdict)
{
    return verdicts[verdict];
}

void vp_doctor_examine(const struct vp_doctor_world *world, struct vp_diagnosed *diagnosed)
{
    *diagnosed = (struct vp_diagnosed){.can_run = false};
    for (unsigned i = 0; i < VP_AREA_COUNT; i++) {
        struct vp_area *area = &diagnosed->areas[i];
        *area = (struct vp_area){.name = areas[i].name, .use = areas[i].use, .ok = true};
    }
    for (unsigned i = 0; i < sizeof checks / sizeof *checks; i++) {
        struct vp_area *area = &diagnosed->areas[checks[i].area];
        struct vp_finding *finding = &area->findings[area->count++];
        *finding = (struct vp_finding){.subject = checks[i].subject};
        checks[i].check(world, finding);
        area->ok = area->ok && finding->verdict != VP_VERDICT_MISSING;
    }
    for (unsigned i = 0; i < VP_AREA_HOSTS; i++) {
        diagnosed->can_run = diagnosed->can_run || diagnosed->areas[i].ok;
    }
}

/* ---- For a person --------------------------------------------------------------------------- */

static void print_verdict(FILE *to, bool coloured, enum vp_verdict verdict)
{
    static const enum vp_colour colours[] = {
        [VP_VERDICT_OK] = VP_COLOUR_GOOD,
        [VP_VERDICT_MISSING] = VP_COLOUR_WARN,
        [VP_VERDICT_UNNEEDED] = VP_COLOUR_DIM,
    };
    vp_print_coloured(to, coloured, colours[verdict], 12, verdicts[verdict]);
}

static void print_finding(FILE *to, bool coloured, const struct vp_finding *finding)
{
    fprintf(to, "  %-16s ", finding->subject);
    print_verdict(to, coloured, finding->verdict);
    fprintf(to, "%s\n", finding->text);
    if (*finding->mend) {
        fprintf(to, "  %-28s -> %s\n", "", finding->mend);
    }
}

void vp_doctor_print(FILE *to, bool coloured, const struct vp_diagnosed *diagnosed)
{
    for (unsigned i = 0; i < VP_AREA_COUNT; i++) {
        const struct vp_area *area = &diagnosed->areas[i];
        fprintf(to, "%-18s ", area->name);
        print_verdict(to, coloured, area->ok ? VP_VERDICT_OK : VP_VERDICT_MISSING);
        fprintf(to, "(%s)\n", area->use);
        for (unsigned n = 0; n < area->count; n++) {
            print_finding(to, coloured, &area->findings[n]);
        }
    }
    fputs(diagnosed->can_run ? "Tools can be run here.\n"
                             : "No host can run a tool here; mend one of them.\n",
          to);
}

/* ---- For a program -------------------------------------------------------------------------- */

static json_t *findings_of(const struct vp_area *area)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < area->count; i++) {
        const struct vp_finding *finding = &area->findings[i];
        json_t *object = json_pack("{s:s, s:s, s:s}", "subject", finding->subject, "verdict",
                                   verdicts[finding->verdict], "text", finding->text);
        if (*finding->mend) {
            json_object_set_new(object, "mend", json_string(finding->mend));
        }
        json_array_append_new(list, object);
    }
    return list;
}

int vp_doctor_print_json(FILE *to, const struct vp_diagnosed *diagnosed)
{
    json_t *list = json_array();
    for (unsigned i = 0; i < VP_AREA_COUNT; i++) {
        const struct vp_area *area = &diagnosed->areas[i];
        json_array_append_new(list, json_pack("{s:s, s:b, s:o}", "area", area->name, "ok", area->ok,
                                              "findings", findings_of(area)));
    }
    json_t *object = json_pack("{s:b, s:o}", "can_run", diagnosed->can_run, "areas", list);
    const int failed = !object || json_dumpf(object, to, JSON_INDENT(2));
    fputc('\n', to);
    json_decref(object);
    return failed ? VP_ERROR_NO_MEMORY : 0;
}
