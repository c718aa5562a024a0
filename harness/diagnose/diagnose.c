#include "diagnose/diagnose.h"

int vp_mode_with(const struct vp_flash *flash, enum vp_platform platform, enum vp_mode *mode)
{
    struct vp_flash *fork;
    struct vp_device *device;
    int error = vp_flash_fork(&fork, flash);
    if (error) {
        return error;
    }
    error = vp_device_from_flash(&device, platform, fork);
    if (error) {
        vp_flash_destroy(fork);
        return error;
    }
    vp_device_settle(device);
    *mode = vp_device_mode(device);
    vp_device_destroy(device);
    return 0;
}

int vp_diagnose(const struct vp_flash *flash, enum vp_platform platform,
                struct vp_diagnosis *diagnosis)
{
    struct vp_contents contents;
    *diagnosis = (struct vp_diagnosis){.platform = platform};
    int error = vp_mode_with(flash, platform, &diagnosis->mode);
    if (error) {
        return error;
    }
    vp_contents_read(&contents, flash, platform);
    vp_findings_of(&diagnosis->findings, &contents);
    return diagnosis->mode == VP_MODE_NORMAL ? 0 : vp_find_cure(&contents, diagnosis);
}
