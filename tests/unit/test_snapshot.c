/* Snapshots of a device with two flashes, and memory that runs out on the way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "device/device_private.h"
#include "support/device_host.h"
#include "support/failing_memory.h"

enum { MARK = 4, INTERNAL = 0x080E0000, EXTERNAL = 0x000FF000 };

static void write_mark(struct vp_device *device, const char mark[MARK])
{
    assert_int_equal(vp_flash_erase(device->flash, INTERNAL), 0);
    assert_int_equal(vp_flash_program(device->flash, INTERNAL, mark, MARK), 0);
    assert_int_equal(vp_flash_erase(device->external, EXTERNAL), 0);
    assert_int_equal(vp_flash_program(device->external, EXTERNAL, mark, MARK), 0);
    memcpy(&device->backup.dr[5], mark, MARK);
}

static void has_mark(const struct vp_device *device, const char mark[MARK])
{
    char found[MARK];
    assert_int_equal(vp_flash_read(device->flash, INTERNAL, found, MARK), 0);
    assert_memory_equal(found, mark, MARK);
    assert_int_equal(vp_flash_read(device->external, EXTERNAL, found, MARK), 0);
    assert_memory_equal(found, mark, MARK);
    assert_memory_equal(&device->backup.dr[5], mark, MARK);
}

/* A snapshot of "then"; the device has gone on to "now!". */
static struct vp_device *gone_on(const char *spec, struct vp_snapshot **snapshot)
{
    struct vp_device *device = host_device(spec);
    write_mark(device, "then");
    assert_int_equal(vp_device_take_snapshot(device, snapshot), 0);
    write_mark(device, "now!");
    return device;
}

static void everything_comes_back(void **state)
{
    (void)state;
    struct vp_snapshot *snapshot;
    struct vp_device *device = gone_on("p1@0.6.3", &snapshot);
    has_mark(device, "now!");
    for (unsigned i = 0; i < 2; i++) { /* and again */
        assert_int_equal(vp_device_restore(device, snapshot), 0);
        has_mark(device, "then");
        write_mark(device, "now!");
    }
    struct vp_device *other = host_device("photon@0.6.3");
    assert_int_equal(vp_device_restore(other, snapshot), VP_ERROR_INVALID);
    vp_device_destroy(other);
    vp_snapshot_destroy(snapshot);
    vp_device_destroy(device);
}

static void image_files_follow(void **state)
{
    (void)state;
    char folder[] = "/tmp/vparticle-snapshot-XXXXXX", spec[160], flash[64], external[64];
    struct vp_snapshot *snapshot;
    assert_non_null(mkdtemp(folder));
    snprintf(flash, sizeof flash, "%s/flash", folder);
    snprintf(external, sizeof external, "%s/external", folder);
    snprintf(spec, sizeof spec, "p1@0.6.3,flash=%s,external=%s", flash, external);
    struct vp_device *device = gone_on(spec, &snapshot);
    assert_int_equal(vp_device_restore(device, snapshot), 0);
    vp_snapshot_destroy(snapshot);
    has_mark(device, "then");
    vp_device_destroy(device);
    device = host_device(spec);
    memcpy(&device->backup.dr[5], "then", MARK); /* which is in no file */
    has_mark(device, "then");
    vp_device_destroy(device);
    unlink(flash);
    unlink(external);
    rmdir(folder);
}

/* Each allocation of vp_device_restore() fails once: nothing has changed then. */
static void without_memory_nothing_changes(void **state)
{
    (void)state;
    struct vp_snapshot *snapshot;
    struct vp_device *device = gone_on("p1@0.6.3", &snapshot);
    const enum vp_mode mode = vp_device_mode(device);
    unsigned failures = 0;
    for (;;) {
        failing_memory_arm(failures + 1);
        const int error = vp_device_restore(device, snapshot);
        const bool fired = failing_memory_disarm();
        if (error == 0) {
            break;
        }
        assert_int_equal(error, VP_ERROR_NO_MEMORY);
        assert_true(fired);
        has_mark(device, "now!");
        assert_int_equal(vp_device_mode(device), mode);
        failures++;
    }
    assert_int_equal(failures, 2); /* one for each flash */
    has_mark(device, "then");
    vp_snapshot_destroy(snapshot);
    vp_device_destroy(device);
}

static void without_memory_there_is_no_snapshot(void **state)
{
    (void)state;
    struct vp_device *device = host_device("p1@0.6.3");
    struct vp_snapshot *snapshot = NULL;
    for (unsigned nth = 1; nth <= 3; nth++) { /* the snapshot itself, and its two flashes */
        failing_memory_arm(nth);
        assert_int_equal(vp_device_take_snapshot(device, &snapshot), VP_ERROR_NO_MEMORY);
        assert_true(failing_memory_disarm());
        assert_null(snapshot);
    }
    failing_memory_arm(4);
    assert_int_equal(vp_device_take_snapshot(device, &snapshot), 0);
    assert_false(failing_memory_disarm());
    vp_snapshot_destroy(snapshot);
    vp_device_destroy(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_comes_back),
        cmocka_unit_test(image_files_follow),
        cmocka_unit_test(without_memory_nothing_changes),
        cmocka_unit_test(without_memory_there_is_no_snapshot),
    };
    return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
