/*
 * Who is served when. A connection that may have something to do is in a queue; it is served until
 * it only waits for others, or has had its share.
 */
#include <stdlib.h>
#include <utlist.h>

#include "cloud/core.h"
#include "cloud/jobs/record.h"

enum {
    SHARE = 16384, /* steps of one connection before it is others' turn */
    BUDGET = 8192, /* steps of one call: some 10 ms */
    IDLE = 10000,  /* steps without anything done */
    RESTLESS = 50, /* connections in a row that nobody asked for */
    AHEAD = 60000, /* ms that a clock jumps at once, at most */
};

/* ---- The queue ------------------------------------------------------------------------------ */

static void push(struct cloud_core *core, struct cloud_connection *connection)
{
    connection->active = true;
    connection->turn = 0;
    DL_APPEND2(core->active, connection, active_prev, active_next);
}

static void pop(struct cloud_core *core, struct cloud_connection *connection)
{
    connection->active = false;
    DL_DELETE2(core->active, connection, active_prev, active_next);
}

void cloud_activate(struct cloud_connection *connection)
{
    struct cloud_core *core = connection->cloud->core;
    if (connection->active || !connection->device) {
        return;
    }
    push(core, connection);
    if (!core->running && core->wake) {
        core->wake(core->wake_context);
    }
}

void cloud_rouse(struct cloud_connection *connection)
{
    connection->restless = 0;
    cloud_activate(connection);
}

void cloud_deactivate(struct cloud_connection *connection)
{
    connection->timed = false;
    if (connection->active) {
        pop(connection->cloud->core, connection);
    }
}

/* ---- One step ------------------------------------------------------------------------------- */

static bool take_up(struct cloud_connection *connection, uint64_t now)
{
    struct cloud_air_message *message = cloud_air_take(&connection->air, CLOUD_UP, now);
    if (!message) {
        return false;
    }
    cloud_connection_take(connection, message);
    free(message);
    return true;
}

static bool take_down(struct cloud_connection *connection, uint64_t now)
{
    struct cloud_air_message *message = cloud_air_take(&connection->air, CLOUD_DOWN, now);
    if (!message) {
        return false;
    }
    vp_device_link_receive(connection->device, message->bytes, message->length);
    free(message);
    return true;
}

static bool break_off(struct cloud_connection *connection)
{
    if (!cloud_air_broke(&connection->air)) {
        return false;
    }
    vp_device_link_lost(connection->device);
    cloud_connection_end(connection);
    return true;
}

static bool do_something(struct cloud_connection *connection)
{
    const uint64_t now = vp_device_time(connection->device);
    return break_off(connection) || take_up(connection, now) || take_down(connection, now) ||
           (connection->open && cloud_exchange_tick(connection, now)) ||
           cloud_jobs_tick(connection, now);
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* When the next thing happens, by itself, in the device's time; -1: nothing will. */
static int64_t next_deadline(const struct cloud_connection *connection)
{
    const uint64_t now = vp_device_time(connection->device);
    int64_t next = cloud_air_deadline(&connection->air, now);
    next = sooner(next, cloud_exchange_deadline(&connection->exchange, now));
    next = sooner(next, cloud_jobs_deadline(connection, now));
    next = sooner(next, vp_device_link_deadline(connection->device));
    /* What else the device waits for is its owner's affair, but for the restart that we caused. */
    if (connection->expects_restart) {
        next = sooner(next, vp_device_next_deadline(connection->device));
    }
    return next;
}

/* At instant speed a device that always loses its connection would keep us busy for ever: it gets
 * no more time until somebody wants something of it. */
static bool is_restless(struct cloud_connection *connection)
{
    if (connection->restless <= RESTLESS) {
        return false;
    }
    cloud_jobs_fail_all(connection, "the device loses its connection again and again");
    connection->healing.sending = connection->expects_restart = false;
    return true;
}

/* @return false: it waits for others, or for its time */
static bool step(struct cloud_connection *connection)
{
    if (do_something(connection)) {
        connection->idle = 0;
        return true;
    }
    const int64_t next = next_deadline(connection);
    if (next < 0) {
        connection->restless = 0; /* it has come to rest */
        return false;
    }
    if (vp_device_speed(connection->device) == VP_SPEED_REAL) {
        connection->timed = true;
        return false;
    }
    if (is_restless(connection)) {
        return false;
    }
    /* What is due now, and of which nothing comes, may take the device a moment, but not for ever.
     */
    if (next == 0 && ++connection->idle > IDLE) {
        return false;
    }
    vp_device_advance(connection->device, next > AHEAD ? AHEAD : next > 0 ? (uint32_t)next : 1);
    return true;
}

/* ---- The loop ------------------------------------------------------------------------------- */

/* Those at real speed: let their time pass, and see how long they still wait. */
static int64_t look_at_clocks(struct cloud_core *core)
{
    int64_t wait = -1;
    struct cloud_connection *connection;
    DL_FOREACH(core->connections, connection)
    {
        if (!connection->timed || !connection->device) {
            continue;
        }
        if (core->pass) {
            core->pass(core->pass_context, connection->device);
        }
        const int64_t next = next_deadline(connection);
        connection->timed = next > 0;
        if (next == 0 && !connection->active) {
            push(core, connection);
        }
        wait = next > 0 ? sooner(wait, next) : wait;
    }
    return wait;
}

int64_t vp_cloud_run(struct vp_cloud *cloud)
{
    struct cloud_core *core = cloud->core;
    if (core->running) {
        return 0;
    }
    core->running = true;
    if (core->unfinished) {
        cloud_report_unfinished(cloud);
    }
    int64_t wait = look_at_clocks(core);
    bool timed = false;
    for (unsigned budget = BUDGET; core->active && budget > 0; budget--) {
        struct cloud_connection *connection = core->active;
        const bool more = step(connection);
        if (!connection->active) {
            continue; /* detached by a handler */
        }
        if (!more) {
            timed = timed || connection->timed;
            pop(core, connection);
        } else if (++connection->turn >= SHARE) {
            pop(core, connection);
            push(core, connection);
        }
    }
    core->running = false;
    if (core->active) {
        return 0;
    }
    if (timed) {
        core->running = true;
        wait = look_at_clocks(core);
        core->running = false;
    }
    return core->active ? 0 : wait;
}

void vp_cloud_settle(struct vp_cloud *cloud)
{
    while (vp_cloud_run(cloud) == 0) {
    }
}

static bool is_busy(const struct cloud_connection *connection)
{
    return connection->active || connection->healing.sending ||
           cloud_jobs_are_open(&connection->jobs) ||
           cloud_exchange_is_open(&connection->exchange) ||
           connection->air.queues[CLOUD_UP].first || connection->air.queues[CLOUD_DOWN].first;
}

bool vp_cloud_is_busy(const struct vp_cloud *cloud)
{
    const struct cloud_connection *connection;
    DL_FOREACH(cloud->core->connections, connection)
    {
        if (connection->device && is_busy(connection)) {
            return true;
        }
    }
    return false;
}
