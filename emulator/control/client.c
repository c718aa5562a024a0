/* A connection to the control socket: lines in, lines out. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/control_private.h"

struct control_client {
    struct vp_control_socket *control;
    struct control_client *next, **link;
    ev_io io;
    unsigned events; /* a bit for each enum vp_event_kind */
    char *output;
    size_t output_size, output_start;
    bool closing; /* no more requests: send what is left, then close */
    size_t filled;
    char input[VP_CONTROL_LINE_LIMIT];
};

static void watch(struct control_client *client, int events)
{
    if (client->io.events != events) {
        ev_io_stop(client->control->loop, &client->io);
        ev_io_set(&client->io, client->io.fd, events);
        ev_io_start(client->control->loop, &client->io);
    }
}

/* @return false if the client has to go */
static bool flush(struct control_client *client)
{
    while (client->output_start < client->output_size) {
        const ssize_t sent =
            send(client->io.fd, client->output + client->output_start,
                 client->output_size - client->output_start, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && (errno == EAGAIN || errno == EINTR)) {
            watch(client, client->closing ? EV_WRITE : EV_READ | EV_WRITE);
            return true;
        }
        if (sent < 0) {
            return false;
        }
        client->output_start += (size_t)sent;
    }
    client->output_start = client->output_size = 0;
    watch(client, EV_READ);
    return !client->closing;
}

/* What was sent makes room, or the output of a client that is always late would grow for ever. */
static void drop_sent(struct control_client *client)
{
    if (client->output_start > 0) {
        client->output_size -= client->output_start;
        memmove(client->output, client->output + client->output_start, client->output_size);
        client->output_start = 0;
    }
}

/* Add a line to what is to be sent. @return false if there is too much of that already */
static bool put_line(struct control_client *client, const json_t *message)
{
    drop_sent(client);
    char *text = json_dumps(message, JSON_COMPACT);
    const size_t length = text ? strlen(text) : 0;
    const size_t wanted = client->output_size + length + 1;
    char *grown =
        text && wanted <= VP_CONTROL_OUTPUT_LIMIT ? realloc(client->output, wanted) : NULL;
    if (grown) {
        client->output = grown;
        memcpy(grown + client->output_size, text, length);
        grown[client->output_size + length] = '\n';
        client->output_size = wanted;
    }
    free(text);
    return grown != NULL;
}

void control_client_close(struct control_client *client)
{
    ev_io_stop(client->control->loop, &client->io);
    close(client->io.fd);
    *client->link = client->next;
    if (client->next) {
        client->next->link = client->link;
    }
    client->control->client_count--;
    free(client->output);
    free(client);
}

/* @return false if the client has to go */
static bool answer(struct control_client *client, const char *line, size_t length)
{
    json_t *message = control_carry_out(client->control, client, line, length);
    const bool good = message && put_line(client, message);
    json_decref(message);
    return good;
}

static bool take_lines(struct control_client *client)
{
    size_t start = 0;
    for (char *end; (end = memchr(client->input + start, '\n', client->filled - start));) {
        const size_t length = (size_t)(end - client->input) - start;
        if (length > 0 && !answer(client, client->input + start, length)) {
            return false;
        }
        start += length + 1;
    }
    memmove(client->input, client->input + start, client->filled - start);
    client->filled -= start;
    if (client->filled == sizeof client->input) {
        json_t *message = json_pack("{s:b, s:s}", "ok", 0, "error", "a request is too long");
        put_line(client, message);
        json_decref(message);
        client->closing = true;
    }
    return true;
}

static void on_ready(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    struct control_client *client = io->data;
    if ((events & EV_READ) && !client->closing) {
        const ssize_t received = recv(io->fd, client->input + client->filled,
                                      sizeof client->input - client->filled, MSG_DONTWAIT);
        if (received == 0 || (received < 0 && errno != EAGAIN && errno != EINTR)) {
            control_client_close(client);
            return;
        }
        client->filled += received > 0 ? (size_t)received : 0;
        if (!take_lines(client)) {
            control_client_close(client);
            return;
        }
    }
    if (!flush(client)) {
        control_client_close(client);
    }
}

void control_client_start(struct vp_control_socket *control, int descriptor)
{
    struct control_client *client =
        control->client_count < VP_CONTROL_CLIENT_LIMIT ? calloc(1, sizeof *client) : NULL;
    if (!client) {
        close(descriptor);
        return;
    }
    client->control = control;
    client->link = &control->clients;
    client->next = control->clients;
    if (client->next) {
        client->next->link = &client->next;
    }
    control->clients = client;
    control->client_count++;
    ev_io_init(&client->io, on_ready, descriptor, EV_READ);
    client->io.data = client;
    ev_io_start(control->loop, &client->io);
}

void control_client_subscribe(struct control_client *client, unsigned events)
{
    client->events |= events;
}

void control_client_unsubscribe(struct control_client *client, unsigned events)
{
    client->events &= ~events;
}

/* A client that does not read is dropped once the loop comes to it: it may be the one that asks. */
void control_tell(struct vp_control_socket *control, enum vp_event_kind kind, json_t *message)
{
    for (struct control_client *client = control->clients; client; client = client->next) {
        if (client->closing || !(client->events & 1u << kind)) {
            continue;
        }
        if (!put_line(client, message)) {
            client->closing = true;
        }
        watch(client, client->closing ? EV_WRITE : EV_READ | EV_WRITE);
    }
}
