#include "cloud/connection/greeting.h"

#include "cloud/connection/describe.h"
#include "cloud/registry/registry.h"

enum {
    FLAG_UPDATED = 1,   /* messages.cpp @ v0.7.0: was_ota_upgrade_successful */
    SAVE_AFTER = 60000, /* ms; last_heard is written down so often at most */
};

static uint16_t number_at(const struct vp_coap_message *message, size_t offset)
{
    return message->payload_length >= offset + 2
               ? (uint16_t)(message->payload[offset] << 8 | message->payload[offset + 1])
               : 0;
}

static void send_hello(struct cloud_connection *connection)
{
    uint8_t bytes[16];
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_NON_CONFIRMABLE, VP_COAP_POST,
                  cloud_exchange_next_id(&connection->exchange), NULL, 0);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "h");
    cloud_connection_send(connection, bytes, vp_coap_finish(&writer));
}

/* What cannot be written down now is written down the next time. */
static void save(struct cloud_connection *connection)
{
    const uint64_t now = cloud_now(connection->cloud);
    if (now >= connection->saved + SAVE_AFTER || connection->saved == 0) {
        connection->saved = now;
        cloud_save_device(connection->cloud, connection->record);
    }
}

void cloud_greet(struct cloud_connection *connection, const struct vp_coap_message *hello)
{
    send_hello(connection);
    if (connection->online) {
        return;
    }
    connection->product_id = number_at(hello, 0);
    connection->product_version = number_at(hello, 2);
    connection->online = true;
    connection->expects_restart = false;
    vp_flash_share(connection->cloud->core->pool, vp_device_flash(connection->device));
    save(connection);
    cloud_publish_of(connection, "spark/status", "online", NULL);
    cloud_jobs_back(connection, number_at(hello, 4) & FLAG_UPDATED);
    cloud_describe_ask(connection);
}
