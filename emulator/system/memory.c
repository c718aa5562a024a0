/* What the running system keeps for itself across a reset: in the DCT, and in a backup register. */
#include <string.h>

#include "dct/dct.h"
#include "system/system.h"

enum {
    /* platform/MCU/STM32F2xx/.../inc/dct.h @ v0.7.0 */
    CLAIM_CODE_OFFSET = 1762,
    CLAIMED_OFFSET = 1825,
    /* system_update.cpp @ v0.5.0 */
    SAFE_LISTEN = 0x5A1B,
    SAFE_LISTEN_OFF = 0xFFFF,
};

/* The Core keeps its settings elsewhere: hal/src/core/ota_flash_hal.c forgets the claim code. */
static bool has_dct(const struct vp_system *system)
{
    return system->machine.board->dct_format != VP_DCT_NONE;
}

int vp_system_set_claim_code(struct vp_system *system, const char *code)
{
    char stored[VP_CLAIM_CODE_SIZE] = {0};
    if (!has_dct(system)) {
        return 0;
    }
    if (code[0]) {
        memcpy(stored, code, strnlen(code, sizeof stored));
        return vp_dct_write(system->machine.flash, system->machine.board, CLAIM_CODE_OFFSET, stored,
                            sizeof stored);
    }
    int error =
        vp_dct_write(system->machine.flash, system->machine.board, CLAIM_CODE_OFFSET, "", 1);
    if (!error && !vp_system_is_claimed(system)) {
        error = vp_dct_write(system->machine.flash, system->machine.board, CLAIMED_OFFSET, "1", 1);
    }
    return error;
}

bool vp_system_is_claimed(const struct vp_system *system)
{
    char claimed = 0;
    return has_dct(system) &&
           vp_dct_read(system->machine.flash, system->machine.board, CLAIMED_OFFSET, &claimed, 1) ==
               0 &&
           claimed == '1';
}

int vp_system_set_startup_listening(struct vp_system *system, bool listen)
{
    const uint8_t number = system->generation->console->safe_listen_register;
    if (number) {
        system->machine.backup->dr[number] = listen ? SAFE_LISTEN : SAFE_LISTEN_OFF;
    }
    return 0;
}
