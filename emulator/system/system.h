/**
 * @file system.h
 * The running system firmware: what it decides when the bootloader jumps to it, and what it does
 * from then on.
 *
 * It is pure, like the whole device: bytes and requests come in, bytes go out, and time passes when
 * vp_system_advance() says so. After each call the caller looks at `state`: VP_SYSTEM_RESETTING
 * means that the firmware has reset the chip, and nothing but vp_system_start() may follow.
 *
 * Source: modules/shared/stm32f2xx/inc/system_part2_loader.c,
 * hal/src/stm32f2xx/core_hal_stm32f2xx.c, system/src/main.cpp @ v0.4.6, v0.5.2, v0.6.4, v0.7.0,
 * v1.5.2, v2.2.0.
 *
 * Assumption: a device has credentials of a network that is out of reach. A real one without
 * credentials goes into listening mode by itself.
 */
#ifndef VP_SYSTEM_H
#define VP_SYSTEM_H

#include "dct/system_flags.h"
#include "system/builds.h"
#include "system/button.h"
#include "system/cloud/cloud.h"
#include "system/control/control.h"
#include "system/generations.h"
#include "system/serial/console.h"
#include "system/serial/serial.h"
#include "system/serial/ymodem.h"
#include "vparticle/board.h"
#include "vparticle/flash.h"
#include "vparticle/led.h"
#include "vparticle/module.h"

enum vp_system_state {
    VP_SYSTEM_NORMAL,    /**< the user application runs */
    VP_SYSTEM_SAFE,      /**< safe mode: the system runs, the user application does not */
    VP_SYSTEM_LISTENING, /**< listening mode: the serial port takes commands */
    VP_SYSTEM_UPDATING,  /**< a module is being received */
    VP_SYSTEM_RESETTING, /**< it has reset the chip */
    VP_SYSTEM_CRASHED,   /**< a system part is missing or broken: the processor faults (deduced) */
};

/**
 * The Wi-Fi networks that a board remembers, beyond resets and without power: in the DCT's own
 * sections, or in the Core's radio. They are kept beside the flash here, so that a flash image does
 * not have them. A new board knows one (Assumption: somebody has set it up).
 */
struct vp_networks {
    bool forgotten; /**< it knows none */
    char ssid[33];  /**< the one that the 'w' dialog set last, or empty */
};

/** What it runs on; everything belongs to the caller. */
struct vp_system_machine {
    const struct vp_board *board;
    struct vp_flash *flash;    /**< internal */
    struct vp_flash *external; /**< serial flash, or NULL */
    struct vp_backup_registers *backup;
    struct vp_networks *networks;
    uint8_t device_id[VP_DEVICE_ID_SIZE];
    const struct vp_link *link;               /**< to the cloud; NULL: none */
    const struct vp_application *application; /**< what it would answer; NULL: nothing */
    const char *reset_by; /**< what reset the chip, in the cloud's words; NULL: software */
};

/** A module that is being received; see update/update.h. */
struct vp_update {
    bool begun;
    bool watched;       /**< silence resets the chip: since it was begun, or 28800 baud were set */
    uint32_t silent_ms; /**< since something was received */
};

/** What happens once the firmware has waited long enough. */
enum vp_system_next {
    VP_SYSTEM_NEXT_NOTHING,
    VP_SYSTEM_NEXT_FINISH,   /**< check what was received, then reset */
    VP_SYSTEM_NEXT_ANNOUNCE, /**< say that it restarts, then reset */
    VP_SYSTEM_NEXT_RESET,
};

enum vp_system_reset_kind {
    VP_SYSTEM_PLAIN_RESET,
    VP_SYSTEM_DFU_RESET, /**< the bootloader is asked for DFU mode (backup register 1) */
    /** For safe mode (backup register 1; bootloaders before 5 do not know this request). */
    VP_SYSTEM_SAFE_MODE_RESET,
    VP_SYSTEM_FACTORY_RESET, /**< for a factory reset (system flag) */
};

struct vp_system {
    struct vp_system_machine machine;
    const struct vp_system_build *build; /**< of the board */
    enum vp_system_state state;
    uint16_t version; /**< module version of system part 2, or of the one image */
    const struct vp_system_generation *generation;
    char release[48];                   /**< its name */
    bool monolithic;                    /**< one image instead of parts */
    const struct vp_module_slot *slots; /**< where it knows modules to be */
    unsigned slot_count;
    const struct vp_module_areas *areas;

    bool safe_mode; /**< the application does not run, whatever else goes on */
    bool listening; /**< in listening mode, perhaps receiving a module */
    uint32_t listening_ms;

    struct vp_update update;
    struct vp_serial serial;
    struct vp_console console;
    struct vp_ymodem ymodem;
    struct vp_button button;
    struct vp_control control;
    struct vp_cloud cloud;
    uint32_t last_reset;               /**< enum vp_reset_reason, by software */
    enum vp_reset_reason reset_reason; /**< of a VP_SYSTEM_PLAIN_RESET; 0: the user */

    enum vp_system_next next;             /**< VP_SYSTEM_NEXT_NOTHING: it does not wait */
    enum vp_system_reset_kind reset_kind; /**< for VP_SYSTEM_NEXT_RESET */
    uint32_t next_in;                     /**< milliseconds */
};

/**
 * Start the system whose parts are in flash, with the flags that the bootloader left.
 * It may install the bootloader that it carries, and write the DCT.
 * Afterwards `state` is anything but VP_SYSTEM_UPDATING.
 */
void vp_system_start(struct vp_system *system, const struct vp_system_machine *machine);

/** Give back what it holds. A system that never started (all zeros) is allowed. */
void vp_system_stop(struct vp_system *system);

/* ---- The serial port -------------------------------------------------------------- */

/** The host set a line coding (CDC PSTN 1.2 section 6.3.10), perhaps the same again. */
void vp_system_set_baud(struct vp_system *system, uint32_t baud);

/** SET_CONFIGURATION: nobody has opened the port yet. */
void vp_system_configure_port(struct vp_system *system);

/** SET_CONTROL_LINE_STATE: the host opened the port (DTR) or closed it. */
void vp_system_set_dtr(struct vp_system *system, bool dtr);

/**
 * Bytes from the host.
 * @return how many were taken; the others have to be offered again once something else happened
 */
uint32_t vp_system_receive(struct vp_system *system, const uint8_t *bytes, uint32_t count);

/** Take at most @p room bytes for the host. @return how many there were */
uint32_t vp_system_transmit(struct vp_system *system, uint8_t *bytes, uint32_t room);

/* ---- What a request can make it do ---------------------------------------------------- */

/** Leave the request with the bootloader and reset the chip, in @p delay milliseconds (0: now). */
void vp_system_reset(struct vp_system *system, enum vp_system_reset_kind kind, uint32_t delay);

/** Enter or leave listening mode. A device without credentials comes back to it at once. */
void vp_system_listen(struct vp_system *system, bool listen);

/**
 * Enter listening mode after the next start (SYSTEM_FLAG_STARTUP_LISTEN_MODE), if that is one into
 * safe mode. Where the generation forgets it (1.1.0 and later) nothing comes of it.
 * @return 0; an error of vp_dct_write() is reserved
 */
int vp_system_set_startup_listening(struct vp_system *system, bool listen);

/** HAL_Set_Claim_Code(): "" means claimed. @return 0 or an error of vp_dct_write() */
int vp_system_set_claim_code(struct vp_system *system, const char *code);

bool vp_system_is_claimed(const struct vp_system *system);

/** "0.6.3": the release that says so of itself, else that of the catalogue. Lives as long as the
 *  system runs. */
const char *vp_system_release_name(const struct vp_system *system);

/** The diagnostics as JSON. @return text, owned by the caller: free(); NULL if out of memory */
char *vp_system_diagnostics(const struct vp_system *system);

/* ---- Button, light, time ------------------------------------------------------------ */

/** The SETUP/MODE button, while the system runs. */
void vp_system_button(struct vp_system *system, bool pressed);

void vp_system_led(const struct vp_system *system, struct vp_led *led);

/** Let time pass. */
void vp_system_advance(struct vp_system *system, uint32_t milliseconds);

/** @return milliseconds until it does something by itself, whoever is there; -1: nothing */
int64_t vp_system_next_deadline(const struct vp_system *system);

/**
 * @return milliseconds until it loses patience with the host, which is to send something (a
 *         YMODEM packet), or with the person at the button; -1: it waits for nobody
 */
int64_t vp_system_patience(const struct vp_system *system);

#endif
