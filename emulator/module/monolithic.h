/** @file monolithic.h What the files of this room share about monolithic firmware. */
#ifndef VP_MODULE_MONOLITHIC_H
#define VP_MODULE_MONOLITHIC_H

#include <stdint.h>

/** Mark a forged image, whose header is at @p header, with its system version. */
void vp_module_put_system_version(uint8_t *header, uint16_t version);

#endif
