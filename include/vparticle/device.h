/**
 * @file device.h
 * One emulated board: USB transfers go in, completions and events come out.
 *
 * The device is pure: no I/O, no threads, no clock. Time passes only when somebody calls
 * vp_device_advance(). Every door (USB/IP, a route in the same process, the cloud) uses
 * these functions.
 */
#ifndef VPARTICLE_DEVICE_H
#define VPARTICLE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "vparticle/error.h"
#include "vparticle/flash.h"
#include "vparticle/led.h"
#include "vparticle/module.h"
#include "vparticle/platform.h"

struct vp_device;
struct vp_fault;

/* ---- USB transfers ------------------------------------------------------------ */

enum vp_transfer_status {
    VP_TRANSFER_PENDING,   /**< submitted, no answer yet */
    VP_TRANSFER_OK,        /**< done; `actual` bytes were moved */
    VP_TRANSFER_STALL,     /**< the endpoint answered STALL (USB 2.0 section 8.5.3.4) */
    VP_TRANSFER_CANCELLED, /**< taken back by vp_device_cancel() */
    VP_TRANSFER_NO_DEVICE, /**< the device left the bus */
};

/**
 * One USB transfer. The memory (and `data`) belongs to the submitter and must live until
 * `complete` was called, which happens exactly once for each submission.
 */
struct vp_transfer {
    uint8_t endpoint; /**< number without direction bit; 0 is the control endpoint */
    bool in;          /**< device to host */
    uint8_t setup[8]; /**< endpoint 0 only, as on the wire (USB 2.0 section 9.3) */
    uint8_t *data;    /**< `length` bytes; filled for IN, read for OUT; NULL if length is 0 */
    uint32_t length;  /**< bytes offered; for endpoint 0 this is at most wLength */
    uint32_t actual;  /**< out: bytes moved; 0 unless status is VP_TRANSFER_OK */
    enum vp_transfer_status status; /**< out */
    /** Called on completion, perhaps before vp_device_submit() returns. It may use the device, but
     *  not destroy it, nor submit anything again that ended with VP_TRANSFER_NO_DEVICE. */
    void (*complete)(struct vp_transfer *transfer);
    void *owner;               /**< the submitter's own */
    struct vp_transfer *next;  /**< the device's own while pending */
    struct vp_transfer **link; /**< the device's own while pending */
};

/**
 * Submit a transfer. It completes at once, or later (an IN endpoint without data, a
 * device that has stopped answering), or with VP_TRANSFER_NO_DEVICE when the device
 * leaves the bus. While the device is off the bus it completes so at once.
 */
void vp_device_submit(struct vp_device *device, struct vp_transfer *transfer);

/**
 * Take a pending transfer back: it completes with VP_TRANSFER_CANCELLED inside the call.
 * Must only be called while the transfer is pending.
 */
void vp_device_cancel(struct vp_device *device, struct vp_transfer *transfer);

/**
 * What a host controller does when it finds the device on the bus: reset it and give it
 * an address (USB 2.0 section 9.1.2). All pending transfers complete with
 * VP_TRANSFER_NO_DEVICE. Endpoint state and configuration start afresh.
 * @return 0, or VP_ERROR_NOT_FOUND while the device is not on the bus
 */
int vp_device_bus_reset(struct vp_device *device);

/** What enumeration would show, for USB/IP's device list (no transfer is made). */
struct vp_usb_identity {
    uint16_t vendor_id, product_id, device_version; /**< idVendor, idProduct, bcdDevice */
    uint8_t device_class, device_subclass, device_protocol;
    uint8_t configuration_value; /**< current; 0 = not configured */
    uint8_t configuration_count, interface_count;
    struct {
        uint8_t interface_class, interface_subclass, interface_protocol;
    } interfaces[8];
};

/**
 * @return 0, or VP_ERROR_NOT_FOUND while the device is not on the bus
 */
int vp_device_identity(const struct vp_device *device, struct vp_usb_identity *identity);

/* ---- Buttons, power, time ----------------------------------------------------- */

/** Hold down (or let go of) the SETUP/MODE button. */
void vp_device_button(struct vp_device *device, bool pressed);

/** The reset pin: restart the processor; memory of the bus is lost, flash stays. */
void vp_device_reset(struct vp_device *device);

/** Power off (leaves the bus, forgets RAM and reset flags) or on (boots). */
void vp_device_power(struct vp_device *device, bool on);

/**
 * Pull the USB cable out, or plug it in. The device is powered from elsewhere: it goes on running,
 * and does not notice. A new device is plugged in.
 */
void vp_device_plug(struct vp_device *device, bool plugged);

/** How the device's own time goes by. */
enum vp_speed {
    VP_SPEED_INSTANT, /**< flash operations and starts take no time */
    VP_SPEED_REAL, /**< they take what data sheets say, and the device answers nothing meanwhile */
};

/** @param[out] speed  of "instant" or "real". @return 0 or VP_ERROR_NOT_FOUND */
int vp_speed_from_name(const char *name, enum vp_speed *speed);

/** Choose the speed; a new device is instant. What is going on already ends as it began. */
void vp_device_set_speed(struct vp_device *device, enum vp_speed speed);

enum vp_speed vp_device_speed(const struct vp_device *device);

/** Let @p milliseconds of the device's own time pass. */
void vp_device_advance(struct vp_device *device, uint32_t milliseconds);

/** Milliseconds of its own time since the device was made. */
uint64_t vp_device_time(const struct vp_device *device);

/**
 * @return milliseconds until the device will do something by itself that a host can
 *         notice (a reset after leave, the end of a boot), or -1 if it only waits.
 */
int64_t vp_device_next_deadline(const struct vp_device *device);

/**
 * @return milliseconds until the device loses patience with somebody (a sender that is silent, a
 *         button that is held down), or -1. Unlike a deadline of its own this is never to be
 *         jumped to: whoever it waits for needs time that is real.
 */
int64_t vp_device_patience(const struct vp_device *device);

/** Let time pass until the device only waits: what it would do by itself has happened. */
void vp_device_settle(struct vp_device *device);

/* ---- What can be seen ---------------------------------------------------------- */

enum vp_mode {
    VP_MODE_OFF,       /**< no power */
    VP_MODE_BOOT,      /**< the bootloader runs and has not decided yet */
    VP_MODE_DFU,       /**< the bootloader's DFU mode */
    VP_MODE_NORMAL,    /**< system firmware and user application run */
    VP_MODE_SAFE,      /**< system firmware runs, the user application does not */
    VP_MODE_LISTENING, /**< listening mode: the serial port takes commands */
    VP_MODE_UPDATE,    /**< a module is being received */
    VP_MODE_LOOP,      /**< the firmware resets itself over and over before it gets anywhere; time
                            stands still until a button is pressed, or somebody resets it */
    VP_MODE_DEAD,      /**< the firmware faulted and answers nothing until it is reset */
};

enum vp_mode vp_device_mode(const struct vp_device *device);

/**
 * True if the system is in safe mode by a flag that no start clears: it reads the system flags in
 * another place than this bootloader does (up to 0.6.x in the DCT; bootloader 100 and later in
 * backup registers, system_flags_impl.c @ v0.7.0).
 */
bool vp_device_is_safe_for_good(const struct vp_device *device);

/** "off", "boot", "dfu", "normal", "safe", "listening", "update", "loop", "dead". Static text. */
const char *vp_mode_name(enum vp_mode mode);

void vp_device_led(const struct vp_device *device, struct vp_led *led);

enum vp_event_kind {
    VP_EVENT_ATTACHED,  /**< appeared on the bus (with a possibly new identity) */
    VP_EVENT_DETACHED,  /**< left the bus */
    VP_EVENT_MODE,      /**< vp_device_mode() changed */
    VP_EVENT_DEADLINE,  /**< vp_device_next_deadline() or vp_device_patience() starts anew: look */
    VP_EVENT_LED,       /**< vp_device_led() changed */
    VP_EVENT_TRANSFER,  /**< a transfer has its answer; told just before `complete` is called */
    VP_EVENT_BUS_RESET, /**< a host reset it: vp_device_bus_reset() */
    VP_EVENT_FAULT,     /**< a fault that was set (fault.h) fired */
};

struct vp_event {
    enum vp_event_kind kind;
    enum vp_mode mode;
    const struct vp_transfer *transfer; /**< VP_EVENT_TRANSFER only */
    const struct vp_fault *fault;       /**< VP_EVENT_FAULT only; fault.h */
};

typedef void (*vp_event_listener)(void *context, const struct vp_event *event);

/**
 * Add a listener (several may listen); it is called from inside the call that caused the event, and
 * must not destroy the device.
 * @return 0 or VP_ERROR_NO_MEMORY
 */
int vp_device_listen(struct vp_device *device, vp_event_listener listener, void *context);

/** Remove what vp_device_listen() added with the same two values. */
void vp_device_unlisten(struct vp_device *device, vp_event_listener listener, void *context);

enum vp_platform vp_device_platform(const struct vp_device *device);

/** @param[out] id  12 bytes */
void vp_device_id(const struct vp_device *device, uint8_t *id);

/** The slots that modules of this device have, by the firmware that is in its flash. Static table.
 */
const struct vp_module_slot *vp_device_slots(const struct vp_device *device, unsigned *count);

/** The device's flash, to read and (when it is off) to change. Belongs to the device. */
struct vp_flash *vp_device_flash(struct vp_device *device);

/* ---- Snapshots ------------------------------------------------------------------ */

/** What survives a reset: both flashes, the backup registers and the Wi-Fi networks. */
struct vp_snapshot;

/** @param[out] snapshot  owned by the caller: vp_snapshot_destroy(). @return 0, VP_ERROR_NO_MEMORY
 */
int vp_device_take_snapshot(const struct vp_device *device, struct vp_snapshot **snapshot);

/**
 * Put flash and registers back as they were, and reset the device. Its image files follow.
 * @param snapshot  of this device or of one with the same board
 * @return 0, VP_ERROR_INVALID (another board), VP_ERROR_NO_MEMORY; then nothing has changed
 */
int vp_device_restore(struct vp_device *device, const struct vp_snapshot *snapshot);

/** NULL is allowed. */
void vp_snapshot_destroy(struct vp_snapshot *snapshot);

/* ---- The end --------------------------------------------------------------------- */

/** Release the device; pending transfers complete with VP_TRANSFER_NO_DEVICE first. */
void vp_device_destroy(struct vp_device *device);

/* ---- Building one from a text --------------------------------------------------- */

/**
 * Build a device from a SPEC, powered on and booted:
 *
 *     PLATFORM[@RELEASE|@erased][,key=value]...
 *     inspect=FILE[,key=value]...
 *
 * for example `photon@0.6.3,bootloader=11,mode=dfu,id=30003a000a47343432313031,flash=my.img`.
 * Keys: bootloader (version number), mode (dfu, normal, safe), id (24 hex digits),
 * flash (image file; its contents win over the release if it exists), app (JSON file with what the
 * user application answers to the cloud: application.h).
 *
 * With inspect=FILE the device is built as a report (field.h) or a flash that was read out says.
 * Without a release it is the newest one; `erased` is a chip with only a bootloader. The device has
 * never run: its DCT is erased for bootloaders from 100 on, and holds only the flags that the
 * bootloader writes before. A flash image that exists is taken as it is, release and bootloader
 * then say nothing.
 *
 * @param[out] device  owned by the caller
 * @param number  0 for the first device of a set, 1 for the second: makes default ids differ
 * @return 0, or VP_ERROR_INVALID, VP_ERROR_NOT_FOUND, VP_ERROR_UNSUPPORTED, VP_ERROR_IO,
 *         VP_ERROR_BUSY with @p failure saying what, where and what to do
 */
int vp_device_from_spec(struct vp_device **device, const char *spec, unsigned number,
                        struct vp_failure *failure);

/**
 * Build a device around a flash that was read out or filled, powered on and booted. Its serial
 * flash, if it has one, is erased.
 * @param flash  becomes the device's if the call succeeds
 * @return 0, VP_ERROR_INVALID (a flash of another chip), VP_ERROR_NO_MEMORY
 */
int vp_device_from_flash(struct vp_device **device, enum vp_platform platform,
                         struct vp_flash *flash);

/**
 * Only read the text of a SPEC: is it one that vp_device_from_spec() understands?
 * @return as vp_device_from_spec(); no file is looked at and nothing is built
 */
int vp_device_check_spec(const char *spec, struct vp_failure *failure);

#endif
