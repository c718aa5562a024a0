/* libmicrohttpd under libev: its epoll descriptor is watched, and its timeout is a timer. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cloud/http/build.h"
#include "cloud/http/device_os.h"
#include "cloud/http/http.h"
#include "cloud/http/image_cache.h"
#include "cloud/http/passwords.h"
#include "cloud/http/stream.h"
#include "net/socket.h"
#include "vparticle/cloud_devices.h"
#include "vparticle/usbip.h"

enum {
    CONNECTION_MEMORY = 16 << 10, /* bytes for the head of a request */
    SEND_BUFFER = 64 << 10,
    SILENCE_LIMIT = 60, /* seconds without a byte, where nothing else limits it */
};

static const ev_tstamp tick_interval = 1.;

void http_log(struct vp_cloud_server *server, const char *format, ...)
{
    if (server->options.log) {
        char line[512];
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(line, sizeof line, format, arguments);
        va_end(arguments);
        server->options.log(server->options.context, line);
    }
}

/* ---- The loop ------------------------------------------------------------------------ */

static void run(struct vp_cloud_server *server)
{
    MHD_run(server->daemon);
    MHD_UNSIGNED_LONG_LONG timeout;
    ev_timer_stop(server->loop, &server->timer);
    if (MHD_get_timeout(server->daemon, &timeout) == MHD_YES) {
        ev_timer_set(&server->timer, (double)timeout / 1000., 0.);
        ev_timer_start(server->loop, &server->timer);
    }
}

/* libmicrohttpd notices by itself only where it has a thread. */
void http_resume(struct vp_cloud_server *server, struct MHD_Connection *mhd)
{
    MHD_resume_connection(mhd);
    ev_timer_stop(server->loop, &server->timer);
    ev_timer_set(&server->timer, 0., 0.);
    ev_timer_start(server->loop, &server->timer);
}

static void on_readable(struct ev_loop *loop, ev_io *io, int events)
{
    (void)loop;
    (void)events;
    run(io->data);
}

static void on_timeout(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    run(timer->data);
}

static void on_tick(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    http_connections_check(timer->data);
}

static void on_heartbeat(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    http_streams_beat(timer->data);
}

static void on_connection(void *context, struct MHD_Connection *mhd, void **connection,
                          enum MHD_ConnectionNotificationCode code)
{
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        http_connection_opened(context, mhd, connection);
    } else {
        http_connection_closed(connection);
    }
}

/** Its texts are made from what clients send. */
static void on_library_message(void *context, const char *format, va_list arguments)
    __attribute__((format(printf, 2, 0)));

static void on_library_message(void *context, const char *format, va_list arguments)
{
    char text[400];
    vsnprintf(text, sizeof text, format, arguments);
    text[strcspn(text, "\r\n")] = '\0';
    http_log(context, "libmicrohttpd: %s", text);
}

/** An address is decoded by us, where it is needed. */
static size_t leave_escaped(void *context, struct MHD_Connection *mhd, char *text)
{
    (void)context;
    (void)mhd;
    return strlen(text);
}

static void start_watchers(struct vp_cloud_server *server)
{
    const union MHD_DaemonInfo *info =
        MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    ev_io_init(&server->io, on_readable, info->epoll_fd, EV_READ);
    ev_timer_init(&server->timer, on_timeout, 0., 0.);
    ev_timer_init(&server->tick, on_tick, tick_interval, tick_interval);
    const ev_tstamp beat = server->options.heartbeat / 1000.;
    ev_timer_init(&server->heartbeat, on_heartbeat, beat, beat);
    server->io.data = server->timer.data = server->tick.data = server->heartbeat.data = server;
    ev_io_start(server->loop, &server->io);
    ev_timer_start(server->loop, &server->tick);
    ev_timer_start(server->loop, &server->heartbeat);
}

/* ---- Beginning and end ------------------------------------------------------------------- */

static bool is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)address;
        return ntohl(in->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    return address->ss_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

static int check_address(const char *text, bool beyond_loopback, struct vp_failure *failure)
{
    struct sockaddr_storage address;
    socklen_t length;
    const int error = vp_usbip_address_parse(text, &address, &length, failure);
    if (error) {
        return error;
    }
    if (address.ss_family == AF_UNIX) {
        return vp_fail(
            failure, VP_ERROR_INVALID,
            "address '%.100s': the cloud is served over TCP; write for example 127.0.0.1:0", text);
    }
    if (!is_loopback(&address) && !beyond_loopback) {
        return vp_fail(
            failure, VP_ERROR_INVALID,
            "address '%.100s' can be reached from other machines, and what is said there "
            "is not encrypted; use 127.0.0.1, or say expressly that you want this",
            text);
    }
    return 0;
}

static void fill_in(struct vp_cloud_server_options *options)
{
    options->upload_limit = options->upload_limit ? options->upload_limit : 4 << 20;
    options->connection_limit = http_connections_limit(options->connection_limit);
    options->head_timeout = options->head_timeout ? options->head_timeout : 20000;
    options->body_timeout = options->body_timeout ? options->body_timeout : 120000;
    options->heartbeat = options->heartbeat ? options->heartbeat : 9000;
    options->stream_backlog = options->stream_backlog ? options->stream_backlog : 256 << 10;
}

static struct MHD_Daemon *start_daemon(struct vp_cloud_server *server, int descriptor)
{
    return MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG, 0, NULL,
                            NULL, http_request_handle, server,                             /**/
                            MHD_OPTION_EXTERNAL_LOGGER, on_library_message, server,        /**/
                            MHD_OPTION_LISTEN_SOCKET, descriptor,                          /**/
                            MHD_OPTION_CONNECTION_LIMIT, server->options.connection_limit, /**/
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, /**/
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)SILENCE_LIMIT,        /**/
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, server,           /**/
                            MHD_OPTION_NOTIFY_COMPLETED, http_request_completed, server,   /**/
                            MHD_OPTION_URI_LOG_CALLBACK, http_request_begin, server,       /**/
                            MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,             /**/
                            MHD_OPTION_STRICT_FOR_CLIENT, 1,                               /**/
                            MHD_OPTION_END);
}

/**
 * A crowd that comes at once must not push others out of the queue, who would come back a second
 * later; and for those who ask for much and do not read it, the kernel need not copy much.
 * Connections inherit this. It is nothing that a server could not do without.
 */
static void prepare(int descriptor)
{
    const int size = SEND_BUFFER;
    listen(descriptor, SOMAXCONN);
    setsockopt(descriptor, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
}

static int listen_at(struct vp_cloud_server *server, const char *address,
                     struct vp_failure *failure)
{
    int descriptor;
    char *path;
    int error = vp_socket_listen(address, &descriptor, &path, failure);
    if (error) {
        return error;
    }
    prepare(descriptor);
    vp_socket_address(descriptor, server->address, sizeof server->address);
    server->daemon = start_daemon(server, descriptor);
    if (!server->daemon) {
        close(descriptor);
        return vp_fail(failure, VP_ERROR_IO, "cannot serve HTTP on '%.100s': libmicrohttpd refuses",
                       address);
    }
    start_watchers(server);
    return 0;
}

int vp_cloud_server_create(struct vp_cloud_server **server, struct vp_cloud *cloud,
                           struct ev_loop *loop, const char *address,
                           const struct vp_cloud_server_options *options,
                           struct vp_failure *failure)
{
    int error = check_address(address, options && options->beyond_loopback, failure);
    if (error) {
        return error;
    }
    struct vp_cloud_server *made = calloc(1, sizeof *made);
    if (!made) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    made->cloud = cloud;
    made->loop = loop;
    if (options) {
        made->options = *options;
    }
    fill_in(&made->options);
    if (made->options.images && !(made->images = strdup(made->options.images))) {
        error = vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    made->options.images = made->images;
    if (!error) {
        error = listen_at(made, address, failure);
    }
    if (error) {
        free(made->images);
        free(made);
        return error;
    }
    if (made->images) {
        vp_cloud_set_module_source(cloud, http_find_module, made); /* the healer's are the same */
    }
    *server = made;
    return 0;
}

void vp_cloud_server_address(const struct vp_cloud_server *server, char *text, size_t size)
{
    snprintf(text, size, "%s", server->address);
}

void vp_cloud_server_get_counters(const struct vp_cloud_server *server,
                                  struct vp_cloud_server_counters *counters)
{
    *counters = server->counters;
}

void vp_cloud_server_destroy(struct vp_cloud_server *server)
{
    if (!server) {
        return;
    }
    ev_io_stop(server->loop, &server->io);
    ev_timer_stop(server->loop, &server->tick);
    ev_timer_stop(server->loop, &server->heartbeat);
    http_passwords_end(server);
    /* What is suspended cannot be stopped. */
    http_streams_end(server);
    while (server->waiting) {
        server->waiting->forget(server->waiting, server->waiting->later);
        http_refuse(server->waiting, MHD_HTTP_SERVICE_UNAVAILABLE, "stopped",
                    "the cloud was stopped");
    }
    ev_timer_stop(server->loop, &server->timer);
    MHD_stop_daemon(server->daemon);
    http_builds_free(server);
    http_images_free(server);
    if (server->images) {
        vp_cloud_set_module_source(server->cloud, NULL, NULL);
    }
    free(server->images);
    free(server);
}
