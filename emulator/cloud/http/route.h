/** @file route.h  Which handler a method and a path belong to. */
#ifndef CLOUD_HTTP_ROUTE_H
#define CLOUD_HTTP_ROUTE_H

#include "cloud/http/http.h"

enum http_method { HTTP_GET = 1, HTTP_POST = 2, HTTP_PUT = 4, HTTP_DELETE = 8, HTTP_OPTIONS = 16 };

enum {
    HTTP_OPEN = 1,   /**< needs no access token */
    HTTP_UPLOAD = 2, /**< takes files */
};

struct http_route {
    enum http_method method;
    /**
     * The parts of a path. {device} is a device of the account, or of {product} if that comes
     * before it, by its id or name; {product} is a product of the account, by its id or slug: a
     * handler is only called with what the account may see. Any other {word} is what is there; a
     * star at the end is all the rest, perhaps nothing.
     */
    const char *pattern;
    unsigned flags;
    void (*handle)(struct http_request *request);
};

/** All there is. The first that fits counts. */
extern const struct http_route http_routes[];
extern const unsigned http_route_count;

/** @return one of enum http_method (a HEAD is a GET), or 0 */
unsigned http_method_from_name(const char *name);
const char *http_method_name(unsigned method);

/**
 * Find the request's route and take its arguments.
 * @param[out] allowed  methods that there are for its path; 0: there is no such path
 * @return 0 with request->route set, VP_ERROR_NOT_FOUND, VP_ERROR_NO_MEMORY
 */
int http_route_find(struct http_request *request, unsigned *allowed);

/** "GET, PUT, OPTIONS" */
void http_allow_text(unsigned allowed, char *text, size_t size);

/* ---- Handlers, by what they are about -------------------------------------------------------- */

void http_token_create(struct http_request *request); /* tokens.c */
void http_token_current(struct http_request *request);
void http_token_delete_current(struct http_request *request);
void http_token_delete_all(struct http_request *request);
void http_token_delete(struct http_request *request);
void http_user(struct http_request *request);        /* user.c */
void http_device_list(struct http_request *request); /* devices.c */
void http_device_details(struct http_request *request);
void http_device_claim(struct http_request *request);
void http_device_remove(struct http_request *request);
void http_device_update(struct http_request *request);
/** @return false: there is nothing to flash in the request, and it was not answered */
bool http_flash(struct http_request *request);       /* flashing.c */
void http_device_call(struct http_request *request); /* calls.c */
void http_device_variable(struct http_request *request);
void http_device_ping(struct http_request *request);
void http_device_signal(struct http_request *request);
void http_events_own(struct http_request *request); /* events.c */
void http_events_public(struct http_request *request);
void http_event_publish(struct http_request *request);
void http_product_list(struct http_request *request); /* products.c */
void http_product_create(struct http_request *request);
void http_product_details(struct http_request *request);
void http_product_device_list(struct http_request *request);
void http_product_device_add(struct http_request *request);
void http_product_device_remove(struct http_request *request);
void http_product_device_update(struct http_request *request);
void http_build_targets(struct http_request *request); /* targets.c */
void http_binary_create(struct http_request *request); /* build.c */
void http_binary_get(struct http_request *request);
void http_device_os_versions(struct http_request *request); /* device_os.c */
void http_device_os_version(struct http_request *request);
void http_device_os_file(struct http_request *request);

#endif
