/**
 * @file cloud_fleet.c
 * A fleet of emulated Photons in one process, all flashed over the air with an application that
 * needs 0.7.0, and healed from 0.6.3 on: how long, and how much memory?
 *
 *     cloud_fleet [DEVICES]      1000 if not said
 *
 * Limits for 1000 on two cores: 60 s, 1 GiB. Exit status 0 if every device ends with the right
 * modules and the limits were kept, 1 if not, 3 if it could not be done.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "report/terminal.h"
#include "support/fleet.h"

enum { DEVICES = 1000, SECONDS_LIMIT = 60, MEMORY_LIMIT_MIB = 1024 };

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

static double peak_mib(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)usage.ru_maxrss / 1024.;
}

static void show_progress(unsigned healed, unsigned devices)
{
    static double last;
    if (now() - last >= 0.1) {
        last = now();
        fprintf(stderr, "\r%u of %u devices healed, %.0f MiB", healed, devices, peak_mib());
    }
}

int main(int argc, char **argv)
{
    const unsigned devices = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : DEVICES;
    const bool terminal = vp_terminal_is(stderr);
    struct fleet_result result;
    if (devices == 0) {
        fprintf(stderr, "usage: cloud_fleet [DEVICES]\n");
        return 3;
    }
    const double begin = now();
    const bool done = fleet_upgrade(devices, terminal ? show_progress : NULL, &result);
    const double took = now() - begin, memory = peak_mib();
    if (terminal) {
        fprintf(stderr, "\r\033[K");
    }
    if (!done) {
        fprintf(stderr, "cloud_fleet: %s\n", result.wrong);
        return 3;
    }
    printf("devices            %u, %u of them right\n", result.devices, result.right);
    printf("seconds            %.1f (limit %d)\n", took, SECONDS_LIMIT);
    printf("chunks per second  %.0f\n", (double)result.chunks / took);
    printf("peak memory        %.0f MiB (limit %d)\n", memory, MEMORY_LIMIT_MIB);
    if (result.right < result.devices) {
        printf("%s\n", result.wrong);
    }
    return result.right == result.devices && took <= SECONDS_LIMIT && memory <= MEMORY_LIMIT_MIB
               ? 0
               : 1;
}
