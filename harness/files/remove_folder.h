/** @file remove_folder.h A folder that goes with all that is in it. */
#ifndef VP_FILES_REMOVE_FOLDER_H
#define VP_FILES_REMOVE_FOLDER_H

/**
 * Remove a folder and all that is in it, without following symbolic links.
 * @return 0, or VP_ERROR_IO: something is left, and errno says why
 */
int vp_remove_folder(const char *path);

#endif
