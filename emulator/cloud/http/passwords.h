/**
 * @file passwords.h
 * Passwords are slow to check, by intent. One is checked in each turn of the loop, so that whoever
 * tries many holds up nobody but those who log in, too.
 */
#ifndef CLOUD_HTTP_PASSWORDS_H
#define CLOUD_HTTP_PASSWORDS_H

#include "cloud/http/http.h"

/** @param check  answers the request, when it is its turn. Refused at once if too many wait. */
void http_password_later(struct http_request *request, void (*check)(struct http_request *request));

/** The server is about to be destroyed: nothing waits any more. */
void http_passwords_end(struct vp_cloud_server *server);

#endif
