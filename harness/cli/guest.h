/**
 * @file guest.h
 * A sub-command that runs in a guest as a whole: `exec --host guest`, `test --host guest`.
 */
#ifndef VP_CLI_GUEST_H
#define VP_CLI_GUEST_H

#include <stdbool.h>

/** What to run again in the guest. */
struct vp_guest_rerun {
    char **argv; /**< of the sub-command, argv[0] its name; with a NULL at the end */
    int argc;
    const char *host;  /**< the value of --host, as it points into argv */
    const char *share; /**< likewise of --share, or NULL */
    char *const *more; /**< options to add right after the sub-command's name, with a NULL at the
                            end; or NULL */
};

/**
 * Run this program in the guest with the same arguments, but --host kernel and no --share; prepare
 * the guest first if it is not.
 * @return the exit status
 */
int vp_guest_rerun(const struct vp_guest_rerun *rerun);

/**
 * Is a file that the command is going to write in the share? Otherwise it would be lost with the
 * guest, which is said.
 * @param share   as in struct vp_guest_rerun
 * @param option  what names the file, for the message
 * @return 0 or VP_EXIT_USAGE
 */
int vp_guest_keeps(const char *share, const char *option, const char *path);

#endif
