/* vparticle diagnose FILE: why a device does not run its application, and what would cure it. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "diagnose/diagnose.h"
#include "vparticle/field.h"

enum { MAXIMUM_FILE = 4 << 20, FLASH_IMAGE = 1 << 20 };

static void print_usage(FILE *to)
{
    fputs("Usage: vparticle diagnose FILE\n\n"
          "Say in plain words why a device does not run its application, and what would cure it.\n"
          "FILE is what 'particle serial inspect' printed, the description as JSON (from the\n"
          "cloud, or a spark/status/safe-mode event), or a flash image of 1 MiB, as 'dfu-util -a\n"
          "0 -s 0x08000000:0x100000 -U FILE' reads it out. '-' is standard input.\n\n"
          "Exit status: 0 the application runs, 1 it does not, 2 FILE cannot be read.\n",
          to);
}

static int complain(const char *path, const char *what)
{
    fprintf(stderr, "vparticle diagnose: %s: %s\n", path, what);
    return VP_EXIT_USAGE;
}

/* ---- The file --------------------------------------------------------------------------- */

static uint8_t *read_all(FILE *file, size_t *size)
{
    uint8_t *bytes = malloc(MAXIMUM_FILE + 1);
    *size = bytes ? fread(bytes, 1, MAXIMUM_FILE + 1, file) : 0;
    if (!bytes || *size > MAXIMUM_FILE || ferror(file)) {
        free(bytes);
        return NULL;
    }
    return bytes;
}

static int fill_from_image(struct vp_flash *flash, const uint8_t *bytes, enum vp_platform *platform,
                           struct vp_failure *failure)
{
    int error = vp_flash_program(flash, 0x08000000, bytes, FLASH_IMAGE);
    if (!error && vp_module_flash_platform(flash, platform)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "it has the size of a flash image, but no module at any place where a "
                       "board keeps one");
    }
    return error ? vp_fail(failure, error, "%s", vp_error_text(error)) : 0;
}

static int fill_from_report(struct vp_flash **flash, const uint8_t *bytes, size_t size,
                            enum vp_platform *platform, struct vp_failure *failure)
{
    struct vp_field_report report;
    int error = vp_field_parse((const char *)bytes, size, &report, failure);
    if (error) {
        return error;
    }
    *platform = report.platform;
    if (report.platform == VP_PLATFORM_CORE) {
        return vp_fail(failure, VP_ERROR_UNSUPPORTED,
                       "a Core has one monolithic firmware, and no safe mode for want of modules");
    }
    return vp_field_install(*flash, &report, failure);
}

/* ---- What is said -------------------------------------------------------------------------- */

static const char *mode_words(enum vp_mode mode)
{
    switch (mode) {
    case VP_MODE_NORMAL:
        return "It runs its application.";
    case VP_MODE_SAFE:
        return "It comes up in safe mode (breathing magenta): the system runs, the application "
               "does not.";
    case VP_MODE_DFU:
        return "It stays in DFU mode (blinking yellow): the bootloader finds no firmware that it "
               "could start.";
    case VP_MODE_LISTENING:
        return "It comes up in listening mode (blinking blue).";
    case VP_MODE_LOOP:
        return "It resets itself over and over, before it gets to USB or to the cloud.";
    default:
        return "It does nothing: the firmware crashes as soon as it starts.";
    }
}

static void print_step(const struct vp_diagnosis *diagnosis, unsigned number, bool last)
{
    const struct vp_catalogue_module *step = diagnosis->cure.steps[number];
    const char *board = vp_platform_name((uint16_t)step->platform);
    char name[64];
    snprintf(name, sizeof name, "%s@%u", step->part, step->version);
    if (step->function == VP_MODULE_BOOTLOADER) {
        printf("  %u. bootloader %u\n     particle flash --serial %s-bootloader-%u.bin\n"
               "     (in listening mode: hold the SETUP button until it blinks blue; DFU cannot "
               "write it)\n",
               number + 1, step->version, board, step->version);
        return;
    }
    static const unsigned products[] = {
        [VP_PLATFORM_PHOTON] = 0xd006, [VP_PLATFORM_P1] = 0xd008, [VP_PLATFORM_ELECTRON] = 0xd00a};
    printf("  %u. %s, version %u, release %s\n"
           "     dfu-util -d 2b04:%04x -a 0 -s 0x%08x%s -D %s-%s-%s.bin\n",
           number + 1, step->part, step->version, step->release, products[step->platform],
           step->address, last ? ":leave" : "", board, step->part, step->release);
}

static void print_diagnosis(const struct vp_diagnosis *diagnosis)
{
    const bool runs = diagnosis->mode == VP_MODE_NORMAL;
    printf("%s: %s\n", vp_platform_name((uint16_t)diagnosis->platform),
           mode_words(diagnosis->mode));
    if (diagnosis->findings.count > 0) {
        printf("\n%s\n", runs ? "Noticed" : "Why");
    }
    for (unsigned i = 0; i < diagnosis->findings.count; i++) {
        printf("  - %s\n", diagnosis->findings.lines[i]);
    }
    if (runs) {
        return;
    }
    if (diagnosis->findings.count == 0) {
        printf("\nWhy\n  - nothing is wrong with its modules: it was asked to, by the button, by "
               "the application or by the cloud; a reset ends it\n");
        return;
    }
    if (!diagnosis->cured) {
        printf("\nWhat would cure it\n  Nothing that was tried here did: neither what is damaged "
               "once more, nor a newer\n  bootloader, system or application.\n");
        return;
    }
    printf("\nWhat would cure it\n  %s.\n", diagnosis->cure.words);
    const unsigned count = diagnosis->cure.count;
    for (unsigned i = 0; i < count; i++) {
        print_step(diagnosis, i, i + 1 == count);
    }
    printf("  Tried on an emulated %s: with %s it runs its application.\n",
           vp_platform_name((uint16_t)diagnosis->platform), count == 1 ? "that" : "these");
}

/* ---- Command line -----------------------------------------------------------------------------
 */

static int diagnose(const char *path, const uint8_t *bytes, size_t size)
{
    struct vp_flash *flash;
    struct vp_failure failure = {""};
    struct vp_diagnosis diagnosis;
    enum vp_platform platform;
    if (vp_flash_create(&flash, &vp_flash_stm32f205)) {
        return complain(path, "out of memory");
    }
    int error = size == FLASH_IMAGE ? fill_from_image(flash, bytes, &platform, &failure)
                                    : fill_from_report(&flash, bytes, size, &platform, &failure);
    if (!error) {
        error = vp_diagnose(flash, platform, &diagnosis);
        if (error) {
            vp_fail(&failure, error, "%s", vp_error_text(error));
        }
    }
    vp_flash_destroy(flash);
    if (error) {
        return complain(path, failure.text);
    }
    print_diagnosis(&diagnosis);
    return diagnosis.mode == VP_MODE_NORMAL ? VP_EXIT_OK : VP_EXIT_FAILED;
}

int vp_command_diagnose(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        print_usage(option == 'h' ? stdout : stderr);
        return option == 'h' ? VP_EXIT_OK : VP_EXIT_USAGE;
    }
    if (optind + 1 != argc) {
        fputs("vparticle diagnose: name one file\n\n", stderr);
        print_usage(stderr);
        return VP_EXIT_USAGE;
    }
    const char *path = argv[optind];
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!file) {
        return complain(path, strerror(errno));
    }
    size_t size;
    uint8_t *bytes = read_all(file, &size);
    if (file != stdin) {
        fclose(file);
    }
    const int status =
        bytes ? diagnose(path, bytes, size)
              : complain(path, "cannot be read, or is too large for a report or a flash image");
    free(bytes);
    return status;
}
