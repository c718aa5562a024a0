/* Which folder of this machine a job can write in. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/guest/guest.h"

/* What the guest has of its own, instead of the host's. */
static bool is_guests_own(const char *path)
{
    static const char *const own[] = {"/dev", "/proc", "/sys"};
    for (unsigned i = 0; i < sizeof own / sizeof *own; i++) {
        const size_t length = strlen(own[i]);
        if (strncmp(path, own[i], length) == 0 && (path[length] == '/' || path[length] == '\0')) {
            return true;
        }
    }
    return strcmp(path, "/") == 0;
}

int vp_guest_find_share(const char *wish, char share[PATH_MAX], struct vp_failure *failure)
{
    const char *given = wish ? wish : ".";
    const char *what = wish ? wish : "the working directory";
    if (!realpath(given, share) || access(share, R_OK | X_OK)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "%s cannot be shared with the guest: %s; go to a folder that you can read, "
                       "or give one with --share FOLDER",
                       what, strerror(errno));
    }
    if (is_guests_own(share)) {
        if (wish) {
            return vp_fail(failure, VP_ERROR_INVALID,
                           "%s cannot be shared with the guest, which has its own: give another "
                           "folder",
                           wish);
        }
        *share = '\0';
    }
    return 0;
}
