#include "system/networks.h"

#include <stdio.h>

#include "system/own_flags.h"

enum { FORGET = 0x0001 }; /* NVMEM_SPARK_Reset_SysFlag */

bool vp_networks_known(const struct vp_system *system)
{
    return system->build->cellular || !system->machine.networks->forgotten;
}

void vp_networks_set(struct vp_system *system, const char *ssid)
{
    struct vp_networks *networks = system->machine.networks;
    networks->forgotten = false;
    snprintf(networks->ssid, sizeof networks->ssid, "%s", ssid);
}

void vp_networks_forget(struct vp_system *system)
{
    *system->machine.networks = (struct vp_networks){.forgotten = true};
}

void vp_networks_start(struct vp_system *system)
{
    struct vp_system_flags flags;
    vp_own_flags_load(system, &flags);
    if (!system->build->cellular && flags.nvmem_reset == FORGET) {
        vp_networks_forget(system);
        flags.nvmem_reset = 0;
        vp_own_flags_save(system, &flags);
    }
    if (!vp_networks_known(system)) {
        vp_system_listen(system, true);
    }
}
