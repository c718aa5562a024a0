#include "host/guest/cache/manifest.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/guest/image/init.h"
#include "host/guest/machine/arguments.h"

/* To be counted up when the same sources make something else. */
static const char format[] = "vparticle guest 1";
static const char machine_begins[] = "\ninit ";

__attribute__((format(printf, 2, 3))) static void add(struct manifest *manifest, const char *words,
                                                      ...)
{
    va_list list;
    va_start(list, words);
    const size_t room = MANIFEST_SIZE - manifest->size;
    const int length = vsnprintf(manifest->text + manifest->size, room, words, list);
    va_end(list);
    if (length < 0 || (size_t)length >= room) {
        manifest->overflown = true;
    } else {
        manifest->size += (size_t)length;
    }
}

void manifest_begin(struct manifest *manifest, const struct manifest_sources *sources)
{
    manifest->size = 0;
    manifest->overflown = false;
    add(manifest, "%s\nkernel %s %s\nbusybox %s %s\nmodules %s\n", format, sources->kernel,
        sources->kernel_key, sources->busybox, sources->busybox_key, sources->modules);
}

int manifest_begin_as(struct manifest *manifest, const char *text)
{
    const char *end = strstr(text, machine_begins);
    manifest->size = 0;
    manifest->overflown = false;
    if (!end || strncmp(text, format, strlen(format)) != 0 || text[strlen(format)] != '\n') {
        return VP_ERROR_INVALID;
    }
    add(manifest, "%.*s\n", (int)(end - text), text);
    return manifest->overflown ? VP_ERROR_INVALID : 0;
}

static int add_file(struct manifest *manifest, const char *what, const char *path)
{
    struct stat status;
    if (stat(path, &status)) {
        return VP_ERROR_IO;
    }
    add(manifest, "%s %s %lld %lld.%09ld\n", what, path, (long long)status.st_size,
        (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
    return 0;
}

/* What QEMU loads for this machine, from the folders beside its own where Debian has it. */
static void add_firmware(struct manifest *manifest, const char *qemu)
{
    static const char *const folders[] = {"share/qemu", "share/seabios"};
    static const char *const files[] = {"bios-256k.bin", "kvmvapic.bin", "linuxboot_dma.bin",
                                        "pvh.bin"};
    char path[PATH_MAX + 64];
    const char *slash = strrchr(qemu, '/');
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        for (size_t j = 0; j < sizeof files / sizeof *files; j++) {
            snprintf(path, sizeof path, "%.*s/../%s/%s", slash ? (int)(slash - qemu) : 0, qemu,
                     folders[i], files[j]);
            add_file(manifest, "firmware", path);
        }
    }
}

int manifest_add_machine(struct manifest *manifest, const char *qemu)
{
    static const struct machine_options options = {
        .program = "qemu", .kernel = "kernel", .initrd = "initrd", .share = "share"};
    char key[KEY_SIZE];
    struct arguments arguments;
    if (key_of_bytes(guest_init_script, guest_init_script_size, key) ||
        arguments_make(&arguments, &options)) {
        return VP_ERROR_NO_MEMORY;
    }
    add(manifest, "init %s\n", key);
    const int error = add_file(manifest, "qemu", qemu);
    add_firmware(manifest, qemu);
    for (unsigned i = 0; i < arguments.count; i++) {
        add(manifest, "argument %s\n", arguments.list[i]);
    }
    arguments_clear(&arguments);
    return error;
}

int manifest_key(const struct manifest *manifest, char key[KEY_SIZE])
{
    return manifest->overflown ? VP_ERROR_RANGE : key_of_bytes(manifest->text, manifest->size, key);
}
