/**
 * @file describe.h
 * The device's description: asked for when it connects, and what the cloud makes of it.
 *
 * Up to 0.4.x it comes in two messages, the system's part first (spark_protocol.cpp @ v0.4.6);
 * afterwards in one with all of it (protocol.cpp @ v0.7.0). Since 2.0.0 a device may also send it
 * unasked, each half by itself.
 */
#ifndef CLOUD_DESCRIBE_H
#define CLOUD_DESCRIBE_H

#include "cloud/core.h"

/** Ask for it: it becomes connection->describe. */
void cloud_describe_ask(struct cloud_connection *connection);

/** Both are known now, or only one: that it is in safe mode, and its description. */
void cloud_describe_safe_mode(struct cloud_connection *connection);

/**
 * A description came, or one of its halves.
 * @param bytes  may be NULL if @p length is 0
 * @return true: the other half is still to come
 */
bool cloud_describe_take(struct cloud_connection *connection, const uint8_t *bytes, size_t length);

/** The connection has ended: the half that is there is nobody's. */
void cloud_describe_forget(struct cloud_connection *connection);

/** How the device wants to be asked. */
struct cloud_question cloud_describe_question(const struct cloud_connection *connection);

#endif
