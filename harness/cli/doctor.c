/* vparticle doctor [--json] */
#include <getopt.h>
#include <stdio.h>

#include "cli/commands.h"
#include "doctor/doctor.h"
#include "report/terminal.h"

static void print_usage(FILE *to)
{
    fputs("Usage: vparticle doctor [--json]\n\n"
          "Say what this machine can do: which hosts can run tools, whether real boards can be\n"
          "reached, which tools there are; and for what is missing the command that mends it.\n\n"
          "  --json   for programs: one JSON object\n\n"
          "Exit status: 0 at least one host can run a tool, 1 none can.\n",
          to);
}

int vp_command_doctor(int argc, char **argv)
{
    static const struct option options[] = {
        {"json", no_argument, NULL, 'j'},
        {"help", no_argument, NULL, 'h'},
        {0},
    };
    bool json = false;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'h') {
            print_usage(stdout);
            return VP_EXIT_OK;
        }
        if (option != 'j') {
            return VP_EXIT_USAGE;
        }
        json = true;
    }
    if (optind != argc) {
        fprintf(stderr, "vparticle doctor: '%s': it takes no argument but --json\n", argv[optind]);
        return VP_EXIT_USAGE;
    }
    struct vp_doctor_world world;
    struct vp_diagnosed diagnosed;
    vp_doctor_look(&world);
    vp_doctor_examine(&world, &diagnosed);
    if (!json) {
        vp_doctor_print(stdout, vp_terminal_colours(stdout), &diagnosed);
    } else if (vp_doctor_print_json(stdout, &diagnosed)) {
        fputs("vparticle doctor: out of memory\n", stderr);
        return VP_EXIT_SYSTEM;
    }
    return diagnosed.can_run ? VP_EXIT_OK : VP_EXIT_FAILED;
}
