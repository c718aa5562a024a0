/** @file access.h  Who asks, and for what of theirs. */
#ifndef CLOUD_HTTP_ACCESS_H
#define CLOUD_HTTP_ACCESS_H

#include "cloud/http/http.h"

/** Look for an access token in the head: "Authorization: Bearer" or ?access_token=. One that is
 * there and wrong is refused at once. */
void http_authorize_head(struct http_request *request);

/** Unless that told already who asks: the body's field "access_token". Refuses if there is none and
 * the route needs one. */
void http_authorize_body(struct http_request *request);

/** Find {product} and {device}; what the account may not see is refused like what does not exist.
 */
void http_find_what_is_named(struct http_request *request);

/** Is there an "Authorization: Basic"? */
bool http_has_basic(const struct http_request *request);

/** Whose name and password it has: NULL if they are wrong. Slow: passwords.h */
struct vp_cloud_account *http_basic_account(struct http_request *request);

#endif
