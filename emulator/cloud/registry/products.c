#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/registry/registry.h"

enum { FIRST_ID = 10000 };

int cloud_load_product(struct vp_cloud *cloud, const struct store_product *row)
{
    struct vp_cloud_account *owner = cloud_account_numbered(cloud, row->account);
    if (!owner || !vp_board_find(row->platform)) {
        return VP_ERROR_INVALID;
    }
    struct vp_cloud_product *product = calloc(1, sizeof *product);
    if (!product) {
        return VP_ERROR_NO_MEMORY;
    }
    product->id = row->id;
    product->platform = row->platform;
    product->owner = owner;
    product->slug = strdup(row->slug);
    product->name = strdup(row->name);
    if (product->slug && product->name) {
        HASH_ADD_INT(cloud->products, id, product);
    }
    if (!product->hh.tbl) {
        free(product->slug);
        free(product->name);
        free(product);
        return VP_ERROR_NO_MEMORY;
    }
    return 0;
}

/* "My Product" is "my-product-v100" in an address: the name, and the version of the slug. */
static void make_slug(const char *name, char *slug, size_t size)
{
    size_t length = 0;
    for (; *name && length + sizeof "-v100" < size; name++) {
        if (isalnum((unsigned char)*name)) {
            slug[length++] = (char)tolower((unsigned char)*name);
        } else if (length > 0 && slug[length - 1] != '-') {
            slug[length++] = '-';
        }
    }
    while (length > 0 && slug[length - 1] == '-') {
        length--;
    }
    snprintf(slug + length, size - length, "-v100");
}

static unsigned next_id(const struct vp_cloud *cloud)
{
    unsigned id = FIRST_ID;
    for (const struct vp_cloud_product *product = cloud->products; product;
         product = product->hh.next) {
        id = product->id >= id ? product->id + 1 : id;
    }
    return id;
}

static bool is_printable(const char *name)
{
    const size_t length = strnlen(name, VP_CLOUD_DEVICE_NAME_LIMIT + 1);
    for (size_t i = 0; i < length; i++) {
        if (name[i] < ' ' || name[i] > '~') {
            return false;
        }
    }
    return length > 0 && length <= VP_CLOUD_DEVICE_NAME_LIMIT;
}

int vp_cloud_add_product(struct vp_cloud *cloud, struct vp_cloud_account *owner, const char *name,
                         enum vp_platform platform, struct vp_cloud_product **product,
                         struct vp_failure *failure)
{
    char slug[VP_CLOUD_DEVICE_NAME_LIMIT + 8];
    if (!is_printable(name)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "a product's name must be 1 to %d printable characters",
                       VP_CLOUD_DEVICE_NAME_LIMIT);
    }
    make_slug(name, slug, sizeof slug);
    if (vp_cloud_find_product(cloud, owner, slug)) {
        return vp_fail(failure, VP_ERROR_BUSY, "there is a product '%s' already", slug);
    }
    const struct store_product row = {
        .id = next_id(cloud),
        .slug = slug,
        .name = name,
        .platform = platform,
        .account = owner->number,
    };
    if (store_put_product(cloud->store, &row)) {
        return vp_fail(failure, VP_ERROR_IO, "cannot keep the product: %s",
                       store_error(cloud->store));
    }
    const int error = cloud_load_product(cloud, &row);
    if (error) {
        return vp_fail(failure, error, "out of memory");
    }
    if (product) {
        *product = vp_cloud_find_product(cloud, owner, slug);
    }
    return 0;
}

struct vp_cloud_product *vp_cloud_next_product(const struct vp_cloud *cloud,
                                               const struct vp_cloud_account *account,
                                               const struct vp_cloud_product *previous)
{
    struct vp_cloud_product *product = previous ? previous->hh.next : cloud->products;
    while (product && product->owner != account) {
        product = product->hh.next;
    }
    return product;
}

struct vp_cloud_product *vp_cloud_find_product(const struct vp_cloud *cloud,
                                               const struct vp_cloud_account *account,
                                               const char *id_or_slug)
{
    struct vp_cloud_product *product = NULL;
    while ((product = vp_cloud_next_product(cloud, account, product))) {
        char id[16];
        snprintf(id, sizeof id, "%u", product->id);
        if (strcmp(id, id_or_slug) == 0 || strcmp(product->slug, id_or_slug) == 0) {
            break;
        }
    }
    return product;
}

void vp_cloud_product_facts(const struct vp_cloud_product *product,
                            struct vp_cloud_product_facts *facts)
{
    *facts = (struct vp_cloud_product_facts){
        .id = product->id,
        .slug = product->slug,
        .name = product->name,
        .platform = product->platform,
        .owner = product->owner,
    };
}

void cloud_free_products(struct vp_cloud *cloud)
{
    struct vp_cloud_product *product, *next;
    HASH_ITER(hh, cloud->products, product, next)
    {
        HASH_DEL(cloud->products, product);
        free(product->slug);
        free(product->name);
        free(product);
    }
}
