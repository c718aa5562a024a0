/**
 * @file cloud_private.h
 * What the files of the cloud share. registry/ has accounts, tokens, devices and products;
 * store/ keeps them.
 */
#ifndef CLOUD_PRIVATE_H
#define CLOUD_PRIVATE_H

/* A table that cannot grow for want of memory leaves what was to be added without one (hh.tbl). */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#include "vparticle/cloud.h"

enum { CLOUD_SALT_SIZE = 16, CLOUD_HASH_SIZE = 32 /* SHA-256 */ };

struct cloud_store;
struct cloud_core;
struct cloud_connection;

struct vp_cloud_account {
    int64_t number; /**< in the store */
    char *name;
    uint8_t salt[CLOUD_SALT_SIZE];
    uint8_t password[CLOUD_HASH_SIZE]; /**< PBKDF2 of it */
    UT_hash_handle hh;                 /**< by name */
};

/** Known by the hash of its text alone. */
struct cloud_token {
    uint8_t hash[CLOUD_HASH_SIZE];
    struct vp_cloud_account *account;
    char client[VP_CLOUD_CLIENT_LIMIT];
    uint64_t expires;
    UT_hash_handle hh; /**< by hash */
};

struct vp_cloud_product {
    unsigned id;
    char *slug, *name;
    enum vp_platform platform;
    struct vp_cloud_account *owner;
    UT_hash_handle hh; /**< by id */
};

struct vp_cloud_device {
    char id[VP_CLOUD_ID_SIZE + 1];
    enum vp_platform platform;
    struct vp_cloud_account *owner;   /**< or NULL */
    struct vp_cloud_product *product; /**< or NULL */
    char name[VP_CLOUD_DEVICE_NAME_LIMIT + 1];
    uint64_t last_heard;
    char app_hash[2 * CLOUD_HASH_SIZE + 1]; /**< of its application, as it described it last */
    struct cloud_connection *connection;    /**< once it was attached; core.h */
    UT_hash_handle hh;                      /**< by id */
};

struct vp_cloud {
    struct vp_cloud_options options;
    char *state; /**< the folder, or NULL */
    struct cloud_store *store;
    struct cloud_core *core; /**< core.h */
    struct vp_cloud_account *accounts;
    struct cloud_token *tokens;
    struct vp_cloud_product *products;
    struct vp_cloud_device *devices;
};

static inline uint64_t cloud_now(const struct vp_cloud *cloud)
{
    return cloud->options.now(cloud->options.context);
}

static inline void cloud_random(const struct vp_cloud *cloud, void *bytes, size_t count)
{
    cloud->options.random(cloud->options.context, bytes, count);
}

#endif
