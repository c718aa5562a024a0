/** @file greeting.h The first words: Hello, and what follows from it. */
#ifndef CLOUD_GREETING_H
#define CLOUD_GREETING_H

#include "cloud/core.h"

/** Answer a Hello: the device is online from now on. */
void cloud_greet(struct cloud_connection *connection, const struct vp_coap_message *hello);

#endif
