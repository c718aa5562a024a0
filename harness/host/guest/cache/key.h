/**
 * @file key.h
 * SHA-256 of files and texts, as 64 digits.
 */
#ifndef VP_GUEST_KEY_H
#define VP_GUEST_KEY_H

#include <stddef.h>

enum { KEY_SIZE = 65 };

/** @return 0 or VP_ERROR_NO_MEMORY */
int key_of_bytes(const void *bytes, size_t size, char key[KEY_SIZE]);

/** @return 0, VP_ERROR_IO (errno says why) or VP_ERROR_NO_MEMORY */
int key_of_file(const char *path, char key[KEY_SIZE]);

#endif
