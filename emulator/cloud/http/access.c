#include "cloud/http/access.h"

#include <string.h>
#include <strings.h>

#include "cloud/http/route.h"

static void authorize(struct http_request *request, const char *token)
{
    request->account = vp_cloud_authorize(request->server->cloud, token, NULL);
    request->token = token;
    if (!request->account && !(request->route->flags & HTTP_OPEN)) {
        http_refuse_token(request, false);
    }
}

void http_authorize_head(struct http_request *request)
{
    static const char scheme[] = "bearer ";
    const char *given =
        MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    const char *query = http_fields_text(&request->uri.query, "access_token");
    if (given && strncasecmp(given, scheme, sizeof scheme - 1) == 0) {
        given += sizeof scheme - 1;
        authorize(request, given + strspn(given, " "));
    } else if (query) {
        authorize(request, query);
    }
}

void http_authorize_body(struct http_request *request)
{
    const char *token = http_fields_text(&request->fields, "access_token");
    if (request->account || request->route->flags & HTTP_OPEN) {
        return;
    }
    if (!token) {
        http_refuse_token(request, true);
        return;
    }
    /* From here on its body counts as an account's. */
    request->server->anonymous_bytes -= request->room;
    authorize(request, token);
    if (!request->account) {
        request->server->anonymous_bytes += request->room;
    }
}

bool http_has_basic(const struct http_request *request)
{
    static const char scheme[] = "basic ";
    const char *given =
        MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    return given && strncasecmp(given, scheme, sizeof scheme - 1) == 0;
}

struct vp_cloud_account *http_basic_account(struct http_request *request)
{
    char *password = NULL;
    char *name = MHD_basic_auth_get_username_password(request->mhd, &password);
    struct vp_cloud *cloud = request->server->cloud;
    struct vp_cloud_account *account = NULL;
    struct vp_cloud_token token;
    if (name && password &&
        vp_cloud_login(cloud, name, password, "password check", 1000, &token) == 0) {
        account = vp_cloud_authorize(cloud, token.text, NULL);
        vp_cloud_revoke(cloud, token.text);
    }
    MHD_free(name);
    MHD_free(password);
    return account;
}

/* ---- What is named --------------------------------------------------------------------- */

static bool names(const struct http_request *request, const char *name)
{
    return *http_argument(request, name) != '\0';
}

/** Particle says the same of what is not there and of what is somebody else's. */
static void refuse_device(struct http_request *request)
{
    http_answer(request, MHD_HTTP_FORBIDDEN,
                json_pack("{s:b, s:s, s:s, s:s}", "ok", 0, "error", "Permission Denied", "info",
                          "I didn't recognize that device name or ID", "error_description",
                          "I didn't recognize that device name or ID"));
}

/** A product's owner sees all devices in it, whoever claimed them. */
static struct vp_cloud_device *find_in_product(const struct http_request *request, const char *name)
{
    struct vp_cloud *cloud = request->server->cloud;
    struct vp_cloud_device *device = vp_cloud_find_device(cloud, name);
    struct vp_cloud_device_facts facts;
    if (!device) {
        device = vp_cloud_find_own_device(cloud, request->account, name);
    }
    if (device) {
        vp_cloud_device_facts(device, &facts);
    }
    return device && facts.product == request->product ? device : NULL;
}

void http_find_what_is_named(struct http_request *request)
{
    struct vp_cloud *cloud = request->server->cloud;
    if (names(request, "product")) {
        request->product =
            vp_cloud_find_product(cloud, request->account, http_argument(request, "product"));
        if (!request->product) {
            http_refuse(request, MHD_HTTP_NOT_FOUND, "Product not found",
                        "there is no product of that id or slug among yours");
            return;
        }
    }
    if (names(request, "device")) {
        const char *name = http_argument(request, "device");
        request->device = request->product
                              ? find_in_product(request, name)
                              : vp_cloud_find_own_device(cloud, request->account, name);
        if (!request->device) {
            refuse_device(request);
        }
    }
}
