/*
 * Connections that cost too much. All that counts is what a connection has achieved, not whether
 * bytes trickle: the head of a request has its time, and so have its body and its answer. When the
 * places run out, the one that has been idle longest goes, so that a newcomer is always served.
 */
#include <limits.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <utlist.h>

#include "cloud/http/http.h"

enum { CONNECTIONS_MOST = 4096, CONNECTIONS_LEAST = 16 };

unsigned http_connections_limit(unsigned wanted)
{
    struct rlimit files;
    unsigned possible = CONNECTIONS_MOST;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur / 2 < possible) {
        possible = (unsigned)(files.rlim_cur / 2);
    }
    const unsigned limit = wanted && wanted < possible ? wanted : possible;
    return limit < CONNECTIONS_LEAST ? CONNECTIONS_LEAST : limit;
}

/** libmicrohttpd has no call for this; it notices the end of the stream. */
static void close_soon(struct http_connection *connection)
{
    connection->closing = true;
    shutdown(connection->descriptor, SHUT_RDWR);
}

/** The first of a phase that is not closed yet: the one that has been in it longest. */
static struct http_connection *oldest(const struct vp_cloud_server *server, enum http_phase phase)
{
    struct http_connection *connection;
    DL_FOREACH(server->connections[phase], connection)
    {
        if (!connection->closing) {
            return connection;
        }
    }
    return NULL;
}

bool http_connections_close_oldest(struct vp_cloud_server *server, enum http_phase phase)
{
    struct http_connection *connection = oldest(server, phase);
    if (connection) {
        server->counters.evicted++;
        http_log(server, "closed a connection that had got nowhere: others need its place");
        close_soon(connection);
    }
    return connection;
}

/**
 * Make a place free, if hardly any is left. First goes who has not said by a token who it is, and
 * of these the one that has achieved nothing for the longest time, so not a newcomer.
 */
static void evict(struct vp_cloud_server *server)
{
    const unsigned limit = server->options.connection_limit;
    if (server->counters.connections < limit - limit / 8) {
        return;
    }
    const struct http_connection *idle = oldest(server, HTTP_IDLE);
    const struct http_connection *unknown = oldest(server, HTTP_UNKNOWN);
    const bool idle_first = idle && (!unknown || idle->since <= unknown->since);
    (void)(http_connections_close_oldest(server, idle_first ? HTTP_IDLE : HTTP_UNKNOWN) ||
           http_connections_close_oldest(server, HTTP_RECEIVING) ||
           http_connections_close_oldest(server, HTTP_ANSWERING));
}

void http_connection_opened(struct vp_cloud_server *server, struct MHD_Connection *mhd,
                            void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_connection *connection = calloc(1, sizeof *connection);
    *context = connection;
    if (!connection || !info) {
        free(connection);
        *context = NULL;
        return;
    }
    evict(server);
    connection->server = server;
    connection->descriptor = info->connect_fd;
    connection->since = ev_now(server->loop);
    DL_APPEND(server->connections[HTTP_IDLE], connection);
    server->counters.accepted++;
    server->counters.connections++;
}

void http_connection_closed(void **context)
{
    struct http_connection *connection = *context;
    if (connection) {
        DL_DELETE(connection->server->connections[connection->phase], connection);
        connection->server->counters.connections--;
        free(connection);
        *context = NULL;
    }
}

void http_connection_enter(struct http_connection *connection, enum http_phase phase)
{
    struct vp_cloud_server *server = connection->server;
    DL_DELETE(server->connections[connection->phase], connection);
    connection->phase = phase;
    connection->since = ev_now(server->loop);
    DL_APPEND(server->connections[phase], connection);
}

void http_connections_check(struct vp_cloud_server *server)
{
    static const char *const what[] = {
        [HTTP_IDLE] = "to send the head of a request",
        [HTTP_UNKNOWN] = "to send a request or take its answer",
        [HTTP_RECEIVING] = "to send a request",
        [HTTP_ANSWERING] = "to take its answer",
    };
    for (enum http_phase phase = HTTP_IDLE; phase <= HTTP_ANSWERING; phase++) {
        const unsigned timeout =
            phase == HTTP_IDLE ? server->options.head_timeout : server->options.body_timeout;
        const ev_tstamp oldest = ev_now(server->loop) - timeout / 1000.;
        struct http_connection *connection;
        DL_FOREACH(server->connections[phase], connection)
        {
            if (connection->since > oldest) {
                break;
            }
            if (!connection->closing) {
                server->counters.timed_out++;
                http_log(server, "closed a connection that took more than %u ms %s", timeout,
                         what[phase]);
                close_soon(connection);
            }
        }
    }
}
