/**
 * @file kernel_image.h
 * The kernel of a Debian package as QEMU starts it fastest: uncompressed.
 */
#ifndef VP_GUEST_KERNEL_IMAGE_H
#define VP_GUEST_KERNEL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "vparticle/error.h"

/**
 * Take the ELF image out of a bzImage (Linux, Documentation/x86/boot.rst: payload_offset and
 * payload_length, boot protocol 2.08) and write it to a file.
 * @param image  of @p size bytes; nothing in it is trusted
 * @param path   written anew; removed again if anything fails
 * @return 0, VP_ERROR_INVALID (not a bzImage, damaged), VP_ERROR_IO, VP_ERROR_NO_MEMORY
 */
int kernel_image_unpack(const uint8_t *image, size_t size, const char *path,
                        struct vp_failure *failure);

#endif
