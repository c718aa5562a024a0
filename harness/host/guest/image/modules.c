#include "host/guest/image/modules.h"

#include <dirent.h>
#include <errno.h>
#include <libkmod.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the guest needs, and what these need in Debian 12's kernel: then one look into the package
 * is enough. */
static const char *const needed[] = {
    "virtio", "virtio_ring", "virtio_pci", "virtio_console", "9pnet_virtio",
    "9p",     "overlay",     "vhci_hcd",   "cdc_acm",
};
static const char *const expected[] = {
    "virtio_pci_legacy_dev",
    "virtio_pci_modern_dev",
    "9pnet",
    "netfs",
    "fscache",
    "usb_common",
    "usbip_core",
    "usbcore",
};

static const char builtin_list[] = "modules.builtin";

/* ---- Names ----------------------------------------------------------------------------------- */

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* "virtio-pci.ko.xz" is virtio_pci: the letters before ".ko", or 0 of them if it is no module. */
static size_t name_length(const char *file)
{
    const char *end = strstr(file, ".ko");
    return end && (end[3] == '\0' || end[3] == '.') ? (size_t)(end - file) : 0;
}

static bool is_name(const char *name, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (name[i] != (text[i] == '-' ? '_' : text[i])) {
            return false;
        }
    }
    return name[length] == '\0';
}

/* @return an index of wanted, or -1 */
static int find(const struct modules *modules, const char *text, size_t length)
{
    for (unsigned i = 0; i < modules->wanted_count; i++) {
        if (length < MODULE_NAME_SIZE && is_name(modules->wanted[i], text, length)) {
            return (int)i;
        }
    }
    return -1;
}

int modules_want(struct modules *modules, const char *name, size_t length)
{
    if (find(modules, name, length) >= 0) {
        return 0;
    }
    if (modules->wanted_count == MODULES_MAX || length == 0 || length >= MODULE_NAME_SIZE) {
        return VP_ERROR_INVALID;
    }
    char *wanted = modules->wanted[modules->wanted_count++];
    for (size_t i = 0; i < length; i++) {
        wanted[i] = (char)(name[i] == '-' ? '_' : name[i]);
    }
    wanted[length] = '\0';
    return 0;
}

void modules_begin(struct modules *modules)
{
    *modules = (struct modules){.wanted_count = 0};
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        modules_want(modules, needed[i], strlen(needed[i]));
    }
}

static bool is_expected(const char *file, size_t length)
{
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++) {
        if (is_name(expected[i], file, length)) {
            return true;
        }
    }
    return false;
}

bool modules_are(const struct modules *modules, const char *path)
{
    if (strncmp(path, "lib/modules/", 12) != 0 && strncmp(path, "usr/lib/modules/", 16) != 0) {
        return false;
    }
    const char *file = last_name(path);
    const size_t length = name_length(file);
    return strcmp(file, builtin_list) == 0 ||
           (length > 0 && length < MODULE_NAME_SIZE &&
            (find(modules, file, length) >= 0 || is_expected(file, length)));
}

/* ---- Files ----------------------------------------------------------------------------------- */

static int find_files(struct modules *modules, const char *folder, struct vp_failure *failure)
{
    DIR *listing = opendir(folder);
    if (!listing) {
        return vp_fail(failure, VP_ERROR_IO, "cannot read %s: %s", folder, strerror(errno));
    }
    for (struct dirent *entry; (entry = readdir(listing));) {
        const size_t length = name_length(entry->d_name);
        const int index = length ? find(modules, entry->d_name, length) : -1;
        if (index >= 0 && strlen(entry->d_name) < MODULE_NAME_SIZE) {
            snprintf(modules->files[index], MODULE_NAME_SIZE, "%.*s", MODULE_NAME_SIZE - 1,
                     entry->d_name);
        }
    }
    closedir(listing);
    return 0;
}

/* The list has a line "kernel/drivers/usb/core/usbcore.ko" for each. */
static void find_builtin(const struct modules *modules, const char *folder,
                         bool builtin[MODULES_MAX])
{
    char path[PATH_MAX], line[512];
    snprintf(path, sizeof path, "%s/%s", folder, builtin_list);
    FILE *list = fopen(path, "r");
    while (list && fgets(line, sizeof line, list)) {
        line[strcspn(line, "\n")] = '\0';
        const char *file = last_name(line);
        const int index = find(modules, file, name_length(file));
        if (index >= 0) {
            builtin[index] = true;
        }
    }
    if (list) {
        fclose(list);
    }
}

/* ---- Order ----------------------------------------------------------------------------------- */

struct resolver {
    struct kmod_ctx *kmod;
    struct modules *modules;
    const char *folder;
    bool builtin[MODULES_MAX];
    bool ordered[MODULES_MAX];
    bool absent[MODULES_MAX];
    unsigned missing; /**< of the absent */
    struct vp_failure *failure;
};

static int resolve(struct resolver *resolver, unsigned index, unsigned depth);

/* @param names  "virtio,virtio_ring", or nothing */
static int resolve_names(struct resolver *resolver, const char *of, const char *names,
                         unsigned depth)
{
    struct modules *modules = resolver->modules;
    int error = 0;
    while (*names && !error) {
        const size_t length = strcspn(names, ",");
        if (modules_want(modules, names, length)) {
            return vp_fail(resolver->failure, VP_ERROR_INVALID,
                           "module %s: what it needs is not usable: %.80s", of, names);
        }
        error = resolve(resolver, (unsigned)find(modules, names, length), depth + 1);
        names += length + (names[length] == ',');
    }
    return error;
}

static int resolve_needs(struct resolver *resolver, const char *file, unsigned depth)
{
    char path[PATH_MAX];
    struct kmod_module *module = NULL;
    struct kmod_list *information = NULL, *entry;
    snprintf(path, sizeof path, "%s/%s", resolver->folder, file);
    int error = kmod_module_new_from_path(resolver->kmod, path, &module);
    if (error < 0 || (error = kmod_module_get_info(module, &information)) < 0) {
        kmod_module_unref(module);
        return vp_fail(resolver->failure, VP_ERROR_INVALID, "%s is no kernel module: %s", file,
                       strerror(-error));
    }
    error = 0;
    kmod_list_foreach(entry, information)
    {
        if (!error && strcmp(kmod_module_info_get_key(entry), "depends") == 0) {
            error = resolve_names(resolver, file, kmod_module_info_get_value(entry), depth);
        }
    }
    kmod_module_info_free_list(information);
    kmod_module_unref(module);
    return error;
}

static int resolve(struct resolver *resolver, unsigned index, unsigned depth)
{
    struct modules *modules = resolver->modules;
    const char *file = modules->files[index];
    if (resolver->ordered[index] || resolver->builtin[index] || resolver->absent[index]) {
        return 0;
    }
    if (depth >= MODULES_MAX) {
        return vp_fail(resolver->failure, VP_ERROR_INVALID, "module %s needs itself",
                       modules->wanted[index]);
    }
    if (!*file) {
        resolver->absent[index] = true;
        resolver->missing++;
        vp_fail(resolver->failure, 0, "module %s is not in the kernel's package",
                modules->wanted[index]);
        return 0;
    }
    const int error = resolve_needs(resolver, file, depth);
    if (!error && !resolver->ordered[index]) {
        resolver->ordered[index] = true;
        modules->order[modules->order_count++] = index;
    }
    return error;
}

/* A pass over what is wanted; there may be more of that after it. */
static int resolve_all(struct resolver *resolver)
{
    struct modules *modules = resolver->modules;
    int error = find_files(modules, resolver->folder, resolver->failure);
    find_builtin(modules, resolver->folder, resolver->builtin);
    modules->order_count = 0;
    resolver->missing = 0;
    memset(resolver->ordered, 0, sizeof resolver->ordered);
    memset(resolver->absent, 0, sizeof resolver->absent);
    for (unsigned i = 0; i < modules->wanted_count && !error; i++) {
        error = resolve(resolver, i, 0);
    }
    return error;
}

int modules_resolve(struct modules *modules, const char *folder, unsigned *missing,
                    struct vp_failure *failure)
{
    const char *no_configuration = NULL;
    struct resolver resolver = {
        .kmod = kmod_new(folder, &no_configuration),
        .modules = modules,
        .folder = folder,
        .failure = failure,
    };
    if (!resolver.kmod) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory to read kernel modules");
    }
    unsigned before;
    int error;
    do {
        before = modules->wanted_count;
        error = resolve_all(&resolver);
    } while (!error && modules->wanted_count > before);
    *missing = resolver.missing;
    kmod_unref(resolver.kmod);
    return error;
}
