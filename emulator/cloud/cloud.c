#include <stdlib.h>
#include <string.h>

#include "cloud/core.h"
#include "cloud/registry/registry.h"

static int load(struct vp_cloud *cloud, struct vp_failure *failure)
{
    const int error = store_load(cloud->store, cloud);
    if (error == VP_ERROR_IO) {
        return vp_fail(failure, error, "state folder %s: %s", cloud->state,
                       store_error(cloud->store));
    }
    if (error == VP_ERROR_INVALID) {
        return vp_fail(failure, error,
                       "state folder %s: cloud.db in it is damaged; remove it to begin anew",
                       cloud->state);
    }
    return error ? vp_fail(failure, error, "%s", vp_error_text(error)) : 0;
}

int vp_cloud_create(struct vp_cloud **cloud, const struct vp_cloud_options *options,
                    struct vp_failure *failure)
{
    struct vp_cloud *made = calloc(1, sizeof *made);
    if (!made) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    made->options = *options;
    if (options->state && !(made->state = strdup(options->state))) {
        free(made);
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    int error = cloud_core_create(made);
    if (!error) {
        error = store_open(&made->store, made->state, failure);
    }
    if (!error) {
        error = load(made, failure);
    }
    if (error) {
        vp_cloud_destroy(made);
        return error;
    }
    *cloud = made;
    return 0;
}

void vp_cloud_destroy(struct vp_cloud *cloud)
{
    if (cloud) {
        cloud_core_destroy(cloud);
        cloud_free_tokens(cloud);
        cloud_free_devices(cloud);
        cloud_free_products(cloud);
        cloud_free_accounts(cloud);
        store_close(cloud->store);
        free(cloud->state);
        free(cloud);
    }
}
