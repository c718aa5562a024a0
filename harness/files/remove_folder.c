#include "files/remove_folder.h"

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>

#include "vparticle/error.h"

enum { OPEN_FOLDERS = 16 };

/* What cannot be removed keeps nothing else from it; the folder itself comes last, and tells. */
static int remove_entry(const char *path, const struct stat *status, int kind, struct FTW *where)
{
    (void)status;
    (void)kind;
    return remove(path) && where->level == 0;
}

int vp_remove_folder(const char *path)
{
    return nftw(path, remove_entry, OPEN_FOLDERS, FTW_DEPTH | FTW_PHYS) ? VP_ERROR_IO : 0;
}
