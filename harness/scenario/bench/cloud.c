#include "scenario/bench/cloud.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/job_line.h"
#include "cloud/local.h"
#include "scenario/text_check.h"
#include "vparticle/cloud_devices.h"

/* ---- From first to last -------------------------------------------------------------------- */

static void set_variable(struct vp_engine *engine, const char *name, const char *value)
{
    for (unsigned i = 0; engine->variables[i].name; i++) {
        if (strcmp(engine->variables[i].name, name) == 0) {
            engine->variables[i].value = value;
        }
    }
}

static struct vp_cloud_device *record_of(struct vp_engine *engine,
                                         const struct vp_engine_device *device)
{
    uint8_t id[VP_DEVICE_ID_SIZE];
    char text[VP_CLOUD_ID_SIZE + 1];
    vp_device_id(device->device, id);
    for (unsigned i = 0; i < VP_DEVICE_ID_SIZE; i++) {
        snprintf(text + 2 * (size_t)i, 3, "%02x", id[i]);
    }
    return vp_cloud_find_device(vp_local_cloud_core(engine->cloud), text);
}

static int add_devices(struct vp_engine *engine, struct vp_failure *failure)
{
    const enum vp_switch *network = engine->scenario->cloud->network;
    const enum vp_switch *healer = engine->scenario->cloud->healer;
    struct vp_cloud *core = vp_local_cloud_core(engine->cloud);
    const struct vp_cloud_air air = {.unreachable = network && *network == VP_SWITCH_OFF};
    int error = vp_cloud_set_air(core, NULL, &air);
    for (unsigned i = 0; i < engine->device_count && !error; i++) {
        engine->devices[i].air = air;
        error = vp_local_cloud_add(engine->cloud, engine->devices[i].device, failure);
        if (!error && healer && *healer == VP_SWITCH_OFF) {
            vp_cloud_set_healer(core, record_of(engine, &engine->devices[i]), false);
        }
    }
    return error;
}

/* The first board's; ${id}. */
static void know_id(struct vp_engine *engine)
{
    struct vp_cloud_device_facts facts;
    vp_cloud_device_facts(record_of(engine, &engine->devices[0]), &facts);
    memcpy(engine->id, facts.id, sizeof engine->id);
    set_variable(engine, "id", engine->id);
}

static int start(struct vp_engine *engine, struct vp_failure *failure)
{
    const struct vp_local_cloud_options options = {.address = "127.0.0.1:0",
                                                   .server = engine->server};
    int error = vp_local_cloud_start(&engine->cloud, engine->loop, &options, failure);
    if (!error) {
        error = vp_event_log_start(&engine->events, vp_local_cloud_core(engine->cloud),
                                   vp_local_cloud_account(engine->cloud));
    }
    if (!error) {
        error = add_devices(engine, failure);
    }
    const char *home = getenv("HOME");
    if (!error && home) {
        error = vp_local_cloud_write_home(engine->cloud, home, failure);
    }
    if (!error) {
        set_variable(engine, "cloud", vp_local_cloud_url(engine->cloud));
        set_variable(engine, "token", vp_local_cloud_token(engine->cloud));
        know_id(engine);
    }
    return error;
}

int vp_bench_start_cloud(struct vp_engine *engine)
{
    struct vp_failure failure = {"out of memory"};
    return engine->scenario->cloud && start(engine, &failure)
               ? vp_engine_stop(engine, VP_ABORTED, vp_text("cloud: %s", failure.text))
               : 0;
}

void vp_bench_stop_cloud(struct vp_engine *engine)
{
    vp_event_log_stop(&engine->events);
    vp_local_cloud_stop(engine->cloud);
}

/* ---- What happens to it --------------------------------------------------------------------- */

static void change(unsigned *to, const unsigned *from)
{
    if (from) {
        *to = *from;
    }
}

int vp_bench_act_on_cloud(struct vp_engine *engine, const struct vp_step *step)
{
    const struct vp_cloud_step *wanted = step->cloud;
    struct vp_cloud *core = vp_local_cloud_core(engine->cloud);
    struct vp_cloud_device *record = record_of(engine, vp_engine_device_of(engine, step));
    struct vp_engine_device *device = vp_engine_device_of(engine, step);
    struct vp_cloud_air *air = &device->air;
    if (wanted->healer) {
        vp_cloud_set_healer(core, record, *wanted->healer == VP_SWITCH_ON);
    }
    if (wanted->network) {
        air->unreachable = *wanted->network == VP_SWITCH_OFF;
    }
    change(&air->loss_permille, wanted->loss);
    change(&air->duplicate_permille, wanted->duplicates);
    change(&air->delay_ms, wanted->delay);
    change(&air->jitter_ms, wanted->jitter);
    if (wanted->drop_after) {
        air->drop_after_messages = *wanted->drop_after;
    }
    if (vp_cloud_set_air(core, record, air)) {
        return vp_engine_stop(engine, VP_BROKEN,
                              vp_text("line %u: cloud: no air is like that", step->line));
    }
    engine->bench->settle(engine);
    return 0;
}

/* ---- Evidence -------------------------------------------------------------------------------- */

/* What steps asked of the air, all together. */
static struct vp_cloud_air asked_of_air(const struct vp_scenario *scenario)
{
    struct vp_cloud_air asked = {0};
    for (unsigned i = 0; i < scenario->steps_count; i++) {
        const struct vp_cloud_step *step = scenario->steps[i].cloud;
        if (step) {
            asked.loss_permille += step->loss ? *step->loss : 0;
            asked.duplicate_permille += step->duplicates ? *step->duplicates : 0;
            asked.delay_ms += step->delay ? *step->delay : 0;
            asked.delay_ms += step->jitter ? *step->jitter : 0;
            asked.drop_after_messages += step->drop_after ? *step->drop_after : 0;
        }
    }
    return asked;
}

/* What each transfer has cost, and all of it together: on a cellular board somebody pays for it. */
static void note_data(struct vp_engine *engine)
{
    struct vp_cloud_job_facts job = {0};
    struct vp_cloud_meter meter;
    char text[VP_CLOUD_FILE_NAME_LIMIT + 400];
    for (unsigned i = 0; i < engine->device_count; i++) {
        const struct vp_cloud_device *record = record_of(engine, &engine->devices[i]);
        for (unsigned last = 0; vp_cloud_next_job(record, last, &job) == 0; last = job.id) {
            vp_job_line(&job, text, sizeof text);
            vp_engine_note(engine, vp_text("%s", text));
        }
    }
    vp_cloud_meter(vp_local_cloud_core(engine->cloud), NULL, &meter);
    vp_engine_note(engine,
                   vp_text("data in all: %" PRIu64 " down, %" PRIu64 " up", meter.down, meter.up));
}

/* A fault that never happened proves nothing. */
int vp_bench_judge_cloud(struct vp_engine *engine)
{
    if (!engine->cloud) {
        return 0;
    }
    const struct vp_cloud_air asked = asked_of_air(engine->scenario);
    struct vp_cloud_air_counters counters;
    vp_cloud_air_counters(vp_local_cloud_core(engine->cloud), NULL, &counters);
    const struct {
        bool asked;
        uint64_t happened;
        const char *what;
    } faults[] = {
        {asked.loss_permille > 0, counters.lost, "messages lost in the air"},
        {asked.duplicate_permille > 0, counters.duplicated, "messages doubled in the air"},
        {asked.delay_ms > 0, counters.delayed, "messages delayed in the air"},
        {asked.drop_after_messages > 0, counters.dropped, "connections dropped"},
    };
    const struct vp_step *last = &engine->scenario->steps[engine->scenario->steps_count - 1];
    for (unsigned i = 0; i < sizeof faults / sizeof *faults; i++) {
        if (faults[i].asked && faults[i].happened == 0) {
            return vp_engine_fail(engine, last, vp_text("%s", faults[i].what), vp_text("none"));
        }
        if (faults[i].asked) {
            vp_engine_note(engine, vp_text("%s: %" PRIu64 " of %" PRIu64 " messages",
                                           faults[i].what, faults[i].happened, counters.messages));
        }
    }
    note_data(engine);
    return 0;
}

/* ---- What can be seen of it ------------------------------------------------------------------ */

static int expect_online(struct vp_engine *engine, const struct vp_step *step)
{
    struct vp_cloud_connection_facts facts;
    const bool wanted = *step->expect->online;
    vp_cloud_connection_facts(record_of(engine, vp_engine_device_of(engine, step)), &facts);
    engine->checked++;
    return facts.online == wanted
               ? 0
               : vp_engine_fail(engine, step,
                                vp_text("the device is %s", wanted ? "online" : "offline"),
                                vp_text("it is %s", wanted ? "offline" : "online"));
}

static int expect_events(struct vp_engine *engine, const struct vp_step *step)
{
    const char *text = engine->events.text ? engine->events.text : "";
    char *clean = vp_clean_text(text, strlen(text));
    if (!clean) {
        return vp_engine_stop(engine, VP_ABORTED, vp_text("out of memory"));
    }
    engine->checked++;
    const int error = vp_engine_judge_text(
        engine, step, step->expect->events,
        &(struct vp_checked_text){.name = "events", .text = clean, .cut = engine->events.cut});
    if (error) {
        engine->result->output = clean;
    } else {
        free(clean);
        vp_event_log_clear(&engine->events);
    }
    return error;
}

int vp_bench_expect_of_cloud(struct vp_engine *engine, const struct vp_step *step)
{
    int error = step->expect->online ? expect_online(engine, step) : 0;
    if (!error && step->expect->events) {
        error = expect_events(engine, step);
    }
    return error;
}
