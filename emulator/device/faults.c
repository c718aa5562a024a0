#include "device/faults.h"

#include <stdlib.h>
#include <string.h>

#include "device/device_private.h"
#include "vparticle/fault.h"
#include "vparticle/nearest.h"

enum { STAGE_SIZE = VP_SERIAL_TRANSMIT_LIMIT + VP_FAULT_LIMIT * VP_FAULT_TEXT_LIMIT };

struct fault {
    struct vp_fault what;
    uint32_t seen, fired;
};

struct vp_faults {
    struct fault list[VP_FAULT_LIMIT];
    unsigned count;
    bool open;                 /* the port, as it was seen last */
    uint32_t held;             /* milliseconds until the next piece may go */
    bool late;                 /* what is said meanwhile joins the reply in the stage */
    uint32_t piece, pause;     /* of the reply in the stage; 0: whole */
    uint32_t first, remaining; /* of the reply in the stage */
    uint8_t stage[STAGE_SIZE];
};

/* ---- The kinds ---------------------------------------------------------------------------- */

enum { NEEDS_MS = 1, NEEDS_BYTES = 2, NEEDS_TEXT = 4 };

static const struct kind {
    const char *name;
    unsigned needs;
    bool of_opening; /* else of a reply */
} kinds[VP_FAULT_KINDS] = {
    [VP_FAULT_SERIAL_DROP] = {"serial-drop", 0, false},
    [VP_FAULT_SERIAL_DELAY] = {"serial-delay", NEEDS_MS, false},
    [VP_FAULT_SERIAL_SPLIT] = {"serial-split", NEEDS_BYTES | NEEDS_MS, false},
    [VP_FAULT_SERIAL_INSERT] = {"serial-insert", NEEDS_TEXT, false},
    [VP_FAULT_SERIAL_UNPLUG] = {"serial-unplug", 0, true},
};

const char *vp_fault_kind_name(enum vp_fault_kind kind)
{
    return kinds[kind].name;
}

int vp_fault_kind_from_name(const char *name, enum vp_fault_kind *kind, struct vp_failure *failure)
{
    struct vp_nearest nearest = vp_nearest_start(name);
    for (unsigned i = 0; i < VP_FAULT_KINDS; i++) {
        if (strcmp(kinds[i].name, name) == 0) {
            *kind = (enum vp_fault_kind)i;
            return 0;
        }
        vp_nearest_offer(&nearest, kinds[i].name);
    }
    return vp_fail(failure, VP_ERROR_NOT_FOUND, "there is no fault '%.80s'; the nearest is '%s'",
                   name, nearest.best);
}

static const char *find_mistake(const struct vp_fault *fault)
{
    const unsigned needs = kinds[fault->kind].needs;
    if (fault->at && fault->every) {
        return "cannot have both 'at' and 'every'";
    }
    if (!(needs & NEEDS_MS) != !fault->milliseconds) {
        return needs & NEEDS_MS ? "needs a time in milliseconds" : "takes no time";
    }
    if (fault->milliseconds > VP_FAULT_LONGEST_MS) {
        return "lasts too long: 600000 milliseconds are the most";
    }
    if (!(needs & NEEDS_BYTES) != !fault->bytes) {
        return needs & NEEDS_BYTES ? "needs 'bytes', the most in a piece" : "has no 'bytes'";
    }
    if (!(needs & NEEDS_TEXT) != !*fault->text) {
        return needs & NEEDS_TEXT ? "needs a 'text' to insert" : "has no 'text'";
    }
    return NULL;
}

int vp_fault_check(const struct vp_fault *fault, struct vp_failure *failure)
{
    const char *mistake = find_mistake(fault);
    return mistake ? vp_fail(failure, VP_ERROR_INVALID, "%s %s", kinds[fault->kind].name, mistake)
                   : 0;
}

/* ---- Setting them --------------------------------------------------------------------------- */

int vp_device_add_fault(struct vp_device *device, const struct vp_fault *fault,
                        struct vp_failure *failure)
{
    const int error = vp_fault_check(fault, failure);
    if (error) {
        return error;
    }
    if (!device->faults) {
        device->faults = calloc(1, sizeof *device->faults);
    }
    struct vp_faults *faults = device->faults;
    if (!faults) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    if (faults->count == VP_FAULT_LIMIT) {
        return vp_fail(failure, VP_ERROR_BUSY, "there are %d faults already; clear them first",
                       VP_FAULT_LIMIT);
    }
    if (faults->count == 0) {
        faults->open = vp_device_runs_system(device) &&
                       device->control.state == VP_USB_CONFIGURED && device->system.serial.dtr;
    }
    faults->list[faults->count++] = (struct fault){.what = *fault};
    return 0;
}

unsigned vp_device_fault_count(const struct vp_device *device)
{
    return device->faults ? device->faults->count : 0;
}

uint32_t vp_device_fault(const struct vp_device *device, unsigned number, struct vp_fault *fault)
{
    *fault = device->faults->list[number].what;
    return device->faults->list[number].fired;
}

void vp_device_clear_faults(struct vp_device *device)
{
    struct vp_faults *faults = device->faults;
    if (faults) {
        faults->count = 0;
        faults->held = faults->piece = faults->pause = 0;
        faults->late = false;
        vp_device_look(device);
    }
}

void vp_faults_forget(struct vp_device *device)
{
    struct vp_faults *faults = device->faults;
    if (faults) {
        faults->open = faults->late = false;
        faults->held = faults->remaining = 0;
    }
}

/* ---- Firing --------------------------------------------------------------------------------- */

/* One more reply or opening. @return is it one that the fault is about? */
static bool fires(struct vp_device *device, struct fault *fault)
{
    const uint32_t number = ++fault->seen;
    const bool due = fault->what.at      ? number == fault->what.at
                     : fault->what.every ? number % fault->what.every == 0
                                         : true;
    if (due) {
        fault->fired++;
        vp_listeners_tell(&device->listeners, &(struct vp_event){.kind = VP_EVENT_FAULT,
                                                                 .mode = device->mode,
                                                                 .fault = &fault->what});
    }
    return due;
}

static void insert(struct vp_faults *faults, const char *text)
{
    const uint32_t size = (uint32_t)strlen(text);
    memmove(faults->stage + size, faults->stage, faults->remaining);
    memcpy(faults->stage, text, size);
    faults->remaining += size;
}

static void harm_reply(struct vp_device *device, struct fault *fault)
{
    struct vp_faults *faults = device->faults;
    const bool whole =
        fault->what.kind == VP_FAULT_SERIAL_SPLIT && faults->remaining <= fault->what.bytes;
    if (kinds[fault->what.kind].of_opening || whole || !fires(device, fault)) {
        return;
    }
    switch (fault->what.kind) {
    case VP_FAULT_SERIAL_DROP:
        faults->remaining = 0;
        break;
    case VP_FAULT_SERIAL_DELAY:
        faults->held += fault->what.milliseconds;
        faults->late = true;
        break;
    case VP_FAULT_SERIAL_SPLIT:
        faults->piece = fault->what.bytes;
        faults->pause = fault->what.milliseconds;
        break;
    default:
        insert(faults, fault->what.text);
        break;
    }
}

/* The next reply that is not lost. @return false if there is none yet */
static bool take_reply(struct vp_device *device)
{
    struct vp_faults *faults = device->faults;
    while (faults->remaining == 0) {
        faults->first = faults->piece = faults->pause = 0;
        faults->remaining =
            vp_system_transmit(&device->system, faults->stage, VP_SERIAL_TRANSMIT_LIMIT);
        if (faults->remaining == 0) {
            return false;
        }
        for (unsigned i = 0; i < faults->count && faults->remaining > 0; i++) {
            harm_reply(device, &faults->list[i]);
        }
    }
    return true;
}

/* The device's buffer filled up while nobody fetched it, so it is all fetched at once. */
static void join_late_reply(struct vp_device *device)
{
    struct vp_faults *faults = device->faults;
    const uint32_t end = faults->first + faults->remaining;
    faults->late = false;
    faults->remaining += vp_system_transmit(&device->system, faults->stage + end, STAGE_SIZE - end);
}

uint32_t vp_faults_transmit(struct vp_device *device, uint8_t *bytes, uint32_t room)
{
    struct vp_faults *faults = device->faults;
    if (faults->count == 0 && faults->remaining == 0) {
        return vp_system_transmit(&device->system, bytes, room);
    }
    if (faults->held > 0 || !take_reply(device) || faults->held > 0) {
        return 0;
    }
    if (faults->late) {
        join_late_reply(device);
    }
    uint32_t count = faults->remaining < room ? faults->remaining : room;
    if (faults->piece) {
        count = count < faults->piece ? count : faults->piece;
        faults->held = faults->pause;
    }
    memcpy(bytes, faults->stage + faults->first, count);
    faults->first += count;
    faults->remaining -= count;
    return count;
}

/* ---- Port and time -------------------------------------------------------------------------- */

void vp_faults_watch_port(struct vp_device *device)
{
    struct vp_faults *faults = device->faults;
    const bool open = device->control.state == VP_USB_CONFIGURED && device->system.serial.dtr;
    if (!faults || open == faults->open) {
        return;
    }
    vp_faults_forget(device);
    faults->open = open;
    bool unplug = false;
    for (unsigned i = 0; open && i < faults->count; i++) {
        struct fault *fault = &faults->list[i];
        unplug = (kinds[fault->what.kind].of_opening && fires(device, fault)) || unplug;
    }
    if (unplug) {
        vp_device_plug(device, false);
    }
}

int64_t vp_faults_patience(const struct vp_device *device)
{
    return device->faults && device->faults->held > 0 ? (int64_t)device->faults->held : -1;
}

void vp_faults_advance(struct vp_device *device, uint32_t milliseconds)
{
    struct vp_faults *faults = device->faults;
    if (faults) {
        faults->held -= milliseconds < faults->held ? milliseconds : faults->held;
    }
}
