#include "system/serial/serial.h"

#include <string.h>

enum {
    UNREAD_LIMIT = 256, /* APP_RX_DATA_SIZE, usbd_conf.h @ v0.4.6: a ring that nobody guards */
};

void vp_serial_start(struct vp_serial *serial, const struct vp_port_rules *rules)
{
    *serial = (struct vp_serial){.rules = rules, .baud = 9600};
}

static void forget_unsent(struct vp_serial *serial)
{
    serial->waiting_first = 0;
    serial->waiting_count = 0;
}

/* usbd_cdc_Init @ v0.5.2, USBD_MCDC_Init @ v0.6.3: both begin with the DeInit. */
void vp_serial_configure(struct vp_serial *serial)
{
    serial->dtr = false;
    serial->open = false;
    if (serial->rules->opening != VP_PORT_ALWAYS_OPEN) {
        serial->received_count = 0;
        forget_unsent(serial);
    }
}

/* usbd_cdc_Change_Open_State @ v0.5.2: what was said before is dropped. */
static void change_open(struct vp_serial *serial, bool open)
{
    if (open != serial->open && serial->rules->opening != VP_PORT_ALWAYS_OPEN) {
        forget_unsent(serial);
    }
    serial->open = open;
}

void vp_serial_set_baud(struct vp_serial *serial, uint32_t baud)
{
    serial->baud = baud;
    if (serial->rules->opening == VP_PORT_OPENS_BY_TRAFFIC) {
        change_open(serial, true);
    }
}

void vp_serial_set_dtr(struct vp_serial *serial, bool dtr)
{
    serial->dtr = dtr;
    change_open(serial, dtr);
}

uint32_t vp_serial_put(struct vp_serial *serial, const uint8_t *bytes, uint32_t count)
{
    uint32_t taken = 0;
    while (taken < count) {
        const uint32_t left = count - taken;
        const uint32_t packet = left < VP_SERIAL_PACKET ? left : VP_SERIAL_PACKET;
        const uint32_t room = (uint32_t)serial->rules->receive_room - serial->received_count;
        if (room < VP_SERIAL_PACKET || (serial->rules->whole_packets && serial->received_count)) {
            break; /* the endpoint answers NAK until a whole packet has room */
        }
        memcpy(serial->received + serial->received_count, bytes + taken, packet);
        serial->received_count = (uint16_t)(serial->received_count + packet);
        taken += packet;
    }
    if (taken && serial->rules->opening == VP_PORT_OPENS_BY_TRAFFIC) {
        change_open(serial, true);
    }
    return taken;
}

uint32_t vp_serial_take(struct vp_serial *serial, uint8_t *bytes, uint32_t room)
{
    const uint32_t count = serial->waiting_count < room ? serial->waiting_count : room;
    for (uint32_t i = 0; i < count; i++) {
        bytes[i] = serial->waiting[(serial->waiting_first + i) % VP_SERIAL_TRANSMIT_LIMIT];
    }
    serial->waiting_first = (uint16_t)((serial->waiting_first + count) % VP_SERIAL_TRANSMIT_LIMIT);
    serial->waiting_count = (uint16_t)(serial->waiting_count - count);
    return count;
}

int vp_serial_peek(const struct vp_serial *serial)
{
    return serial->received_count ? serial->received[0] : -1;
}

int vp_serial_read(struct vp_serial *serial)
{
    const int byte = vp_serial_peek(serial);
    if (byte >= 0) {
        serial->received_count--;
        memmove(serial->received, serial->received + 1, serial->received_count);
    }
    return byte;
}

void vp_serial_discard(struct vp_serial *serial)
{
    serial->received_count = 0;
}

bool vp_serial_has_room(const struct vp_serial *serial)
{
    return VP_SERIAL_TRANSMIT_LIMIT - serial->waiting_count >= VP_SERIAL_LONGEST_ANSWER;
}

/* @return whether a byte that is written now has a place to go */
static bool listens(const struct vp_serial *serial)
{
    return serial->rules->opening == VP_PORT_ALWAYS_OPEN || (serial->open && serial->baud > 0);
}

/* Nobody fetches anything while the port is closed: the ring goes round. */
static void drop_oldest(struct vp_serial *serial)
{
    while (!serial->dtr && serial->waiting_count >= UNREAD_LIMIT) {
        serial->waiting_first = (uint16_t)((serial->waiting_first + 1) % VP_SERIAL_TRANSMIT_LIMIT);
        serial->waiting_count--;
    }
}

void vp_serial_write(struct vp_serial *serial, const void *bytes, uint32_t count)
{
    const uint8_t *from = bytes;
    for (uint32_t i = 0; i < count && listens(serial); i++) {
        if (serial->rules->opening == VP_PORT_ALWAYS_OPEN) {
            drop_oldest(serial);
        }
        if (serial->waiting_count == VP_SERIAL_TRANSMIT_LIMIT) {
            return;
        }
        const uint32_t at = serial->waiting_first + serial->waiting_count;
        serial->waiting[at % VP_SERIAL_TRANSMIT_LIMIT] = from[i];
        serial->waiting_count++;
    }
}

void vp_serial_print(struct vp_serial *serial, const char *text)
{
    vp_serial_write(serial, text, (uint32_t)strlen(text));
}
