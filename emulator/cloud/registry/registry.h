/** @file registry.h Who and what the cloud knows: taken from the store at the start, and released.
 */
#ifndef CLOUD_REGISTRY_H
#define CLOUD_REGISTRY_H

#include "cloud/cloud_private.h"
#include "cloud/store/store.h"

/* What the store holds becomes what the cloud knows. Each takes over what it is given, or releases
 * it. @return 0, VP_ERROR_NO_MEMORY, or VP_ERROR_INVALID: it refers to something unknown */

int cloud_load_account(struct vp_cloud *cloud, const struct store_account *row);
int cloud_load_token(struct vp_cloud *cloud, const struct store_token *row);
int cloud_load_product(struct vp_cloud *cloud, const struct store_product *row);
int cloud_load_device(struct vp_cloud *cloud, const struct store_device *row);

void cloud_free_accounts(struct vp_cloud *cloud);
void cloud_free_tokens(struct vp_cloud *cloud);
void cloud_free_products(struct vp_cloud *cloud);
void cloud_free_devices(struct vp_cloud *cloud);

/** The account of that number in the store, or NULL. */
struct vp_cloud_account *cloud_account_numbered(const struct vp_cloud *cloud, int64_t number);

/** Write down what is known of a device now. @return 0 or VP_ERROR_IO */
int cloud_save_device(struct vp_cloud *cloud, const struct vp_cloud_device *device);

/** A device of the account with that name, or NULL. */
struct vp_cloud_device *cloud_device_named(const struct vp_cloud *cloud,
                                           const struct vp_cloud_account *account,
                                           const char *name);

/** 1 to @p limit bytes of printable ASCII without '/'. */
bool cloud_name_is_valid(const char *name, size_t limit);

#endif
