/* The file that says what happened on the bus. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/device_host.h"
#include "trace/trace_file.h"

static char path[] = "/tmp/trace-file-XXXXXX";

static int make_path(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_path(void **state)
{
    (void)state;
    return unlink(path);
}

static void file_is(const char *expected)
{
    char text[4096];
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    fclose(file);
    assert_string_equal(text, expected);
}

static void each_transfer_is_a_line(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@0.5.2,mode=dfu");
    struct vp_trace_file *file;
    uint8_t bytes[65], status[6];
    memset(bytes, 0xA5, sizeof bytes);
    assert_int_equal(vp_trace_file_open(&file, path, NULL), 0);
    assert_int_equal(vp_trace_file_watch(file, device, 7, NULL), 0);
    assert_int_equal(vp_device_bus_reset(device), 0);
    assert_int_equal(host_control(device, 0x00, 9, 1, 0, NULL, 0), 0);
    assert_int_equal(host_control(device, 0x80, 6, 0x0600, 0, bytes, 10), HOST_STALL);
    assert_int_equal(host_dnload(device, 2, bytes, 64), 64);
    assert_int_equal(host_get_status(device, status), 6);
    assert_int_equal(host_get_status(device, status), 6);
    assert_int_equal(host_dnload(device, 2, bytes, 65), 65);
    /* It is in the file at once: who looks while the host waits sees all that it was answered. */
    file_is(
        "7 attached 2b04:d006\n"
        "7 reset\n"
        "7 ep0 out 0009010000000000 0 ok 0 - SET_CONFIGURATION 1\n"
        "7 ep0 in 8006000600000a00 10 stall 0 - GET_DESCRIPTOR qualifier 0\n"
        "7 ep0 out 2101020000004000 64 ok 64 "
        "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"
        "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"
        " DNLOAD block 2, 64 bytes\n"
        "7 ep0 in a103000000000600 6 ok 6 003200000400 GETSTATUS\n"
        "7 ep0 in a103000000000600 6 ok 6 000000000500 GETSTATUS\n"
        "7 ep0 out 2101020000004100 65 ok 65 sha256:667f84020d981fce DNLOAD block 2, 65 bytes\n");
    vp_device_power(device, false);
    assert_int_equal(vp_trace_file_close(file, NULL), 0);
    vp_device_destroy(device);
}

static void nothing_is_written_after_the_end(void **state)
{
    (void)state;
    struct vp_device *devices[2] = {host_device("photon@0.5.2,mode=dfu"),
                                    host_device("photon@0.5.2,mode=dfu")};
    struct vp_trace_file *file;
    vp_device_power(devices[1], false);
    assert_int_equal(vp_trace_file_open(&file, path, NULL), 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(vp_trace_file_watch(file, devices[i], i + 1, NULL), 0);
    }
    vp_device_plug(devices[0], false);
    vp_device_power(devices[1], true);
    vp_device_advance(devices[1], 1000);
    assert_int_equal(vp_trace_file_close(file, NULL), 0);
    vp_device_plug(devices[0], true);
    file_is("1 attached 2b04:d006\n"
            "1 detached\n"
            "2 attached 2b04:c006\n");
    for (unsigned i = 0; i < 2; i++) {
        vp_device_destroy(devices[i]);
    }
}

static void what_cannot_be_written_is_told(void **state)
{
    (void)state;
    struct vp_failure failure;
    struct vp_trace_file *file;
    assert_int_equal(vp_trace_file_open(&file, "/no/such/folder/t", &failure), VP_ERROR_IO);
    assert_string_equal(failure.text,
                        "cannot write the trace to /no/such/folder/t: No such file or directory");
    struct vp_device *device = host_device("photon@0.5.2,mode=dfu");
    assert_int_equal(vp_trace_file_open(&file, "/dev/full", &failure), 0);
    assert_int_equal(vp_trace_file_watch(file, device, 1, &failure), 0);
    assert_int_equal(vp_trace_file_close(file, &failure), VP_ERROR_IO);
    assert_string_equal(failure.text,
                        "cannot write the trace to /dev/full: No space left on device");
    assert_int_equal(vp_trace_file_close(NULL, &failure), 0);
    vp_device_destroy(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_transfer_is_a_line),
        cmocka_unit_test(nothing_is_written_after_the_end),
        cmocka_unit_test(what_cannot_be_written_is_told),
    };
    return cmocka_run_group_tests_name("trace_file", tests, make_path, remove_path);
}
