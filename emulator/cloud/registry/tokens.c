#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/registry/registry.h"

/*
 * A token is found by its SHA-256: the store cannot give one away, and how long looking for one
 * takes says nothing about others.
 */

static void hash_of(const char *text, size_t length, uint8_t hash[CLOUD_HASH_SIZE])
{
    SHA256((const unsigned char *)text, length, hash);
}

int cloud_load_token(struct vp_cloud *cloud, const struct store_token *row)
{
    struct vp_cloud_account *account = cloud_account_numbered(cloud, row->account);
    struct cloud_token *token = account ? calloc(1, sizeof *token) : NULL;
    if (!token) {
        return account ? VP_ERROR_NO_MEMORY : VP_ERROR_INVALID;
    }
    token->account = account;
    token->expires = row->expires;
    memcpy(token->hash, row->hash, sizeof token->hash);
    snprintf(token->client, sizeof token->client, "%s", row->client);
    HASH_ADD(hh, cloud->tokens, hash, sizeof token->hash, token);
    if (!token->hh.tbl) {
        free(token);
        return VP_ERROR_NO_MEMORY;
    }
    return 0;
}

static void forget(struct vp_cloud *cloud, struct cloud_token *token)
{
    HASH_DEL(cloud->tokens, token);
    free(token);
}

/* So that logging in over and over does not fill the store. */
static int drop_expired(struct vp_cloud *cloud)
{
    const uint64_t now = cloud_now(cloud);
    struct cloud_token *token, *next;
    int error = 0;
    HASH_ITER(hh, cloud->tokens, token, next)
    {
        if (!error && token->expires && token->expires <= now) {
            error = store_remove_token(cloud->store, token->hash);
            if (!error) {
                forget(cloud, token);
            }
        }
    }
    return error;
}

int vp_cloud_issue_token(struct vp_cloud *cloud, struct vp_cloud_account *account,
                         const char *client, uint64_t lifetime, struct vp_cloud_token *token)
{
    uint8_t secret[VP_CLOUD_TOKEN_SIZE / 2];
    struct store_token row = {.account = account->number, .client = token->client};
    cloud_random(cloud, secret, sizeof secret);
    for (unsigned i = 0; i < sizeof secret; i++) {
        snprintf(token->text + 2 * (size_t)i, 3, "%02x", secret[i]);
    }
    snprintf(token->client, sizeof token->client, "%s", client);
    token->expires = lifetime ? cloud_now(cloud) + lifetime : 0;
    row.expires = token->expires;
    hash_of(token->text, VP_CLOUD_TOKEN_SIZE, row.hash);
    if (drop_expired(cloud) || store_put_token(cloud->store, &row)) {
        return VP_ERROR_IO;
    }
    return cloud_load_token(cloud, &row);
}

static struct cloud_token *find(const struct vp_cloud *cloud, const char *text)
{
    uint8_t hash[CLOUD_HASH_SIZE];
    struct cloud_token *token;
    hash_of(text, strlen(text), hash);
    HASH_FIND(hh, cloud->tokens, hash, sizeof hash, token);
    return token;
}

struct vp_cloud_account *vp_cloud_authorize(const struct vp_cloud *cloud, const char *text,
                                            struct vp_cloud_token *token)
{
    const struct cloud_token *found = find(cloud, text);
    if (!found || (found->expires && found->expires <= cloud_now(cloud))) {
        return NULL;
    }
    if (token) {
        *token = (struct vp_cloud_token){.expires = found->expires};
        memcpy(token->client, found->client, sizeof token->client);
    }
    return found->account;
}

int vp_cloud_revoke(struct vp_cloud *cloud, const char *text)
{
    struct cloud_token *token = find(cloud, text);
    if (!token) {
        return VP_ERROR_NOT_FOUND;
    }
    const int error = store_remove_token(cloud->store, token->hash);
    if (!error) {
        forget(cloud, token);
    }
    return error;
}

int vp_cloud_revoke_all(struct vp_cloud *cloud, const struct vp_cloud_account *account)
{
    const int error = store_remove_tokens_of(cloud->store, account->number);
    struct cloud_token *token, *next;
    if (error) {
        return error;
    }
    HASH_ITER(hh, cloud->tokens, token, next)
    {
        if (token->account == account) {
            forget(cloud, token);
        }
    }
    return 0;
}

void cloud_free_tokens(struct vp_cloud *cloud)
{
    struct cloud_token *token, *next;
    HASH_ITER(hh, cloud->tokens, token, next)
    {
        forget(cloud, token);
    }
}
