#include "system/builds.h"

#include <stddef.h>

/* WiFiSetupConsole, system_setup.cpp @ v0.4.6, v0.7.0: PLATFORM_ID < 3, == 0 */
static const struct vp_wifi_build cc3000 = {
    .wep_warning = "\r\n ** Even though the CC3000 supposedly supports WEP,"
                   "\r\n ** we at Spark have never seen it work."
                   "\r\n ** If you control the network, we recommend changing it to WPA2.\r\n",
    .saving = "Thanks! Wait about 7 seconds while I save those credentials...\r\n\r\n",
    .look_for = "If you see a pulsing cyan light, your Spark Core",
};

/* The dry run asks for the cipher of WPA and WPA2. */
static const struct vp_wifi_build wiced = {
    .enterprise = true,
    .asks_cipher = true,
    .checks_keys = true,
    .saving = "Thanks! Wait while I save those credentials...\r\n\r\n",
    .look_for = "If you see a pulsing cyan light, your device",
};

/*
 * Wiring_WiFi, Wiring_Cellular and PLATFORM_ID in system_setup.cpp; system_fileTransfer() in
 * system_update.cpp: PLATFORM_ID > 2 @ v0.4.6, v0.7.0, v1.5.2.
 */
static const struct vp_system_build builds[] = {
    {VP_PLATFORM_CORE, .your_id_is = "Your core id is ", .wifi = &cc3000},
    {VP_PLATFORM_PHOTON, .receives_files = true, .your_id_is = "Your device id is ",
     .wifi = &wiced},
    {VP_PLATFORM_P1, .receives_files = true, .your_id_is = "Your device id is ", .wifi = &wiced},
    {VP_PLATFORM_ELECTRON, .cellular = true, .receives_files = true,
     .your_id_is = "Your device id is "},
};

const struct vp_system_build *vp_system_build_find(enum vp_platform platform)
{
    const struct vp_system_build *build = builds;
    while (build->platform != platform) {
        build++;
    }
    return build;
}
