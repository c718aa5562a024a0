#include "diagnose/diagnose.h"

/** Milliseconds that a person is told to hold the button for. */
enum { HOLD_FOR_DFU = 4000, HOLD_FOR_LISTENING = 4000 };

static int make_device(const struct vp_flash *flash, enum vp_platform platform,
                       struct vp_device **device)
{
    struct vp_flash *fork;
    int error = vp_flash_fork(&fork, flash);
    if (error) {
        return error;
    }
    error = vp_device_from_flash(device, platform, fork);
    if (error) {
        vp_flash_destroy(fork);
        return error;
    }
    vp_device_settle(*device);
    return 0;
}

int vp_button_reaches(const struct vp_flash *flash, enum vp_platform platform, enum vp_mode mode,
                      bool *reached)
{
    struct vp_device *device;
    int error = make_device(flash, platform, &device);
    if (error) {
        return error;
    }
    if (vp_device_mode(device) != mode) {
        vp_device_button(device, true);
        if (mode == VP_MODE_DFU) {
            vp_device_reset(device);
        }
        vp_device_advance(device, mode == VP_MODE_DFU ? HOLD_FOR_DFU : HOLD_FOR_LISTENING);
        vp_device_button(device, false);
        vp_device_settle(device);
    }
    *reached = vp_device_mode(device) == mode;
    vp_device_destroy(device);
    return 0;
}

static int look(const struct vp_flash *flash, enum vp_platform platform, enum vp_mode *mode,
                bool *safe_for_good)
{
    struct vp_device *device;
    int error = make_device(flash, platform, &device);
    if (error) {
        return error;
    }
    *mode = vp_device_mode(device);
    *safe_for_good = vp_device_is_safe_for_good(device);
    vp_device_destroy(device);
    return 0;
}

int vp_mode_with(const struct vp_flash *flash, enum vp_platform platform, enum vp_mode *mode)
{
    bool safe_for_good;
    return look(flash, platform, mode, &safe_for_good);
}

int vp_diagnose(const struct vp_flash *flash, enum vp_platform platform,
                struct vp_diagnosis *diagnosis)
{
    struct vp_contents contents;
    *diagnosis = (struct vp_diagnosis){.platform = platform};
    vp_contents_read(&contents, flash, platform);
    int error = look(flash, platform, &diagnosis->mode, &contents.safe_for_good);
    if (error) {
        return error;
    }
    vp_findings_of(&diagnosis->findings, &contents);
    return diagnosis->mode == VP_MODE_NORMAL ? 0 : vp_find_cures(&contents, diagnosis);
}
