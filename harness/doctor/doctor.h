/**
 * @file doctor.h
 * What this machine can do with `vparticle`, and for what it can't the one command that mends it.
 *
 * A check looks at a struct vp_doctor_world alone, so that a test can make up a machine: a folder
 * that stands for its file system, and answers in the place of system calls.
 */
#ifndef VP_DOCTOR_H
#define VP_DOCTOR_H

#include <stdbool.h>
#include <stdio.h>

#include "host/guest/guest.h"
#include "vparticle/error.h"

enum vp_verdict {
    VP_VERDICT_OK,
    VP_VERDICT_MISSING,
    VP_VERDICT_UNNEEDED, /**< it is not there, and nothing is lost by that */
};

/** "ok", "missing", "not needed". */
const char *vp_verdict_name(enum vp_verdict verdict);

/** What a check found. */
struct vp_finding {
    const char *subject; /**< static text: "vhci_hcd", "dfu-util" */
    enum vp_verdict verdict;
    char text[256]; /**< what is there, or what is missing; one line */
    char mend[320]; /**< the command that mends it; "" where there is none to give */
};

/** What libusb says of this machine. */
struct vp_doctor_usb {
    bool works;
    char reason[256];  /**< if it does not work */
    unsigned boards;   /**< real boards that are plugged in */
    unsigned refused;  /**< those of them that this user may not open */
    char refusal[160]; /**< the first of these: its node */
};

/** A machine. */
struct vp_doctor_world {
    const char *root; /**< before each path of the system: "", or a folder for a test */
    const char *path; /**< as $PATH */
    const char
        *directory;      /**< where real firmware is looked for, and above: the working directory */
    const char *release; /**< of the kernel: "6.1.0-56-amd64" */
    const char *machine; /**< its architecture: "x86_64" */
    bool superuser;
    int notifies; /**< errno of a try to be told of a process's system calls; 0: it works */
    bool pidfd;   /**< pidfd_open(2) works */
    struct vp_doctor_usb usb;
    struct vp_guest_state guest; /**< as vp_guest_look() */
    /** As access(2): 0 or -1. The superuser may do all, so a test says what it may. */
    int (*access)(const char *path, int mode);
};

/** Look at this machine. What @p world points to is valid until the next call. */
void vp_doctor_look(struct vp_doctor_world *world);

enum vp_doctor_area {
    VP_AREA_USERLAND, /**< the first ones are hosts: what all of their checks need, a tool needs */
    VP_AREA_KERNEL,
    VP_AREA_GUEST,
    VP_AREA_HOSTS,
    VP_AREA_HARDWARE = VP_AREA_HOSTS,
    VP_AREA_TOOLS,
    VP_AREA_FIRMWARE,
    VP_AREA_COUNT,
};

enum { VP_AREA_FINDINGS = 12 };

/** What was found, by area. */
struct vp_diagnosed {
    struct vp_area {
        const char *name; /**< "userland host" */
        const char *use;  /**< what it is good for */
        bool ok;          /**< nothing is missing in it */
        struct vp_finding findings[VP_AREA_FINDINGS];
        unsigned count;
    } areas[VP_AREA_COUNT];
    bool can_run; /**< at least one host can run a tool */
};

/** Run all checks. */
void vp_doctor_examine(const struct vp_doctor_world *world, struct vp_diagnosed *diagnosed);

/** For a person: a line each, and below what is missing the command that mends it. */
void vp_doctor_print(FILE *to, bool coloured, const struct vp_diagnosed *diagnosed);

/** For a program: one JSON object. @return 0 or VP_ERROR_NO_MEMORY */
int vp_doctor_print_json(FILE *to, const struct vp_diagnosed *diagnosed);

#endif
