#include <ev.h> /* before seccomp.h, which brings the EV_NONE macro of elf.h along */

#include "host/tool/notifier.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static int add_calls(scmp_filter_ctx filter, const int *calls, size_t count)
{
    int error = 0;
    for (size_t i = 0; i < count && !error; i++) {
        /* Negative numbers are calls that this architecture does not have. */
        if (calls[i] >= 0) {
            error = seccomp_rule_add(filter, SCMP_ACT_NOTIFY, calls[i], 0);
        }
    }
    return error;
}

scmp_filter_ctx notifier_start(const int *calls, size_t count, uint32_t other_architecture)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (filter && (seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, other_architecture) ||
                   seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2) ||
                   add_calls(filter, calls, count))) {
        seccomp_release(filter);
        filter = NULL;
    }
    return filter;
}

/* libseccomp writes programs to descriptors only. */
static int export_program(scmp_filter_ctx filter, struct sock_fprog *program)
{
    int fd = memfd_create("filter", MFD_CLOEXEC);
    struct stat status;
    int error = fd < 0 ? -errno : seccomp_export_bpf(filter, fd);
    if (!error && fstat(fd, &status) == 0) {
        program->filter = malloc((size_t)status.st_size);
        program->len = (unsigned short)((size_t)status.st_size / sizeof *program->filter);
        if (!program->filter ||
            pread(fd, program->filter, (size_t)status.st_size, 0) != status.st_size) {
            error = -EIO;
        }
    }
    if (fd >= 0) {
        close(fd);
    }
    return error;
}

int notifier_finish(scmp_filter_ctx filter, int error, struct sock_fprog *program,
                    struct vp_failure *failure)
{
    if (!error) {
        error = export_program(filter, program);
    }
    if (filter) {
        seccomp_release(filter);
    }
    if (error) {
        return vp_fail(failure, VP_ERROR_UNSUPPORTED,
                       "cannot build the seccomp filter (%s): this needs Linux 5.9 or newer with "
                       "seccomp user notification",
                       strerror(-error));
    }
    return 0;
}
