/**
 * @file describe.h
 * The device's description: asked for when it connects, and what the cloud makes of it.
 *
 * Up to 0.4.x it comes in two messages, the system's part first (spark_protocol.cpp @ v0.4.6);
 * afterwards in one with all of it (protocol.cpp @ v0.7.0).
 */
#ifndef CLOUD_DESCRIBE_H
#define CLOUD_DESCRIBE_H

#include "cloud/core.h"

/** Ask for it: it becomes connection->describe. */
void cloud_describe_ask(struct cloud_connection *connection);

/** Both are known now, or only one: that it is in safe mode, and its description. */
void cloud_describe_safe_mode(struct cloud_connection *connection);

/** A part of a description came. @return true: the other part is still to come */
bool cloud_describe_take(struct cloud_connection *connection, const struct vp_coap_message *answer);

#endif
