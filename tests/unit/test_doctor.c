/* What a machine can do: each verdict on a made-up one. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <jansson.h>

#include "doctor/doctor.h"

static char root[64];
static bool may_attach;

/* The superuser, who may run this, could write everywhere. */
static int made_up_access(const char *path, int mode)
{
    if (mode == W_OK) {
        errno = EACCES;
        return may_attach ? access(path, F_OK) : -1;
    }
    return access(path, mode);
}

static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    (void)where;
    return remove(path);
}

static int make_root(void **state)
{
    (void)state;
    snprintf(root, sizeof root, "/tmp/vparticle-doctor-XXXXXX");
    may_attach = true;
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return nftw(root, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A file in the made-up machine, with the folders above it. */
static void put(const char *path, const char *text, mode_t mode)
{
    char full[256];
    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(full, 0755);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(full, mode), 0);
}

static struct vp_doctor_world machine(void)
{
    return (struct vp_doctor_world){
        .root = root,
        .path = "/usr/bin:/usr/sbin",
        .directory = "/home/somebody/project/sub",
        .release = "6.1.0-56-amd64",
        .machine = "x86_64",
        .pidfd = true,
        .usb = {.works = true},
        .access = made_up_access,
    };
}

static const struct vp_finding *finding(const struct vp_diagnosed *diagnosed, const char *subject)
{
    for (unsigned i = 0; i < VP_AREA_COUNT; i++) {
        for (unsigned n = 0; n < diagnosed->areas[i].count; n++) {
            if (strcmp(diagnosed->areas[i].findings[n].subject, subject) == 0) {
                return &diagnosed->areas[i].findings[n];
            }
        }
    }
    fail_msg("nothing is found about '%s'", subject);
    return NULL;
}

/* Examine a machine, and expect of a subject a verdict, a text and what mends it ("" for nothing).
 */
static void examined(const struct vp_doctor_world *world, const char *subject,
                     enum vp_verdict verdict, const char *text, const char *mend)
{
    struct vp_diagnosed diagnosed;
    vp_doctor_examine(world, &diagnosed);
    const struct vp_finding *found = finding(&diagnosed, subject);
    assert_int_equal(found->verdict, verdict);
    if (!strstr(found->text, text)) {
        fail_msg("'%s' is not in '%s'", text, found->text);
    }
    if (*mend ? !strstr(found->mend, mend) : *found->mend) {
        fail_msg("'%s' is mended by '%s', not by '%s'", subject, found->mend, mend);
    }
}

static bool area_is_ok(const struct vp_doctor_world *world, enum vp_doctor_area area)
{
    struct vp_diagnosed diagnosed;
    vp_doctor_examine(world, &diagnosed);
    return diagnosed.areas[area].ok;
}

/* ---- Hosts ---------------------------------------------------------------------------------- */

static void the_userland_host_needs_its_kernel(void **state)
{
    (void)state;
    struct vp_doctor_world world = machine();
    assert_true(area_is_ok(&world, VP_AREA_USERLAND));
    world.release = "5.8.17";
    examined(&world, "kernel", VP_VERDICT_MISSING, "5.9 or newer", "sudo apt-get install");
    assert_false(area_is_ok(&world, VP_AREA_USERLAND));
    world.release = "5.9";
    examined(&world, "kernel", VP_VERDICT_OK, "5.19 or newer is faster", "");
    world.release = "10.0-rc1";
    examined(&world, "kernel", VP_VERDICT_OK, "Linux 10.0-rc1 on x86_64", "");
    world.machine = "riscv64";
    examined(&world, "kernel", VP_VERDICT_MISSING, "riscv64", "");
    world = machine();
    world.notifies = EPERM;
    examined(&world, "seccomp", VP_VERDICT_MISSING, "container", "seccomp=unconfined");
    world.notifies = EBUSY;
    examined(&world, "seccomp", VP_VERDICT_MISSING, "one cannot run inside another", "");
    world = machine();
    world.pidfd = false;
    examined(&world, "pidfd", VP_VERDICT_MISSING, "does not work", "seccomp=unconfined");
}

static void the_kernel_host_needs_vhci_hcd(void **state)
{
    (void)state;
    struct vp_doctor_world world = machine();
    examined(&world, "vhci_hcd", VP_VERDICT_MISSING, "not in this kernel",
             "vparticle guest prepare");
    put("/etc/os-release", "NAME=\"Ubuntu\"\nID=ubuntu\n", 0644);
    examined(&world, "vhci_hcd", VP_VERDICT_MISSING, "a package of its own",
             "sudo apt-get install -y linux-modules-extra-6.1.0-56-amd64 && sudo modprobe");
    put("/lib/modules/6.1.0-56-amd64/kernel/drivers/usb/usbip/vhci-hcd.ko.xz", "", 0644);
    examined(&world, "vhci_hcd", VP_VERDICT_MISSING, "not loaded", "sudo modprobe vhci_hcd");
    world.superuser = true;
    struct vp_diagnosed diagnosed;
    vp_doctor_examine(&world, &diagnosed);
    assert_string_equal(finding(&diagnosed, "vhci_hcd")->mend, "modprobe vhci_hcd");
    world.superuser = false;
    examined(&world, "right to attach", VP_VERDICT_MISSING, "before vhci_hcd is loaded", "");
    put("/sys/devices/platform/vhci_hcd.0/attach", "", 0644);
    put("/sys/devices/platform/vhci_hcd.0/status",
        "hub port sta spd dev      sockfd local_busid\n"
        "hs  0000 006 002 00010002 000003 1-1\n"
        "hs  0001 004 000 00000000 000000 0-0\n"
        "ss  0002 004 000 00000000 000000 0-0\n",
        0644);
    examined(&world, "vhci_hcd", VP_VERDICT_OK, "loaded", "");
    examined(&world, "right to attach", VP_VERDICT_OK, "may attach", "");
    examined(&world, "free ports", VP_VERDICT_OK, "1 of 2", "");
    examined(&world, "usbip", VP_VERDICT_UNNEEDED, "by hand", "apt-get install -y usbip");
    assert_true(area_is_ok(&world, VP_AREA_KERNEL));
    may_attach = false;
    examined(&world, "right to attach", VP_VERDICT_MISSING, "takes root", "sudo vparticle exec");
    put("/sys/devices/platform/vhci_hcd.0/status",
        "hub port sta spd dev      sockfd local_busid\n"
        "hs  0000 006 002 00010002 000003 1-1\n",
        0644);
    examined(&world, "free ports", VP_VERDICT_MISSING, "all 1 are taken", "usbip detach");
    assert_false(area_is_ok(&world, VP_AREA_KERNEL));
}

static void the_guest_host_needs_a_guest(void **state)
{
    (void)state;
    struct vp_doctor_world world = machine();
    examined(&world, "guest", VP_VERDICT_MISSING, "not prepared", "vparticle guest prepare");
    examined(&world, "kvm", VP_VERDICT_UNNEEDED, "there is no /dev/kvm", "");
    assert_false(area_is_ok(&world, VP_AREA_GUEST));
    world.guest = (struct vp_guest_state){
        .needs = {{"QEMU is not installed", "apt-get install qemu-system-x86"}}, .need_count = 1};
    examined(&world, "guest", VP_VERDICT_MISSING, "QEMU is not installed", "sudo apt-get install");
    world.guest = (struct vp_guest_state){.prepared = true, .folder = "/cache/guest/1234"};
    examined(&world, "guest", VP_VERDICT_OK, "/cache/guest/1234", "");
    assert_true(area_is_ok(&world, VP_AREA_GUEST));
}

static void one_host_is_enough(void **state)
{
    (void)state;
    struct vp_diagnosed diagnosed;
    struct vp_doctor_world world = machine();
    vp_doctor_examine(&world, &diagnosed);
    assert_true(diagnosed.can_run);
    world.notifies = ENOSYS;
    vp_doctor_examine(&world, &diagnosed);
    assert_false(diagnosed.can_run);
    put("/sys/devices/platform/vhci_hcd.0/attach", "", 0644);
    put("/sys/devices/platform/vhci_hcd.0/status", "hs  0001 004 000 00000000 000000 0-0\n", 0644);
    vp_doctor_examine(&world, &diagnosed);
    assert_true(diagnosed.can_run);
}

/* ---- What is around them -------------------------------------------------------------------- */

static void real_boards_need_libusb_and_a_right(void **state)
{
    (void)state;
    struct vp_doctor_world world = machine();
    examined(&world, "libusb", VP_VERDICT_MISSING, "no /dev/bus/usb", "");
    put("/dev/bus/usb/001/001", "", 0644);
    examined(&world, "libusb", VP_VERDICT_OK, "sees", "");
    examined(&world, "boards", VP_VERDICT_UNNEEDED, "none is plugged in", "");
    world.usb.boards = 2;
    examined(&world, "boards", VP_VERDICT_OK, "2 plugged in", "");
    world.usb.refused = 1;
    strcpy(world.usb.refusal, "/dev/bus/usb/001/007");
    examined(&world, "boards", VP_VERDICT_MISSING, "/dev/bus/usb/001/007", "udevadm trigger");
    world.usb = (struct vp_doctor_usb){.reason = "libusb is out of order"};
    examined(&world, "libusb", VP_VERDICT_MISSING, "out of order", "");
}

static void tools_are_looked_for_in_the_path(void **state)
{
    (void)state;
    static const struct {
        const char *subject, *path, *mend;
    } tools[] = {
        {"dfu-util", "/usr/bin/dfu-util", "apt-get install -y dfu-util"},
        {"particle", "/usr/bin/particle", "npm install -g particle-cli"},
        {"sb", "/usr/bin/sb", "apt-get install -y lrzsz"},
        {"lsusb", "/usr/sbin/lsusb", "apt-get install -y usbutils"},
        {"udevadm", "/usr/bin/udevadm", "apt-get install -y udev"},
    };
    const struct vp_doctor_world world = machine();
    for (unsigned i = 0; i < sizeof tools / sizeof *tools; i++) {
        examined(&world, tools[i].subject, VP_VERDICT_MISSING, "not in $PATH", tools[i].mend);
        put(tools[i].path, "", 0644);
        examined(&world, tools[i].subject, VP_VERDICT_MISSING, "not in $PATH", tools[i].mend);
        put(tools[i].path, "", 0755);
        examined(&world, tools[i].subject, VP_VERDICT_OK, tools[i].path, "");
    }
    assert_true(area_is_ok(&world, VP_AREA_TOOLS));
}

static void what_scripts_fetch_is_looked_for_above(void **state)
{
    (void)state;
    const struct vp_doctor_world world = machine();
    examined(&world, "real firmware", VP_VERDICT_MISSING, "in /home/somebody/project/sub or above",
             "scripts/fetch-firmware");
    put("/home/somebody/.cache/firmware/0.5.2/photon-tinker.bin", "", 0644);
    examined(&world, "real firmware", VP_VERDICT_OK, "/home/somebody/.cache/firmware", "");
    examined(&world, "particle-cli", VP_VERDICT_MISSING, "", "scripts/fetch-tools");
    put("/.cache/tools/bin/particle-2.16.0", "", 0755);
    examined(&world, "particle-cli", VP_VERDICT_OK, "/.cache/tools/bin", "");
}

/* ---- Reports -------------------------------------------------------------------------------- */

static void both_reports_say_it_all(void **state)
{
    (void)state;
    struct vp_diagnosed diagnosed;
    const struct vp_doctor_world world = machine();
    char *text = NULL;
    size_t size = 0;
    vp_doctor_examine(&world, &diagnosed);
    FILE *to = open_memstream(&text, &size);
    vp_doctor_print(to, false, &diagnosed);
    fclose(to);
    assert_non_null(strstr(text, "  dfu-util         missing     not in $PATH\n"));
    assert_non_null(strstr(text, " -> sudo apt-get install -y dfu-util\n"));
    assert_non_null(strstr(text, "userland host      ok"));
    free(text);
    to = open_memstream(&text, &size);
    assert_int_equal(vp_doctor_print_json(to, &diagnosed), 0);
    fclose(to);
    json_t *object = json_loads(text, 0, NULL);
    assert_true(json_is_true(json_object_get(object, "can_run")));
    const json_t *kernel = json_array_get(json_object_get(object, "areas"), VP_AREA_KERNEL);
    assert_string_equal(json_string_value(json_object_get(kernel, "area")), "kernel host");
    assert_true(json_is_false(json_object_get(kernel, "ok")));
    const json_t *vhci = json_array_get(json_object_get(kernel, "findings"), 0);
    assert_string_equal(json_string_value(json_object_get(vhci, "verdict")), "missing");
    json_decref(object);
    free(text);
}

static void this_machine_can_be_looked_at(void **state)
{
    (void)state;
    struct vp_doctor_world world;
    struct vp_diagnosed diagnosed;
    vp_doctor_look(&world);
    vp_doctor_examine(&world, &diagnosed);
    for (unsigned i = 0; i < VP_AREA_COUNT; i++) {
        assert_true(diagnosed.areas[i].count > 0);
        for (unsigned n = 0; n < diagnosed.areas[i].count; n++) {
            assert_true(*diagnosed.areas[i].findings[n].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_userland_host_needs_its_kernel, make_root, remove_root),
        cmocka_unit_test_setup_teardown(the_kernel_host_needs_vhci_hcd, make_root, remove_root),
        cmocka_unit_test_setup_teardown(the_guest_host_needs_a_guest, make_root, remove_root),
        cmocka_unit_test_setup_teardown(one_host_is_enough, make_root, remove_root),
        cmocka_unit_test_setup_teardown(real_boards_need_libusb_and_a_right, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(tools_are_looked_for_in_the_path, make_root, remove_root),
        cmocka_unit_test_setup_teardown(what_scripts_fetch_is_looked_for_above, make_root,
                                        remove_root),
        cmocka_unit_test_setup_teardown(both_reports_say_it_all, make_root, remove_root),
        cmocka_unit_test(this_machine_can_be_looked_at),
    };
    return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
