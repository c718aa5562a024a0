#include "cloud/http/passwords.h"

static void on_turn(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)events;
    struct vp_cloud_server *server = timer->data;
    struct http_password_queue *queue = &server->passwords;
    struct http_request *request = queue->requests[queue->first];
    queue->requests[queue->first] = NULL;
    queue->first = (queue->first + 1) % HTTP_PASSWORD_QUEUE;
    queue->count--;
    if (queue->count > 0) {
        ev_timer_start(loop, timer);
    }
    if (request) {
        queue->check[request->turn](request);
    }
}

/** Its place in the queue stays, and is passed over. */
static void forget(struct http_request *request, void *later)
{
    struct http_password_queue *queue = later;
    queue->requests[request->turn] = NULL;
}

void http_password_later(struct http_request *request, void (*check)(struct http_request *request))
{
    struct vp_cloud_server *server = request->server;
    struct http_password_queue *queue = &server->passwords;
    if (queue->count == HTTP_PASSWORD_QUEUE) {
        http_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, "busy",
                    "too many log in at the moment; try again");
        return;
    }
    request->turn = (queue->first + queue->count) % HTTP_PASSWORD_QUEUE;
    queue->requests[request->turn] = request;
    queue->check[request->turn] = check;
    http_answer_later(request, forget, queue);
    if (queue->count++ == 0) {
        ev_timer_init(&queue->timer, on_turn, 0., 0.);
        queue->timer.data = server;
        ev_timer_start(server->loop, &queue->timer);
    }
}

void http_passwords_end(struct vp_cloud_server *server)
{
    if (server->passwords.count > 0) {
        ev_timer_stop(server->loop, &server->passwords.timer);
        server->passwords.count = 0;
    }
}
