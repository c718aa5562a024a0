/** @file networks.h The Wi-Fi networks that the system knows, or does not any more. */
#ifndef VP_SYSTEM_NETWORKS_H
#define VP_SYSTEM_NETWORKS_H

#include "system/system.h"

/** True if it has somewhere to connect to: a network, or a SIM card. */
bool vp_networks_known(const struct vp_system *system);

/** Remember one. @param ssid  at most 32 characters */
void vp_networks_set(struct vp_system *system, const char *ssid);

void vp_networks_forget(struct vp_system *system);

/**
 * At a start: forget them if the bootloader was asked to have that done (10 s at the button), and
 * listen if there are none.
 *
 * Source: setup() in system_network_wifi.h @ v0.4.6, v1.5.2, wlan_reset_credentials_store() in
 * hal/src/photon/wlan_hal.cpp; connect() in system_network_internal.h @ v0.6.3, v1.5.2.
 */
void vp_networks_start(struct vp_system *system);

#endif
