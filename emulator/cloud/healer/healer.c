#include "cloud/healer/healer.h"

#include <stdio.h>
#include <string.h>

#include "cloud/core.h"
#include "cloud/healer/plan.h"

/* Who publishes for the cloud itself: seen in what people posted of healed devices. */
static const char *const internal = "particle-internal";

static bool is_on(const struct cloud_connection *connection)
{
    return !connection->cloud->core->healer_off && !connection->healing.off;
}

static bool is_same(const struct vp_module_dependency *a, const struct vp_module_dependency *b)
{
    return a->function == b->function && a->index == b->index && a->version == b->version;
}

/* A name of our own: nothing public says that the real one ever stops. */
static void stop(struct cloud_connection *connection, const char *why)
{
    const struct vp_module_dependency *need = &connection->healing.need;
    const char *kind = need->function == VP_MODULE_BOOTLOADER ? "bootloader" : "system part";
    char text[160];
    connection->healing.stopped = true;
    snprintf(text, sizeof text, "%s %u in version %u: %s", kind, need->index, need->version, why);
    cloud_publish_of(connection, "spark/safe-mode-updater/stopped", text, internal);
}

/* What was sent last is needed again, or something else. @return false: it is no use */
static bool makes_progress(struct cloud_healing *healing, const struct vp_module_dependency *need)
{
    if (!is_same(&healing->need, need)) {
        healing->need = *need;
        healing->taken = healing->lost = 0;
        healing->stopped = false;
    }
    return healing->taken < HEAL_TAKEN_LIMIT && healing->lost < HEAL_LOST_LIMIT;
}

static void send(struct cloud_connection *connection, const struct vp_catalogue_module *module)
{
    char name[VP_CLOUD_FILE_NAME_LIMIT], part[8];
    struct cloud_image *image;
    if (cloud_modules_find(&connection->cloud->core->modules, module, &image)) {
        return; /* out of memory: the next safe mode event is the next try */
    }
    snprintf(part, sizeof part, "%u", module->index);
    snprintf(name, sizeof name, "%s-%s-%s.bin", vp_platform_name((uint16_t)module->platform),
             module->part, module->release);
    if (!cloud_jobs_add(connection, name, image, true, NULL)) {
        connection->healing.sending = true;
        cloud_publish_of(connection, "spark/safe-mode-updater/updating", part, internal);
    }
}

void heal_look(struct cloud_connection *connection)
{
    struct cloud_healing *healing = &connection->healing;
    struct vp_field_report report;
    healing->sending = false;
    /* Whoever flashes it has a plan of his own. */
    if (!is_on(connection) || cloud_jobs_are_open(&connection->jobs) ||
        vp_field_parse(connection->describe, strlen(connection->describe), &report, NULL)) {
        return;
    }
    const struct heal_step step = heal_plan(&report);
    if (step.outcome == HEAL_NOTHING) {
        return;
    }
    const bool goes_on = makes_progress(healing, &step.need);
    if (healing->stopped) {
        return;
    }
    if (step.outcome == HEAL_IMPOSSIBLE) {
        stop(connection, "no known release has it");
    } else if (!goes_on) {
        stop(connection, healing->taken >= HEAL_TAKEN_LIMIT
                             ? "the device took it, and still needs it"
                             : "it could not be delivered");
    } else {
        send(connection, step.module);
    }
}

void heal_runs(struct cloud_connection *connection)
{
    connection->healing = (struct cloud_healing){.off = connection->healing.off};
}

/* A transfer that failed is tried again when the device connects the next time; if it is still
 * connected, at once. */
void heal_sent(struct cloud_connection *connection, bool taken)
{
    struct cloud_healing *healing = &connection->healing;
    if (taken) {
        healing->taken++;
        healing->lost = 0;
        return;
    }
    healing->sending = false;
    healing->lost++;
    if (connection->online && connection->safe_mode) {
        heal_look(connection);
    }
}
