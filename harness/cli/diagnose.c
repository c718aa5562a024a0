/* vparticle diagnose FILE: why a device does not run its application, and what would cure it. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/commands.h"
#include "diagnose/diagnose.h"
#include "vparticle/field.h"

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

/* How to get there, once for all the steps that need it. */
static void print_way_to(enum vp_mode mode, enum vp_platform platform)
{
    const char *button = platform == VP_PLATFORM_ELECTRON ? "MODE" : "SETUP";
    if (mode == VP_MODE_DFU) {
        printf("  In DFU mode (hold %s, press RESET shortly, let %s go when it blinks yellow):\n",
               button, button);
    } else {
        printf("  In listening mode (hold %s until it blinks blue):\n", button);
    }
}

/* The command works as it stands. The last one before the device is needed in another mode lets it
 * leave DFU mode. */
static void print_step(const struct vp_cure *cure, unsigned number, bool last)
{
    static const unsigned products[] = {
        [VP_PLATFORM_PHOTON] = 0xd006, [VP_PLATFORM_P1] = 0xd008, [VP_PLATFORM_ELECTRON] = 0xd00a};
    const struct vp_catalogue_module *step = cure->steps[number];
    const char *board = vp_platform_name((uint16_t)step->platform);
    if (step->function == VP_MODULE_BOOTLOADER) {
        printf("  %u. bootloader %u, which DFU cannot write\n"
               "     particle flash --serial %s-bootloader-%u.bin --yes\n",
               number + 1, step->version, board, step->version);
        return;
    }
    printf("  %u. %s, version %u, release %s\n"
           "     dfu-util -d 2b04:%04x -a 0 -s 0x%08x%s -D %s-%s-%s.bin\n",
           number + 1, step->part, step->version, step->release, products[step->platform],
           step->address, last ? ":leave" : "", board, step->part, step->release);
}

static void print_cure(const struct vp_diagnosis *diagnosis, const struct vp_cure *cure)
{
    printf("  %s.\n", cure->words);
    for (unsigned i = 0; i < cure->count; i++) {
        const enum vp_mode mode = vp_step_mode(cure->steps[i]);
        if (i == 0 || vp_step_mode(cure->steps[i - 1]) != mode) {
            print_way_to(mode, diagnosis->platform);
        }
        print_step(cure, i, i + 1 == cure->count || vp_step_mode(cure->steps[i + 1]) != mode);
    }
    printf("  Tried on an emulated %s: with %s it runs its application.\n",
           vp_platform_name((uint16_t)diagnosis->platform), cure->count == 1 ? "that" : "these");
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
    if (diagnosis->cure_count == 0) {
        printf("\nWhat would cure it\n  Nothing that was tried here did: neither what is damaged "
               "once more, nor a newer\n  bootloader, system or application.\n");
        return;
    }
    for (unsigned i = 0; i < diagnosis->cure_count; i++) {
        printf(i ? "\nOr\n" : "\nWhat would cure it\n");
        print_cure(diagnosis, &diagnosis->cures[i]);
    }
}

/* ---- Command line --------------------------------------------------------------------------- */

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
    struct vp_flash *flash;
    struct vp_failure failure = {""};
    struct vp_diagnosis diagnosis;
    enum vp_platform platform;
    const char *path = strcmp(argv[optind], "-") == 0 ? "/dev/stdin" : argv[optind];
    int error = vp_field_load(path, &flash, &platform, &failure);
    if (!error) {
        error = vp_diagnose(flash, platform, &diagnosis);
        vp_flash_destroy(flash);
        if (error) {
            vp_fail(&failure, error, "%s", vp_error_text(error));
        }
    }
    if (error) {
        fprintf(stderr, "vparticle diagnose: %s\n", failure.text);
        return VP_EXIT_USAGE;
    }
    print_diagnosis(&diagnosis);
    return diagnosis.mode == VP_MODE_NORMAL ? VP_EXIT_OK : VP_EXIT_FAILED;
}
