#include "host/guest/cache/sources.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/guest/cache/command.h"
#include "host/guest/cache/key.h"

/* The package that depends on the current kernel. Those for clouds have neither USB nor 9p. */
static const char kernel_alias[] = "linux-image-amd64";

enum { NAME_SIZE = 128, OUTPUT_SIZE = 32 * 1024 };

/* What apt knows of a package. */
struct description {
    char name[NAME_SIZE];
    char version[NAME_SIZE];
    char key[KEY_SIZE]; /**< SHA-256 */
};

/* ---- Programs -------------------------------------------------------------------------------- */

bool sources_find_qemu(char *path, size_t size)
{
    return command_find("qemu-system-x86_64", path, size);
}

/* An ELF program without an interpreter. */
static bool is_static(const char *path)
{
    Elf64_Ehdr header;
    Elf64_Phdr part;
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    bool is = file >= 0 && pread(file, &header, sizeof header, 0) == sizeof header &&
              memcmp(header.e_ident, ELFMAG, SELFMAG) == 0 &&
              header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_machine == EM_X86_64 &&
              header.e_phentsize == sizeof part;
    for (unsigned i = 0; is && i < header.e_phnum; i++) {
        is = pread(file, &part, sizeof part, (off_t)(header.e_phoff + i * sizeof part)) ==
                 sizeof part &&
             part.p_type != PT_INTERP;
    }
    if (file >= 0) {
        close(file);
    }
    return is;
}

bool sources_find_busybox(char *path, size_t size)
{
    return command_find("busybox", path, size) && is_static(path);
}

/* ---- apt ------------------------------------------------------------------------------------- */

/* The rest of the first line that begins with @p words. */
static bool find_line(const char *text, const char *words, char *rest, size_t size)
{
    const size_t length = strlen(words);
    for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
        if (strncmp(line, words, length) == 0) {
            snprintf(rest, size, "%.*s", (int)strcspn(line + length, "\n"), line + length);
            return true;
        }
    }
    return false;
}

static void last_line(const char *text, char *line, size_t size)
{
    size_t end = strlen(text);
    while (end > 0 && text[end - 1] == '\n') {
        end--;
    }
    size_t start = end;
    while (start > 0 && text[start - 1] != '\n') {
        start--;
    }
    snprintf(line, size, "%.*s", (int)(end - start), text + start);
}

static int describe(struct description *description)
{
    char output[OUTPUT_SIZE];
    const char *const argv[] = {"apt-cache", "show", "--no-all-versions", description->name, NULL};
    const struct command command = {.argv = argv, .output = output, .output_size = sizeof output};
    return command_run(&command) == 0 &&
                   find_line(output, "Version: ", description->version, NAME_SIZE) &&
                   find_line(output, "SHA256: ", description->key, KEY_SIZE)
               ? 0
               : VP_ERROR_NOT_FOUND;
}

static int find_current_kernel(char *name, struct vp_failure *failure)
{
    char output[OUTPUT_SIZE];
    const char *const argv[] = {"apt-cache", "depends", kernel_alias, NULL};
    const struct command command = {.argv = argv, .output = output, .output_size = sizeof output};
    const int status = command_run(&command);
    if (status == 0 && find_line(output, "  Depends: ", name, NAME_SIZE)) {
        return 0;
    }
    return vp_fail(failure, VP_ERROR_NOT_FOUND,
                   status == 127
                       ? "there is no apt here to download the kernel's package with; get "
                         "a linux-image-*-amd64 package of Debian and give it by --kernel "
                         "FILE"
                       : "apt knows no package %s; run 'apt-get update' as root, or give "
                         "the kernel's package by --kernel FILE",
                   kernel_alias);
}

/* As apt-get names it: a colon in a version is "%3a". */
static int file_path(const struct description *description, const char *folder, char *path)
{
    char version[NAME_SIZE * 3] = "";
    size_t used = 0;
    for (const char *at = description->version; *at && used + 4 < sizeof version; at++) {
        used += (size_t)snprintf(version + used, sizeof version - used, *at == ':' ? "%%3a" : "%c",
                                 *at);
    }
    return snprintf(path, PATH_MAX, "%s/%s_%s_amd64.deb", folder, description->name, version) <
                   PATH_MAX
               ? 0
               : VP_ERROR_RANGE;
}

static bool is_whole(const struct description *description, const char *path)
{
    char key[KEY_SIZE];
    return key_of_file(path, key) == 0 && strcmp(key, description->key) == 0;
}

static int download(const struct description *description, const char *folder, const char *path,
                    const struct vp_guest_progress *progress, struct vp_failure *failure)
{
    char output[OUTPUT_SIZE], reason[200];
    const char *const argv[] = {"apt-get", "-q",
                                /* As root it would refuse a folder that only root can read. */
                                "-oAPT::Sandbox::User=root", "download", description->name, NULL};
    const struct command command = {.argv = argv,
                                    .folder = folder,
                                    .progress = progress,
                                    .output = output,
                                    .output_size = sizeof output};
    const int status = command_run(&command);
    if (status == 0 && is_whole(description, path)) {
        return 0;
    }
    unlink(path);
    last_line(output, reason, sizeof reason);
    return vp_fail(failure, VP_ERROR_NOT_FOUND,
                   "the package %s cannot be downloaded (%s); try 'apt-get update' as root, or "
                   "see whether this machine has a network",
                   description->name, status == 0 ? "it arrived damaged" : reason);
}

static int get(const struct description *description, const char *folder,
               const struct vp_guest_progress *progress, char *path, struct vp_failure *failure)
{
    if (file_path(description, folder, path)) {
        return vp_fail(failure, VP_ERROR_IO, "the path %s is too long", folder);
    }
    if (is_whole(description, path)) {
        return 0;
    }
    char words[NAME_SIZE + 32];
    snprintf(words, sizeof words, "Downloading %s", description->name);
    if (progress) {
        progress->stage(progress->context, words);
    }
    return download(description, folder, path, progress, failure);
}

static int get_named(struct description *description, const char *folder,
                     const struct vp_guest_progress *progress, char *path,
                     struct vp_failure *failure)
{
    if (describe(description)) {
        return vp_fail(failure, VP_ERROR_NOT_FOUND,
                       "apt knows no package %s; run 'apt-get update' as root", description->name);
    }
    return get(description, folder, progress, path, failure);
}

int sources_get_kernel(const char *folder, const struct vp_guest_progress *progress, char *path,
                       struct vp_failure *failure)
{
    struct description description = {.name = ""};
    const int error = find_current_kernel(description.name, failure);
    return error ? error : get_named(&description, folder, progress, path, failure);
}

int sources_get_busybox(const char *folder, const struct vp_guest_progress *progress, char *path,
                        struct vp_failure *failure)
{
    struct description description = {.name = "busybox-static"};
    return get_named(&description, folder, progress, path, failure);
}
