/** @file device_private.h The device, for the files of this room. */
#ifndef VP_DEVICE_PRIVATE_H
#define VP_DEVICE_PRIVATE_H

#include "boot/boot.h"
#include "device/faults.h"
#include "device/listeners.h"
#include "system/system.h"
#include "usb/cdc.h"
#include "usb/control.h"
#include "usb/dfu.h"
#include "vparticle/device.h"

struct vp_waiting_message;

/** Transfers, oldest first. */
struct vp_transfer_list {
    struct vp_transfer *first, **end;
};

struct vp_device {
    const struct vp_board *board;
    struct vp_flash *flash;
    struct vp_flash *external; /**< serial flash, or NULL */
    struct vp_backup_registers backup;
    struct vp_networks networks;
    uint8_t id[VP_DEVICE_ID_SIZE];

    enum vp_mode mode;
    bool attached; /**< the pull-up is on: a host sees the device */
    bool unplugged;
    bool pulled_up; /**< while it is unplugged: a host would see it */
    bool button;
    uint64_t time;     /**< milliseconds */
    int64_t reset_in;  /**< milliseconds until the bootloader resets the chip, or -1 */
    unsigned restarts; /**< in a row, without anything that a host or a person could see */
    struct vp_led led; /**< as told last */
    int64_t deadline;  /**< as told last */

    /* What runs: the bootloader, or the system that it jumped to. */
    struct vp_boot boot;
    struct vp_dfu dfu;
    struct vp_system system;
    struct vp_cdc cdc;
    struct vp_usb_function function;
    struct vp_usb_control control;

    struct vp_transfer_list pending; /**< taken up, and waiting for something */

    /* Real speed: what waits until the processor is done with its flash. */
    enum vp_speed speed;
    uint64_t busy_us;              /**< that it still takes */
    uint64_t accounted_us;         /**< of the flash's own count: what busy_us was told of */
    bool attach_later;             /**< the pull-up comes on when it is done */
    struct vp_transfer_list queue; /**< not looked at yet */
    struct vp_transfer *held;      /**< carried out; completes when it is done */
    enum vp_transfer_status held_status;
    uint32_t held_actual;
    struct vp_link link;                /**< to the cloud */
    struct vp_waiting_message *arrived; /**< from it, while the processor is busy */
    const struct vp_application *application;
    struct vp_application *own_application; /**< of its SPEC; NULL: none */
    const char *reset_by;                   /**< what reset the chip last; NULL: its software */
    struct vp_faults *faults;               /**< NULL: none was ever set */
    struct vp_listeners listeners;
};

/** Of the first device of a set, if nobody says another. */
extern const uint8_t vp_device_default_id[VP_DEVICE_ID_SIZE];

/** What a device is made of; see vp_device_create(). */
struct vp_device_parts {
    const struct vp_board *board;
    struct vp_flash *flash;    /**< becomes the device's */
    struct vp_flash *external; /**< likewise; NULL if the board has none */
    uint8_t id[VP_DEVICE_ID_SIZE];
    uint16_t request; /**< what backup register 1 asks of the bootloader at the first start */
};

/**
 * Make a device and switch it on.
 * @return 0, or VP_ERROR_NO_MEMORY (then the flash stays the caller's)
 */
int vp_device_create(struct vp_device **device, const struct vp_device_parts *parts);

/* ---- transfers.c ------------------------------------------------------------------------- */

/** All pending transfers complete with VP_TRANSFER_NO_DEVICE. */
void vp_device_drop_pending(struct vp_device *device);

/** Move what the serial port has to say, and what was said to it, while both sides can. */
void vp_device_pump(struct vp_device *device);

/** The processor is done: answer what waited for it. */
void vp_device_answer_late(struct vp_device *device);

/* ---- link.c ----------------------------------------------------------------------------- */

/** The processor is done: take in what came from the cloud meanwhile. */
void vp_device_take_arrived(struct vp_device *device);

/* ---- busy.c ----------------------------------------------------------------------------- */

/** Take account of the time that flash operations took since the last call. */
void vp_device_spend(struct vp_device *device);

/** Take account of @p milliseconds of work other than flash operations. */
void vp_device_work(struct vp_device *device, uint32_t milliseconds);

/* ---- run.c ----------------------------------------------------------------------------- */

/** Reset the chip, and let it run until it waits for something. */
void vp_device_restart(struct vp_device *device, enum vp_reset_cause cause);

/** The system firmware runs, in whatever mode. */
bool vp_device_runs_system(const struct vp_device *device);

/** The firmware did something: see whether it changed its mode or its light, or reset the chip. */
void vp_device_look(struct vp_device *device);

/** The bootloader leaves DFU mode. */
void vp_device_leave_dfu(struct vp_device *device);

void vp_device_attach(struct vp_device *device);
void vp_device_detach(struct vp_device *device);
void vp_device_set_mode(struct vp_device *device, enum vp_mode mode);
void vp_device_set_reset_in(struct vp_device *device, int64_t milliseconds);
void vp_device_tell(struct vp_device *device, enum vp_event_kind kind);

#endif
