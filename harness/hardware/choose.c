/* Which of the boards on the bus is meant, and what to tell a person if that is not clear. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "hardware/bus.h"

/* 70: before 73-seat-late.rules, and like the names that other tools' rules for boards have. */
const char vp_hardware_access_advice[] =
    "printf 'SUBSYSTEM==\"usb\", ATTR{idVendor}==\"%s\", MODE=\"0666\"\\n' 2b04 1d50 | "
    "sudo tee /etc/udev/rules.d/70-particle.rules && sudo udevadm control --reload && "
    "sudo udevadm trigger";

const char *vp_hardware_button(const struct vp_board *board)
{
    return board->platform == VP_PLATFORM_PHOTON || board->platform == VP_PLATFORM_P1 ? "SETUP"
                                                                                      : "MODE";
}

const char *vp_hardware_dfu_advice(const struct vp_board *board)
{
    return strcmp(vp_hardware_button(board), "SETUP") == 0
               ? "hold SETUP, tap RESET, and let SETUP go when it blinks yellow"
               : "hold MODE, tap RESET, and let MODE go when it blinks yellow";
}

bool vp_hardware_board_matches(const struct vp_hardware_board *board,
                               const struct vp_hardware_wish *wish)
{
    return (!wish->serial || strcasecmp(wish->serial, board->serial) == 0) &&
           (!wish->path || strcmp(wish->path, board->path) == 0) &&
           (!wish->vendor || wish->vendor == board->vendor) &&
           (!wish->product || wish->product == board->product) &&
           (!wish->board || wish->board == board->board);
}

static void describe(const struct vp_hardware_board *board, char *text, size_t size)
{
    snprintf(text, size, "%s at %s (%04x:%04x, %s%s%s)", board->board->name, board->path,
             board->vendor, board->product,
             *board->serial ? "serial number " : "serial number not readable", board->serial,
             board->dfu ? "" : ", not in DFU mode");
}

/* "photon at 1-1 (...); photon at 1-2 (...)": as many as have room. */
static void list(const struct vp_hardware_board *boards, unsigned count, char *text, size_t size)
{
    size_t used = 0;
    *text = '\0';
    for (unsigned i = 0; i < count && used < size; i++) {
        char one[200];
        describe(&boards[i], one, sizeof one);
        const int length = snprintf(text + used, size - used, "%s%s", i ? "; " : "", one);
        used += length > 0 ? (size_t)length : 0;
    }
}

static int none_is_meant(const struct vp_hardware_board *boards, unsigned count,
                         const struct vp_hardware_wish *wish, struct vp_failure *failure)
{
    char all[400];
    list(boards, count, all, sizeof all);
    return count ? vp_fail(failure, VP_ERROR_NOT_FOUND, "none of the boards here is %s%s%s%s: %s",
                           wish->board ? "the " : "the one that is meant",
                           wish->board ? wish->board->name : "",
                           wish->board && wish->serial ? " with serial number " : "",
                           wish->board && wish->serial ? wish->serial : "", all)
                 : vp_fail(failure, VP_ERROR_NOT_FOUND,
                           "there is no board on USB (vendor 2b04, or a Core's 1d50:607f); plug it "
                           "in with a cable that has data lines, hold its button, tap RESET, and "
                           "let the button go when it blinks yellow");
}

/* One that is meant but cannot be used as it is now. */
static int cannot_be_used(const struct vp_hardware_board *board, bool dfu,
                          struct vp_failure *failure)
{
    char name[200];
    describe(board, name, sizeof name);
    if (!board->dfu && dfu) {
        return vp_fail(failure, VP_ERROR_NOT_FOUND, "%s: %s", name,
                       vp_hardware_dfu_advice(board->board));
    }
    return vp_fail(failure, VP_ERROR_IO, "%s: this user may not open %s; allow it: %s", name,
                   board->node, vp_hardware_access_advice);
}

int vp_hardware_choose(const struct vp_hardware_board *boards, unsigned count,
                       const struct vp_hardware_wish *wish, bool dfu, unsigned *chosen,
                       struct vp_failure *failure)
{
    struct vp_hardware_board meant[VP_HARDWARE_BOARDS];
    unsigned meant_count = 0, ready = 0, first = 0;
    for (unsigned i = 0; i < count; i++) {
        if (vp_hardware_board_matches(&boards[i], wish)) {
            meant[meant_count++] = boards[i];
            if ((boards[i].dfu || !dfu) && !boards[i].no_access) {
                first = ready++ ? first : i;
            }
        }
    }
    if (meant_count == 0) {
        return none_is_meant(boards, count, wish, failure);
    }
    if (ready == 1) {
        *chosen = first;
        return 0;
    }
    if (meant_count == 1) {
        return cannot_be_used(&meant[0], dfu, failure);
    }
    char all[400];
    list(meant, meant_count, all, sizeof all);
    return vp_fail(failure, VP_ERROR_INVALID, "which one? Say --serial SERIAL or --path PATH: %s",
                   all);
}
