/**
 * @file local.h
 * A cloud beside the emulated devices, in the same process and on the same loop: its core, its HTTP
 * server, an account that the devices are claimed by, and a home folder that points tools to it.
 */
#ifndef VP_CLOUD_LOCAL_H
#define VP_CLOUD_LOCAL_H

#include <stdbool.h>

#include "vparticle/cloud.h"
#include "vparticle/device.h"

struct ev_loop;
struct vp_local_cloud;
struct vp_server;

struct vp_local_cloud_options {
    const char *address; /**< "HOST:PORT" to listen on; port 0 takes a free one. Anybody who
                              reaches it can talk to it, without encryption */
    const char *state;   /**< folder that keeps accounts, devices and jobs; NULL: nothing does */
    const char *account; /**< "NAME:PASSWORD"; NULL: VP_LOCAL_CLOUD_ACCOUNT */
    const char
        *modules; /**< folder of real images for the healer and for downloads; NULL: forged */
    bool no_healer;
    /** That has the devices on USB and lets their time pass at real speed; NULL: nobody does, and
     *  devices at real speed wait for ever. It must outlive the cloud. */
    struct vp_server *server;
};

/** What tools find in their environment: the cloud's URL, and an access token. */
#define VP_LOCAL_CLOUD_VARIABLE       "VPARTICLE_CLOUD"
#define VP_LOCAL_CLOUD_TOKEN_VARIABLE "VPARTICLE_TOKEN"

#define VP_LOCAL_CLOUD_ACCOUNT "tester@vparticle.local:vparticle"

/**
 * Start a cloud.
 * @param[out] cloud  owned by the caller: vp_local_cloud_stop()
 * @return 0, VP_ERROR_INVALID, VP_ERROR_BUSY, VP_ERROR_IO, VP_ERROR_NO_MEMORY
 */
int vp_local_cloud_start(struct vp_local_cloud **cloud, struct ev_loop *loop,
                         const struct vp_local_cloud_options *options, struct vp_failure *failure);

/** Devices must be alive. NULL is allowed. */
void vp_local_cloud_stop(struct vp_local_cloud *cloud);

/** Give a device a network with this cloud behind it, and have the account claim it. The cloud
 *  borrows the device. @return as vp_cloud_claim() */
int vp_local_cloud_add(struct vp_local_cloud *cloud, struct vp_device *device,
                       struct vp_failure *failure);

/** "http://127.0.0.1:41234". Lives as long as the cloud. */
const char *vp_local_cloud_url(const struct vp_local_cloud *cloud);

/** An access token of the account. Lives as long as the cloud. */
const char *vp_local_cloud_token(const struct vp_local_cloud *cloud);

/** Whose the devices are. */
const struct vp_cloud_account *vp_local_cloud_account(const struct vp_local_cloud *cloud);

struct vp_cloud *vp_local_cloud_core(const struct vp_local_cloud *cloud);

/** Let everything happen that devices and cloud are at by themselves. At real speed that takes its
 *  time, in which the loop goes on. */
void vp_local_cloud_settle(struct vp_local_cloud *cloud);

/**
 * Make @p home a home in which particle-cli finds this cloud, logged in:
 * .particle/particle.config.json, as src/lib/settings.js @ particle-cli 2.16.0 reads it.
 * @return 0, VP_ERROR_IO, VP_ERROR_NO_MEMORY
 */
int vp_local_cloud_write_home(const struct vp_local_cloud *cloud, const char *home,
                              struct vp_failure *failure);

#endif
