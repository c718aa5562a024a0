/**
 * @file guest.h
 * The engine `guest`: a QEMU guest with Debian's kernel and this machine's files, in which a
 * command runs that needs the real vhci_hcd, usbfs, cdc_acm and udev. It needs neither root nor
 * KVM.
 *
 * The guest sees all files of this machine, each as it was when it was first read. What it writes
 * is lost with it, but for one folder, the share, in which it can make no sockets: $TMPDIR is /tmp
 * there if it is in the share. It has no network but its own loopback.
 */
#ifndef VP_GUEST_H
#define VP_GUEST_H

#include <limits.h>
#include <stdbool.h>

#include "vparticle/error.h"

/* ---- What is there -------------------------------------------------------------------------- */

enum { VP_GUEST_NEEDS_MAX = 4 };

/** Something that is missing. */
struct vp_guest_need {
    char what[160];    /**< "QEMU (qemu-system-x86_64) is not installed" */
    char command[160]; /**< that mends it: "apt-get install ..." */
};

struct vp_guest_state {
    bool prepared;         /**< vp_guest_run() can start at once */
    char folder[PATH_MAX]; /**< of the prepared guest, or "" */
    /** What keeps the guest from being prepared; none: 'vparticle guest prepare' can be tried (it
     * may still find that the kernel's package cannot be downloaded). */
    struct vp_guest_need needs[VP_GUEST_NEEDS_MAX];
    unsigned need_count;
};

/**
 * Look, changing nothing, without starting a program.
 * @param cache  folder, or NULL for $XDG_CACHE_HOME/vparticle/guest (~/.cache/vparticle/guest)
 */
void vp_guest_look(const char *cache, struct vp_guest_state *state);

/* ---- Preparing ------------------------------------------------------------------------------ */

/** Where the guest is made from. */
struct vp_guest_sources {
    const char *cache;   /**< as vp_guest_look() */
    const char *kernel;  /**< a Debian package linux-image-*-amd64, or NULL: apt-get downloads it */
    const char *busybox; /**< a Debian package busybox-static, or NULL: /bin/busybox if it is
                            static, or apt-get downloads it */
};

/** Tells how it goes. */
struct vp_guest_progress {
    void (*stage)(void *context, const char *words); /**< what is begun now */
    void (*tick)(void *context);                     /**< called often; time goes by */
    void *context;
};

/**
 * Build the guest, boot it, and save its state, unless all that is cached already. It either is
 * whole in the cache afterwards or leaves nothing there, also if it is killed. What the cache has
 * of older sources is removed then.
 * @param progress  or NULL
 * @return 0; 1 if it was there already; VP_ERROR_NOT_FOUND: QEMU, busybox or the kernel's package
 * is not to be had (the text says how to mend it); VP_ERROR_INVALID: a package that was given is
 *         not usable; VP_ERROR_UNSUPPORTED: not on this architecture; VP_ERROR_IO: something went
 *         wrong, such as the guest's boot; VP_ERROR_NO_MEMORY
 */
int vp_guest_prepare(const struct vp_guest_sources *sources,
                     const struct vp_guest_progress *progress, struct vp_failure *failure);

/* ---- Running -------------------------------------------------------------------------------- */

/**
 * The folder in which a job can write.
 * @param wish  or NULL: the working directory
 * @param[out] share  its real path; "" where the working directory is /, or in what the guest has
 * of its own (/dev, /proc, /sys)
 * @return 0, or VP_ERROR_INVALID: it is not there, cannot be read, or cannot be shared
 */
int vp_guest_find_share(const char *wish, char share[PATH_MAX], struct vp_failure *failure);

/** A command to run in the guest. */
struct vp_guest_job {
    const char *cache; /**< as vp_guest_look() */
    char *const *argv; /**< a program by name or path, and its arguments */
    const char *share; /**< folder in which it can write; NULL: the working directory, unless
                            that is / */
    bool signal_group; /**< what a terminal sends is for all processes of the job */
    /** Milliseconds since QEMU's start: "the guest answers", "the job has ended". Or NULL. */
    void (*reached)(void *context, const char *what, double milliseconds);
    void *context;
};

/**
 * Run it with this process's environment, working directory, umask and standard streams. INT, TERM,
 * HUP and QUIT go to it; the second of them ends the guest (the same again within half a second is
 * no second).
 * @param[out] wait_status  the job's, as wait(2)
 * @return 0; VP_ERROR_NOT_FOUND: the guest is not prepared, or its saved state is damaged and was
 *         removed: prepare it, and run the job then; VP_ERROR_INVALID: the share, or an argument
 * that is too long; VP_ERROR_BUSY: a signal ended it before the job told its status, and
 * *wait_status is of that signal; VP_ERROR_IO: the guest died or did not start the job;
 *         VP_ERROR_NO_MEMORY
 */
int vp_guest_run(const struct vp_guest_job *job, int *wait_status, struct vp_failure *failure);

/**
 * In the guest, as its first process: run the job that the host names, tell how it ended, and power
 * off. Does not return.
 */
_Noreturn void vp_guest_agent(void);

#endif
