/* Events of the cloud: who hears what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cloud/events/events.h"

/* Nobody looks into them: they are only compared. */
static char me, other, photon, electron, product;
#define ACCOUNT(which) ((const struct vp_cloud_account *)(const void *)&(which))
#define DEVICE(which)  ((const struct vp_cloud_device *)(const void *)&(which))
#define PRODUCT(which) ((const struct vp_cloud_product *)(const void *)&(which))

struct listener {
    struct cloud_events *events;
    struct vp_cloud_subscription *subscription;
    unsigned heard;
    bool leaves, answers, invites;
    char last[64];
};

static void on_event(void *context, const struct vp_cloud_event *event)
{
    struct listener *listener = context;
    listener->heard++;
    snprintf(listener->last, sizeof listener->last, "%s", event->name);
    if (listener->leaves) {
        cloud_events_unsubscribe(listener->events, listener->subscription);
    }
    if (listener->answers) {
        cloud_events_tell(listener->events, event);
    }
    if (listener->invites) {
        struct vp_cloud_subscription *more;
        cloud_events_subscribe(listener->events, &(struct vp_cloud_filter){0}, on_event, listener,
                               &more);
    }
}

static void listen(struct listener *listener, struct cloud_events *events,
                   struct vp_cloud_filter filter)
{
    listener->events = events;
    assert_int_equal(
        cloud_events_subscribe(events, &filter, on_event, listener, &listener->subscription), 0);
}

static void tell(struct cloud_events *events, const char *name, const struct vp_cloud_account *of,
                 const struct vp_cloud_device *device, bool is_public)
{
    cloud_events_tell(events,
                      &(struct vp_cloud_event){.name = name,
                                               .account = of,
                                               .device = device,
                                               .is_public = is_public,
                                               .product = device ? PRODUCT(product) : NULL});
}

static void only_the_owner_hears_what_is_private(void **state)
{
    (void)state;
    struct cloud_events events = {0};
    struct listener mine = {0}, theirs = {0}, firehose = {0};
    listen(&mine, &events, (struct vp_cloud_filter){.account = ACCOUNT(me)});
    listen(&theirs, &events, (struct vp_cloud_filter){.account = ACCOUNT(other)});
    listen(&firehose, &events,
           (struct vp_cloud_filter){.account = ACCOUNT(other), .public_too = true});
    tell(&events, "private", ACCOUNT(me), DEVICE(photon), false);
    assert_int_equal(mine.heard, 1);
    assert_int_equal(theirs.heard + firehose.heard, 0);
    tell(&events, "public", ACCOUNT(me), DEVICE(photon), true);
    assert_int_equal(mine.heard, 2);
    assert_int_equal(theirs.heard, 0);
    assert_int_equal(firehose.heard, 1);
    tell(&events, "nobody's", NULL, DEVICE(photon), false);
    assert_int_equal(mine.heard + theirs.heard + firehose.heard, 3);
    cloud_events_free(&events);
}

static void filters_by_prefix_device_and_product(void **state)
{
    (void)state;
    struct cloud_events events = {0};
    struct listener by_prefix = {0}, by_device = {0}, by_product = {0};
    char prefix[] = "spark/status";
    listen(&by_prefix, &events, (struct vp_cloud_filter){.account = ACCOUNT(me), .prefix = prefix});
    memset(prefix, 'x', 5); /* it was copied */
    listen(&by_device, &events,
           (struct vp_cloud_filter){.account = ACCOUNT(me), .device = DEVICE(electron)});
    listen(&by_product, &events,
           (struct vp_cloud_filter){.account = ACCOUNT(other), .product = PRODUCT(product)});
    tell(&events, "spark/status", ACCOUNT(me), DEVICE(photon), false);
    tell(&events, "spark/status/safe-mode", ACCOUNT(me), DEVICE(electron), false);
    tell(&events, "spark/flash", ACCOUNT(me), DEVICE(electron), false);
    tell(&events, "spark/statu", ACCOUNT(me), NULL, false);
    assert_int_equal(by_prefix.heard, 2);
    assert_int_equal(by_device.heard, 2);
    assert_int_equal(by_product.heard, 3);
    cloud_events_free(&events);
}

static void handlers_may_leave_and_come(void **state)
{
    (void)state;
    struct cloud_events events = {0};
    struct listener leaving = {.leaves = true}, inviting = {.invites = true}, last = {0};
    listen(&leaving, &events, (struct vp_cloud_filter){0});
    listen(&inviting, &events, (struct vp_cloud_filter){0});
    listen(&last, &events, (struct vp_cloud_filter){0});
    tell(&events, "first", NULL, NULL, true);
    assert_int_equal(leaving.heard, 1);
    assert_int_equal(inviting.heard, 1); /* who was invited hears what comes next */
    assert_int_equal(last.heard, 1);
    assert_int_equal(events.count, 3);
    inviting.invites = false;
    tell(&events, "second", NULL, NULL, true);
    assert_int_equal(leaving.heard, 1);
    assert_int_equal(inviting.heard, 3);
    cloud_events_free(&events);
}

static void answers_to_answers_end(void **state)
{
    (void)state;
    struct cloud_events events = {0};
    struct listener a = {.answers = true};
    listen(&a, &events, (struct vp_cloud_filter){0});
    tell(&events, "echo", NULL, NULL, true);
    assert_in_range(a.heard, 2, 16);
    cloud_events_free(&events);
}

static void listeners_are_limited(void **state)
{
    (void)state;
    struct cloud_events events = {0};
    struct listener listener = {0};
    struct vp_cloud_subscription *one;
    for (unsigned i = 0; i < VP_CLOUD_SUBSCRIPTION_LIMIT; i++) {
        listen(&listener, &events, (struct vp_cloud_filter){0});
    }
    assert_int_equal(
        cloud_events_subscribe(&events, &(struct vp_cloud_filter){0}, on_event, &listener, &one),
        VP_ERROR_BUSY);
    cloud_events_unsubscribe(&events, listener.subscription);
    listen(&listener, &events, (struct vp_cloud_filter){0});
    cloud_events_free(&events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_owner_hears_what_is_private),
        cmocka_unit_test(filters_by_prefix_device_and_product),
        cmocka_unit_test(handlers_may_leave_and_come),
        cmocka_unit_test(answers_to_answers_end),
        cmocka_unit_test(listeners_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
