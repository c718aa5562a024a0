/**
 * @file wifi_dialog.h
 * The 'w' command: a Wi-Fi network's name, security and password.
 *
 * Source: WiFiSetupConsole::handle() in system/src/system_setup.cpp @ v0.4.6, v0.6.4, v0.7.0,
 * v2.2.0; wlan_set_credentials_internal() in hal/src/photon/wlan_hal.cpp. No network is in reach:
 * the scan since 0.7.0 finds none, so everything is asked for.
 */
#ifndef VP_WIFI_DIALOG_H
#define VP_WIFI_DIALOG_H

#include "system/system.h"

void vp_wifi_dialog_start(struct vp_system *system);

/** The answer to @p question is in system->console.line. */
void vp_wifi_dialog_answer(struct vp_system *system, enum vp_console_question question);

#endif
