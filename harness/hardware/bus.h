/**
 * @file bus.h
 * The real boards on this machine's USB, by libusb-1.0: which there are, which one is meant, and
 * the way to the one in DFU mode.
 */
#ifndef VP_HARDWARE_BUS_H
#define VP_HARDWARE_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "hardware/dfu_client.h"
#include "vparticle/board.h"
#include "vparticle/error.h"

/** The bus as a program sees it; in it everything that libusb keeps. */
struct vp_hardware_bus;

enum { VP_HARDWARE_BOARDS = 32, VP_HARDWARE_TEXT_SIZE = 64, VP_HARDWARE_ALTERNATES = 8 };

/** A board, by what USB says of it. */
struct vp_hardware_board {
    const struct vp_board *board;
    bool dfu; /**< in DFU mode; else its system runs */
    uint16_t vendor, product;
    char path[VP_HARDWARE_TEXT_SIZE]; /**< "1-2.4": bus, and ports from the root on, as in /sys */
    char node[VP_HARDWARE_TEXT_SIZE]; /**< "/dev/bus/usb/001/004" */
    /** Its serial number: the device id, but "00000000010C" in DFU mode before bootloader 9, and
     *  something shorter on the Core before 0.7.0. "" if it could not be read. */
    char serial[VP_HARDWARE_TEXT_SIZE];
    bool no_access; /**< this user may not open it */
};

/** Which board is meant. What is NULL or 0 does not matter. */
struct vp_hardware_wish {
    const char *serial; /**< case does not matter */
    const char *path;
    uint16_t vendor, product; /**< product: in the mode that it is in */
    const struct vp_board *board;
};

/**
 * @param[out] bus  owned by the caller: vp_hardware_bus_close()
 * @return 0, VP_ERROR_IO (libusb cannot be used here) with the reason, VP_ERROR_NO_MEMORY
 */
int vp_hardware_bus_open(struct vp_hardware_bus **bus, struct vp_failure *failure);

/** NULL is allowed. */
void vp_hardware_bus_close(struct vp_hardware_bus *bus);

/**
 * Look which boards there are now: devices with a board's vendor and product id
 * (emulator/board/board.c).
 * @param[out] boards  room for VP_HARDWARE_BOARDS of them, by path; more are left out
 * @return how many
 */
unsigned vp_hardware_bus_look(struct vp_hardware_bus *bus, struct vp_hardware_board *boards);

/** True if the board is the one that is meant, or one of them. */
bool vp_hardware_board_matches(const struct vp_hardware_board *board,
                               const struct vp_hardware_wish *wish);

/**
 * Choose the one board that is meant.
 * @param dfu  it has to be in DFU mode
 * @param[out] chosen  its index
 * @return 0; VP_ERROR_NOT_FOUND (there is none, or it is not in DFU mode), VP_ERROR_INVALID
 *         (several: they are listed), VP_ERROR_IO (no access), with what to do about it in
 *         @p failure
 */
int vp_hardware_choose(const struct vp_hardware_board *boards, unsigned count,
                       const struct vp_hardware_wish *wish, bool dfu, unsigned *chosen,
                       struct vp_failure *failure);

/** How a person brings this board into DFU mode; static text. */
const char *vp_hardware_dfu_advice(const struct vp_board *board);

/** "SETUP" or "MODE", as it is printed on the board. */
const char *vp_hardware_button(const struct vp_board *board);

/** What lets a user open boards, as a command; static text. */
extern const char vp_hardware_access_advice[];

/* ---- A board in DFU mode -------------------------------------------------------------------- */

struct vp_hardware_dfu;

/**
 * Open a board in DFU mode and claim its DFU interface.
 * @param[out] dfu  owned by the caller: vp_hardware_dfu_close()
 * @return 0; VP_ERROR_NOT_FOUND (gone), VP_ERROR_BUSY (another program uses it), VP_ERROR_IO (no
 *         access, no answer), VP_ERROR_INVALID (descriptors that are none of a DFU device)
 */
int vp_hardware_dfu_open(struct vp_hardware_dfu **dfu, struct vp_hardware_bus *bus,
                         const struct vp_hardware_board *board, struct vp_failure *failure);

/** NULL is allowed. The board stays in DFU mode. */
void vp_hardware_dfu_close(struct vp_hardware_dfu *dfu);

const struct vp_dfu_pipe *vp_hardware_dfu_pipe(const struct vp_hardware_dfu *dfu);

/**
 * Its memories, by alternate setting. One whose text is no layout has a count of 0 and as name why.
 * @param[out] count  at most VP_HARDWARE_ALTERNATES
 */
const struct vp_layout *vp_hardware_dfu_layouts(const struct vp_hardware_dfu *dfu, unsigned *count);

#endif
