/* Control requests over endpoint 0, as a host sends them: both protocols, and what they do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bytes.h"
#include "control.pb-c.h"
#include "device/device_private.h"
#include "support/device_host.h"
#include "vparticle/forge.h"

enum { INIT = 1, CHECK = 2, SEND = 3, RECV = 4, RESET = 5, OLD = 0x50 };
enum { TO_HOST = 0xC0, TO_DEVICE = 0x40, ROOM = 64 };
enum { OK = 0, PENDING = 2, BUSY = 3, NOT_FOUND = 5 };
enum { HAS_ID = 2, HAS_SIZE = 4, HAS_RESULT = 8 };

struct reply {
    uint32_t flags, size;
    uint16_t status, id;
    int32_t result;
};

static struct reply service(struct vp_device *device, uint8_t request, uint16_t value,
                            uint16_t index)
{
    uint8_t bytes[ROOM];
    const int size = host_control(device, TO_HOST, request, value, index, bytes, sizeof bytes);
    assert_true(size >= 6);
    struct reply reply = {.flags = vp_get_le32(bytes), .status = vp_get_le16(bytes + 4)};
    int at = 6;
    if (reply.flags & HAS_ID) {
        reply.id = vp_get_le16(bytes + at);
        at += 2;
    }
    if (reply.flags & HAS_SIZE) {
        reply.size = vp_get_le32(bytes + at);
        at += 4;
    }
    if (reply.flags & HAS_RESULT) {
        reply.result = (int32_t)vp_get_le32(bytes + at);
        at += 4;
    }
    assert_int_equal(at, size);
    return reply;
}

/* A whole request. @return its result; the reply, if wanted, has to be freed */
static int32_t ask(struct vp_device *device, uint16_t type, const void *payload, uint16_t length,
                   uint8_t **reply, uint32_t *reply_size)
{
    struct reply answer = service(device, INIT, length, type);
    const uint16_t id = answer.id;
    assert_int_equal(answer.status, length > 64 ? PENDING : OK);
    if (answer.status == PENDING) {
        assert_int_equal(service(device, CHECK, 0, id).status, OK);
    }
    if (length > 0) {
        uint8_t *copy = malloc(length);
        memcpy(copy, payload, length);
        assert_int_equal(host_control(device, TO_DEVICE, SEND, 0, id, copy, length), length);
        free(copy);
    }
    answer = service(device, CHECK, 0, id);
    assert_int_equal(answer.status, OK);
    assert_true(answer.flags & HAS_RESULT);
    if (reply) {
        *reply = NULL;
        *reply_size = answer.size;
    }
    if (answer.size > 0) {
        uint8_t *bytes = malloc(answer.size);
        assert_int_equal(host_control(device, TO_HOST, RECV, 0, id, bytes, (uint16_t)answer.size),
                         answer.size);
        if (reply) {
            *reply = bytes;
        } else {
            free(bytes);
        }
    }
    return answer.result;
}

/* ---- The asynchronous protocol ------------------------------------------------------------- */

static void a_request_goes_through_its_stages(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@2.2.0");
    uint8_t *reply;
    uint32_t size;
    assert_int_equal(ask(device, 20, NULL, 0, &reply, &size), 0);
    Ctrl__GetDeviceIdReply *id = ctrl__get_device_id_reply__unpack(NULL, size, reply);
    assert_string_equal(id->id, "30003a000a47343432313031");
    ctrl__get_device_id_reply__free_unpacked(id, NULL);
    free(reply);
    assert_int_equal(ask(device, 30, NULL, 0, &reply, &size), 0);
    Ctrl__GetSystemVersionReply *version =
        ctrl__get_system_version_reply__unpack(NULL, size, reply);
    assert_string_equal(version->version, "2.2.0");
    ctrl__get_system_version_reply__free_unpacked(version, NULL);
    free(reply);
    vp_device_destroy(device);
}

static void unknown_types_are_not_supported(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        uint16_t type;
    } cases[] = {{"photon@2.2.0", 9999},
                 {"photon@2.2.0", 260}, /* gone since 2.0.0 */
                 {"photon@1.0.1", 20},  /* since 1.1.0 */
                 {"photon@1.4.0", 1}};  /* since 1.5.0 */
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vp_device *device = host_device(cases[i].spec);
        assert_int_equal(ask(device, cases[i].type, NULL, 0, NULL, NULL), -120);
        vp_device_destroy(device);
    }
}

static void four_requests_fit_and_a_bus_reset_ends_them(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@2.2.0");
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(service(device, INIT, 5, 1).status, OK);
    }
    assert_int_equal(service(device, INIT, 5, 1).status, BUSY);
    assert_int_equal(service(device, RESET, 0, 77).status, NOT_FOUND);
    assert_int_equal(service(device, RESET, 0, 2).status, OK);
    assert_int_equal(service(device, CHECK, 0, 2).status, NOT_FOUND);
    assert_int_equal(service(device, INIT, 5, 1).status, OK);
    host_enumerate(device);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(service(device, INIT, 5, 1).status, OK);
    }
    assert_int_equal(service(device, RESET, 0, 0).status, OK);
    assert_int_equal(service(device, INIT, 5, 1).status, OK);
    vp_device_destroy(device);
}

/* 16 bits count the requests of a start: 0 comes again, and so does an id that is in use. */
static void ids_wrap_as_the_firmware_counts(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@2.2.0");
    assert_int_equal(service(device, INIT, 5, 1).id, 1); /* waits for its payload */
    for (unsigned expected = 2; expected <= UINT16_MAX; expected++) {
        const struct reply opened = service(device, INIT, 5, 1);
        assert_int_equal(opened.id, expected);
        assert_int_equal(service(device, RESET, 0, opened.id).status, OK);
    }
    assert_int_equal(service(device, INIT, 5, 1).id, 0);
    assert_int_equal(service(device, CHECK, 0, 0).status, OK);
    assert_int_equal(service(device, INIT, 0, 20).id, 1); /* done at once */
    assert_true(service(device, CHECK, 0, 1).flags & HAS_RESULT);
    assert_int_equal(service(device, RESET, 0, 1).status, OK); /* the newer of the two */
    struct reply older = service(device, CHECK, 0, 1);
    assert_int_equal(older.status, OK);
    assert_false(older.flags & HAS_RESULT);
    assert_int_equal(service(device, RESET, 0, 0).status, OK); /* not only request 0 */
    assert_int_equal(service(device, CHECK, 0, 0).status, NOT_FOUND);
    assert_int_equal(service(device, CHECK, 0, 1).status, NOT_FOUND);
    vp_device_destroy(device);
}

static void holds_requests(const struct vp_device *device, unsigned expected)
{
    unsigned held = 0;
    for (unsigned i = 0; i < VP_CONTROL_ACTIVE_LIMIT; i++) {
        const struct vp_control_request *active = &device->system.control.active[i];
        held += active->state != VP_CONTROL_FREE || active->payload || active->reply;
    }
    assert_int_equal(held, expected);
}

static void open_two_requests(struct vp_device *device)
{
    assert_int_equal(service(device, INIT, 5, 1).status, OK);  /* waits for its payload */
    assert_int_equal(service(device, INIT, 0, 20).status, OK); /* its reply waits */
    holds_requests(device, 2);
}

/* Whatever the chip comes up in: the memory of a system ends with its power and with a reset. */
static void requests_end_with_the_system(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@2.2.0");
    open_two_requests(device);
    vp_device_power(device, false);
    holds_requests(device, 0);
    vp_device_power(device, true);
    host_enumerate(device);
    assert_int_equal(service(device, CHECK, 0, 1).status, NOT_FOUND);
    open_two_requests(device);
    vp_device_button(device, true);
    vp_device_reset(device);
    assert_int_equal(vp_device_mode(device), VP_MODE_BOOT);
    holds_requests(device, 0);
    vp_device_destroy(device);
}

static void wrong_lengths_stall(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@2.2.0");
    uint8_t bytes[256] = {0};
    for (uint16_t length = 0; length < 64; length += 7) {
        assert_int_equal(host_control(device, TO_HOST, INIT, 0, 20, bytes, length), HOST_STALL);
    }
    assert_int_equal(host_control(device, TO_HOST, CHECK, 0, 1, bytes, 65), HOST_STALL);
    const uint16_t id = service(device, INIT, 10, 1).id;
    assert_int_equal(host_control(device, TO_DEVICE, SEND, 0, id, bytes, 11), HOST_STALL);
    assert_int_equal(host_control(device, TO_DEVICE, SEND, 0, (uint16_t)(id + 1), bytes, 10),
                     HOST_STALL);
    assert_int_equal(host_control(device, TO_HOST, RECV, 0, id, bytes, 10), HOST_STALL);
    assert_int_equal(host_control(device, TO_DEVICE, SEND, 0, id, bytes, 10), 10);
    assert_int_equal(host_control(device, TO_DEVICE, SEND, 0, id, bytes, 10), HOST_STALL);
    assert_int_equal(host_control(device, TO_HOST, RECV, 0, id, bytes, 11), HOST_STALL);
    assert_int_equal(host_control(device, TO_HOST, RECV, 0, id, bytes, 10), 10);
    assert_int_equal(service(device, CHECK, 0, id).status, NOT_FOUND);
    assert_int_equal(host_control(device, TO_HOST, 6, 0, 0, bytes, 64), HOST_STALL);
    vp_device_destroy(device);
}

/* Since 1.5.0 a body may come in pieces; before, it has to come whole. */
static void bodies_come_in_pieces_since_1_5_0(void **state)
{
    (void)state;
    uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, back[10];
    struct vp_device *device = host_device("photon@1.5.0");
    uint16_t id = service(device, INIT, 10, 1).id;
    assert_int_equal(host_control(device, TO_DEVICE, SEND, 0, id, bytes, 4), 4);
    assert_int_equal(host_control(device, TO_DEVICE, SEND, 0, id, bytes + 4, 6), 6);
    assert_int_equal(service(device, CHECK, 0, id).size, 10);
    assert_int_equal(host_control(device, TO_HOST, RECV, 0, id, back, 7), 7);
    assert_int_equal(host_control(device, TO_HOST, RECV, 0, id, back + 7, 3), 3);
    assert_memory_equal(bytes, back, sizeof back);
    vp_device_destroy(device);
    device = host_device("photon@1.4.0");
    id = service(device, INIT, 10, 250).id;
    assert_int_equal(host_control(device, TO_DEVICE, SEND, 0, id, bytes, 4), HOST_STALL);
    vp_device_destroy(device);
}

static void modes_change_a_second_after_the_result(void **state)
{
    (void)state;
    static const struct {
        uint16_t type;
        enum vp_mode mode;
    } cases[] = {{50, VP_MODE_DFU}, {60, VP_MODE_SAFE}, {40, VP_MODE_NORMAL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct vp_device *device = host_device("photon@1.5.0");
        assert_int_equal(ask(device, cases[i].type, NULL, 0, NULL, NULL), 0);
        assert_int_equal(vp_device_mode(device), VP_MODE_NORMAL);
        assert_int_equal(vp_device_next_deadline(device), 1000);
        vp_device_settle(device);
        assert_string_equal(vp_mode_name(vp_device_mode(device)), vp_mode_name(cases[i].mode));
        vp_device_destroy(device);
    }
}

static void listening_starts_and_stops(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@1.5.0");
    uint8_t *reply;
    uint32_t size;
    assert_int_equal(ask(device, 70, NULL, 0, NULL, NULL), 0);
    assert_int_equal(vp_device_mode(device), VP_MODE_LISTENING);
    assert_int_equal(ask(device, 72, NULL, 0, &reply, &size), 0);
    Ctrl__GetDeviceModeReply *mode = ctrl__get_device_mode_reply__unpack(NULL, size, reply);
    assert_int_equal(mode->mode, CTRL__DEVICE_MODE__LISTENING_MODE);
    ctrl__get_device_mode_reply__free_unpacked(mode, NULL);
    free(reply);
    assert_int_equal(ask(device, 71, NULL, 0, NULL, NULL), 0);
    assert_int_equal(vp_device_mode(device), VP_MODE_NORMAL);
    vp_device_destroy(device);
}

static void modules_are_listed(void **state)
{
    (void)state;
    struct vp_device *device = host_device("electron@1.5.0");
    uint8_t *reply;
    uint32_t size;
    assert_int_equal(ask(device, 90, NULL, 0, &reply, &size), 0);
    Ctrl__GetModuleInfoReply *info = ctrl__get_module_info_reply__unpack(NULL, size, reply);
    assert_non_null(info);
    assert_int_equal(info->n_modules, 5);
    assert_int_equal(info->modules[0]->type, CTRL__FIRMWARE_MODULE_TYPE__BOOTLOADER);
    assert_int_equal(info->modules[2]->version, 1502);
    assert_int_equal(info->modules[2]->validity, 0);
    assert_int_equal(info->modules[2]->n_dependencies, 2);
    ctrl__get_module_info_reply__free_unpacked(info, NULL);
    free(reply);
    vp_device_destroy(device);
    device = host_device("photon@1.0.1"); /* still text */
    assert_int_equal(ask(device, 90, NULL, 0, &reply, &size), 0);
    assert_memory_equal(reply, "{\"p\":6,\"m\":[", 12);
    assert_int_equal(reply[size - 1], '}');
    free(reply);
    vp_device_destroy(device);
}

/* ---- Updates --------------------------------------------------------------------------------- */

static int32_t send_update(struct vp_device *device, const uint8_t *image, size_t size,
                           uint32_t announced, uint32_t chunk)
{
    uint8_t packed[8192];
    Ctrl__StartFirmwareUpdateRequest start = CTRL__START_FIRMWARE_UPDATE_REQUEST__INIT;
    start.size = announced;
    size_t length = ctrl__start_firmware_update_request__pack(&start, packed);
    int32_t result = ask(device, 250, packed, (uint16_t)length, NULL, NULL);
    for (size_t at = 0; at < size && result == 0; at += chunk) {
        Ctrl__FirmwareUpdateDataRequest data = CTRL__FIRMWARE_UPDATE_DATA_REQUEST__INIT;
        data.data.data = (uint8_t *)image + at;
        data.data.len = size - at < chunk ? size - at : chunk;
        length = ctrl__firmware_update_data_request__pack(&data, packed);
        result = ask(device, 253, packed, (uint16_t)length, NULL, NULL);
    }
    return result == 0 ? ask(device, 251, NULL, 0, NULL, NULL) : result;
}

static uint16_t version_at(struct vp_device *device, uint32_t address)
{
    struct vp_module module;
    assert_int_equal(vp_module_parse_flash(vp_device_flash(device), address, &module, NULL), 0);
    return module.version;
}

enum { NEW_VERSION = 77 };

/* An application that runs on all of them. */
static void forge_application(uint8_t **image, size_t *size)
{
    const struct vp_module_recipe recipe = {
        .platform = VP_PLATFORM_PHOTON,
        .version = NEW_VERSION,
        .function = VP_MODULE_USER,
        .index = 1,
        .dependencies = {{VP_MODULE_SYSTEM, 2, 7}},
        .address = 0x080A0000,
        .size = 5000,
    };
    assert_int_equal(vp_forge_module(&recipe, image, size), 0);
}

static void an_update_lands(void **state)
{
    (void)state;
    static const char *const specs[] = {"photon@1.0.1", "photon@1.5.0", "photon@2.2.0"};
    for (size_t i = 0; i < sizeof specs / sizeof *specs; i++) {
        struct vp_device *device = host_device(specs[i]);
        uint8_t *image;
        size_t size;
        forge_application(&image, &size);
        assert_int_equal(send_update(device, image, size, (uint32_t)size, 1024), 0);
        vp_device_settle(device);
        assert_int_equal(version_at(device, 0x080A0000), NEW_VERSION);
        free(image);
        vp_device_destroy(device);
    }
}

static void a_bad_update_is_refused(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@2.2.0");
    struct vp_flash *before;
    uint8_t *image;
    size_t size;
    forge_application(&image, &size);
    assert_int_equal(vp_flash_fork(&before, vp_device_flash(device)), 0);
    image[size / 2] ^= 1;
    assert_int_equal(send_update(device, image, size, (uint32_t)size, 1024), -1330);
    image[size / 2] ^= 1;
    assert_int_equal(send_update(device, image, size, (uint32_t)size + 1, 1024), -210);
    assert_int_equal(send_update(device, image, size, (uint32_t)size - 1, 1024), -290);
    assert_int_not_equal(send_update(device, image, size, 0x40001, 1024), 0);
    assert_int_equal(ask(device, 253, "\x0a\x01x", 3, NULL, NULL), -210);
    assert_int_equal(ask(device, 250, "\xff\xff", 2, NULL, NULL), -280);
    vp_device_settle(device);
    static uint8_t was[0xC0000], is[0xC0000];
    assert_int_equal(vp_flash_read(before, 0x08000000, was, sizeof was), 0);
    assert_int_equal(vp_flash_read(vp_device_flash(device), 0x08000000, is, sizeof is), 0);
    assert_memory_equal(was, is, 0x4000);                                /* the bootloader */
    assert_memory_equal(was + 0x20000, is + 0x20000, 0xC0000 - 0x20000); /* parts and application */
    free(image);
    vp_flash_destroy(before);
    vp_device_destroy(device);
}

/* Nobody looks at the button meanwhile; once somebody does, its time has long come. */
static void a_button_held_through_an_update_counts_afterwards(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@2.2.0");
    uint8_t packed[16];
    Ctrl__StartFirmwareUpdateRequest start = CTRL__START_FIRMWARE_UPDATE_REQUEST__INIT;
    start.size = 5000;
    const size_t length = ctrl__start_firmware_update_request__pack(&start, packed);
    vp_device_button(device, true);
    assert_int_equal(ask(device, 250, packed, (uint16_t)length, NULL, NULL), 0);
    vp_device_advance(device, 4000);
    assert_int_equal(vp_device_mode(device), VP_MODE_UPDATE);
    assert_int_equal(ask(device, 252, NULL, 0, NULL, NULL), 0);
    assert_int_equal(vp_device_mode(device), VP_MODE_NORMAL);
    assert_int_equal(vp_device_patience(device), 0);
    vp_device_advance(device, 1);
    assert_int_equal(vp_device_mode(device), VP_MODE_LISTENING);
    vp_device_destroy(device);
}

/* ---- Storage -------------------------------------------------------------------------------- */

static void storage_is_described_until_2_0_0(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@1.5.0");
    uint8_t *reply;
    uint32_t size;
    assert_int_equal(ask(device, 260, NULL, 0, &reply, &size), 0);
    Ctrl__DescribeStorageReply *storage = ctrl__describe_storage_reply__unpack(NULL, size, reply);
    assert_int_equal(storage->n_storage, 1);
    assert_int_equal(storage->storage[0]->n_sections, 7);
    assert_int_equal(storage->storage[0]->sections[2]->size, 0x40000);
    assert_int_equal(storage->storage[0]->sections[2]->firmware_module->index, 2);
    ctrl__describe_storage_reply__free_unpacked(storage, NULL);
    free(reply);
    Ctrl__ReadSectionDataRequest read = CTRL__READ_SECTION_DATA_REQUEST__INIT;
    uint8_t packed[64];
    read.section = 1;
    read.offset = 0x40000 - 4;
    read.size = 4;
    size_t length = ctrl__read_section_data_request__pack(&read, packed);
    assert_int_equal(ask(device, 261, packed, (uint16_t)length, NULL, NULL), 0);
    read.size = UINT32_MAX;
    length = ctrl__read_section_data_request__pack(&read, packed);
    assert_int_equal(ask(device, 261, packed, (uint16_t)length, NULL, NULL), -290);
    read.section = 99;
    length = ctrl__read_section_data_request__pack(&read, packed);
    assert_int_equal(ask(device, 261, packed, (uint16_t)length, NULL, NULL), -170);
    vp_device_destroy(device);
}

/* ---- The old protocol ----------------------------------------------------------------------- */

static void the_old_protocol_works(void **state)
{
    (void)state;
    struct vp_device *device = host_device("photon@0.7.0");
    uint8_t bytes[512];
    assert_int_equal(host_control(device, TO_HOST, OLD, 0, 20, bytes, 64), 25);
    assert_string_equal((char *)bytes, "30003A000A47343432313031");
    assert_int_equal(host_control(device, TO_HOST, OLD, 1, 20, bytes, 12), 12);
    assert_int_equal(bytes[0], 0x30);
    assert_int_equal(host_control(device, TO_HOST, OLD, 1, 20, bytes, 11), HOST_STALL);
    assert_int_equal(host_control(device, TO_HOST, OLD, 0, 30, bytes, 64), 7);
    assert_string_equal((char *)bytes, "0.7.0");
    assert_int_equal(host_control(device, TO_HOST, OLD, 0, 90, bytes, 512), HOST_STALL);
    assert_int_equal(host_control(device, TO_DEVICE, OLD, 0, 90, bytes, 0), 0);
    assert_int_equal(host_control(device, TO_HOST, OLD, 0, 10, bytes, 512), HOST_STALL);
    assert_true(host_control(device, TO_HOST, OLD, 0, 90, bytes, 512) > 100);
    assert_memory_equal(bytes, "\"p\":6,\"m\":[", 11);
    assert_int_equal(host_control(device, TO_DEVICE, OLD, 0, 70, bytes, 0), 0);
    assert_int_equal(vp_device_mode(device), VP_MODE_LISTENING);
    assert_int_equal(host_control(device, TO_DEVICE, OLD, 1, 70, bytes, 0), 0);
    assert_int_equal(vp_device_mode(device), VP_MODE_NORMAL);
    assert_int_equal(host_control(device, TO_DEVICE, OLD, 0, 50, bytes, 0), 0);
    vp_device_settle(device);
    assert_int_equal(vp_device_mode(device), VP_MODE_DFU);
    vp_device_destroy(device);
}

static void what_is_left_of_it_works(void **state)
{
    (void)state;
    uint8_t bytes[64];
    struct vp_device *device = host_device("photon@2.2.0");
    assert_int_equal(host_control(device, TO_HOST, OLD, 0, 30, bytes, 64), 5);
    assert_memory_equal(bytes, "2.2.0", 5);
    assert_int_equal(host_control(device, TO_HOST, OLD, 0, 30, bytes, 4), HOST_STALL);
    assert_int_equal(host_control(device, TO_DEVICE, OLD, 0, 50, bytes, 0), HOST_STALL);
    assert_int_equal(host_control(device, TO_DEVICE, OLD, 0, 40, bytes, 0), 0);
    vp_device_destroy(device);
    device = host_device("photon@1.5.0");
    assert_int_equal(host_control(device, TO_DEVICE, OLD, 0, 40, bytes, 0), HOST_STALL);
    vp_device_destroy(device);
    device = host_device("photon@0.5.2"); /* knows none at all */
    assert_int_equal(host_control(device, TO_HOST, OLD, 0, 30, bytes, 64), HOST_STALL);
    vp_device_destroy(device);
    device = host_device("photon@2.2.0,mode=dfu"); /* nor does DFU mode */
    assert_int_equal(host_control(device, TO_HOST, OLD, 0, 30, bytes, 64), HOST_STALL);
    vp_device_destroy(device);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_goes_through_its_stages),
        cmocka_unit_test(unknown_types_are_not_supported),
        cmocka_unit_test(four_requests_fit_and_a_bus_reset_ends_them),
        cmocka_unit_test(ids_wrap_as_the_firmware_counts),
        cmocka_unit_test(requests_end_with_the_system),
        cmocka_unit_test(wrong_lengths_stall),
        cmocka_unit_test(bodies_come_in_pieces_since_1_5_0),
        cmocka_unit_test(modes_change_a_second_after_the_result),
        cmocka_unit_test(listening_starts_and_stops),
        cmocka_unit_test(modules_are_listed),
        cmocka_unit_test(an_update_lands),
        cmocka_unit_test(a_bad_update_is_refused),
        cmocka_unit_test(a_button_held_through_an_update_counts_afterwards),
        cmocka_unit_test(storage_is_described_until_2_0_0),
        cmocka_unit_test(the_old_protocol_works),
        cmocka_unit_test(what_is_left_of_it_works),
    };
    return cmocka_run_group_tests_name("requests", tests, NULL, NULL);
}
