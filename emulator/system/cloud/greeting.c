/*
 * Hello, and what the firmware tells the cloud right after it: hello() in messages.cpp,
 * Spark_Handshake() in system_cloud_internal.cpp, in its order.
 */
#include "system/cloud/session.h"

#include <stdio.h>
#include <string.h>

#include "dct/dct.h"
#include "system/own_flags.h"
#include "system/update/update.h"

enum {
    FLAG_UPDATED = 0x01,
    COPIED = 0x0001,            /* OTA_FLASHED_Status_SysFlag */
    UNDEFINED_VERSION = 0xFFFF, /* PRODUCT_FIRMWARE_VERSION, protocol_defs.h */
    CLAIM_CODE_OFFSET = 1762,   /* dct.h @ v0.7.0 */
    CLAIM_CODE_LENGTH = 63,
    REASON_REGISTER = 2,
    CHUNK_SIZE = 512, /* OTA_CHUNK_SIZE, ota_flash_hal*.c* @ v0.4.6, v3.3.1 */
};

static void put16(uint8_t *to, uint32_t value)
{
    to[0] = (uint8_t)(value >> 8);
    to[1] = (uint8_t)value;
}

/* ---- Hello -------------------------------------------------------------------------------- */

/* HAL_OTA_Flashed_GetStatus() */
static bool was_updated(const struct vp_system *system)
{
    struct vp_system_flags flags;
    vp_own_flags_load(system, &flags);
    return flags.ota_flashed == COPIED;
}

/* @return bytes. Assumption: the application is no product's. */
static size_t compose(const struct vp_system *system, uint8_t *body)
{
    const struct vp_session *session = system->cloud.session;
    const struct vp_hello_rules *rules = session->rules->hello;
    const uint32_t platform = (uint32_t)system->machine.board->platform;
    const bool id = session->reliable;
    const size_t id_length = id ? sizeof system->machine.device_id : 0;
    size_t length = 8;
    put16(body, platform); /* DEFAULT_PRODUCT_ID, build/platform-id.mk @ v0.5.2 */
    put16(body + 2, UNDEFINED_VERSION);
    put16(body + 4, rules->flags | (was_updated(system) ? FLAG_UPDATED : 0));
    put16(body + 6, platform);
    if (id || rules->sizes) {
        put16(body + length, (uint32_t)id_length);
        memcpy(body + length + 2, system->machine.device_id, id_length);
        length += 2 + id_length;
    }
    if (rules->sizes) {
        const uint32_t image = vp_update_area_size(system);
        put16(body + length, system->version);
        put16(body + length + 2, session->rules->buffer);
        put16(body + length + 4, image >> 16);
        put16(body + length + 6, image);
        put16(body + length + 8, CHUNK_SIZE);
        length += 10;
    }
    return length;
}

bool vp_session_hello(struct vp_system *system)
{
    uint8_t bytes[VP_SESSION_BUFFER], body[64];
    struct vp_coap_writer writer;
    struct vp_session *session = system->cloud.session;
    vp_coap_begin(&writer, bytes, sizeof bytes,
                  session->reliable ? VP_COAP_CONFIRMABLE : VP_COAP_NON_CONFIRMABLE, VP_COAP_POST,
                  0, NULL, 0);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "h");
    vp_coap_add_payload(&writer, body, compose(system, body));
    session->heard = session->now;
    return vp_session_send(system, bytes, vp_coap_finish(&writer), VP_SEND_AND_WAIT);
}

/* ---- Events --------------------------------------------------------------------------------- */

static bool publish_number(struct vp_system *system, const char *name, uint32_t number)
{
    char text[12];
    snprintf(text, sizeof text, "%u", number);
    return vp_session_publish(system, name, text);
}

/* HAL_Get_Claim_Code(); up to 1.0.x an erased one is sent, too. The Core's is kept by its radio,
 * which is not modelled. */
static bool tell_claim_code(struct vp_system *system)
{
    char code[CLAIM_CODE_LENGTH + 1] = "";
    if (system->machine.board->dct_format == VP_DCT_NONE ||
        vp_dct_read(system->machine.flash, system->machine.board, CLAIM_CODE_OFFSET, code,
                    CLAIM_CODE_LENGTH) ||
        code[0] == '\0' ||
        ((uint8_t)code[0] == 0xFF && !system->cloud.session->rules->greeting->blank_claim_code)) {
        return true;
    }
    return vp_session_publish(system, "spark/device/claim/code", code);
}

static bool tell_sizes(struct vp_system *system)
{
    const struct vp_greeting_rules *rules = system->cloud.session->rules->greeting;
    const bool binary = vp_board_set_has(rules->max_binary, system->machine.board->platform) ||
                        (rules->max_binary != VP_ON_NONE && system->monolithic);
    return (!binary ||
            publish_number(system, "spark/hardware/max_binary", vp_update_area_size(system))) &&
           (!rules->chunk_size || system->cloud.session->reliable ||
            publish_number(system, "spark/hardware/ota_chunk_size", CHUNK_SIZE));
}

/* HAL_core_subsystem_version(). Assumption: the versions. */
static bool tell_subsystem(struct vp_system *system)
{
    if (!system->machine.board->modular) {
        return vp_session_publish(system, "spark/cc3000-patch-version", "1.29");
    }
    if (system->cloud.session->rules->greeting->empty_subsystem && !system->build->cellular) {
        return vp_session_publish(system, "spark/",
                                  "wl0: Nov  7 2014 16:03:45 version 5.90.230.12 FWID 01-9bdaad5");
    }
    return true;
}

/* resetReasonString(), formatResetReasonEventData(). The bootloader's own resets keep the register.
 * Assumption: the application leaves FEATURE_RESET_INFO on, as an erased DCT has it. */
static const char *last_reset(const struct vp_system *system, char *text, size_t room)
{
    static const struct {
        uint32_t reason;
        const char *name;
    } names[] = {
        {VP_RESET_REASON_UPDATE, "update"},
        {VP_RESET_REASON_UPDATE_TIMEOUT, "update_timeout"},
        {VP_RESET_REASON_FACTORY, "factory_reset"},
        {VP_RESET_REASON_SAFE_MODE, "safe_mode"},
        {VP_RESET_REASON_DFU, "dfu_mode"},
        {VP_RESET_REASON_USER, "user"},
        {VP_RESET_REASON_UNKNOWN, "unknown"},
    };
    const uint32_t reason = system->last_reset;
    if (system->machine.reset_by) {
        return system->machine.reset_by;
    }
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (names[i].reason == reason) {
            return names[i].name;
        }
    }
    snprintf(text, room, "%u", reason);
    return reason == 0 ? NULL : text; /* RESET_REASON_NONE */
}

static bool tell_last_reset(struct vp_system *system)
{
    char text[12];
    const char *reason = last_reset(system, text, sizeof text);
    if (!system->cloud.session->rules->greeting->last_reset || system->cloud.told_reset) {
        return true;
    }
    system->cloud.told_reset = true; /* SYSTEM_FLAG_PUBLISH_RESET_INFO */
    return !reason || vp_session_publish(system, "spark/device/last_reset", reason);
}

static bool tell_update_flags(struct vp_system *system)
{
    return !system->cloud.session->rules->greeting->update_flags ||
           (vp_session_publish(system, "particle/device/updates/enabled", "true") &&
            vp_session_publish(system, "particle/device/updates/forced", "false"));
}

void vp_cloud_take_reason(struct vp_system *system)
{
    uint32_t *reg = &system->machine.backup->dr[REASON_REGISTER];
    if (vp_cloud_rules_find(system->version, system->build->cellular)->greeting->last_reset) {
        system->last_reset = *reg;
        *reg = VP_RESET_REASON_NONE;
    }
}

void vp_cloud_leave_reason(struct vp_system *system, enum vp_reset_reason reason)
{
    if (vp_cloud_rules_find(system->version, system->build->cellular)->greeting->last_reset) {
        system->machine.backup->dr[REASON_REGISTER] = reason;
    }
}

/* ---- Subscriptions, time -------------------------------------------------------------------- */

static bool subscribe(struct vp_system *system, const char *prefix)
{
    uint8_t bytes[VP_SESSION_BUFFER];
    struct vp_coap_writer writer;
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_CONFIRMABLE, VP_COAP_GET, 0, NULL, 0);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "e");
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, prefix);
    if (system->cloud.session->rules->greeting->own_devices) {
        vp_coap_add_text(&writer, VP_COAP_URI_QUERY, "u");
    }
    return vp_session_send(system, bytes, vp_coap_finish(&writer), VP_SEND_NEW);
}

static bool send_subscriptions(struct vp_system *system)
{
    const char *const *prefixes = system->cloud.session->rules->greeting->subscriptions;
    return (!prefixes[0] || subscribe(system, prefixes[0])) &&
           (!prefixes[1] || subscribe(system, prefixes[1]));
}

static bool ask_for_time(struct vp_system *system)
{
    uint8_t bytes[VP_SESSION_BUFFER];
    struct vp_coap_writer writer;
    const uint8_t token = ++system->cloud.session->token;
    vp_coap_begin(&writer, bytes, sizeof bytes, VP_COAP_CONFIRMABLE, VP_COAP_GET, 0, &token, 1);
    vp_coap_add_text(&writer, VP_COAP_URI_PATH, "t");
    return vp_session_send(system, bytes, vp_coap_finish(&writer), VP_SEND_NEW);
}

/* From 2.0.0 on the application's description comes once its setup() is done, which here is at
 * once, and its subscriptions with it. */
bool vp_session_greet(struct vp_system *system)
{
    const bool presents = system->cloud.session->rules->hello->presents;
    system->cloud.session->greeted = true;
    return (!presents || vp_session_present(system, VP_DESCRIBE_SYSTEM)) &&
           tell_claim_code(system) && tell_sizes(system) &&
           (!system->safe_mode || vp_session_publish(system, "spark/device/safemode", "")) &&
           tell_subsystem(system) && tell_last_reset(system) && tell_update_flags(system) &&
           (presents || send_subscriptions(system)) && ask_for_time(system) &&
           (!presents ||
            (vp_session_present(system, VP_DESCRIBE_APPLICATION) && send_subscriptions(system)));
}
