#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "cloud/registry/registry.h"

static struct vp_cloud_product *product_of(const struct vp_cloud *cloud, unsigned id)
{
    struct vp_cloud_product *product;
    HASH_FIND_INT(cloud->products, &id, product);
    return product;
}

/* ---- Kept ---------------------------------------------------------------------------------- */

int cloud_save_device(struct vp_cloud *cloud, const struct vp_cloud_device *device)
{
    return store_put_device(cloud->store, &(struct store_device){
                                              .id = device->id,
                                              .platform = device->platform,
                                              .account = device->owner ? device->owner->number : 0,
                                              .product = device->product ? device->product->id : 0,
                                              .name = device->name,
                                              .last_heard = device->last_heard,
                                              .app_hash = device->app_hash,
                                          });
}

int cloud_load_device(struct vp_cloud *cloud, const struct store_device *row)
{
    struct vp_cloud_device *device;
    if (strlen(row->id) != VP_CLOUD_ID_SIZE || strlen(row->name) > VP_CLOUD_DEVICE_NAME_LIMIT ||
        !vp_board_find(row->platform)) {
        return VP_ERROR_INVALID;
    }
    device = calloc(1, sizeof *device);
    if (!device) {
        return VP_ERROR_NO_MEMORY;
    }
    memcpy(device->id, row->id, sizeof device->id);
    device->platform = row->platform;
    device->owner = cloud_account_numbered(cloud, row->account);
    device->product = product_of(cloud, row->product);
    device->last_heard = row->last_heard;
    snprintf(device->name, sizeof device->name, "%s", row->name);
    snprintf(device->app_hash, sizeof device->app_hash, "%s", row->app_hash);
    HASH_ADD(hh, cloud->devices, id, VP_CLOUD_ID_SIZE, device);
    if (!device->hh.tbl) {
        free(device);
        return VP_ERROR_NO_MEMORY;
    }
    return 0;
}

void cloud_free_devices(struct vp_cloud *cloud)
{
    struct vp_cloud_device *device, *next;
    HASH_ITER(hh, cloud->devices, device, next)
    {
        HASH_DEL(cloud->devices, device);
        free(device);
    }
}

/* Change a device, or leave it as it is if that cannot be kept. */
static int change(struct vp_cloud *cloud, struct vp_cloud_device *device,
                  struct vp_cloud_account *owner, struct vp_cloud_product *product,
                  const char *name)
{
    struct vp_cloud_device changed = *device;
    changed.owner = owner;
    changed.product = product;
    memmove(changed.name, name, strlen(name) + 1);
    const int error = cloud_save_device(cloud, &changed);
    if (!error) {
        device->owner = owner;
        device->product = product;
        memcpy(device->name, changed.name, sizeof device->name);
    }
    return error;
}

/* ---- Known --------------------------------------------------------------------------------- */

int vp_cloud_enroll(struct vp_cloud *cloud, const uint8_t id[VP_DEVICE_ID_SIZE],
                    enum vp_platform platform, struct vp_cloud_device **device)
{
    char text[VP_CLOUD_ID_SIZE + 1];
    for (unsigned i = 0; i < VP_DEVICE_ID_SIZE; i++) {
        snprintf(text + 2 * (size_t)i, 3, "%02x", id[i]);
    }
    struct vp_cloud_device *found = vp_cloud_find_device(cloud, text);
    if (!found) {
        const struct store_device row = {
            .id = text, .platform = platform, .name = "", .app_hash = ""};
        int error = store_put_device(cloud->store, &row);
        if (!error) {
            error = cloud_load_device(cloud, &row);
        }
        if (error) {
            return error;
        }
        found = vp_cloud_find_device(cloud, text);
    }
    if (device) {
        *device = found;
    }
    return 0;
}

void vp_cloud_device_facts(const struct vp_cloud_device *device,
                           struct vp_cloud_device_facts *facts)
{
    *facts = (struct vp_cloud_device_facts){
        .platform = device->platform,
        .owner = device->owner,
        .product = device->product,
        .last_heard = device->last_heard,
    };
    memcpy(facts->id, device->id, sizeof facts->id);
    memcpy(facts->name, device->name, sizeof facts->name);
}

struct vp_cloud_device *vp_cloud_find_device(const struct vp_cloud *cloud, const char *id)
{
    char lower[VP_CLOUD_ID_SIZE + 1] = "";
    struct vp_cloud_device *device = NULL;
    if (strnlen(id, VP_CLOUD_ID_SIZE + 1) == VP_CLOUD_ID_SIZE) {
        for (unsigned i = 0; i < VP_CLOUD_ID_SIZE; i++) {
            lower[i] = (char)tolower((unsigned char)id[i]);
        }
        HASH_FIND(hh, cloud->devices, lower, VP_CLOUD_ID_SIZE, device);
    }
    return device;
}

struct vp_cloud_device *cloud_device_named(const struct vp_cloud *cloud,
                                           const struct vp_cloud_account *account, const char *name)
{
    struct vp_cloud_device *device = NULL;
    while ((device = vp_cloud_next_device(cloud, account, device)) &&
           strcasecmp(device->name, name) != 0) {
    }
    return device;
}

struct vp_cloud_device *vp_cloud_find_own_device(const struct vp_cloud *cloud,
                                                 const struct vp_cloud_account *account,
                                                 const char *id_or_name)
{
    struct vp_cloud_device *device = vp_cloud_find_device(cloud, id_or_name);
    if (device && device->owner == account) {
        return device;
    }
    return cloud_device_named(cloud, account, id_or_name);
}

struct vp_cloud_device *vp_cloud_next_device(const struct vp_cloud *cloud,
                                             const struct vp_cloud_account *account,
                                             const struct vp_cloud_device *previous)
{
    struct vp_cloud_device *device = previous ? previous->hh.next : cloud->devices;
    while (device && account && device->owner != account) {
        device = device->hh.next;
    }
    return device;
}

/* ---- Owned --------------------------------------------------------------------------------- */

static int check_name(const struct vp_cloud *cloud, const struct vp_cloud_account *account,
                      const struct vp_cloud_device *device, const char *name,
                      struct vp_failure *failure)
{
    if (!cloud_name_is_valid(name, VP_CLOUD_DEVICE_NAME_LIMIT)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "a device's name must be 1 to %d printable characters, without blank or "
                       "'/'",
                       VP_CLOUD_DEVICE_NAME_LIMIT);
    }
    const struct vp_cloud_device *other = cloud_device_named(cloud, account, name);
    return other && other != device
               ? vp_fail(failure, VP_ERROR_BUSY, "another device has the name '%s'", name)
               : 0;
}

/* "photon-010c"; the next time "photon-010c-2". */
static void make_name(const struct vp_cloud *cloud, const struct vp_cloud_account *account,
                      const struct vp_cloud_device *device,
                      char name[VP_CLOUD_DEVICE_NAME_LIMIT + 1])
{
    const char *board = vp_board_find(device->platform)->name;
    const char *end = device->id + VP_CLOUD_ID_SIZE - 4;
    snprintf(name, VP_CLOUD_DEVICE_NAME_LIMIT + 1, "%s-%s", board, end);
    for (unsigned n = 2; cloud_device_named(cloud, account, name); n++) {
        snprintf(name, VP_CLOUD_DEVICE_NAME_LIMIT + 1, "%s-%s-%u", board, end, n);
    }
}

static int keep_failure(const struct vp_cloud *cloud, int error, struct vp_failure *failure)
{
    return error ? vp_fail(failure, error, "cannot keep the device: %s", store_error(cloud->store))
                 : 0;
}

int vp_cloud_claim(struct vp_cloud *cloud, struct vp_cloud_account *account,
                   struct vp_cloud_device *device, const char *name, struct vp_failure *failure)
{
    char made[VP_CLOUD_DEVICE_NAME_LIMIT + 1];
    if (device->owner && device->owner != account) {
        return vp_fail(failure, VP_ERROR_BUSY, "device %s belongs to somebody else", device->id);
    }
    if (name) {
        const int error = check_name(cloud, account, device, name, failure);
        if (error) {
            return error;
        }
    } else if (device->owner) {
        return 0;
    } else {
        make_name(cloud, account, device, made);
    }
    return keep_failure(cloud, change(cloud, device, account, device->product, name ? name : made),
                        failure);
}

int vp_cloud_unclaim(struct vp_cloud *cloud, struct vp_cloud_device *device)
{
    return change(cloud, device, NULL, NULL, "");
}

int vp_cloud_rename(struct vp_cloud *cloud, struct vp_cloud_device *device, const char *name,
                    struct vp_failure *failure)
{
    if (!device->owner) {
        return vp_fail(failure, VP_ERROR_NOT_FOUND, "device %s is nobody's", device->id);
    }
    int error = check_name(cloud, device->owner, device, name, failure);
    if (!error) {
        error = keep_failure(cloud, change(cloud, device, device->owner, device->product, name),
                             failure);
    }
    return error;
}

int vp_cloud_set_product(struct vp_cloud *cloud, struct vp_cloud_device *device,
                         struct vp_cloud_product *product, struct vp_failure *failure)
{
    if (product && product->platform != device->platform) {
        return vp_fail(failure, VP_ERROR_INVALID, "product %u is for the %s, and device %s is a %s",
                       product->id, vp_board_find(product->platform)->name, device->id,
                       vp_board_find(device->platform)->name);
    }
    if (product && device->product && device->product != product) {
        return vp_fail(failure, VP_ERROR_BUSY, "device %s is in product %u", device->id,
                       device->product->id);
    }
    return keep_failure(cloud, change(cloud, device, device->owner, product, device->name),
                        failure);
}
