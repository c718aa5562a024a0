/*
 * vp_guest_prepare(): from packages to a saved state.
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "files/remove_folder.h"
#include "host/guest/cache/boot.h"
#include "host/guest/cache/cache.h"
#include "host/guest/cache/sources.h"
#include "host/guest/image/init.h"
#include "host/guest/image/initrd.h"
#include "host/guest/image/kernel_image.h"
#include "host/guest/image/package.h"

/* Modules may need more that is in the package, which is read once more then. */
enum { PASSES_MAX = 4 };

struct preparation {
    const struct vp_guest_sources *sources;
    const struct vp_guest_progress *progress;
    char cache[PATH_MAX];
    char making[PATH_MAX + 32];     /**< the folder that will be the entry; "" before it is there */
    char work[PATH_MAX + 40];       /**< in it: what is not kept */
    char packages[PATH_MAX + 32];   /**< downloaded ones, which are kept */
    char kernel[PATH_MAX];          /**< its package */
    char busybox[PATH_MAX + 64];    /**< the program */
    char busybox_package[PATH_MAX]; /**< that it is from, if it was downloaded */
    char qemu[PATH_MAX];
    char kernel_key[KEY_SIZE], busybox_key[KEY_SIZE];
    struct modules modules;
    struct manifest manifest;
};

static void stage(const struct preparation *preparation, const char *words)
{
    if (preparation->progress) {
        preparation->progress->stage(preparation->progress->context, words);
    }
}

static void tick(const struct preparation *preparation)
{
    if (preparation->progress && preparation->progress->tick) {
        preparation->progress->tick(preparation->progress->context);
    }
}

/* ---- Sources -------------------------------------------------------------------------------- */

static bool wants_busybox(void *context, const char *path)
{
    (void)context;
    return strcmp(path, "bin/busybox") == 0 || strcmp(path, "usr/bin/busybox") == 0;
}

static int unpack_busybox(struct preparation *preparation, const char *package,
                          struct vp_failure *failure)
{
    unsigned count = 0;
    const struct package_request request = {.wanted = wants_busybox, .folder = preparation->work};
    const int error = package_extract(package, &request, &count, failure);
    if (!error && count == 0) {
        return vp_fail(failure, VP_ERROR_INVALID, "%s has no bin/busybox", package);
    }
    snprintf(preparation->busybox, sizeof preparation->busybox, "%s/busybox", preparation->work);
    return error;
}

static int find_busybox(struct preparation *preparation, struct vp_failure *failure)
{
    if (preparation->sources->busybox) {
        return unpack_busybox(preparation, preparation->sources->busybox, failure);
    }
    if (sources_find_busybox(preparation->busybox, sizeof preparation->busybox)) {
        return 0;
    }
    const int error = sources_get_busybox(preparation->packages, preparation->progress,
                                          preparation->busybox_package, failure);
    return error ? error : unpack_busybox(preparation, preparation->busybox_package, failure);
}

static int find_kernel(struct preparation *preparation, struct vp_failure *failure)
{
    if (!preparation->sources->kernel) {
        return sources_get_kernel(preparation->packages, preparation->progress, preparation->kernel,
                                  failure);
    }
    snprintf(preparation->kernel, sizeof preparation->kernel, "%s", preparation->sources->kernel);
    return 0;
}

static int find_sources(struct preparation *preparation, struct vp_failure *failure)
{
    int error = cache_make_folder(preparation->packages, failure);
    if (!error) {
        error = find_busybox(preparation, failure);
    }
    if (!error) {
        error = find_kernel(preparation, failure);
    }
    if (!error && (key_of_file(preparation->kernel, preparation->kernel_key) ||
                   key_of_file(preparation->busybox, preparation->busybox_key))) {
        error = vp_fail(failure, preparation->sources->kernel ? VP_ERROR_INVALID : VP_ERROR_IO,
                        "cannot read %s: %s", preparation->kernel, strerror(errno));
    }
    return error;
}

/* ---- Kernel and modules --------------------------------------------------------------------- */

static const char *last_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static bool is_kernel(const char *path)
{
    return strncmp(path, "boot/vmlinuz-", strlen("boot/vmlinuz-")) == 0;
}

static bool wants_part(void *context, const char *path)
{
    const struct preparation *preparation = context;
    tick(preparation);
    return is_kernel(path) || modules_are(&preparation->modules, path);
}

static int unpack_modules(struct preparation *preparation, struct vp_failure *failure)
{
    const struct package_request request = {
        .wanted = wants_part, .context = preparation, .folder = preparation->work};
    struct modules *modules = &preparation->modules;
    unsigned missing = 1, known = 0;
    int error = 0;
    modules_begin(modules);
    for (unsigned pass = 0; pass < PASSES_MAX && missing && modules->wanted_count > known && !error;
         pass++) {
        known = modules->wanted_count;
        error = package_extract(preparation->kernel, &request, NULL, failure);
        if (!error) {
            error = modules_resolve(modules, preparation->work, &missing, failure);
        }
    }
    if (!error && missing) {
        struct vp_failure last;
        vp_fail(&last, 0, "%s", failure->text);
        error = vp_fail(failure, VP_ERROR_INVALID,
                        "%s is of no use: %s (is it a kernel for clouds?); give a package "
                        "linux-image-*-amd64 of Debian",
                        last_name(preparation->kernel), last.text);
    }
    return error;
}

static int unpack_image(const char *path, const char *to, struct vp_failure *failure)
{
    struct stat status;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || fstat(file, &status) || status.st_size == 0) {
        if (file >= 0) {
            close(file);
        }
        return vp_fail(failure, VP_ERROR_INVALID, "cannot read %s", path);
    }
    const size_t size = (size_t)status.st_size;
    void *image = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
    close(file);
    if (image == MAP_FAILED) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory to read %s", path);
    }
    const int error = kernel_image_unpack(image, size, to, failure);
    munmap(image, size);
    return error;
}

/* Its name has the version, and there is one. */
static int unpack_kernel(struct preparation *preparation, const char *to,
                         struct vp_failure *failure)
{
    char path[PATH_MAX + 512] = "";
    glob_t found;
    snprintf(path, sizeof path, "%s/vmlinuz-*", preparation->work);
    if (glob(path, GLOB_NOSORT, NULL, &found)) {
        return vp_fail(failure, VP_ERROR_INVALID, "%s has no boot/vmlinuz-*",
                       last_name(preparation->kernel));
    }
    const int error = unpack_image(found.gl_pathv[0], to, failure);
    globfree(&found);
    return error;
}

static int write_initrd(const struct preparation *preparation, const char *path,
                        struct vp_failure *failure)
{
    const struct initrd initrd = {
        .busybox = preparation->busybox,
        .modules = &preparation->modules,
        .folder = preparation->work,
        .init = guest_init_script,
        .init_size = guest_init_script_size,
    };
    return initrd_write(&initrd, path, failure);
}

/* ---- All together --------------------------------------------------------------------------- */

static int describe(struct preparation *preparation, struct vp_failure *failure)
{
    const struct modules *modules = &preparation->modules;
    char names[MODULES_MAX * MODULE_NAME_SIZE] = "";
    size_t used = 0;
    for (unsigned i = 0; i < modules->order_count; i++) {
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? " " : "",
                                 modules->wanted[modules->order[i]]);
    }
    const struct manifest_sources sources = {
        .kernel = last_name(preparation->kernel),
        .kernel_key = preparation->kernel_key,
        .busybox = last_name(preparation->busybox),
        .busybox_key = preparation->busybox_key,
        .modules = names,
    };
    manifest_begin(&preparation->manifest, &sources);
    return manifest_add_machine(&preparation->manifest, preparation->qemu)
               ? vp_fail(failure, VP_ERROR_IO, "cannot read %s", preparation->qemu)
               : 0;
}

static int save_state(const struct preparation *preparation, const char *kernel, const char *initrd,
                      struct vp_failure *failure)
{
    char state[PATH_MAX + 64], nothing[PATH_MAX + 64];
    cache_state_path(preparation->making, state, sizeof state);
    cache_nothing_path(preparation->making, nothing, sizeof nothing);
    if (mkdir(nothing, 0755)) {
        return vp_fail(failure, VP_ERROR_IO, "cannot make %s: %s", nothing, strerror(errno));
    }
    const struct boot boot = {
        .options = {.program = preparation->qemu,
                    .kernel = kernel,
                    .initrd = initrd,
                    .share = nothing},
        .state = state,
        .progress = preparation->progress,
    };
    return boot_and_save(&boot, failure);
}

static int build(struct preparation *preparation, struct vp_failure *failure)
{
    char kernel[PATH_MAX + 128], initrd[PATH_MAX + 128];
    snprintf(kernel, sizeof kernel, "%s/vmlinux", preparation->work);
    snprintf(initrd, sizeof initrd, "%s/initrd", preparation->work);
    stage(preparation, "Unpacking the kernel");
    int error = unpack_modules(preparation, failure);
    if (!error) {
        error = unpack_kernel(preparation, kernel, failure);
    }
    if (!error) {
        error = write_initrd(preparation, initrd, failure);
    }
    if (!error) {
        error = describe(preparation, failure);
    }
    if (!error) {
        stage(preparation, "Booting the guest");
        error = save_state(preparation, kernel, initrd, failure);
    }
    if (!error) {
        vp_remove_folder(preparation->work);
        error = cache_write_about(preparation->making, &preparation->manifest, failure);
    }
    return error;
}

/* Kernels that were current once: 70 MB each. Not those that somebody gave us elsewhere. */
static void remove_old_packages(const struct preparation *preparation)
{
    char path[PATH_MAX + 64];
    glob_t found;
    snprintf(path, sizeof path, "%s/*.deb", preparation->packages);
    if (preparation->sources->kernel || glob(path, GLOB_NOSORT, NULL, &found)) {
        return;
    }
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const char *package = found.gl_pathv[i];
        if (strcmp(package, preparation->kernel) != 0 &&
            strcmp(package, preparation->busybox_package) != 0) {
            unlink(package);
        }
    }
    globfree(&found);
}

static int keep(struct preparation *preparation, struct vp_failure *failure)
{
    char key[KEY_SIZE];
    if (manifest_key(&preparation->manifest, key)) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory for the guest's key");
    }
    const int error = cache_keep(preparation->cache, preparation->making, key, failure);
    if (!error) {
        *preparation->making = '\0';
        remove_old_packages(preparation);
    }
    return error;
}

static int make_work_folders(struct preparation *preparation, struct vp_failure *failure)
{
    snprintf(preparation->packages, sizeof preparation->packages, "%s/packages",
             preparation->cache);
    snprintf(preparation->making, sizeof preparation->making, "%s/" CACHE_MAKING "XXXXXX",
             preparation->cache);
    cache_remove_unfinished(preparation->cache);
    if (!mkdtemp(preparation->making)) {
        *preparation->making = '\0';
        return vp_fail(failure, VP_ERROR_IO, "cannot make a folder in %s: %s", preparation->cache,
                       strerror(errno));
    }
    snprintf(preparation->work, sizeof preparation->work, "%s/work", preparation->making);
    return cache_make_folder(preparation->work, failure);
}

/* True if what is cached was made from these sources. */
static bool is_current(struct preparation *preparation)
{
    struct cache_entry entry;
    char wanted[PATH_MAX * 3], text[MANIFEST_SIZE];
    if (cache_find(preparation->cache, &entry) || cache_read_about(&entry, text, sizeof text) ||
        !cache_is_whole(&entry)) {
        return false;
    }
    snprintf(wanted, sizeof wanted, "\nkernel %s %s\nbusybox %s %s\n",
             last_name(preparation->kernel), preparation->kernel_key,
             last_name(preparation->busybox), preparation->busybox_key);
    return strstr(text, wanted) != NULL;
}

static bool is_prepared(const struct preparation *preparation)
{
    struct cache_entry entry;
    return cache_find(preparation->cache, &entry) == 0 && cache_is_whole(&entry);
}

static int prepare_locked(struct preparation *preparation, struct vp_failure *failure)
{
    int error = make_work_folders(preparation, failure);
    if (!error) {
        error = find_sources(preparation, failure);
        if (error == VP_ERROR_NOT_FOUND && is_prepared(preparation)) {
            return 1; /* without a network, what is there is the newest */
        }
    }
    if (!error && is_current(preparation)) {
        return 1;
    }
    if (!error) {
        error = build(preparation, failure);
    }
    return error ? error : keep(preparation, failure);
}

/* One at a time; the second finds that the first has done its work. */
static int lock(const struct preparation *preparation, struct vp_failure *failure)
{
    char path[PATH_MAX + 32];
    snprintf(path, sizeof path, "%s/lock", preparation->cache);
    const int file = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (file < 0) {
        return vp_fail(failure, VP_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    }
    if (flock(file, LOCK_EX | LOCK_NB)) {
        stage(preparation, "Waiting for another process that prepares the guest");
        while (flock(file, LOCK_EX | LOCK_NB)) {
            usleep(100 * 1000);
            tick(preparation);
        }
    }
    return file;
}

static int check_machine(struct preparation *preparation, struct vp_failure *failure)
{
    struct utsname machine;
    if (uname(&machine) || strcmp(machine.machine, "x86_64") != 0) {
        return vp_fail(failure, VP_ERROR_UNSUPPORTED,
                       "the guest runs this machine's programs on an amd64 kernel, which cannot be "
                       "done on %s",
                       machine.machine);
    }
    if (!sources_find_qemu(preparation->qemu, sizeof preparation->qemu)) {
        return vp_fail(
            failure, VP_ERROR_NOT_FOUND,
            "QEMU (qemu-system-x86_64) is not installed; run as root: " SOURCES_MEND_QEMU);
    }
    return 0;
}

int vp_guest_prepare(const struct vp_guest_sources *sources,
                     const struct vp_guest_progress *progress, struct vp_failure *failure)
{
    struct preparation *preparation = calloc(1, sizeof *preparation);
    if (!preparation) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory to prepare the guest");
    }
    preparation->sources = sources;
    preparation->progress = progress;
    int error = cache_folder(sources->cache, preparation->cache, failure);
    if (!error) {
        error = check_machine(preparation, failure);
    }
    if (!error) {
        error = cache_make_folder(preparation->cache, failure);
    }
    const int file = error ? -1 : lock(preparation, failure);
    if (!error) {
        error = file < 0 ? file : prepare_locked(preparation, failure);
    }
    if (*preparation->making) {
        vp_remove_folder(preparation->making);
    }
    if (file >= 0) {
        close(file);
    }
    free(preparation);
    return error;
}
