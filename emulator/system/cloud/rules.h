/**
 * @file rules.h
 * How the system firmware speaks with the cloud, generation by generation, as tables: one for the
 * boards on TCP, one for the Electron on UDP.
 */
#ifndef VP_CLOUD_RULES_H
#define VP_CLOUD_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "system/generations.h"

/** Hello and the wait for an answer: Messages::hello(); handshake(), Protocol::begin(). */
struct vp_hello_rules {
    uint8_t flags; /**< besides 1: the bootloader copied an image */
    bool sizes;    /**< system version, longest message, longest image, chunk size at its end */
    uint32_t wait; /**< milliseconds for the cloud's Hello; 0: does not wait for it (TCP) */
    bool presents; /**< sends its description by itself, of the system first */
};

/** The events after Hello: Spark_Handshake() in system_cloud_internal.cpp. */
struct vp_greeting_rules {
    bool empty_subsystem;  /**< "spark/" with the radio's version where the event has no name */
    bool blank_claim_code; /**< an erased one is sent, too */
    enum vp_board_set max_binary; /**< "spark/hardware/max_binary"; monolithic ones, if any do */
    bool chunk_size;              /**< "spark/hardware/ota_chunk_size", except 512 on UDP */
    bool last_reset;
    bool update_flags;            /**< "particle/device/updates/enabled" and ".../forced" */
    const char *subscriptions[2]; /**< prefixes, in this order */
    bool own_devices;             /**< only events of one's own devices */
};

/** Answers to GET /d. */
enum vp_describe_answer {
    VP_DESCRIBE_TWICE,     /**< two messages, whatever was asked for */
    VP_DESCRIBE_ONCE,      /**< one, in the acknowledgement */
    VP_DESCRIBE_SEPARATELY /**< an acknowledgement, then a message of its own */
};

struct vp_describe_rules {
    enum vp_describe_answer answer;
    bool always_application; /**< any flag is taken for that of the application */
    bool late_flags;         /**< 2 and 4 are the flags, not 1 and 2 */
    uint8_t flags_limit;     /**< larger numbers are taken for both flags */
    bool strict;             /**< description.cpp: reads options, and insists on them */
};

/** functions.h, variables.h: queue[7] is where the name begins. */
struct vp_call_rules {
    uint8_t name_limit;
    bool long_names;         /**< of 13 bytes and more */
    uint16_t argument_limit; /**< bytes */
    bool misreads_lengths;   /**< an argument below 13 bytes is taken for one of 269 and more */
    bool needs_token;        /**< without one the connection is closed */
    bool separate_value;     /**< a variable comes in a message of its own */
};

/** What a chunk leads to that nobody waits for. */
enum vp_stray_chunk { VP_STRAY_IGNORED, VP_STRAY_DISCONNECTS };

/** chunked_transfer.cpp, spark_protocol.cpp. */
struct vp_transfer_rules {
    uint8_t refusal; /**< code of the acknowledgement; 5.03 comes with the token */
    bool answers_fast_chunks;
    enum vp_stray_chunk stray_chunk;
    bool asks_again;         /**< for missing chunks by itself, and ends the transfer by itself */
    bool skips_duplicates;   /**< of fast chunks */
    uint8_t missing_limit;   /**< indexes in a request */
    bool missing_by_success; /**< no more than came since the last one, and a fifth */
    bool waits_for_ack;      /**< UDP: sends UpdateReady and requests, and does nothing else then */
    bool plain_request;      /**< TCP: requests for chunks are not confirmable */
    bool verdict;            /**< UpdateDone and its acknowledgement say what the check found */
    bool posts_done;         /**< its own UpdateDone is a POST */
    bool resets_in_between;  /**< finishing resets the chip before anything else is sent */
    bool result_event;       /**< "spark/device/ota_result", and a second's wait */
    bool knows_reason;       /**< the reset's reason is "update", not "user" */
};

struct vp_cloud_rules {
    uint16_t first;     /**< first module version of the system parts; the next row ends it */
    bool layered;       /**< protocol.cpp over a channel; before, spark_protocol.cpp does it all */
    bool bears_silence; /**< a ping needs no answer */
    uint16_t buffer;    /**< bytes of its message buffer; the Core's has 640 up to 1.4.x */
    const struct vp_hello_rules *hello;
    const struct vp_greeting_rules *greeting;
    const struct vp_describe_rules *describe;
    const struct vp_call_rules *calls;
    const struct vp_transfer_rules *transfer;
};

/** @return the row for a version of the system parts on a board */
const struct vp_cloud_rules *vp_cloud_rules_find(uint16_t version, bool cellular);

#endif
