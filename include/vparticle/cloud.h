/**
 * @file cloud.h
 * A local stand-in for Particle's cloud: accounts and their tokens, devices and products.
 *
 * It does no network I/O: an HTTP server (cloud_server.h) stands before it. Wall clock and
 * randomness come from its owner. What it knows it keeps in a state folder, if it has one, so that
 * a kill at any moment loses nothing that was answered.
 *
 * Field names and rules: docs.particle.io, "Cloud API reference"; what the tools were seen to send
 * and to want. Where neither says anything, the rule is marked as an assumption.
 */
#ifndef VPARTICLE_CLOUD_H
#define VPARTICLE_CLOUD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vparticle/board.h"
#include "vparticle/error.h"

struct vp_cloud;
struct vp_cloud_account;
struct vp_cloud_device;
struct vp_cloud_product;

struct vp_cloud_options {
    /** Folder that keeps everything, made if it is missing; locked while in use. NULL: memory. */
    const char *state;
    /** @return UTC in milliseconds since 1970 */
    uint64_t (*now)(void *context);
    /** Fill @p bytes with randomness that nobody can guess: tokens are made of it. */
    void (*random)(void *context, uint8_t *bytes, size_t count);
    void *context; /**< for both */
};

/**
 * Create a cloud, with what the state folder holds.
 * @param[out] cloud  owned by the caller: vp_cloud_destroy()
 * @return 0, VP_ERROR_NO_MEMORY, VP_ERROR_IO, VP_ERROR_BUSY (another process uses the folder) or
 *         VP_ERROR_INVALID (it holds something else), with @p failure saying what to do
 */
int vp_cloud_create(struct vp_cloud **cloud, const struct vp_cloud_options *options,
                    struct vp_failure *failure);

/** NULL is allowed. */
void vp_cloud_destroy(struct vp_cloud *cloud);

/* ---- Accounts ---------------------------------------------------------------------------- */

enum {
    VP_CLOUD_NAME_LIMIT = 254,    /**< bytes of a user name */
    VP_CLOUD_PASSWORD_LIMIT = 256 /**< bytes */
};

/**
 * Add an account. Its password is kept as PBKDF2-HMAC-SHA256.
 * @return 0, VP_ERROR_BUSY (the name is taken), VP_ERROR_INVALID, VP_ERROR_IO, VP_ERROR_NO_MEMORY
 */
int vp_cloud_add_account(struct vp_cloud *cloud, const char *name, const char *password,
                         struct vp_failure *failure);

/** @return the account, or NULL */
struct vp_cloud_account *vp_cloud_find_account(const struct vp_cloud *cloud, const char *name);

/** @return the account after @p previous (NULL: the first), or NULL; oldest first */
struct vp_cloud_account *vp_cloud_next_account(const struct vp_cloud *cloud,
                                               const struct vp_cloud_account *previous);

const char *vp_cloud_account_name(const struct vp_cloud_account *account);

/* ---- Access tokens ------------------------------------------------------------------------- */

enum {
    VP_CLOUD_TOKEN_SIZE = 40,   /**< characters of a token: hex digits */
    VP_CLOUD_CLIENT_LIMIT = 64, /**< bytes of a client's name */
};

struct vp_cloud_token {
    char text[VP_CLOUD_TOKEN_SIZE + 1]; /**< known only when it is made: its SHA-256 is kept */
    char client[VP_CLOUD_CLIENT_LIMIT]; /**< what asked for it ("particle-cli") */
    uint64_t expires;                   /**< as options.now(); 0: never */
};

/**
 * Log in by name and password.
 * @param client    what asks, kept with the token; longer names are cut
 * @param lifetime  milliseconds; 0: for ever
 * @return 0, VP_ERROR_NOT_FOUND (wrong name or password: it is not told which), VP_ERROR_IO,
 *         VP_ERROR_NO_MEMORY
 */
int vp_cloud_login(struct vp_cloud *cloud, const char *name, const char *password,
                   const char *client, uint64_t lifetime, struct vp_cloud_token *token);

/** A token without a password, for whoever owns the cloud. Otherwise as vp_cloud_login(). */
int vp_cloud_issue_token(struct vp_cloud *cloud, struct vp_cloud_account *account,
                         const char *client, uint64_t lifetime, struct vp_cloud_token *token);

/**
 * Whose token is this?
 * @param[out] token  what is known of it, without its text; may be NULL
 * @return the account, or NULL: there is no such token, or it has expired
 */
struct vp_cloud_account *vp_cloud_authorize(const struct vp_cloud *cloud, const char *text,
                                            struct vp_cloud_token *token);

/** @return 0, or VP_ERROR_NOT_FOUND; VP_ERROR_IO */
int vp_cloud_revoke(struct vp_cloud *cloud, const char *text);

/** Revoke all tokens of an account. @return 0 or VP_ERROR_IO */
int vp_cloud_revoke_all(struct vp_cloud *cloud, const struct vp_cloud_account *account);

/* ---- Devices --------------------------------------------------------------------------------- */

enum {
    VP_CLOUD_ID_SIZE = 2 * VP_DEVICE_ID_SIZE, /**< characters: hex digits, lower case */
    VP_CLOUD_DEVICE_NAME_LIMIT = 64,          /**< bytes */
};

/** A cloud knows a device once it was enrolled: as when it leaves the factory. It is nobody's. */
struct vp_cloud_device_facts {
    char id[VP_CLOUD_ID_SIZE + 1];
    enum vp_platform platform;
    const struct vp_cloud_account *owner;      /**< NULL: not claimed */
    const struct vp_cloud_product *product;    /**< NULL: none */
    char name[VP_CLOUD_DEVICE_NAME_LIMIT + 1]; /**< "" if it is not claimed */
    uint64_t last_heard;                       /**< as options.now(); 0: never */
};

/**
 * Make a device known. One that is known already stays as it is.
 * @param[out] device  belongs to the cloud; valid as long as that. May be NULL
 * @return 0, VP_ERROR_IO, VP_ERROR_NO_MEMORY
 */
int vp_cloud_enroll(struct vp_cloud *cloud, const uint8_t id[VP_DEVICE_ID_SIZE],
                    enum vp_platform platform, struct vp_cloud_device **device);

void vp_cloud_device_facts(const struct vp_cloud_device *device,
                           struct vp_cloud_device_facts *facts);

/** @return the device with that id (any case), whoever owns it, or NULL */
struct vp_cloud_device *vp_cloud_find_device(const struct vp_cloud *cloud, const char *id);

/** @return a device of that account by its id or its name (any case), or NULL */
struct vp_cloud_device *vp_cloud_find_own_device(const struct vp_cloud *cloud,
                                                 const struct vp_cloud_account *account,
                                                 const char *id_or_name);

/** @return the device of that account after @p previous (NULL: the first), or NULL; in the order
 *          in which they became known. NULL as account: all devices */
struct vp_cloud_device *vp_cloud_next_device(const struct vp_cloud *cloud,
                                             const struct vp_cloud_account *account,
                                             const struct vp_cloud_device *previous);

/**
 * Claim a device.
 * @param name  or NULL: it is named after its board and the end of its id ("photon-010c")
 * @return 0 (also if it was one's own already), VP_ERROR_BUSY (it is somebody else's),
 *         VP_ERROR_INVALID (the name), VP_ERROR_IO, VP_ERROR_NO_MEMORY
 */
int vp_cloud_claim(struct vp_cloud *cloud, struct vp_cloud_account *account,
                   struct vp_cloud_device *device, const char *name, struct vp_failure *failure);

/** Give a device back: it is nobody's, and has no name. @return 0 or VP_ERROR_IO */
int vp_cloud_unclaim(struct vp_cloud *cloud, struct vp_cloud_device *device);

/**
 * @param name  1 to VP_CLOUD_DEVICE_NAME_LIMIT bytes of printable ASCII without blank and '/', and
 * of no other device of its owner (Assumption: all of this)
 * @return 0, VP_ERROR_INVALID, VP_ERROR_BUSY (the name is taken), VP_ERROR_NOT_FOUND (it is not
 *         claimed), VP_ERROR_IO, VP_ERROR_NO_MEMORY
 */
int vp_cloud_rename(struct vp_cloud *cloud, struct vp_cloud_device *device, const char *name,
                    struct vp_failure *failure);

/* ---- Products -------------------------------------------------------------------------------- */

struct vp_cloud_product_facts {
    unsigned id;      /**< from 10000 on, as Particle's are */
    const char *slug; /**< "my-product-v100": the name in an address. As long as the product */
    const char *name; /**< as long as the product */
    enum vp_platform platform;
    const struct vp_cloud_account *owner;
};

/**
 * @param name  1 to VP_CLOUD_DEVICE_NAME_LIMIT bytes
 * @param[out] product  belongs to the cloud. May be NULL
 * @return 0, VP_ERROR_INVALID, VP_ERROR_BUSY (there is one of that slug), VP_ERROR_IO,
 *         VP_ERROR_NO_MEMORY
 */
int vp_cloud_add_product(struct vp_cloud *cloud, struct vp_cloud_account *owner, const char *name,
                         enum vp_platform platform, struct vp_cloud_product **product,
                         struct vp_failure *failure);

/** @return the account's product by its id or slug, or NULL */
struct vp_cloud_product *vp_cloud_find_product(const struct vp_cloud *cloud,
                                               const struct vp_cloud_account *account,
                                               const char *id_or_slug);

/** @return the account's product after @p previous (NULL: the first), or NULL */
struct vp_cloud_product *vp_cloud_next_product(const struct vp_cloud *cloud,
                                               const struct vp_cloud_account *account,
                                               const struct vp_cloud_product *previous);

void vp_cloud_product_facts(const struct vp_cloud_product *product,
                            struct vp_cloud_product_facts *facts);

/**
 * Put a device into a product, or with NULL out of the one that it is in.
 * @return 0, VP_ERROR_INVALID (a product for another platform), VP_ERROR_BUSY (it is in another
 *         product), VP_ERROR_IO
 */
int vp_cloud_set_product(struct vp_cloud *cloud, struct vp_cloud_device *device,
                         struct vp_cloud_product *product, struct vp_failure *failure);

#endif
