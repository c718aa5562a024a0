#include "trace/trace_file.h"

#include <errno.h>
#include <inttypes.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trace/trace.h"

enum { WHOLE_BYTES = 64, HASH_BYTES = 8 };

struct watched {
    struct vp_trace_file *file;
    struct vp_device *device;
    unsigned number;
    struct watched *next;
};

struct vp_trace_file {
    FILE *stream;
    char *path;
    struct watched *watched;
    int trouble; /**< the first errno of a write, or 0 */
};

static void write_hex(FILE *stream, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        fprintf(stream, "%02x", bytes[i]);
    }
}

static void write_data(FILE *stream, const uint8_t *data, uint32_t count)
{
    if (!data || count == 0) {
        fputc('-', stream);
    } else if (count <= WHOLE_BYTES) {
        write_hex(stream, data, count);
    } else {
        uint8_t hash[SHA256_DIGEST_LENGTH];
        SHA256(data, count, hash);
        fputs("sha256:", stream);
        write_hex(stream, hash, HASH_BYTES);
    }
}

static void write_transfer(FILE *stream, const struct vp_transfer *transfer)
{
    struct vp_traced traced;
    char words[200];
    vp_traced_take(&traced, transfer);
    vp_traced_describe_request(&traced, words, sizeof words);
    fprintf(stream, "ep%u %s ", transfer->endpoint, transfer->in ? "in" : "out");
    if (transfer->endpoint == 0) {
        write_hex(stream, transfer->setup, sizeof transfer->setup);
    } else {
        fputc('-', stream);
    }
    const bool gone = transfer->status == VP_TRANSFER_NO_DEVICE;
    fprintf(stream, " %" PRIu32 " %s %" PRIu32 " ", transfer->length,
            gone ? "gone" : vp_traced_status_name(transfer->status), transfer->actual);
    const bool refused = !transfer->in && transfer->status != VP_TRANSFER_OK;
    write_data(stream, transfer->data, refused ? transfer->length : transfer->actual);
    fprintf(stream, " %s", words);
}

static void write_attached(FILE *stream, const struct vp_device *device)
{
    struct vp_usb_identity identity = {0};
    vp_device_identity(device, &identity);
    fprintf(stream, "attached %04x:%04x", identity.vendor_id, identity.product_id);
}

static void on_event(void *context, const struct vp_event *event)
{
    const struct watched *watched = context;
    FILE *stream = watched->file->stream;
    const bool told = event->kind == VP_EVENT_ATTACHED || event->kind == VP_EVENT_DETACHED ||
                      event->kind == VP_EVENT_BUS_RESET || event->kind == VP_EVENT_TRANSFER;
    if (!told) {
        return;
    }
    fprintf(stream, "%u ", watched->number);
    switch (event->kind) {
    case VP_EVENT_ATTACHED:
        write_attached(stream, watched->device);
        break;
    case VP_EVENT_DETACHED:
        fputs("detached", stream);
        break;
    case VP_EVENT_BUS_RESET:
        fputs("reset", stream);
        break;
    default:
        write_transfer(stream, event->transfer);
        break;
    }
    fputc('\n', stream);
    if (fflush(stream) != 0 && !watched->file->trouble) {
        watched->file->trouble = errno;
    }
}

int vp_trace_file_open(struct vp_trace_file **file, const char *path, struct vp_failure *failure)
{
    struct vp_trace_file *made = calloc(1, sizeof *made);
    char *copy = strdup(path);
    if (!made || !copy) {
        free(made);
        free(copy);
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory for a trace");
    }
    made->path = copy;
    made->stream = fopen(path, "we");
    if (!made->stream) {
        const int error = vp_fail(failure, VP_ERROR_IO, "cannot write the trace to %s: %s", path,
                                  strerror(errno));
        free(copy);
        free(made);
        return error;
    }
    *file = made;
    return 0;
}

int vp_trace_file_watch(struct vp_trace_file *file, struct vp_device *device, unsigned number,
                        struct vp_failure *failure)
{
    struct watched *watched = malloc(sizeof *watched);
    if (watched) {
        *watched = (struct watched){file, device, number, file->watched};
    }
    if (!watched || vp_device_listen(device, on_event, watched) != 0) {
        free(watched);
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "no memory for a trace");
    }
    file->watched = watched;
    struct vp_usb_identity identity;
    if (vp_device_identity(device, &identity) == 0) {
        on_event(watched, &(struct vp_event){.kind = VP_EVENT_ATTACHED});
    }
    return 0;
}

int vp_trace_file_close(struct vp_trace_file *file, struct vp_failure *failure)
{
    if (!file) {
        return 0;
    }
    while (file->watched) {
        struct watched *watched = file->watched;
        file->watched = watched->next;
        vp_device_unlisten(watched->device, on_event, watched);
        free(watched);
    }
    if (fclose(file->stream) != 0 && !file->trouble) {
        file->trouble = errno;
    }
    const int error = file->trouble
                          ? vp_fail(failure, VP_ERROR_IO, "cannot write the trace to %s: %s",
                                    file->path, strerror(file->trouble))
                          : 0;
    free(file->path);
    free(file);
    return error;
}
