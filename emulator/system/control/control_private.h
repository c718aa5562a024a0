/**
 * @file control_private.h
 * What the files of control requests share: channel.c and legacy.c bring a request in, requests.c
 * finds its handler, the other files have the handlers.
 */
#ifndef VP_CONTROL_PRIVATE_H
#define VP_CONTROL_PRIVATE_H

#include <protobuf-c/protobuf-c.h>

#include "control.pb-c.h"
#include "system/control/control.h"
#include "system/errors.h"
#include "system/system.h"

/** How a generation of the system treats control requests; a row of the table in vendor.c. */
struct control_generation {
    uint16_t first; /**< module version of the system */
    int32_t (*vendor_request)(struct vp_system *system, const struct vp_vendor_request *request);
    bool raw_reset;             /**< request 0x50 of type 40 resets at once */
    bool in_pieces;             /**< payload and reply may be moved in several SEND and RECV */
    uint16_t grace;             /**< milliseconds from a collected result to its consequence */
    uint32_t update_chunk;      /**< what StartFirmwareUpdateReply offers */
    bool applies_when_finished; /**< else the update is applied after its result was collected */
};

const struct control_generation *control_generation(const struct vp_system *system);

typedef int (*control_handler)(struct vp_system *system, struct vp_control_request *request);

/** The handler for a type, or NULL where this system has none for it (requests.c). */
control_handler control_find_handler(const struct vp_system *system, uint16_t type);

int32_t control_channel_request(struct vp_system *system, const struct vp_vendor_request *request);
int32_t control_legacy_request(struct vp_system *system, const struct vp_vendor_request *request);
int32_t control_raw_request(struct vp_system *system, const struct vp_vendor_request *request);

/** Do what the host was told would be done. */
void control_consequence(struct vp_system *system, enum vp_control_consequence consequence);

/* ---- Bodies --------------------------------------------------------------------------- */

/** Pack a message as the request's reply. @return 0 or VP_SYSTEM_ERROR_NO_MEMORY */
int control_reply(struct vp_control_request *request, const ProtobufCMessage *message);

/** Take @p size bytes as the request's reply. */
int control_reply_bytes(struct vp_control_request *request, const void *data, uint32_t size);

/** The payload as a message: protobuf_c_message_free_unpacked(); NULL if it is none. */
void *control_payload(const struct vp_control_request *request,
                      const ProtobufCMessageDescriptor *type);

/** A module's function as messages name it; INVALID_FIRMWARE_MODULE if they do not. */
Ctrl__FirmwareModuleType control_module_type(uint8_t function);

/* ---- Handlers --------------------------------------------------------------------------- */

int control_get_device_id(struct vp_system *system, struct vp_control_request *request);
int control_get_serial_number(struct vp_system *system, struct vp_control_request *request);
int control_get_system_version(struct vp_system *system, struct vp_control_request *request);
int control_get_capabilities(struct vp_system *system, struct vp_control_request *request);
int control_start_listening(struct vp_system *system, struct vp_control_request *request);
int control_stop_listening(struct vp_system *system, struct vp_control_request *request);
int control_get_device_mode(struct vp_system *system, struct vp_control_request *request);
int control_set_startup_mode(struct vp_system *system, struct vp_control_request *request);
int control_get_diagnostics(struct vp_system *system, struct vp_control_request *request);
int control_get_connection(struct vp_system *system, struct vp_control_request *request);

int control_get_module_info(struct vp_system *system, struct vp_control_request *request);
int control_get_module_info_text(struct vp_system *system, struct vp_control_request *request);

int control_set_claim_code(struct vp_system *system, struct vp_control_request *request);
int control_is_claimed(struct vp_system *system, struct vp_control_request *request);
int control_set_key(struct vp_system *system, struct vp_control_request *request);
int control_get_key(struct vp_system *system, struct vp_control_request *request);
int control_set_protocol(struct vp_system *system, struct vp_control_request *request);
int control_get_protocol(struct vp_system *system, struct vp_control_request *request);

int control_start_update(struct vp_system *system, struct vp_control_request *request);
int control_finish_update(struct vp_system *system, struct vp_control_request *request);
int control_cancel_update(struct vp_system *system, struct vp_control_request *request);
int control_update_data(struct vp_system *system, struct vp_control_request *request);

int control_describe_storage(struct vp_system *system, struct vp_control_request *request);
int control_read_section(struct vp_system *system, struct vp_control_request *request);
int control_write_section(struct vp_system *system, struct vp_control_request *request);
int control_clear_section(struct vp_system *system, struct vp_control_request *request);
int control_get_section_size(struct vp_system *system, struct vp_control_request *request);

#endif
