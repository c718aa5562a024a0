/* Access tokens: login and logout. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cloud/http/access.h"
#include "cloud/http/passwords.h"
#include "cloud/http/route.h"

/* What a token lives that was asked for without a time, as Particle's (docs.particle.io, "Generate
 * an access token"): 90 days. */
static const uint64_t lifetime_default = 7776000; /* seconds */
static const uint64_t lifetime_limit = UINT64_C(100) * 365 * 24 * 3600;

/** "expires_in" in seconds; 0 is for ever. */
static bool read_lifetime(const struct http_request *request, uint64_t *seconds)
{
    const char *text = http_field(request, "expires_in");
    char *end;
    *seconds = lifetime_default;
    if (!text) {
        return true;
    }
    errno = 0;
    *seconds = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0' && errno == 0 && *seconds <= lifetime_limit;
}

/** Who asks: "client_id", or the name in "Authorization: Basic". Any client is welcome. */
static void read_client(struct http_request *request, char *client, size_t size)
{
    const char *field = http_field(request, "client_id");
    char *name = field ? NULL : MHD_basic_auth_get_username_password(request->mhd, NULL);
    const char *text = field ? field : name;
    strncpy(client, text && *text ? text : "unknown", size - 1);
    client[size - 1] = '\0';
    MHD_free(name);
}

static void answer_token(struct http_request *request, const struct vp_cloud_token *token,
                         uint64_t seconds)
{
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:s, s:s, s:I, s:s}", "token_type", "bearer", "access_token",
                          token->text, "expires_in", (json_int_t)seconds, "refresh_token", ""));
}

static void check_login(struct http_request *request)
{
    uint64_t seconds;
    char client[VP_CLOUD_CLIENT_LIMIT];
    struct vp_cloud_token token;
    read_lifetime(request, &seconds);
    read_client(request, client, sizeof client);
    const int error =
        vp_cloud_login(request->server->cloud, http_field(request, "username"),
                       http_field(request, "password"), client, seconds * 1000, &token);
    if (error == VP_ERROR_NOT_FOUND) {
        http_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid_grant", "User credentials are invalid");
    } else if (error) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    } else {
        answer_token(request, &token, seconds);
    }
}

void http_token_create(struct http_request *request)
{
    const char *grant = http_field(request, "grant_type");
    uint64_t seconds;
    if (!grant || strcmp(grant, "password") != 0) {
        http_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid_request",
                    "Invalid grant_type parameter or parameter missing: there is 'password' here");
    } else if (!http_field(request, "username") || !http_field(request, "password")) {
        http_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid_request",
                    "Missing parameters. \"username\" and \"password\" are required");
    } else if (!read_lifetime(request, &seconds)) {
        http_refuse(request, MHD_HTTP_BAD_REQUEST, "invalid_request",
                    "expires_in is a number of seconds");
    } else {
        http_password_later(request, check_login);
    }
}

void http_token_current(struct http_request *request)
{
    struct vp_cloud_token token;
    if (!vp_cloud_authorize(request->server->cloud, request->token, &token)) {
        http_refuse_token(request, false);
        return;
    }
    http_answer(request, MHD_HTTP_OK,
                json_pack("{s:o, s:o, s:[]}", "expires_at", http_json_time(token.expires), "client",
                          http_json_text(token.client), "orgs"));
}

static void answer_revoked(struct http_request *request, int error)
{
    if (error == VP_ERROR_NOT_FOUND) {
        http_refuse(request, MHD_HTTP_NOT_FOUND, "Not found", "there is no such access token");
    } else if (error) {
        http_answer(request, MHD_HTTP_INTERNAL_SERVER_ERROR, NULL);
    } else {
        http_answer_ok(request);
    }
}

void http_token_delete_current(struct http_request *request)
{
    answer_revoked(request, vp_cloud_revoke(request->server->cloud, request->token));
}

void http_token_delete_all(struct http_request *request)
{
    answer_revoked(request, vp_cloud_revoke_all(request->server->cloud, request->account));
}

/** A password that is sent along has to be that of the token's owner. */
static void check_owner(struct http_request *request)
{
    const char *text = http_argument(request, "token");
    const struct vp_cloud_account *account = http_basic_account(request);
    const struct vp_cloud_account *owner = vp_cloud_authorize(request->server->cloud, text, NULL);
    if (!account || (owner && owner != account)) {
        http_refuse(request, MHD_HTTP_UNAUTHORIZED, "invalid_grant",
                    "User credentials are invalid");
        return;
    }
    answer_revoked(request, vp_cloud_revoke(request->server->cloud, text));
}

/** Whoever knows a token may end it. */
void http_token_delete(struct http_request *request)
{
    if (http_has_basic(request)) {
        http_password_later(request, check_owner);
        return;
    }
    answer_revoked(request,
                   vp_cloud_revoke(request->server->cloud, http_argument(request, "token")));
}
