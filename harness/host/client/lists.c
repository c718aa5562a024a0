#include "host/client/lists.h"

#include <errno.h>
#include <string.h>

static const double POLL_SECONDS = 0.1;

static void tell_failed(struct lists *lists, const char *reason)
{
    if (!lists->failed) {
        host_log(lists->host, "the emulator does not show its devices: %s", reason);
    }
    lists->failed = true;
}

static void on_list(void *context, const struct vp_usbip_device *shown, size_t count,
                    const char *reason)
{
    struct lists *lists = context;
    lists->question = NULL;
    lists->answered = lists->asked;
    if (reason) {
        tell_failed(lists, reason);
    } else {
        lists->failed = false;
        lists->compare(lists->context, shown, count);
    }
    if (lists->again) {
        lists->again = false;
        lists_ask(lists);
    }
    lists->look(lists->context);
}

void lists_ask(struct lists *lists)
{
    if (lists->question) {
        lists->again = true;
        return;
    }
    lists->asked++;
    lists->question = link_list_ask(lists->host->loop, &lists->host->server, on_list, lists);
    if (!lists->question) {
        tell_failed(lists, strerror(errno));
        lists->answered = lists->asked; /* the next poll tells who waits */
    }
}

unsigned long lists_next(const struct lists *lists)
{
    return lists->asked + (lists->again ? 1 : 0);
}

static void on_poll(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    struct lists *lists = timer->data;
    if (!lists->question) {
        lists_ask(lists);
    }
    lists->look(lists->context);
}

void lists_start(struct lists *lists)
{
    ev_timer_init(&lists->poll, on_poll, POLL_SECONDS, POLL_SECONDS);
    lists->poll.data = lists;
    ev_timer_start(lists->host->loop, &lists->poll);
    lists_ask(lists);
}

void lists_stop(struct lists *lists)
{
    if (lists->host) {
        ev_timer_stop(lists->host->loop, &lists->poll);
        link_list_cancel(lists->question);
        lists->question = NULL;
    }
}
