/* The guest engine's parts that need no guest: packages, kernels, modules, initrd, keys, frames. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/guest/agent/agent.h"
#include "host/guest/cache/cache.h"
#include "host/guest/guest.h"
#include "host/guest/image/init.h"
#include "host/guest/image/initrd.h"
#include "host/guest/image/kernel_image.h"
#include "host/guest/image/modules.h"
#include "host/guest/image/package.h"
#include "host/guest/machine/arguments.h"
#include "host/guest/wire/frames.h"
#include "support/shell.h"

static struct vp_failure failure;

static size_t read_back(const char *name, char *text, size_t size)
{
    char path[PATH_MAX];
    shell_path(path, sizeof path, name);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    const size_t length = fread(text, 1, size - 1, file);
    text[length] = '\0';
    fclose(file);
    return length;
}

static void write_bytes(const char *name, const void *bytes, size_t size)
{
    char path[PATH_MAX];
    shell_path(path, sizeof path, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

/* ---- Packages ------------------------------------------------------------------------------- */

static void add_entry(struct archive *archive, const char *name, const void *bytes, size_t size)
{
    struct archive_entry *entry = archive_entry_new();
    archive_entry_set_pathname(entry, name);
    archive_entry_set_mode(entry, S_IFREG | 0644);
    archive_entry_set_size(entry, (la_int64_t)size);
    assert_int_equal(archive_write_header(archive, entry), ARCHIVE_OK);
    assert_int_equal(archive_write_data(archive, bytes, size), (la_ssize_t)size);
    archive_entry_free(entry);
}

static size_t make_tar(char *bytes, size_t size)
{
    size_t used = 0;
    struct archive *tar = archive_write_new();
    archive_write_add_filter_xz(tar);
    archive_write_set_format_ustar(tar);
    assert_int_equal(archive_write_open_memory(tar, bytes, size, &used), ARCHIVE_OK);
    add_entry(tar, "./boot/vmlinuz-6.1.0-1-amd64", "kernel", 6);
    add_entry(tar, "./usr/share/doc/vmlinuz-not", "not", 3);
    add_entry(tar, "./boot/../../../vmlinuz-outside", "outside", 7);
    assert_int_equal(archive_write_free(tar), ARCHIVE_OK);
    return used;
}

/* As dpkg-deb makes them, but with files of ours. */
static void make_package(const char *name)
{
    static char data[64 * 1024];
    char path[PATH_MAX];
    const size_t size = make_tar(data, sizeof data);
    shell_path(path, sizeof path, name);
    struct archive *package = archive_write_new();
    archive_write_set_format_ar_svr4(package);
    assert_int_equal(archive_write_open_filename(package, path), ARCHIVE_OK);
    add_entry(package, "debian-binary", "2.0\n", 4);
    add_entry(package, "control.tar.xz", "", 0);
    add_entry(package, "data.tar.xz", data, size);
    assert_int_equal(archive_write_free(package), ARCHIVE_OK);
}

static bool is_kernel(void *context, const char *path)
{
    (void)context;
    return strstr(path, "vmlinuz-") && strncmp(path, "boot/", 5) == 0;
}

static int extract(const char *name, unsigned *count)
{
    char path[PATH_MAX], folder[PATH_MAX];
    shell_path(path, sizeof path, name);
    shell_path(folder, sizeof folder, "out");
    mkdir(folder, 0755);
    const struct package_request request = {.wanted = is_kernel, .folder = folder};
    return package_extract(path, &request, count, &failure);
}

static void a_package_gives_the_wanted_files_into_one_folder(void **state)
{
    (void)state;
    char text[16];
    unsigned count;
    make_package("one.deb");
    assert_int_equal(extract("one.deb", &count), 0);
    assert_int_equal(count, 2);
    read_back("out/vmlinuz-6.1.0-1-amd64", text, sizeof text);
    assert_string_equal(text, "kernel");
    read_back("out/vmlinuz-outside", text, sizeof text); /* not outside */
    assert_string_equal(text, "outside");
    assert_int_equal(shell_run("ls out | wc -l; ls .. | grep -c outside"), 1);
    shell_says("2\n0\n");
}

static void what_is_no_package_is_refused(void **state)
{
    (void)state;
    unsigned count;
    shell_write("text.deb", "this is a text, and no archive at all\n");
    assert_int_equal(extract("text.deb", &count), VP_ERROR_INVALID);
    assert_int_equal(extract("missing.deb", &count), VP_ERROR_NOT_FOUND);
    make_package("cut.deb");
    assert_int_equal(shell_run("truncate -s 300 cut.deb"), 0);
    assert_int_equal(extract("cut.deb", &count), VP_ERROR_INVALID);
    shell_write("empty.deb", "");
    assert_int_equal(extract("empty.deb", &count), VP_ERROR_INVALID);
}

/* ---- Kernels -------------------------------------------------------------------------------- */

enum { SETUP = 1024, OFFSET = 0x248, LENGTH = 0x24C };

static void put_number(uint8_t *at, uint32_t number)
{
    for (unsigned i = 0; i < 4; i++) {
        at[i] = (uint8_t)(number >> (8 * i));
    }
}

static size_t make_kernel(uint8_t *image, const char *compressor, const char *unpacked)
{
    memset(image, 0, SETUP);
    image[0x1F1] = 1;
    memcpy(image + 0x202, "HdrS", 4);
    image[0x206] = 0x0F;
    image[0x207] = 0x02;
    shell_write("unpacked", unpacked);
    assert_int_equal(shell_run("%s <unpacked >packed", compressor), 0);
    const size_t size = read_back("packed", (char *)image + SETUP, 4096);
    const size_t trailer = strcmp(compressor, "gzip") == 0 ? 0 : 4;
    put_number(image + LENGTH, (uint32_t)(size + trailer));
    return SETUP + size + trailer;
}

static int unpack(const uint8_t *image, size_t size)
{
    char path[PATH_MAX];
    shell_path(path, sizeof path, "vmlinux");
    return kernel_image_unpack(image, size, path, &failure);
}

static void a_kernel_is_unpacked_however_it_is_compressed(void **state)
{
    (void)state;
    static const char *const compressors[] = {"gzip", "xz --check=crc32"};
    static uint8_t image[SETUP + 8192];
    char text[64];
    for (unsigned i = 0; i < 2; i++) {
        const size_t size = make_kernel(image, compressors[i], "\177ELF and so on");
        assert_int_equal(unpack(image, size), 0);
        read_back("vmlinux", text, sizeof text);
        assert_string_equal(text, "\177ELF and so on");
    }
}

static void what_is_no_kernel_is_refused_and_leaves_nothing(void **state)
{
    (void)state;
    static uint8_t image[SETUP + 8192];
    size_t size = make_kernel(image, "gzip", "no ELF");
    assert_int_equal(unpack(image, size), VP_ERROR_INVALID);
    assert_non_null(strstr(failure.text, "no ELF file"));
    size = make_kernel(image, "gzip", "\177ELF");
    assert_int_equal(unpack(image, 100), VP_ERROR_INVALID);
    assert_int_equal(unpack(image, size - 1), VP_ERROR_INVALID);
    put_number(image + OFFSET, 0xFFFFFFFF);
    assert_int_equal(unpack(image, size), VP_ERROR_INVALID);
    put_number(image + OFFSET, 0);
    image[SETUP + 12] ^= 0xFF;
    assert_int_equal(unpack(image, size), VP_ERROR_INVALID);
    image[0x202] = 'h';
    assert_int_equal(unpack(image, size), VP_ERROR_INVALID);
    assert_int_equal(shell_run("test ! -e vmlinux"), 0);
}

/* ---- Modules and initrd --------------------------------------------------------------------- */

/* An ELF file of two sections: .modinfo and the sections' names. */
static void make_module(const char *name, const char *needs)
{
    static const char names[] = "\0.modinfo\0.shstrtab";
    char information[512];
    const size_t size =
        (size_t)snprintf(information, sizeof information, "license=GPL%cdepends=%s", '\0', needs) +
        1;
    Elf64_Ehdr header = {.e_type = ET_REL,
                         .e_machine = EM_X86_64,
                         .e_version = EV_CURRENT,
                         .e_shoff = sizeof header,
                         .e_ehsize = sizeof header,
                         .e_shentsize = sizeof(Elf64_Shdr),
                         .e_shnum = 3,
                         .e_shstrndx = 2};
    memcpy(header.e_ident, ELFMAG "\2\1\1", 7);
    const size_t data = sizeof header + 3 * sizeof(Elf64_Shdr);
    const Elf64_Shdr sections[3] = {
        {.sh_name = 0},
        {.sh_name = 1, .sh_type = SHT_PROGBITS, .sh_offset = data, .sh_size = size},
        {.sh_name = 10, .sh_type = SHT_STRTAB, .sh_offset = data + size, .sh_size = sizeof names},
    };
    uint8_t file[2048];
    memcpy(file, &header, sizeof header);
    memcpy(file + sizeof header, sections, sizeof sections);
    memcpy(file + data, information, size);
    memcpy(file + data + size, names, sizeof names);
    write_bytes(name, file, data + size + sizeof names);
}

static const char *const leaves[] = {"virtio_ring", "virtio_console", "9pnet", "overlay",
                                     "usbcore"};

static void make_modules(void)
{
    char name[64];
    assert_int_equal(shell_run("rm -rf m; mkdir m"), 0);
    for (size_t i = 0; i < sizeof leaves / sizeof *leaves; i++) {
        snprintf(name, sizeof name, "m/%s.ko", leaves[i]);
        make_module(name, "");
    }
    make_module("m/virtio.ko", "virtio_ring");
    make_module("m/virtio_pci.ko", "virtio,virtio_ring,virtio-pci-modern-dev");
    make_module("m/9pnet_virtio.ko", "9pnet,virtio");
    make_module("m/9p.ko", "9pnet");
    make_module("m/vhci-hcd.ko", "usbcore,usbip-core");
    make_module("m/cdc-acm.ko", "usbcore");
    shell_write("m/modules.builtin", "kernel/drivers/virtio/virtio_pci_modern_dev.ko\n");
}

static unsigned place(const struct modules *modules, const char *name)
{
    for (unsigned i = 0; i < modules->order_count; i++) {
        if (strcmp(modules->wanted[modules->order[i]], name) == 0) {
            return i;
        }
    }
    fail_msg("%s is not in the order", name);
    return 0;
}

static void modules_come_after_what_they_need(void **state)
{
    (void)state;
    static struct modules modules;
    char folder[PATH_MAX];
    unsigned missing;
    make_modules();
    shell_path(folder, sizeof folder, "m");
    modules_begin(&modules);
    assert_int_equal(modules_resolve(&modules, folder, &missing, &failure), 0);
    assert_int_equal(missing, 1); /* usbip_core, of which nobody knew before */
    assert_true(modules_are(&modules, "lib/modules/6.1/kernel/drivers/usb/usbip/usbip-core.ko.xz"));
    assert_false(modules_are(&modules, "lib/modules/6.1/kernel/drivers/usb/usbip/usbip-host.ko"));
    assert_false(modules_are(&modules, "usr/share/doc/usbip-core.ko"));
    make_module("m/usbip-core.ko", "usbcore");
    assert_int_equal(modules_resolve(&modules, folder, &missing, &failure), 0);
    assert_int_equal(missing, 0);
    assert_true(place(&modules, "virtio_ring") < place(&modules, "virtio"));
    assert_true(place(&modules, "usbcore") < place(&modules, "usbip_core"));
    assert_true(place(&modules, "usbip_core") < place(&modules, "vhci_hcd"));
    assert_int_equal(modules.order_count, 12); /* the builtin one is not loaded */
}

static void modules_that_are_none_or_need_themselves_are_refused(void **state)
{
    (void)state;
    static struct modules modules;
    char folder[PATH_MAX];
    unsigned missing;
    make_modules();
    shell_path(folder, sizeof folder, "m");
    make_module("m/overlay.ko", "9p");
    make_module("m/9p.ko", "overlay");
    modules_begin(&modules);
    assert_int_equal(modules_resolve(&modules, folder, &missing, &failure), VP_ERROR_INVALID);
    assert_non_null(strstr(failure.text, "needs itself"));
    shell_write("m/9p.ko", "no ELF file");
    modules_begin(&modules);
    assert_int_equal(modules_resolve(&modules, folder, &missing, &failure), VP_ERROR_INVALID);
    assert_non_null(strstr(failure.text, "9p.ko is no kernel module"));
}

/* A file of the archive that begins so. */
static void assert_has(const char *path, const char *name, const char *start)
{
    struct archive_entry *entry;
    char text[64] = "";
    struct archive *archive = archive_read_new();
    archive_read_support_format_cpio(archive);
    assert_int_equal(archive_read_open_filename(archive, path, 10240), ARCHIVE_OK);
    do {
        assert_int_equal(archive_read_next_header(archive, &entry), ARCHIVE_OK);
    } while (strcmp(archive_entry_pathname(entry), name) != 0);
    assert_true(archive_read_data(archive, text, sizeof text - 1) >= (la_ssize_t)strlen(start));
    assert_memory_equal(text, start, strlen(start));
    archive_read_free(archive);
}

static void an_initrd_has_what_the_kernel_needs_and_is_the_same_each_time(void **state)
{
    (void)state;
    static struct modules modules;
    char folder[PATH_MAX], busybox[PATH_MAX], path[PATH_MAX];
    unsigned missing;
    make_modules();
    make_module("m/usbip-core.ko", "usbcore");
    assert_int_equal(shell_run("xz m/overlay.ko"), 0);
    shell_write("busybox", "a program");
    shell_path(folder, sizeof folder, "m");
    shell_path(busybox, sizeof busybox, "busybox");
    modules_begin(&modules);
    assert_int_equal(modules_resolve(&modules, folder, &missing, &failure), 0);
    const struct initrd initrd = {busybox, &modules, folder, guest_init_script,
                                  guest_init_script_size};
    shell_path(path, sizeof path, "one");
    assert_int_equal(initrd_write(&initrd, path, &failure), 0);
    shell_path(path, sizeof path, "two");
    assert_int_equal(initrd_write(&initrd, path, &failure), 0);
    assert_int_equal(shell_run("cmp one two"), 0);
    assert_has(path, "bin/busybox", "a program");
    assert_has(path, "modules/overlay.ko", ELFMAG); /* uncompressed */
    assert_has(path, "modules/order", "virtio_ring.ko\nvirtio.ko\n");
    assert_has(path, "init", "#!/bin/busybox sh\n");
    assert_int_equal(unlink(busybox), 0);
    assert_int_equal(initrd_write(&initrd, path, &failure), VP_ERROR_IO);
    assert_int_equal(shell_run("test ! -e two"), 0);
}

/* ---- Keys ----------------------------------------------------------------------------------- */

static void a_key_is_of_all_that_a_state_depends_on(void **state)
{
    (void)state;
    static struct manifest manifest, again;
    char qemu[PATH_MAX], key[KEY_SIZE], other[KEY_SIZE];
    struct manifest_sources sources = {"linux.deb", "11", "busybox", "22", "virtio 9p"};
    shell_write("qemu", "program");
    shell_path(qemu, sizeof qemu, "qemu");
    manifest_begin(&manifest, &sources);
    assert_int_equal(manifest_add_machine(&manifest, qemu), 0);
    assert_int_equal(manifest_key(&manifest, key), 0);
    assert_int_equal(manifest_begin_as(&again, manifest.text), 0);
    assert_int_equal(manifest_add_machine(&again, qemu), 0);
    assert_int_equal(manifest_key(&again, other), 0);
    assert_string_equal(key, other);

    sources.kernel_key = "12";
    manifest_begin(&again, &sources);
    assert_int_equal(manifest_add_machine(&again, qemu), 0);
    assert_int_equal(manifest_key(&again, other), 0);
    assert_string_not_equal(key, other);

    shell_write("qemu", "another program"); /* by an update */
    assert_int_equal(manifest_begin_as(&again, manifest.text), 0);
    assert_int_equal(manifest_add_machine(&again, qemu), 0);
    assert_int_equal(manifest_key(&again, other), 0);
    assert_string_not_equal(key, other);
    assert_int_equal(manifest_begin_as(&again, "vparticle guest 0\ninit 1\n"), VP_ERROR_INVALID);
    assert_int_equal(manifest_begin_as(&again, ""), VP_ERROR_INVALID);
}

static void the_sum_of_a_text_is_sha_256(void **state)
{
    (void)state;
    char key[KEY_SIZE];
    assert_int_equal(key_of_bytes("abc", 3, key), 0);
    /* FIPS 180-2, appendix B.1 */
    assert_string_equal(key, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void a_comma_in_a_path_does_not_end_it(void **state)
{
    (void)state;
    struct arguments arguments;
    const struct machine_options options = {.program = "qemu", .share = "/a,b", .state = -1};
    assert_int_equal(arguments_make(&arguments, &options), 0);
    bool found = false;
    for (unsigned i = 0; i < arguments.count; i++) {
        found = found || strstr(arguments.list[i], "path=/a,,b,security_model");
    }
    assert_true(found);
    arguments_clear(&arguments);
}

static void nothing_is_prepared_in_an_empty_cache(void **state)
{
    (void)state;
    struct vp_guest_state guest;
    char folder[PATH_MAX];
    shell_path(folder, sizeof folder, "cache");
    vp_guest_look(folder, &guest);
    assert_false(guest.prepared);
    assert_string_equal(guest.folder, "");
    assert_int_equal(shell_run("test ! -e cache"), 0);
}

/* ---- Frames --------------------------------------------------------------------------------- */

static void frames_come_out_as_they_went_in_byte_by_byte(void **state)
{
    (void)state;
    struct frame_reader reader = {.size = 0};
    struct frame frame;
    uint8_t bytes[FRAME_HEADER * 2 + FRAME_START_SIZE], start[FRAME_START_SIZE];
    const struct frame_start wanted = {1795452543123456789u, 027, true};
    frame_write_start(start, &wanted);
    frame_write_header(bytes, FRAME_READY, 0);
    frame_write_header(bytes + FRAME_HEADER, FRAME_START, FRAME_START_SIZE);
    memcpy(bytes + 2 * FRAME_HEADER, start, sizeof start);
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_int_equal(frame_reader_add(&reader, bytes + i, 1), 0);
        const int found = frame_reader_next(&reader, &frame);
        assert_int_equal(found, i == FRAME_HEADER - 1 || i == sizeof bytes - 1);
    }
    assert_int_equal(frame.type, FRAME_START);
    const struct frame_start read = frame_read_start(frame.payload);
    assert_true(read.nanoseconds == wanted.nanoseconds);
    assert_int_equal(read.mask, 027);
    assert_true(read.one_stream);
    frame_reader_clear(&reader);
}

static void lengths_that_a_type_cannot_have_end_the_stream(void **state)
{
    (void)state;
    static const struct {
        char type;
        uint32_t length;
    } wrong[] = {{'?', 0},
                 {FRAME_OUTPUT, FRAME_PAYLOAD_MAX + 1},
                 {FRAME_OUTPUT, 0xFFFFFFFF},
                 {FRAME_INPUT, FRAME_INPUT_WINDOW + 1},
                 {FRAME_EXIT, 3},
                 {FRAME_SIGNAL, 1},
                 {FRAME_READY, 1}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct frame_reader reader = {.size = 0};
        struct frame frame;
        uint8_t header[FRAME_HEADER];
        frame_write_header(header, (enum frame_type)wrong[i].type, wrong[i].length);
        assert_int_equal(frame_reader_add(&reader, header, sizeof header), 0);
        assert_int_equal(frame_reader_next(&reader, &frame), VP_ERROR_INVALID);
        frame_reader_clear(&reader);
    }
}

/* ---- The agent ------------------------------------------------------------------------------ */

static void files_that_get_lost_are_named(void **state)
{
    (void)state;
    char text[LOST_TEXT_SIZE], folder[PATH_MAX];
    assert_int_equal(shell_run("mkdir -p c/upper/tmp/a c/upper/home/me c/upper/run c/upper/my/tmp; "
                               "touch c/upper/tmp/a/b c/upper/run/c c/upper/my/tmp/d"),
                     0);
    shell_path(folder, sizeof folder, "c");
    const int changes = open(folder, O_RDONLY | O_DIRECTORY);
    lost_describe(changes, "/my/tmp", text);
    assert_string_equal(text, "");
    shell_write("c/upper/home/me/report.xml", "");
    lost_describe(changes, "/my/tmp", text);
    assert_string_equal(text,
                        "written inside the guest and lost with it: /home/me/report.xml; run in "
                        "that folder or give --share FOLDER");
    assert_int_equal(shell_run("cd c/upper/home; touch 1 2 3 4 'l\nf'"), 0);
    lost_describe(changes, "/my/tmp", text);
    assert_non_null(strstr(text, " and 3 more; "));
    assert_null(strchr(text, '\n'));
    close(changes);
}

static void a_job_has_no_text_with_a_zero_in_it(void **state)
{
    (void)state;
    struct job job = {.arguments = NULL};
    assert_int_equal(job_add_argument(&job, "true", 4), 0);
    assert_int_equal(job_add_argument(&job, "", 0), 0);
    assert_int_equal(job_add_argument(&job, "a\0b", 3), VP_ERROR_INVALID);
    assert_int_equal(job_add_variable(&job, "A=1", 3), 0);
    assert_int_equal(job.argument_count, 2);
    assert_string_equal(job.arguments[0], "true");
    assert_null(job.arguments[2]);
    job_clear(&job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_package_gives_the_wanted_files_into_one_folder),
        cmocka_unit_test(what_is_no_package_is_refused),
        cmocka_unit_test(a_kernel_is_unpacked_however_it_is_compressed),
        cmocka_unit_test(what_is_no_kernel_is_refused_and_leaves_nothing),
        cmocka_unit_test(modules_come_after_what_they_need),
        cmocka_unit_test(modules_that_are_none_or_need_themselves_are_refused),
        cmocka_unit_test(an_initrd_has_what_the_kernel_needs_and_is_the_same_each_time),
        cmocka_unit_test(a_key_is_of_all_that_a_state_depends_on),
        cmocka_unit_test(the_sum_of_a_text_is_sha_256),
        cmocka_unit_test(a_comma_in_a_path_does_not_end_it),
        cmocka_unit_test(nothing_is_prepared_in_an_empty_cache),
        cmocka_unit_test(frames_come_out_as_they_went_in_byte_by_byte),
        cmocka_unit_test(lengths_that_a_type_cannot_have_end_the_stream),
        cmocka_unit_test(files_that_get_lost_are_named),
        cmocka_unit_test(a_job_has_no_text_with_a_zero_in_it),
    };
    return cmocka_run_group_tests(tests, shell_set_up, shell_tear_down);
}
