/* What there is. */
#include "cloud/http/route.h"

const struct http_route http_routes[] = {
    {HTTP_POST, "/oauth/token", HTTP_OPEN, http_token_create},
    {HTTP_GET, "/v1/access_tokens/current", 0, http_token_current},
    {HTTP_DELETE, "/v1/access_tokens/current", 0, http_token_delete_current},
    {HTTP_DELETE, "/v1/access_tokens", 0, http_token_delete_all},
    {HTTP_DELETE, "/v1/access_tokens/{token}", HTTP_OPEN, http_token_delete},
    {HTTP_GET, "/v1/user", 0, http_user},

    {HTTP_GET, "/v1/devices", 0, http_device_list},
    {HTTP_POST, "/v1/devices", 0, http_device_claim},
    {HTTP_GET, "/v1/devices/events/*", 0, http_events_own},
    {HTTP_POST, "/v1/devices/events", 0, http_event_publish},
    {HTTP_GET, "/v1/devices/{device}", 0, http_device_details},
    {HTTP_PUT, "/v1/devices/{device}", HTTP_UPLOAD, http_device_update},
    {HTTP_DELETE, "/v1/devices/{device}", 0, http_device_remove},
    {HTTP_PUT, "/v1/devices/{device}/ping", 0, http_device_ping},
    {HTTP_GET, "/v1/devices/{device}/events/*", 0, http_events_own},
    {HTTP_GET, "/v1/devices/{device}/{variable}", 0, http_device_variable},
    {HTTP_POST, "/v1/devices/{device}/{function}", 0, http_device_call},
    {HTTP_GET, "/v1/events/*", 0, http_events_public},

    {HTTP_GET, "/v1/products", 0, http_product_list},
    {HTTP_POST, "/v1/products", 0, http_product_create},
    {HTTP_GET, "/v1/user/products", 0, http_product_list},
    {HTTP_POST, "/v1/user/products", 0, http_product_create},
    {HTTP_GET, "/v1/products/{product}", 0, http_product_details},
    {HTTP_GET, "/v1/products/{product}/devices", 0, http_product_device_list},
    {HTTP_POST, "/v1/products/{product}/devices", 0, http_product_device_add},
    {HTTP_GET, "/v1/products/{product}/devices/{device}", 0, http_device_details},
    {HTTP_PUT, "/v1/products/{product}/devices/{device}", HTTP_UPLOAD, http_product_device_update},
    {HTTP_DELETE, "/v1/products/{product}/devices/{device}", 0, http_product_device_remove},
    {HTTP_PUT, "/v1/products/{product}/devices/{device}/ping", 0, http_device_ping},
    {HTTP_GET, "/v1/products/{product}/devices/{device}/events/*", 0, http_events_own},
    {HTTP_GET, "/v1/products/{product}/devices/{device}/{variable}", 0, http_device_variable},
    {HTTP_POST, "/v1/products/{product}/devices/{device}/{function}", 0, http_device_call},
    {HTTP_GET, "/v1/products/{product}/events/*", 0, http_events_own},

    {HTTP_GET, "/v1/build_targets", 0, http_build_targets},
    {HTTP_POST, "/v1/binaries", HTTP_UPLOAD, http_binary_create},
    {HTTP_GET, "/v1/binaries/{binary}", 0, http_binary_get},

    {HTTP_GET, "/v1/device-os/versions", 0, http_device_os_versions},
    {HTTP_GET, "/v1/device-os/versions/{version}", 0, http_device_os_version},
    {HTTP_GET, "/device-os/{version}/{platform}/{file}", HTTP_OPEN, http_device_os_file},
};

const unsigned http_route_count = sizeof http_routes / sizeof http_routes[0];
