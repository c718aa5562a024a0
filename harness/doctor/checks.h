/** @file checks.h The checks, each a function; doctor.c has the table of them. */
#ifndef VP_DOCTOR_CHECKS_H
#define VP_DOCTOR_CHECKS_H

#include <limits.h>

#include "doctor/doctor.h"

typedef void vp_check(const struct vp_doctor_world *world, struct vp_finding *finding);

vp_check vp_check_kernel_version, vp_check_seccomp, vp_check_pidfd;
vp_check vp_check_vhci, vp_check_vhci_right, vp_check_vhci_ports, vp_check_usbip;
vp_check vp_check_guest, vp_check_kvm;
vp_check vp_check_libusb, vp_check_boards;
vp_check vp_check_dfu_util, vp_check_particle, vp_check_sb, vp_check_lsusb, vp_check_udevadm;
vp_check vp_check_firmware, vp_check_fetched_tools;

/* ---- What checks are made of ---------------------------------------------------------------- */

/** Fill in what is there. */
void vp_found(struct vp_finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** Fill in what is missing; vp_mend() says how to mend it. */
void vp_lacks(struct vp_finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void vp_mend(struct vp_finding *finding, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/** The same, for a command that only the superuser may run. */
void vp_mend_as_root(const struct vp_doctor_world *world, struct vp_finding *finding,
                     const char *command);

/** @p path in that world. @return false if it does not fit into @p full */
bool vp_world_path(const struct vp_doctor_world *world, const char *path, char full[PATH_MAX]);

bool vp_world_has(const struct vp_doctor_world *world, const char *path);

/** Is there such a program in $PATH? @param[out] where  its path in that world */
bool vp_world_program(const struct vp_doctor_world *world, const char *name, char where[PATH_MAX]);

#endif
