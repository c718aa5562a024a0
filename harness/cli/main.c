#include "cli/commands.h"

#include <fcntl.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct command {
    const char *name;
    int (*run)(int argc, char **argv);
    const char *synopsis;
    const char *summary;
} commands[] = {
    {"run", vp_command_run,
     "--device SPEC [--device SPEC]... [--usbip ADDRESS] [--control ADDRESS]\n"
     "                [--speed instant|real] [--ready-file FILE]",
     "emulate devices and show them to USB/IP clients"},
    {"exec", vp_command_exec, "--device SPEC [--device SPEC]... -- TOOL [ARG]...",
     "run a tool that sees emulated devices (or those of --connect ADDRESS)"},
    {"test", vp_command_test,
     "[PATH]... [--format pretty|tap|json] [--report junit=FILE] [--jobs N]",
     "run scenarios with real tools and check what became of the devices"},
    {"ctl", vp_command_ctl, "[--control ADDRESS] [--device N] COMMAND [ARG]...",
     "press buttons, pull the cable, see the light, keep snapshots of a running device"},
    {"cloud", vp_command_cloud, "[--listen ADDRESS] [--device SPEC]... [--state FOLDER]",
     "a local stand-in for Particle's cloud: updates over the air, the Safe Mode Healer, events"},
    {"clone", vp_command_clone, "[--serial SERIAL] [--usb VID:PID] -o FILE [--external FILE]",
     "read the flash of a real board in DFU mode into an image for --device PLATFORM,flash=FILE"},
    {"inspect", vp_command_inspect, "FILE...",
     "show what is in modules or flash images, and which checks pass"},
    {"diagnose", vp_command_diagnose, "FILE",
     "say why a device is in safe mode, and what would cure it"},
    {"forge", vp_command_forge, "PLATFORM/PART@VERSION -o FILE",
     "make a module of any release, for example photon/system-part1@0.6.3"},
    {"guest", vp_command_guest, "prepare | run -- TOOL [ARG]...",
     "prepare a guest with the real kernel's USB, or run a tool in it"},
    {"guest-agent", vp_command_guest_agent, NULL, NULL},
    {"doctor", vp_command_doctor, "[--json]",
     "say what this machine can do, and how to mend what it can't"},
    {NULL, NULL, NULL, NULL},
};

static void print_help(FILE *to)
{
    fputs("vparticle: Particle's Gen 2 boards, emulated, for real flashing tools\n\nUsage:\n", to);
    for (const struct command *command = commands; command->name; command++) {
        if (!command->synopsis) {
            continue; /* not for people */
        }
        fprintf(to, "  vparticle %-8s %s\n      %s\n", command->name, command->synopsis,
                command->summary);
    }
}

/*
 * A flash sector is 128 KiB, which glibc by default gives back to the kernel at each erase and
 * gets anew, page by page, at the next write. Keeping it makes downloads a twentieth faster.
 */
static void keep_freed_sectors(void)
{
    enum { LARGER_THAN_A_SECTOR = 1 << 20, KEPT = 16 << 20 };
    mallopt(M_MMAP_THRESHOLD, LARGER_THAN_A_SECTOR);
    mallopt(M_TRIM_THRESHOLD, KEPT);
}

/* So that nothing that we open takes the place of a stream that whoever started us has closed. */
static void open_streams(void)
{
    int fd;
    do {
        fd = open("/dev/null", O_RDWR);
    } while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0) {
        close(fd);
    }
}

int main(int argc, char **argv)
{
    open_streams();
    keep_freed_sectors();
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        print_help(stdout);
        return VP_EXIT_OK;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("vparticle " VPARTICLE_VERSION);
        return VP_EXIT_OK;
    }
    for (const struct command *command = commands; command->name; command++) {
        if (strcmp(argv[1], command->name) == 0) {
            return command->run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "vparticle: there is no sub-command '%s'; see 'vparticle --help'\n", argv[1]);
    return VP_EXIT_USAGE;
}
