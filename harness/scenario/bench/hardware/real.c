#include "scenario/bench/hardware/real.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "hardware/clone.h"

enum {
    LOOK_MS = 250,
    /* Bootloaders reset up to 819 ms after a leave (emulator/boot/generations.c). */
    STABLE_MS = 1500,
    HOLD_FOR_DFU_MS = 4000, /* 3 s, with room for a person's own clock */
};

/* ---- Where it is ---------------------------------------------------------------------------- */

int vp_real_find(struct vp_real *real, const struct vp_board *kind, const char *serial,
                 struct vp_failure *failure)
{
    struct vp_hardware_board boards[VP_HARDWARE_BOARDS];
    unsigned chosen;
    const struct vp_hardware_wish wish = {.serial = serial, .board = kind};
    const unsigned count = vp_hardware_bus_look(real->bus, boards);
    const int error = vp_hardware_choose(boards, count, &wish, false, &chosen, failure);
    if (!error) {
        real->home = real->seen = boards[chosen];
        real->there = true;
    }
    return error;
}

/* Old bootloaders say the same number on every board, so the place counts first. */
static bool is_ours(const struct vp_real *real, const struct vp_hardware_board *board)
{
    const bool unique = strlen(board->serial) == 2 * VP_DEVICE_ID_SIZE;
    return board->board == real->home.board &&
           (strcmp(board->path, real->home.path) == 0 ||
            (unique && strcasecmp(board->serial, real->home.serial) == 0));
}

void vp_real_look(struct vp_real *real)
{
    struct vp_hardware_board boards[VP_HARDWARE_BOARDS];
    const unsigned count = vp_hardware_bus_look(real->bus, boards);
    real->there = false;
    for (unsigned i = 0; i < count && !real->there; i++) {
        if (is_ours(real, &boards[i])) {
            real->seen = boards[i];
            real->there = true;
        }
    }
}

static void wait_some(void)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000L};
    nanosleep(&pause, NULL);
}

/* Off the bus, or the same device as before: a reset gives it another number. */
static bool is_as_before(const struct vp_real *real, bool was_there,
                         const struct vp_hardware_board *before)
{
    return real->there == was_there && (!was_there || (strcmp(real->seen.node, before->node) == 0 &&
                                                       real->seen.product == before->product));
}

void vp_real_settle(struct vp_real *real)
{
    unsigned stable = 0;
    vp_real_look(real);
    for (unsigned waited = 0; waited < VP_REAL_PATIENCE_MS && stable < STABLE_MS;
         waited += LOOK_MS) {
        const struct vp_hardware_board before = real->seen;
        const bool was_there = real->there;
        wait_some();
        vp_real_look(real);
        const bool expected = real->there || real->away;
        stable = expected && is_as_before(real, was_there, &before) ? stable + LOOK_MS : 0;
    }
}

bool vp_real_wait(struct vp_real *real, bool (*wanted)(void *context), void *context)
{
    for (unsigned waited = 0; waited < VP_REAL_PATIENCE_MS; waited += LOOK_MS) {
        vp_real_look(real);
        if (wanted(context)) {
            return true;
        }
        wait_some();
    }
    return false;
}

void vp_real_clear(struct vp_real *real)
{
    vp_device_destroy(real->twin);
    vp_flash_destroy(real->flash);
    vp_hardware_bus_close(real->bus);
}

/* ---- What is in it -------------------------------------------------------------------------- */

static bool is_in_dfu(void *context)
{
    struct vp_real *real = context;
    vp_real_look(real);
    return real->there && real->seen.dfu;
}

int vp_real_enter_dfu(struct vp_real *real, struct vp_failure *failure)
{
    char words[32], text[160];
    if (is_in_dfu(real)) {
        return 0;
    }
    snprintf(words, sizeof words, "reset %d", HOLD_FOR_DFU_MS);
    snprintf(text, sizeof text,
             "Hold %s, tap RESET, and let %s go when it blinks yellow (after 3 seconds)",
             vp_hardware_button(real->home.board), vp_hardware_button(real->home.board));
    const struct vp_request request = {words, text, is_in_dfu, real};
    const int error = vp_person_ask(&real->person, &request, failure);
    if (error) {
        return error;
    }
    return vp_real_wait(real, is_in_dfu, real)
               ? 0
               : vp_fail(failure, VP_ERROR_IO, "the board did not come up in DFU mode");
}

/* The flash as it is, and a device that was started from a copy of it: starting may write. */
static int keep(struct vp_real *real, const struct vp_clone *clone, struct vp_failure *failure)
{
    const struct vp_board *board = real->home.board;
    struct vp_flash *copy;
    int error = vp_clone_to_flash(clone, board->geometry, &real->flash);
    if (!error) {
        error = vp_flash_fork(&copy, real->flash);
        if (error) {
            return vp_fail(failure, error, "out of memory");
        }
        error = vp_device_from_flash(&real->twin, board->platform, copy);
        if (error) {
            vp_flash_destroy(copy);
        }
    }
    return error ? vp_fail(failure, error, "%s", vp_error_text(error)) : 0;
}

static int read_opened(struct vp_real *real, const struct vp_hardware_dfu *dfu,
                       struct vp_failure *failure)
{
    struct vp_clone clone;
    struct vp_clone_source source = {.board = real->home.board, .pipe = vp_hardware_dfu_pipe(dfu)};
    source.layouts = vp_hardware_dfu_layouts(dfu, &source.layout_count);
    int error = vp_clone_internal(&source, &clone, failure);
    if (error) {
        return error;
    }
    error = clone.gap_count
                ? vp_fail(failure, VP_ERROR_UNSUPPORTED,
                          "the board does not let %u bytes of its flash from 0x%08x be read",
                          clone.gaps[0].size, clone.gaps[0].address)
                : keep(real, &clone, failure);
    free(clone.bytes);
    return error;
}

int vp_real_read(struct vp_real *real, struct vp_failure *failure)
{
    struct vp_hardware_dfu *dfu;
    vp_device_destroy(real->twin);
    vp_flash_destroy(real->flash);
    real->twin = NULL;
    real->flash = NULL;
    if (!real->person.command) {
        fputs("==> Reading its flash, which takes up to a minute; leave it alone\n",
              real->person.to);
    }
    int error = vp_hardware_dfu_open(&dfu, real->bus, &real->seen, failure);
    if (!error) {
        error = read_opened(real, dfu, failure);
        vp_hardware_dfu_close(dfu);
    }
    return error;
}

/* "version 17", "nothing" or "a damaged version 17" */
static void describe(const struct vp_flash *flash, const struct vp_module_slot *slot, char *text,
                     size_t size)
{
    struct vp_module module;
    struct vp_failure failure;
    if (vp_module_parse_flash(flash, slot->start, &module, &failure)) {
        snprintf(text, size, "nothing");
    } else {
        snprintf(text, size, "%sversion %u",
                 vp_module_crc_matches(flash, slot->start, &module) ? "" : "a damaged ",
                 module.version);
    }
}

static bool has_firmware(const struct vp_flash *flash, const struct vp_board *board)
{
    uint8_t first[4] = {0};
    vp_flash_read(flash, board->application, first, sizeof first);
    return memcmp(first, "\xFF\xFF\xFF\xFF", sizeof first) != 0;
}

int vp_real_compare(const struct vp_real *real, struct vp_device *model, const char *spec,
                    bool *comparable, struct vp_failure *failure)
{
    unsigned count;
    const struct vp_module_slot *slots = vp_device_slots(model, &count);
    *comparable = !has_firmware(vp_device_flash(model), real->home.board);
    for (unsigned i = 0; i < count; i++) {
        char wanted[40], found[40];
        describe(vp_device_flash(model), &slots[i], wanted, sizeof wanted);
        describe(real->flash, &slots[i], found, sizeof found);
        if (strcmp(wanted, found) != 0) {
            return vp_fail(
                failure, VP_ERROR_INVALID,
                "it begins with %s, which has %s in the slot %s; the board has %s. Flash "
                "that first (dfu-util, particle-cli): nothing is flashed for you",
                spec, wanted, slots[i].name, found);
        }
        if (slots[i].start == real->home.board->application && strcmp(wanted, "nothing") != 0) {
            *comparable = true;
        }
    }
    return 0;
}
