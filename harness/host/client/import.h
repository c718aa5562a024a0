/**
 * @file import.h
 * OP_REQ_IMPORT and its answer, for whoever does something with the connection afterwards.
 */
#ifndef VP_HOST_IMPORT_H
#define VP_HOST_IMPORT_H

#include <stddef.h>
#include <stdint.h>

#include "vparticle/usbip.h"

void import_request(uint8_t bytes[VP_USBIP_IMPORT_REQUEST_SIZE], const char *busid);

/**
 * Read the answer.
 * @param[out] reason  why the import failed, or NULL
 * @return how many bytes it takes up, or 0: it failed, or the rest has not come yet
 */
size_t import_answer(const uint8_t *bytes, size_t count, struct vp_usbip_device *device,
                     const char **reason);

#endif
