/* A bzImage's header and its compressed payload. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/guest/image/kernel_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    struct vp_failure failure = {.text = ""};
    snprintf(path, sizeof path, "/tmp/fuzz-kernel-image-%d", (int)getpid());
    const int error = kernel_image_unpack(data, size, path, &failure);
    struct stat status;
    const int there = stat(path, &status) == 0;
    if ((error == 0) != there || (error != 0) != (failure.text[0] != '\0')) {
        abort(); /* a file exactly if it worked, words exactly if not */
    }
    if (there) {
        unlink(path);
    }
    return 0;
}
