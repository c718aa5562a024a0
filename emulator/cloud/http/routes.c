/* What there is. */
#include "cloud/http/route.h"

const struct http_route http_routes[] = {
    {HTTP_POST, "/oauth/token", HTTP_OPEN, http_token_create},
    {HTTP_GET, "/v1/access_tokens/current", 0, http_token_current},
    {HTTP_DELETE, "/v1/access_tokens/current", 0, http_token_delete_current},
    {HTTP_DELETE, "/v1/access_tokens", 0, http_token_delete_all},
    {HTTP_DELETE, "/v1/access_tokens/{token}", HTTP_OPEN, http_token_delete},
    {HTTP_GET, "/v1/user", 0, http_user},
};

const unsigned http_route_count = sizeof http_routes / sizeof http_routes[0];
