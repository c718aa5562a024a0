#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/registry/registry.h"

/*
 * Rounds of PBKDF2: some milliseconds. More would let whoever tries passwords hold up everybody
 * else, as this cloud has one thread; it guards what a test needs, not what a company has.
 */
enum { ROUNDS = 10000 };

bool cloud_name_is_valid(const char *name, size_t limit)
{
    const size_t length = strnlen(name, limit + 1);
    if (length == 0 || length > limit) {
        return false;
    }
    for (size_t i = 0; i < length; i++) {
        if (name[i] <= ' ' || name[i] > '~' || name[i] == '/') {
            return false;
        }
    }
    return true;
}

static bool derive(const char *password, const uint8_t *salt, uint8_t *derived)
{
    return PKCS5_PBKDF2_HMAC(password, (int)strnlen(password, VP_CLOUD_PASSWORD_LIMIT), salt,
                             CLOUD_SALT_SIZE, ROUNDS, EVP_sha256(), CLOUD_HASH_SIZE, derived) == 1;
}

int cloud_load_account(struct vp_cloud *cloud, const struct store_account *row)
{
    struct vp_cloud_account *account = calloc(1, sizeof *account);
    if (!account || !(account->name = strdup(row->name))) {
        free(account);
        return VP_ERROR_NO_MEMORY;
    }
    account->number = row->number;
    memcpy(account->salt, row->salt, sizeof account->salt);
    memcpy(account->password, row->password, sizeof account->password);
    HASH_ADD_KEYPTR(hh, cloud->accounts, account->name, strlen(account->name), account);
    if (!account->hh.tbl) {
        free(account->name);
        free(account);
        return VP_ERROR_NO_MEMORY;
    }
    return 0;
}

int vp_cloud_add_account(struct vp_cloud *cloud, const char *name, const char *password,
                         struct vp_failure *failure)
{
    if (!cloud_name_is_valid(name, VP_CLOUD_NAME_LIMIT)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "an account's name must be 1 to %d printable characters, without blank "
                       "or '/'",
                       VP_CLOUD_NAME_LIMIT);
    }
    const size_t length = strnlen(password, VP_CLOUD_PASSWORD_LIMIT + 1);
    if (length == 0 || length > VP_CLOUD_PASSWORD_LIMIT) {
        return vp_fail(failure, VP_ERROR_INVALID, "a password must be 1 to %d bytes",
                       VP_CLOUD_PASSWORD_LIMIT);
    }
    if (vp_cloud_find_account(cloud, name)) {
        return vp_fail(failure, VP_ERROR_BUSY, "there is an account '%s' already", name);
    }
    struct store_account row = {.name = name};
    cloud_random(cloud, row.salt, sizeof row.salt);
    if (!derive(password, row.salt, row.password)) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    if (store_add_account(cloud->store, &row)) {
        return vp_fail(failure, VP_ERROR_IO, "cannot keep the account: %s",
                       store_error(cloud->store));
    }
    const int error = cloud_load_account(cloud, &row);
    return error ? vp_fail(failure, error, "out of memory") : 0;
}

struct vp_cloud_account *vp_cloud_find_account(const struct vp_cloud *cloud, const char *name)
{
    struct vp_cloud_account *account;
    HASH_FIND(hh, cloud->accounts, name, strlen(name), account);
    return account;
}

struct vp_cloud_account *cloud_account_numbered(const struct vp_cloud *cloud, int64_t number)
{
    struct vp_cloud_account *account = cloud->accounts;
    while (account && account->number != number) {
        account = account->hh.next;
    }
    return account;
}

struct vp_cloud_account *vp_cloud_next_account(const struct vp_cloud *cloud,
                                               const struct vp_cloud_account *previous)
{
    return previous ? previous->hh.next : cloud->accounts;
}

const char *vp_cloud_account_name(const struct vp_cloud_account *account)
{
    return account->name;
}

int vp_cloud_login(struct vp_cloud *cloud, const char *name, const char *password,
                   const char *client, uint64_t lifetime, struct vp_cloud_token *token)
{
    /* Somebody unknown takes as long as somebody with a wrong password. */
    static const struct vp_cloud_account nobody;
    struct vp_cloud_account *account = vp_cloud_find_account(cloud, name);
    const struct vp_cloud_account *asked = account ? account : &nobody;
    uint8_t derived[CLOUD_HASH_SIZE];
    if (strnlen(password, VP_CLOUD_PASSWORD_LIMIT + 1) > VP_CLOUD_PASSWORD_LIMIT ||
        !derive(password, asked->salt, derived) ||
        CRYPTO_memcmp(derived, asked->password, sizeof derived) != 0 || !account) {
        return VP_ERROR_NOT_FOUND;
    }
    return vp_cloud_issue_token(cloud, account, client, lifetime, token);
}

void cloud_free_accounts(struct vp_cloud *cloud)
{
    struct vp_cloud_account *account, *next;
    HASH_ITER(hh, cloud->accounts, account, next)
    {
        HASH_DEL(cloud->accounts, account);
        free(account->name);
        free(account);
    }
}
