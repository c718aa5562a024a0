/* vparticle clone [--serial SERIAL] [--path PATH] [--usb VID:PID] -o FILE [--external FILE] */
#include <ctype.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "files/write_file.h"
#include "hardware/bus.h"
#include "hardware/clone.h"
#include "report/terminal.h"

struct options {
    struct vp_hardware_wish wish;
    const char *output, *external;
};

static void print_usage(FILE *to)
{
    fputs(
        "Usage: vparticle clone [--serial SERIAL] [--path PATH] [--usb VID:PID] -o FILE\n"
        "                       [--external FILE]\n\n"
        "Read the flash of a real board in DFU mode into an image that an emulated device can be\n"
        "started from: --device PLATFORM,flash=FILE. The board is not changed.\n\n"
        "  -o FILE           the processor's own flash, with bootloader and settings\n"
        "  --external FILE   the serial flash of a P1 or a Core besides, for external=FILE\n"
        "  --serial SERIAL   the board with this serial number (dfu-util -l shows it)\n"
        "  --path PATH       the board at this place of the bus, such as 1-2.4\n"
        "  --usb VID:PID     boards with these ids in DFU mode, such as 2b04:d006\n\n"
        "Not read: the networks of a Wi-Fi chip, backup registers, one-time-programmable memory.\n"
        "A file appears whole or not at all. Exit status: 0 done, 2 no board or not clear which\n"
        "one, 3 it cannot be read or the file not be written.\n",
        to);
}

/* ---- Command line --------------------------------------------------------------------------- */

static int read_usb(const char *text, struct vp_hardware_wish *wish)
{
    char *end;
    const unsigned long vendor = strtoul(text, &end, 16);
    const bool colon = end != text && *end == ':' && isxdigit((unsigned char)text[0]);
    const char *second = end + 1;
    const unsigned long product =
        colon && isxdigit((unsigned char)*second) ? strtoul(second, &end, 16) : 0;
    if (!colon || *end || vendor == 0 || vendor > 0xFFFF || product == 0 || product > 0xFFFF) {
        fprintf(stderr, "vparticle clone: --usb %s: must be VID:PID, such as 2b04:d006\n", text);
        return VP_EXIT_USAGE;
    }
    wish->vendor = (uint16_t)vendor;
    wish->product = (uint16_t)product;
    return VP_EXIT_OK;
}

/* @return -1 to go on, or the exit status */
static int read_options(int argc, char **argv, struct options *options)
{
    static const struct option long_options[] = {
        {"output", required_argument, NULL, 'o'},
        {"external", required_argument, NULL, 'e'},
        {"serial", required_argument, NULL, 's'},
        {"path", required_argument, NULL, 'p'},
        {"usb", required_argument, NULL, 'u'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    for (int option; (option = getopt_long(argc, argv, "o:h", long_options, NULL)) != -1;) {
        switch (option) {
        case 'o':
            options->output = optarg;
            break;
        case 'e':
            options->external = optarg;
            break;
        case 's':
            options->wish.serial = optarg;
            break;
        case 'p':
            options->wish.path = optarg;
            break;
        case 'u':
            if (read_usb(optarg, &options->wish)) {
                return VP_EXIT_USAGE;
            }
            break;
        case 'h':
            print_usage(stdout);
            return VP_EXIT_OK;
        default:
            return VP_EXIT_USAGE;
        }
    }
    if (!options->output || optind != argc) {
        fprintf(stderr, "vparticle clone: %s\n\n",
                options->output ? "there is an argument too many"
                                : "say with -o FILE where to write the image");
        print_usage(stderr);
        return VP_EXIT_USAGE;
    }
    return -1;
}

/* ---- Progress ------------------------------------------------------------------------------- */

struct progress {
    const char *name;
    uint32_t total;
    uint32_t shown; /* KiB */
};

static void show(void *context, uint32_t done)
{
    struct progress *progress = context;
    if (done / 1024 >= progress->shown + 16 || done == progress->total) {
        progress->shown = done / 1024;
        fprintf(stderr, "\rReading the %s: %u of %u KiB", progress->name, progress->shown,
                progress->total / 1024);
    }
}

static uint32_t size_of(const struct vp_flash_geometry *geometry)
{
    const struct vp_flash_sector *last = &geometry->sectors[geometry->sector_count - 1];
    return last->address + last->size - geometry->sectors[0].address;
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* A board and its images. */
struct cloning {
    const struct options *options;
    struct vp_hardware_board board;
    struct vp_clone_source source;
    struct vp_clone internal, external; /* external: bytes NULL if it is not wanted */
};

static int read_images(struct cloning *cloning, struct vp_failure *failure)
{
    const struct vp_board *board = cloning->board.board;
    struct progress progress = {"internal flash", size_of(board->geometry), 0};
    const struct vp_dfu_progress told = {show, &progress};
    const bool shown = vp_terminal_is(stderr);
    if (cloning->options->external && !vp_clone_shows_external(&cloning->source)) {
        return vp_fail(failure, VP_ERROR_UNSUPPORTED, "%s %s: leave --external out", board->name,
                       board->external ? "has a bootloader that does not show the serial flash"
                                       : "has no serial flash");
    }
    cloning->source.progress = shown ? &told : NULL;
    int error = vp_clone_internal(&cloning->source, &cloning->internal, failure);
    if (!error && cloning->options->external) {
        progress =
            (struct progress){"serial flash", board->external ? size_of(board->external) : 0, 0};
        error =
            vp_clone_external(&cloning->source, &cloning->internal, &cloning->external, failure);
    }
    if (shown) {
        fputs("\r\033[K", stderr);
    }
    cloning->source.progress = NULL;
    return error;
}

static int write_images(const struct cloning *cloning, struct vp_failure *failure)
{
    const struct options *options = cloning->options;
    int error = 0;
    if (cloning->external.bytes) {
        error = vp_write_file(options->external, cloning->external.bytes, cloning->external.size,
                              failure);
    }
    return error ? error
                 : vp_write_file(options->output, cloning->internal.bytes, cloning->internal.size,
                                 failure);
}

/* ---- Telling -------------------------------------------------------------------------------- */

static void tell_flash(const struct vp_clone *clone, const char *path)
{
    printf("%s: %s, %u KiB from 0x%08x (alternate setting %u)\n", path, clone->name,
           clone->size / 1024, clone->address, clone->alternate);
    for (unsigned i = 0; i < clone->gap_count; i++) {
        const struct vp_clone_gap *gap = &clone->gaps[i];
        printf("  not read, filled with ff: %u bytes from 0x%08x: %s\n", gap->size, gap->address,
               gap->why);
    }
}

/* A whole device id. Bootloaders before 9 and the Core's before 0.7.0 say something else. */
static bool is_device_id(const char *serial)
{
    return strlen(serial) == 2 * VP_DEVICE_ID_SIZE &&
           strspn(serial, "0123456789abcdefABCDEF") == 2 * VP_DEVICE_ID_SIZE;
}

static void tell(const struct cloning *cloning)
{
    const struct vp_hardware_board *board = &cloning->board;
    const struct options *options = cloning->options;
    const bool has_id = is_device_id(board->serial);
    printf("%s at %s, serial number %s\n", board->board->name, board->path, board->serial);
    tell_flash(&cloning->internal, options->output);
    if (cloning->external.bytes) {
        tell_flash(&cloning->external, options->external);
    } else if (board->board->external) {
        printf("not read: serial flash; %s\n", vp_clone_shows_external(&cloning->source)
                                                   ? "--external FILE reads it"
                                                   : "this bootloader does not show it");
    }
    printf("Use it: vparticle exec --device %s,flash=%s%s%s%s%s -- TOOL\n", board->board->name,
           options->output, cloning->external.bytes ? ",external=" : "",
           cloning->external.bytes ? options->external : "", has_id ? ",id=" : "",
           has_id ? board->serial : "");
    puts("The board is unchanged and still in DFU mode; RESET starts it.");
}

/* ---- From beginning to end ------------------------------------------------------------------ */

static int clone_opened(struct cloning *cloning, struct vp_failure *failure)
{
    int error = read_images(cloning, failure);
    if (error == VP_ERROR_NOT_FOUND) {
        error = VP_ERROR_IO; /* it was there, and went away */
    }
    if (!error) {
        error = write_images(cloning, failure);
    }
    if (!error) {
        tell(cloning);
    }
    free(cloning->internal.bytes);
    free(cloning->external.bytes);
    return error;
}

static int clone_board(const struct options *options, struct vp_hardware_bus *bus,
                       struct vp_failure *failure)
{
    struct vp_hardware_board boards[VP_HARDWARE_BOARDS];
    unsigned chosen;
    const unsigned count = vp_hardware_bus_look(bus, boards);
    int error = vp_hardware_choose(boards, count, &options->wish, true, &chosen, failure);
    if (error) {
        return error;
    }
    struct vp_hardware_dfu *dfu;
    error = vp_hardware_dfu_open(&dfu, bus, &boards[chosen], failure);
    if (error) {
        return error;
    }
    struct cloning cloning = {
        .options = options,
        .board = boards[chosen],
        .source = {.board = boards[chosen].board, .pipe = vp_hardware_dfu_pipe(dfu)},
    };
    cloning.source.layouts = vp_hardware_dfu_layouts(dfu, &cloning.source.layout_count);
    error = clone_opened(&cloning, failure);
    vp_hardware_dfu_close(dfu);
    return error;
}

int vp_command_clone(int argc, char **argv)
{
    struct options options = {.output = NULL};
    struct vp_failure failure = {""};
    struct vp_hardware_bus *bus;
    const int status = read_options(argc, argv, &options);
    if (status >= 0) {
        return status;
    }
    int error = vp_hardware_bus_open(&bus, &failure);
    if (!error) {
        error = clone_board(&options, bus, &failure);
        vp_hardware_bus_close(bus);
    }
    if (error) {
        fprintf(stderr, "vparticle clone: %s\n", failure.text);
    }
    return !error ? VP_EXIT_OK
           : error == VP_ERROR_NOT_FOUND || error == VP_ERROR_INVALID ||
                   error == VP_ERROR_UNSUPPORTED
               ? VP_EXIT_USAGE
               : VP_EXIT_SYSTEM;
}
