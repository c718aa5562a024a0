#include "host/guest/image/kernel_image.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

/* Documentation/x86/boot.rst @ Linux 6.1 */
enum {
    SETUP_SECTORS = 0x1F1,
    MAGIC = 0x202,
    PROTOCOL = 0x206,
    PAYLOAD_OFFSET = 0x248,
    PAYLOAD_LENGTH = 0x24C,
    HEADER_END = 0x250,
    SECTOR = 512,
    SETUP_SECTORS_OF_0 = 4,
    PROTOCOL_WITH_PAYLOAD = 0x0208,
    UNPACKED_SIZE = 4,     /* appended to the payload by the kernel's build, but for gzip */
    IMAGE_MAX = 512 << 20, /* seven times what Debian's has */
    BLOCK = 256 * 1024,
};

struct payload {
    const uint8_t *bytes;
    size_t size;
};

static uint32_t read_le(const uint8_t *at, unsigned bytes)
{
    uint32_t value = 0;
    while (bytes > 0) {
        value = value << 8 | at[--bytes];
    }
    return value;
}

static const char *find_payload(const uint8_t *image, size_t size, struct payload *payload)
{
    if (size < HEADER_END || memcmp(image + MAGIC, "HdrS", 4) != 0) {
        return "it is no bzImage";
    }
    if (read_le(image + PROTOCOL, 2) < PROTOCOL_WITH_PAYLOAD) {
        return "its boot protocol is older than 2.08";
    }
    const uint64_t sectors = image[SETUP_SECTORS] ? image[SETUP_SECTORS] : SETUP_SECTORS_OF_0;
    const uint64_t start = (sectors + 1) * SECTOR + read_le(image + PAYLOAD_OFFSET, 4);
    const uint64_t length = read_le(image + PAYLOAD_LENGTH, 4);
    if (length <= UNPACKED_SIZE || start + length > size) {
        return "its payload is not in it";
    }
    const bool gzip = image[start] == 0x1F && image[start + 1] == 0x8B;
    payload->bytes = image + start;
    payload->size = length - (gzip ? 0 : UNPACKED_SIZE);
    return NULL;
}

/* Whatever it is compressed with, as long as libarchive knows it: gzip, xz, zstd, lz4 ... */
static struct archive *open_payload(const struct payload *payload)
{
    struct archive_entry *entry;
    struct archive *archive = archive_read_new();
    if (archive && archive_read_support_filter_all(archive) >= ARCHIVE_WARN &&
        archive_read_support_format_raw(archive) == ARCHIVE_OK &&
        archive_read_open_memory(archive, payload->bytes, payload->size) == ARCHIVE_OK &&
        archive_read_next_header(archive, &entry) == ARCHIVE_OK) {
        return archive;
    }
    archive_read_free(archive);
    return NULL;
}

static bool is_elf(int file)
{
    char magic[4];
    return pread(file, magic, sizeof magic, 0) == sizeof magic &&
           memcmp(magic, "\177ELF", sizeof magic) == 0;
}

static bool write_all(int file, const uint8_t *bytes, size_t size)
{
    while (size > 0) {
        const ssize_t count = write(file, bytes, size);
        if (count <= 0) {
            return false;
        }
        bytes += count;
        size -= (size_t)count;
    }
    return true;
}

static int copy(struct archive *archive, int file, const char *path, struct vp_failure *failure)
{
    static uint8_t block[BLOCK];
    la_ssize_t count;
    size_t total = 0;
    while ((count = archive_read_data(archive, block, sizeof block)) > 0) {
        total += (size_t)count;
        if (total > IMAGE_MAX) {
            return vp_fail(failure, VP_ERROR_INVALID, "the kernel unpacks to more than any kernel");
        }
        if (!write_all(file, block, (size_t)count)) {
            return vp_fail(failure, VP_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
        }
    }
    const char *mistake = archive_error_string(archive);
    return count == 0 ? 0
                      : vp_fail(failure, VP_ERROR_INVALID, "cannot unpack the kernel: %s",
                                mistake ? mistake : "it is damaged");
}

static int write_payload(const struct payload *payload, const char *path,
                         struct vp_failure *failure)
{
    struct archive *archive = open_payload(payload);
    if (!archive) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "the kernel is compressed in a way that libarchive does not know");
    }
    int error = 0;
    const int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (file < 0) {
        error = vp_fail(failure, VP_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    } else {
        error = copy(archive, file, path, failure);
    }
    if (!error && !is_elf(file)) {
        error =
            vp_fail(failure, VP_ERROR_INVALID, "what the kernel was unpacked to is no ELF file");
    }
    archive_read_free(archive);
    if (file >= 0 && close(file) && !error) {
        error = vp_fail(failure, VP_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    }
    if (error) {
        unlink(path);
    }
    return error;
}

int kernel_image_unpack(const uint8_t *image, size_t size, const char *path,
                        struct vp_failure *failure)
{
    struct payload payload;
    const char *mistake = find_payload(image, size, &payload);
    return mistake ? vp_fail(failure, VP_ERROR_INVALID, "cannot unpack the kernel: %s", mistake)
                   : write_payload(&payload, path, failure);
}
