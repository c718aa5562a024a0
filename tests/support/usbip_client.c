#include "support/usbip_client.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int usbip_client_connect(struct usbip_client *client, const char *address)
{
    struct sockaddr_storage to;
    socklen_t length;
    const int on = 1;
    memset(client, 0, sizeof *client);
    client->fd = -1;
    int error = vp_usbip_address_parse(address, &to, &length, NULL);
    if (error) {
        return error;
    }
    client->fd = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client->fd < 0) {
        return VP_ERROR_IO;
    }
    if (connect(client->fd, (struct sockaddr *)&to, length) != 0) {
        usbip_client_close(client);
        return VP_ERROR_IO;
    }
    if (to.ss_family != AF_UNIX) {
        setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    }
    return 0;
}

void usbip_client_close(struct usbip_client *client)
{
    if (client->fd >= 0) {
        close(client->fd);
    }
    client->fd = -1;
}

bool usbip_client_write(struct usbip_client *client, const void *bytes, size_t count)
{
    const uint8_t *from = bytes;
    while (count > 0) {
        ssize_t sent = send(client->fd, from, count, MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        from += sent;
        count -= (size_t)sent;
    }
    return true;
}

bool usbip_client_read(struct usbip_client *client, void *bytes, size_t count)
{
    uint8_t *to = bytes;
    while (count > 0) {
        ssize_t received = recv(client->fd, to, count, 0);
        if (received <= 0) {
            return false;
        }
        to += received;
        count -= (size_t)received;
    }
    return true;
}

bool usbip_client_is_closed(struct usbip_client *client)
{
    uint8_t ignored[4096];
    for (;;) {
        ssize_t received = recv(client->fd, ignored, sizeof ignored, 0);
        if (received <= 0) {
            return received == 0 || errno == ECONNRESET || errno == EPIPE;
        }
    }
}

/* ---- Before the import ------------------------------------------------------------------ */

static bool exchange_op(struct usbip_client *client, const uint8_t *request, size_t size,
                        struct vp_usbip_op *reply)
{
    uint8_t bytes[VP_USBIP_OP_SIZE];
    if (!usbip_client_write(client, request, size) ||
        !usbip_client_read(client, bytes, sizeof bytes)) {
        return false;
    }
    vp_usbip_decode_op(reply, bytes);
    return reply->version == VP_USBIP_VERSION;
}

int usbip_client_list(struct usbip_client *client, struct vp_usbip_device *devices, int limit)
{
    uint8_t request[VP_USBIP_OP_SIZE];
    const struct vp_usbip_op op = {.version = VP_USBIP_VERSION, .code = VP_USBIP_OP_REQ_DEVLIST};
    struct vp_usbip_op reply;
    uint8_t bytes[VP_USBIP_DEVICE_SIZE];
    vp_usbip_encode_op(request, &op);
    if (!exchange_op(client, request, sizeof request, &reply) ||
        reply.code != VP_USBIP_OP_REP_DEVLIST || reply.status != VP_USBIP_ST_OK ||
        !usbip_client_read(client, bytes, 4)) {
        return VP_ERROR_IO;
    }
    int count = bytes[2] << 8 | bytes[3];
    for (int i = 0; i < count; i++) {
        struct vp_usbip_device device;
        if (!usbip_client_read(client, bytes, sizeof bytes)) {
            return VP_ERROR_IO;
        }
        vp_usbip_decode_device(&device, bytes);
        for (int j = 0; j < device.identity.interface_count; j++) {
            if (!usbip_client_read(client, bytes, VP_USBIP_INTERFACE_SIZE)) {
                return VP_ERROR_IO;
            }
            if (j < 8) {
                device.identity.interfaces[j].interface_class = bytes[0];
                device.identity.interfaces[j].interface_subclass = bytes[1];
                device.identity.interfaces[j].interface_protocol = bytes[2];
            }
        }
        if (i < limit) {
            devices[i] = device;
        }
    }
    return count;
}

int usbip_client_import(struct usbip_client *client, const char *busid)
{
    uint8_t request[VP_USBIP_IMPORT_REQUEST_SIZE] = {0};
    const struct vp_usbip_op op = {.version = VP_USBIP_VERSION, .code = VP_USBIP_OP_REQ_IMPORT};
    struct vp_usbip_op reply;
    uint8_t bytes[VP_USBIP_DEVICE_SIZE];
    vp_usbip_encode_op(request, &op);
    strncpy((char *)request + VP_USBIP_OP_SIZE, busid, VP_USBIP_BUSID_SIZE - 1);
    if (!exchange_op(client, request, sizeof request, &reply) ||
        reply.code != VP_USBIP_OP_REP_IMPORT) {
        return VP_ERROR_IO;
    }
    if (reply.status != VP_USBIP_ST_OK) {
        return (int)reply.status;
    }
    if (!usbip_client_read(client, bytes, sizeof bytes)) {
        return VP_ERROR_IO;
    }
    vp_usbip_decode_device(&client->device, bytes);
    client->devid = client->device.busnum << 16 | client->device.devnum;
    return 0;
}

/* ---- Transfers ----------------------------------------------------------------------------- */

static void make_header(struct usbip_client *client, uint8_t bytes[VP_USBIP_HEADER_SIZE],
                        uint8_t endpoint, bool in, const uint8_t setup[8], uint32_t length)
{
    struct vp_usbip_header header = {.command = VP_USBIP_CMD_SUBMIT,
                                     .seqnum = ++client->last_seqnum,
                                     .devid = client->devid,
                                     .direction = in ? VP_USBIP_DIR_IN : VP_USBIP_DIR_OUT,
                                     .endpoint = endpoint,
                                     .submit = {.length = length}};
    if (setup) {
        memcpy(header.submit.setup, setup, sizeof header.submit.setup);
    }
    vp_usbip_encode_header(bytes, &header);
}

size_t usbip_client_make_submit(struct usbip_client *client, uint8_t *bytes, uint8_t endpoint,
                                bool in, const uint8_t setup[8], const void *out, uint32_t length)
{
    make_header(client, bytes, endpoint, in, setup, length);
    if (in || length == 0) {
        return VP_USBIP_HEADER_SIZE;
    }
    memcpy(bytes + VP_USBIP_HEADER_SIZE, out, length);
    return VP_USBIP_HEADER_SIZE + length;
}

uint32_t usbip_client_submit(struct usbip_client *client, uint8_t endpoint, bool in,
                             const uint8_t setup[8], const void *out, uint32_t length)
{
    uint8_t header[VP_USBIP_HEADER_SIZE];
    make_header(client, header, endpoint, in, setup, length);
    const struct iovec parts[2] = {{header, sizeof header},
                                   {(void *)(uintptr_t)out, in ? 0 : length}};
    const struct msghdr message = {.msg_iov = (struct iovec *)(uintptr_t)parts, .msg_iovlen = 2};
    ssize_t sent = sendmsg(client->fd, &message, MSG_NOSIGNAL);
    size_t whole = parts[0].iov_len + parts[1].iov_len;
    if (sent >= (ssize_t)sizeof header && (size_t)sent < whole) {
        size_t done = (size_t)sent - sizeof header;
        usbip_client_write(client, (const uint8_t *)out + done, length - done);
    }
    return client->last_seqnum;
}

uint32_t usbip_client_unlink(struct usbip_client *client, uint32_t seqnum)
{
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    const struct vp_usbip_header header = {.command = VP_USBIP_CMD_UNLINK,
                                           .seqnum = ++client->last_seqnum,
                                           .devid = client->devid,
                                           .unlink = {.seqnum = seqnum}};
    vp_usbip_encode_header(bytes, &header);
    usbip_client_write(client, bytes, sizeof bytes);
    return client->last_seqnum;
}

int usbip_client_answer(struct usbip_client *client, bool in, struct usbip_answer *answer)
{
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    if (!usbip_client_read(client, bytes, sizeof bytes)) {
        return VP_ERROR_IO;
    }
    vp_usbip_decode_header(&answer->header, bytes);
    if (answer->header.command == VP_USBIP_RET_UNLINK) {
        return 0;
    }
    if (answer->header.command != VP_USBIP_RET_SUBMIT) {
        return VP_ERROR_INVALID;
    }
    size_t actual = in ? answer->header.submitted.actual : 0;
    if (actual > sizeof answer->data) {
        return VP_ERROR_RANGE;
    }
    return usbip_client_read(client, answer->data, actual) ? 0 : VP_ERROR_IO;
}

int usbip_client_control(struct usbip_client *client, const uint8_t setup[8], void *data)
{
    uint8_t bytes[VP_USBIP_HEADER_SIZE];
    struct vp_usbip_header header;
    uint32_t length = (uint32_t)(setup[6] | setup[7] << 8);
    bool in = (setup[0] & 0x80) && length > 0;
    uint32_t seqnum = usbip_client_submit(client, 0, in, setup, data, length);
    if (!usbip_client_read(client, bytes, sizeof bytes)) {
        return USBIP_CLIENT_LOST;
    }
    vp_usbip_decode_header(&header, bytes);
    if (header.command != VP_USBIP_RET_SUBMIT || header.seqnum != seqnum ||
        header.submitted.actual > length) {
        return USBIP_CLIENT_LOST;
    }
    if (in && !usbip_client_read(client, data, header.submitted.actual)) {
        return USBIP_CLIENT_LOST;
    }
    return header.submitted.status ? header.submitted.status : (int)header.submitted.actual;
}
