/**
 * @file store.h
 * What the cloud keeps: a SQLite database in the state folder, one transaction for each change, so
 * that after a kill at any moment either all of a change is there or nothing of it.
 */
#ifndef CLOUD_STORE_H
#define CLOUD_STORE_H

#include "cloud/cloud_private.h"

/* Rows as they are kept. Texts and bytes of a row that is loaded are valid during the call. */

struct store_account {
    int64_t number;
    const char *name;
    uint8_t salt[CLOUD_SALT_SIZE], password[CLOUD_HASH_SIZE];
};

struct store_token {
    uint8_t hash[CLOUD_HASH_SIZE];
    int64_t account;
    const char *client;
    uint64_t expires;
};

struct store_product {
    unsigned id;
    const char *slug, *name;
    unsigned platform;
    int64_t account;
};

struct store_device {
    const char *id;
    unsigned platform;
    int64_t account;  /**< 0: nobody's */
    unsigned product; /**< 0: none */
    const char *name;
    uint64_t last_heard;
    const char *app_hash;
};

struct store_job {
    unsigned id;
    const char *device; /**< its id */
    const char *file_name;
    uint32_t size;
    bool by_healer;
    unsigned state; /**< enum vp_cloud_job_state */
    const char *why;
};

/**
 * Open the database of a state folder, or with NULL one in memory.
 * @param[out] store  owned by the caller: store_close()
 * @return 0, VP_ERROR_IO, VP_ERROR_BUSY, VP_ERROR_INVALID (not a state folder, or of a newer
 *         program), VP_ERROR_NO_MEMORY
 */
int store_open(struct cloud_store **store, const char *folder, struct vp_failure *failure);

/** NULL is allowed. */
void store_close(struct cloud_store *store);

/** Give every row to the registry. @return 0, VP_ERROR_IO, or what the registry said */
int store_load(struct cloud_store *store, struct vp_cloud *cloud);

/* Each: 0 or VP_ERROR_IO; then nothing has changed. `put` replaces what is there. */

/** @param[in,out] row  its number is given to it */
int store_add_account(struct cloud_store *store, struct store_account *row);
int store_put_token(struct cloud_store *store, const struct store_token *row);
int store_remove_token(struct cloud_store *store, const uint8_t hash[CLOUD_HASH_SIZE]);
int store_remove_tokens_of(struct cloud_store *store, int64_t account);
int store_put_product(struct cloud_store *store, const struct store_product *row);
int store_put_device(struct cloud_store *store, const struct store_device *row);
/** Of a job that is known already only state and reason change. */
int store_put_job(struct cloud_store *store, const struct store_job *row);
int store_remove_job(struct cloud_store *store, unsigned id);

/** Why the last one failed, in SQLite's words. */
const char *store_error(const struct cloud_store *store);

#endif
