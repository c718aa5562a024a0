/**
 * @file init.h
 * The guest's /init: image/init.sh, which the build puts into the program.
 */
#ifndef VP_GUEST_INIT_H
#define VP_GUEST_INIT_H

#include <stddef.h>

extern const unsigned char guest_init_script[];
extern const size_t guest_init_script_size;

#endif
