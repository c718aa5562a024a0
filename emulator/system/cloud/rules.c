#include "system/cloud/rules.h"

#include <stddef.h>

/* ---- Hello -------------------------------------------------------------------------------- */

/* spark_protocol.cpp @ v0.4.4, v0.4.6: looks once, and goes on. */
static const struct vp_hello_rules hello_at_once = {0};

/* spark_protocol.cpp @ v0.4.8-rc.6, v1.1.0; core_protocol.cpp @ v1.4.4 */
static const struct vp_hello_rules hello_answered = {.wait = 2000};

/* dtls_protocol.h @ v0.4.8-rc.6, v0.7.0: acknowledged, not answered */
static const struct vp_hello_rules hello_acknowledged = {0};

/* protocol.cpp @ v0.8.0-rc.1, v1.1.0 */
static const struct vp_hello_rules hello_with_diagnostics = {.flags = 0x02};

/* protocol.cpp @ v1.2.0-beta.1, v1.5.2 */
static const struct vp_hello_rules hello_with_updates = {.flags = 0x06};

/* protocol.cpp, lightssl_protocol.h @ v1.5.0-rc.1, v1.5.2 */
static const struct vp_hello_rules hello_layered = {.flags = 0x06, .wait = 4000};

/* protocol.cpp @ v2.0.0-rc.1, v2.3.1 */
static const struct vp_hello_rules hello_with_goodbye = {
    .flags = 0x36, .wait = 4000, .presents = true};

/* protocol.cpp, messages.cpp @ v3.0.0, v3.3.1 */
static const struct vp_hello_rules hello_with_sizes = {
    .flags = 0x36, .sizes = true, .wait = 4000, .presents = true};

/* ---- Events after it: system_cloud_internal.cpp ------------------------------------------- */

/* @ v0.4.6, v0.4.7; core_subsys_hal.h */
static const struct vp_greeting_rules greets_at_first = {
    .empty_subsystem = true,
    .blank_claim_code = true,
    .max_binary = VP_ON_ALL,
    .chunk_size = true,
    .subscriptions = {"spark"},
};

/* @ v0.4.8-rc.6, v0.5.5 */
static const struct vp_greeting_rules greets_since_0_4_8 = {
    .blank_claim_code = true,
    .max_binary = VP_ON_ALL,
    .chunk_size = true,
    .subscriptions = {"spark"},
};

/* @ v0.6.0-rc.1, v0.6.4: what was meant to leave out the Electron (PLATFORM_ELECTRON) does not */
static const struct vp_greeting_rules greets_since_0_6 = {
    .blank_claim_code = true,
    .max_binary = VP_ON_ALL,
    .chunk_size = true,
    .last_reset = true,
    .subscriptions = {"spark"},
};

/* @ v0.7.0-rc.1, v1.0.1 */
static const struct vp_greeting_rules greets_since_0_7 = {
    .blank_claim_code = true,
    .max_binary = VP_ON_CORE | VP_ON_WIFI,
    .chunk_size = true,
    .last_reset = true,
    .subscriptions = {"spark"},
};

/* @ v1.1.0-rc.1 */
static const struct vp_greeting_rules greets_since_1_1 = {
    .max_binary = VP_ON_CORE | VP_ON_WIFI,
    .chunk_size = true,
    .last_reset = true,
    .subscriptions = {"spark"},
};

/* @ v1.2.0-beta.1, v1.5.2 */
static const struct vp_greeting_rules greets_since_1_2 = {
    .max_binary = VP_ON_CORE | VP_ON_WIFI,
    .chunk_size = true,
    .last_reset = true,
    .update_flags = true,
    .subscriptions = {"spark", "particle"},
    .own_devices = true,
};

/* @ v2.0.0, v2.2.0 */
static const struct vp_greeting_rules greets_since_2_0 = {
    .max_binary = VP_ON_CORE | VP_ON_WIFI,
    .chunk_size = true,
    .last_reset = true,
    .update_flags = true,
    .subscriptions = {"particle", "spark"},
    .own_devices = true,
};

/* @ v3.0.0, v3.3.1: Hello has the sizes */
static const struct vp_greeting_rules greets_since_3_0 = {
    .last_reset = true,
    .update_flags = true,
    .subscriptions = {"particle", "spark"},
    .own_devices = true,
};

/* ---- Descriptions: DescriptionType in protocol_defs.h
 * --------------------------------------------------------------------------- */

/* spark_protocol.cpp @ v0.4.6, v0.5.5 */
static const struct vp_describe_rules describes_twice_all = {
    .answer = VP_DESCRIBE_TWICE, .always_application = true, .late_flags = true, .flags_limit = 3};

/* spark_protocol.cpp @ v0.6.0, v0.6.1-rc.1 */
static const struct vp_describe_rules describes_twice = {
    .answer = VP_DESCRIBE_TWICE, .late_flags = true, .flags_limit = 3};

/* protocol.cpp @ v0.4.8-rc.6, v0.5.5 */
static const struct vp_describe_rules describes_all = {.answer = VP_DESCRIBE_ONCE,
                                                       .always_application = true,
                                                       .late_flags = true,
                                                       .flags_limit = 0xFF};

/* protocol.cpp @ v0.6.0 */
static const struct vp_describe_rules describes_as_told = {
    .answer = VP_DESCRIBE_ONCE, .late_flags = true, .flags_limit = 0xFF};

/* protocol.cpp @ v0.6.1-rc.1 */
static const struct vp_describe_rules describes_unchecked = {.answer = VP_DESCRIBE_ONCE,
                                                             .flags_limit = 0xFF};

/* spark_protocol.cpp, protocol.cpp @ v0.6.1, v0.7.0 */
static const struct vp_describe_rules describes_by_flags = {.answer = VP_DESCRIBE_ONCE,
                                                            .flags_limit = 3};

/* spark_protocol.cpp, protocol.cpp @ v0.8.0-rc.4, v1.5.2 */
static const struct vp_describe_rules describes_metrics = {.answer = VP_DESCRIBE_ONCE,
                                                           .flags_limit = 7};

/* protocol.cpp @ v2.0.0, v2.3.1, v3.2.0 */
static const struct vp_describe_rules describes_separately = {.answer = VP_DESCRIBE_SEPARATELY,
                                                              .flags_limit = 7};

/* description.cpp @ v3.3.0-rc.1, v3.3.1 */
static const struct vp_describe_rules describes_strictly = {
    .answer = VP_DESCRIBE_SEPARATELY, .flags_limit = 7, .strict = true};

/* ---- Functions and variables ---------------------------------------------------------------- */

/* spark_protocol.cpp @ v0.4.6, v0.7.0; functions.h, variables.h @ v0.5.2, v0.8.0-rc.1 */
static const struct vp_call_rules calls_at_first = {.name_limit = 12, .argument_limit = 63};

/* spark_protocol.cpp @ v0.8.0-rc.4, v1.2.0-beta.1 */
static const struct vp_call_rules calls_misread = {
    .name_limit = 64, .long_names = true, .argument_limit = 622, .misreads_lengths = true};

/* functions.h @ v0.8.0-rc.4, v1.4.4; core_protocol.cpp @ v1.2.0-rc.1, v1.4.4 */
static const struct vp_call_rules calls_long = {
    .name_limit = 64, .long_names = true, .argument_limit = 622};

/* functions.h, variables.cpp @ v1.5.0-rc.1, v2.3.1 */
static const struct vp_call_rules calls_layered = {.name_limit = 64,
                                                   .long_names = true,
                                                   .argument_limit = 622,
                                                   .needs_token = true,
                                                   .separate_value = true};

/* protocol_defs.h @ v3.0.0, v3.3.1 */
static const struct vp_call_rules calls_since_3_0 = {.name_limit = 64,
                                                     .long_names = true,
                                                     .argument_limit = 864,
                                                     .needs_token = true,
                                                     .separate_value = true};

/* ---- Transfers ------------------------------------------------------------------------------ */

enum { BAD_REQUEST = 0x80, SERVICE_UNAVAILABLE = 0xA3, NOT_QUITE = 0x01 };

/* spark_protocol.cpp, system_update.cpp @ v0.4.4, v0.4.6: RESPONSE_CODE(4,00) with || for | */
static const struct vp_transfer_rules transfers_at_first = {
    .refusal = NOT_QUITE,
    .answers_fast_chunks = true,
    .asks_again = true,
    .missing_limit = 50,
    .resets_in_between = true,
};

/* The same @ v0.4.7: the reset comes later. */
static const struct vp_transfer_rules transfers_in_0_4_7 = {
    .refusal = NOT_QUITE,
    .answers_fast_chunks = true,
    .asks_again = true,
    .missing_limit = 50,
    .posts_done = true,
};

/* spark_protocol.cpp @ v0.4.8-rc.6, v0.6.0 */
static const struct vp_transfer_rules transfers_since_0_4_8 = {
    .refusal = BAD_REQUEST,
    .answers_fast_chunks = true,
    .asks_again = true,
    .missing_limit = 50,
};

/* The same, and system_cloud_internal.cpp @ v0.6.1-rc.1, v0.6.4 */
static const struct vp_transfer_rules transfers_with_event = {
    .refusal = BAD_REQUEST,
    .answers_fast_chunks = true,
    .asks_again = true,
    .missing_limit = 50,
    .result_event = true,
};

/* spark_protocol.cpp @ v0.7.0-rc.1, v1.1.0; core_protocol.cpp @ v1.4.4 */
static const struct vp_transfer_rules transfers_quietly = {
    .refusal = BAD_REQUEST,
    .asks_again = true,
    .missing_limit = 50,
    .verdict = true,
};

/* chunked_transfer.cpp @ v0.4.8-rc.6, v0.6.0 */
static const struct vp_transfer_rules channel_at_first = {
    .refusal = BAD_REQUEST,
    .stray_chunk = VP_STRAY_DISCONNECTS,
    .asks_again = true,
    .missing_limit = 50,
    .waits_for_ack = true,
};

/* The same @ v0.6.1-rc.1, v0.6.4 */
static const struct vp_transfer_rules channel_with_event = {
    .refusal = BAD_REQUEST,
    .stray_chunk = VP_STRAY_DISCONNECTS,
    .asks_again = true,
    .missing_limit = 50,
    .waits_for_ack = true,
    .result_event = true,
};

/* The same @ v0.7.0-rc.1, v0.8.0-rc.8 */
static const struct vp_transfer_rules channel_with_verdict = {
    .refusal = BAD_REQUEST,
    .stray_chunk = VP_STRAY_DISCONNECTS,
    .asks_again = true,
    .missing_limit = 50,
    .waits_for_ack = true,
    .verdict = true,
};

/* The same @ v0.8.0-rc.9, v1.1.0 */
static const struct vp_transfer_rules channel_since_0_8 = {
    .refusal = BAD_REQUEST,
    .missing_limit = 40,
    .missing_by_success = true,
    .waits_for_ack = true,
    .verdict = true,
};

/* The same @ v1.2.0-beta.1, v1.5.2 */
static const struct vp_transfer_rules channel_since_1_2 = {
    .refusal = SERVICE_UNAVAILABLE,
    .missing_limit = 40,
    .missing_by_success = true,
    .waits_for_ack = true,
    .verdict = true,
};

/* The same @ v2.0.0-rc.1, v3.3.1; the protocol of firmware_update.cpp is not built for Gen 2
 * (HAL_PLATFORM_OTA_PROTOCOL_V3 in hal_platform.h @ v3.0.0, v3.3.1) */
static const struct vp_transfer_rules channel_since_2_0 = {
    .refusal = SERVICE_UNAVAILABLE,
    .skips_duplicates = true,
    .missing_limit = 40,
    .missing_by_success = true,
    .plain_request = true,
    .verdict = true,
    .knows_reason = true,
};

/* ---- The tables ------------------------------------------------------------------------------ */

/*
 * Pings: ping.h @ v0.7.0, v0.8.0-rc.4, v1.5.2. The buffer: PROTOCOL_BUFFER_SIZE in
 * spark_protocol.h, protocol_defs.h; from 2.2.0 on it is MBEDTLS_SSL_MAX_CONTENT_LEN
 * (mbedtls_config_photon.h, mbedtls_config_default.h @ v2.2.0, v3.3.1). Photon and P1 use
 * protocol.cpp from 1.5.0 on, when there were no Cores any more (protocol_selector.h @ v1.4.4).
 */
// clang-format off
static const struct vp_cloud_rules on_tcp[] = {
/* first  layered bears   buffer  hello                greeting             describe                 calls             transfer */
{ 0,      false,  false,  800,    &hello_at_once,      &greets_at_first,    &describes_twice_all,    &calls_at_first,  &transfers_at_first },    /* 0.4.x */
{ 8,      false,  false,  800,    &hello_at_once,      &greets_at_first,    &describes_twice_all,    &calls_at_first,  &transfers_in_0_4_7 },    /* 0.4.7 */
{ 10,     false,  false,  800,    &hello_answered,     &greets_since_0_4_8, &describes_twice_all,    &calls_at_first,  &transfers_since_0_4_8 }, /* 0.4.8-rc.6 */
{ 100,    false,  false,  800,    &hello_answered,     &greets_since_0_6,   &describes_twice,        &calls_at_first,  &transfers_since_0_4_8 }, /* 0.6.0-rc.1 */
{ 103,    false,  false,  800,    &hello_answered,     &greets_since_0_6,   &describes_twice,        &calls_at_first,  &transfers_with_event },  /* 0.6.1-rc.1 */
{ 104,    false,  false,  800,    &hello_answered,     &greets_since_0_6,   &describes_by_flags,     &calls_at_first,  &transfers_with_event },  /* 0.6.1-rc.2 */
{ 200,    false,  false,  800,    &hello_answered,     &greets_since_0_7,   &describes_by_flags,     &calls_at_first,  &transfers_quietly },     /* 0.7.0-rc.1 */
{ 303,    false,  false,  800,    &hello_answered,     &greets_since_0_7,   &describes_metrics,      &calls_misread,   &transfers_quietly },     /* 0.8.0-rc.4 */
{ 1100,   false,  false,  800,    &hello_answered,     &greets_since_1_1,   &describes_metrics,      &calls_misread,   &transfers_quietly },     /* 1.1.0-rc.1 */
{ 1201,   false,  false,  800,    &hello_answered,     &greets_since_1_2,   &describes_metrics,      &calls_misread,   &transfers_quietly },     /* 1.2.0-beta.1 */
{ 1202,   false,  false,  800,    &hello_answered,     &greets_since_1_2,   &describes_metrics,      &calls_long,      &transfers_quietly },     /* 1.2.0-rc.1 */
{ 1500,   true,   false,  800,    &hello_layered,      &greets_since_1_2,   &describes_metrics,      &calls_layered,   &channel_since_1_2 },     /* 1.5.0-rc.1 */
{ 2000,   true,   false,  800,    &hello_with_goodbye, &greets_since_2_0,   &describes_separately,   &calls_layered,   &channel_since_2_0 },     /* 2.0.0 */
{ 3000,   true,   false,  960,    &hello_with_sizes,   &greets_since_3_0,   &describes_separately,   &calls_since_3_0, &channel_since_2_0 },     /* 3.0.0 */
{ 3300,   true,   false,  960,    &hello_with_sizes,   &greets_since_3_0,   &describes_strictly,     &calls_since_3_0, &channel_since_2_0 },     /* 3.3.0-rc.1 */
};

static const struct vp_cloud_rules on_udp[] = {
/* first  layered bears   buffer  hello                    greeting             describe                 calls             transfer */
{ 0,      true,   true,   800,    &hello_acknowledged,     &greets_since_0_4_8, &describes_all,          &calls_at_first,  &channel_at_first },     /* 0.4.8-rc.1 */
{ 100,    true,   true,   800,    &hello_acknowledged,     &greets_since_0_6,   &describes_as_told,      &calls_at_first,  &channel_at_first },     /* 0.6.0-rc.1 */
{ 103,    true,   true,   800,    &hello_acknowledged,     &greets_since_0_6,   &describes_unchecked,    &calls_at_first,  &channel_with_event },   /* 0.6.1-rc.1 */
{ 104,    true,   true,   800,    &hello_acknowledged,     &greets_since_0_6,   &describes_by_flags,     &calls_at_first,  &channel_with_event },   /* 0.6.1-rc.2 */
{ 200,    true,   true,   800,    &hello_acknowledged,     &greets_since_0_7,   &describes_by_flags,     &calls_at_first,  &channel_with_verdict }, /* 0.7.0-rc.1 */
{ 300,    true,   true,   800,    &hello_with_diagnostics, &greets_since_0_7,   &describes_metrics,      &calls_at_first,  &channel_with_verdict }, /* 0.8.0-rc.1 */
{ 303,    true,   false,  800,    &hello_with_diagnostics, &greets_since_0_7,   &describes_metrics,      &calls_long,      &channel_with_verdict }, /* 0.8.0-rc.4 */
{ 308,    true,   false,  800,    &hello_with_diagnostics, &greets_since_0_7,   &describes_metrics,      &calls_long,      &channel_since_0_8 },    /* 0.8.0-rc.9 */
{ 1100,   true,   false,  800,    &hello_with_diagnostics, &greets_since_1_1,   &describes_metrics,      &calls_long,      &channel_since_0_8 },    /* 1.1.0-rc.1 */
{ 1201,   true,   false,  800,    &hello_with_updates,     &greets_since_1_2,   &describes_metrics,      &calls_long,      &channel_since_1_2 },    /* 1.2.0-beta.1 */
{ 1500,   true,   false,  800,    &hello_with_updates,     &greets_since_1_2,   &describes_metrics,      &calls_layered,   &channel_since_1_2 },    /* 1.5.0-rc.1 */
{ 2000,   true,   false,  800,    &hello_with_goodbye,     &greets_since_2_0,   &describes_separately,   &calls_layered,   &channel_since_2_0 },    /* 2.0.0 */
{ 2201,   true,   false,  900,    &hello_with_goodbye,     &greets_since_2_0,   &describes_separately,   &calls_layered,   &channel_since_2_0 },    /* 2.2.0-rc.2 */
{ 3000,   true,   false,  960,    &hello_with_sizes,       &greets_since_3_0,   &describes_separately,   &calls_since_3_0, &channel_since_2_0 },    /* 3.0.0 */
{ 3300,   true,   false,  960,    &hello_with_sizes,       &greets_since_3_0,   &describes_strictly,     &calls_since_3_0, &channel_since_2_0 },    /* 3.3.0-rc.1 */
};
// clang-format on

static const struct vp_cloud_rules *find(const struct vp_cloud_rules *rules, size_t count,
                                         uint16_t version)
{
    const struct vp_cloud_rules *found = rules;
    for (size_t i = 1; i < count; i++) {
        if (rules[i].first <= version) {
            found = &rules[i];
        }
    }
    return found;
}

const struct vp_cloud_rules *vp_cloud_rules_find(uint16_t version, bool cellular)
{
    return cellular ? find(on_udp, sizeof on_udp / sizeof *on_udp, version)
                    : find(on_tcp, sizeof on_tcp / sizeof *on_tcp, version);
}
