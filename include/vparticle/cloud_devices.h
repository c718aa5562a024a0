/**
 * @file cloud_devices.h
 * Emulated devices at the local cloud: connected through an air that may be bad, asked, flashed
 * over the air, and healed.
 *
 * All waiting between a device and the cloud is in the device's own time. At instant speed the
 * device's clock jumps to whatever comes next when nothing is on its way; at real speed its owner
 * lets time pass (vp_cloud_set_clock()).
 */
#ifndef VPARTICLE_CLOUD_DEVICES_H
#define VPARTICLE_CLOUD_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vparticle/device.h"
#include "vparticle/error.h"

struct vp_cloud;
struct vp_cloud_device;

/* ---- Being there, and time ---------------------------------------------------------------------
 */

/**
 * Give an emulated device a network with this cloud behind it. It is enrolled if it was not
 * (vp_cloud_enroll()). Its link (link.h) is the cloud's until it is detached.
 * @param device  borrowed: it must outlive the cloud, or be detached
 * @param[out] record  what the cloud has of it; may be NULL
 * @return 0, VP_ERROR_BUSY (a device with this id is attached), VP_ERROR_IO, VP_ERROR_NO_MEMORY
 */
int vp_cloud_attach(struct vp_cloud *cloud, struct vp_device *device,
                    struct vp_cloud_device **record, struct vp_failure *failure);

/** Take the network away again: jobs fail, requests are answered with VP_ERROR_NOT_FOUND. */
void vp_cloud_detach(struct vp_cloud *cloud, struct vp_device *device);

/**
 * Do what can be done now: deliver messages, send chunks, call handlers. After a bounded amount of
 * work it returns, so that others get their turn. From inside of a handler it does nothing.
 * @return milliseconds of real time until it wants to be called again: 0 if work is left, -1 if it
 *         waits for somebody else
 */
int64_t vp_cloud_run(struct vp_cloud *cloud);

/** Run until nothing is left to do at instant speed; for programs that have no loop of their own.
 */
void vp_cloud_settle(struct vp_cloud *cloud);

/** @param wake  called when there is something for vp_cloud_run() to do that it did not know of,
 *               from inside of a call to a device or to the cloud; it must call neither */
void vp_cloud_set_wake(struct vp_cloud *cloud, void (*wake)(void *context), void *context);

/** @param pass  called by vp_cloud_run() for each device at real speed that waits for something:
 *               lets the time pass that has passed (vp_device_advance()) */
void vp_cloud_set_clock(struct vp_cloud *cloud,
                        void (*pass)(void *context, struct vp_device *device), void *context);

/** Is a message on its way, a job waiting or running, a question open, a healed device restarting?
 */
bool vp_cloud_is_busy(const struct vp_cloud *cloud);

/** What is known of a device's connection. */
struct vp_cloud_connection_facts {
    bool attached;                        /**< an emulated device is there */
    bool online;                          /**< it has said Hello, and was not lost since */
    bool safe_mode;                       /**< it said so when it connected */
    bool busy;                            /**< a job waits or runs */
    uint16_t product_id, product_version; /**< of its Hello */
    uint16_t system_version; /**< module version of system part 2 as described; 0: not known */
    const char *describe;    /**< its description as JSON, or NULL; valid until the next run */
    const char *app_hash;    /**< SHA-256 of its application, upper case; "" if not known */
};

void vp_cloud_connection_facts(const struct vp_cloud_device *device,
                               struct vp_cloud_connection_facts *facts);

/* ---- The air -----------------------------------------------------------------------------------
 */

/**
 * What lies between a device and the cloud. On UDP (Electron) a message that is lost is lost, and
 * jitter changes the order. On TCP (Photon, P1, Core) a lost segment is sent again by TCP itself,
 * a second later and twice as long each time (RFC 6298): there loss is delay and bytes, order is
 * kept, and duplicates cost bytes alone.
 */
struct vp_cloud_air {
    unsigned loss_permille, duplicate_permille; /**< of messages, either way; up to 1000 */
    uint32_t delay_ms, jitter_ms;               /**< of each way: delay + 0 .. jitter */
    uint64_t drop_after_messages; /**< the connection is lost once after so many; 0: never */
    bool unreachable;             /**< no network at all */
    uint64_t seed;                /**< same seed, same story */
};

struct vp_cloud_air_counters {
    uint64_t messages; /**< put into the air, both ways */
    uint64_t lost, duplicated, delayed, reordered;
    uint64_t dropped;    /**< connections lost by drop_after_messages or by TCP */
    uint64_t overflowed; /**< messages lost because too many were under way */
};

/** @param device  NULL: for all, also those attached later. @return 0 or VP_ERROR_INVALID */
int vp_cloud_set_air(struct vp_cloud *cloud, struct vp_cloud_device *device,
                     const struct vp_cloud_air *air);

/** @param device  NULL: the sum of all */
void vp_cloud_air_counters(const struct vp_cloud *cloud, const struct vp_cloud_device *device,
                           struct vp_cloud_air_counters *counters);

/** Bytes on the wire (as an operator bills them) since the device was attached first. */
struct vp_cloud_meter {
    uint64_t up, down; /**< from and to the device; with handshakes, headers and padding */
    uint64_t messages;
    uint64_t handshakes;
};

/** @param device  NULL: the sum of all */
void vp_cloud_meter(const struct vp_cloud *cloud, const struct vp_cloud_device *device,
                    struct vp_cloud_meter *meter);

/* ---- Flashing ------------------------------------------------------------------------------- */

enum vp_cloud_job_state {
    VP_CLOUD_JOB_WAITING, /**< for another one, or for the device to be back */
    VP_CLOUD_JOB_SENDING,
    VP_CLOUD_JOB_SENT, /**< the device has it all: "success", whatever it makes of it */
    VP_CLOUD_JOB_FAILED,
};

enum {
    VP_CLOUD_FILE_NAME_LIMIT = 128, /**< bytes; longer ones are cut */
    VP_CLOUD_JOB_QUEUE = 8,         /**< jobs that may wait for one device */
};

struct vp_cloud_job_facts {
    unsigned id;
    const struct vp_cloud_device *device;
    enum vp_cloud_job_state state;
    bool by_healer;
    char file_name[VP_CLOUD_FILE_NAME_LIMIT];
    uint32_t size;                   /**< bytes of the file */
    uint32_t chunks, sent, repeated; /**< in all; sent at least once; sent again */
    uint64_t up, down;               /**< bytes on the wire while it ran */
    char why[160];                   /**< it failed; or what the device said of the result */
};

/**
 * Flash a device over the air. spark/flash/status tells how it goes. Bytes are copied, once for all
 * devices that are flashed with the same.
 * @param[out] job  may be NULL
 * @return 0; VP_ERROR_NOT_FOUND (not online), VP_ERROR_INVALID (an empty file), VP_ERROR_RANGE
 *         (larger than its OTA area), VP_ERROR_BUSY (VP_CLOUD_JOB_QUEUE wait),
 *         VP_ERROR_UNSUPPORTED (vp_cloud_set_strict()), VP_ERROR_IO, VP_ERROR_NO_MEMORY;
 *         @p failure in the words of the API
 */
int vp_cloud_flash(struct vp_cloud *cloud, struct vp_cloud_device *device, const char *file_name,
                   const uint8_t *bytes, size_t size, unsigned *job, struct vp_failure *failure);

/** @return 0, or VP_ERROR_NOT_FOUND: none of that number, or forgotten (the newest 16 of a device
 *          that have ended are kept) */
int vp_cloud_find_job(const struct vp_cloud *cloud, unsigned job, struct vp_cloud_job_facts *facts);

/** The jobs of a device, oldest first. @param after  0: from the first. @return as above */
int vp_cloud_next_job(const struct vp_cloud_device *device, unsigned after,
                      struct vp_cloud_job_facts *facts);

/**
 * Refuse, as the cloud of May 2016 did, a user application that needs a newer system than the
 * device has: "Flash requires modules not present on device" (particle-cli issue 246). Off at
 * first: by January 2017 it was flashed, and the healer did the rest (same issue).
 */
void vp_cloud_set_strict(struct vp_cloud *cloud, bool strict);

/* ---- The Safe Mode Healer ------------------------------------------------------------------- */

/** On at first. @param device  NULL: for all, whatever was said of one; it is for those to come,
 * too */
void vp_cloud_set_healer(struct vp_cloud *cloud, struct vp_cloud_device *device, bool on);

bool vp_cloud_healer_is_on(const struct vp_cloud *cloud, const struct vp_cloud_device *device);

struct vp_catalogue_module;

/**
 * Where the healer gets a module of the catalogue from, besides vp_cloud_add_module().
 * @param[out] bytes  malloc()ed; the cloud's from then on
 * @return 0, or an error: it makes one by the catalogue
 */
typedef int (*vp_cloud_module_source)(void *context, const struct vp_catalogue_module *module,
                                      uint8_t **bytes, size_t *size);

/** @param source  is asked once for each module; NULL: nobody is */
void vp_cloud_set_module_source(struct vp_cloud *cloud, vp_cloud_module_source source,
                                void *context);

/**
 * Give the healer a real image. Without one it sends a module that is made by the catalogue.
 * @return 0, VP_ERROR_INVALID (no module), VP_ERROR_NO_MEMORY, with @p failure
 */
int vp_cloud_add_module(struct vp_cloud *cloud, const uint8_t *bytes, size_t size,
                        struct vp_failure *failure);

/* ---- Asking a device ------------------------------------------------------------------------ */

struct vp_cloud_reply {
    uint8_t code;           /**< of CoAP: 2.04 is 0x44 */
    const uint8_t *payload; /**< valid during the call; a description is terminated */
    size_t length;
    uint64_t took; /**< milliseconds of the device's time */
};

/**
 * Called once for each question that was accepted.
 * @param error  0; VP_ERROR_NOT_FOUND (it went offline), VP_ERROR_BUSY (no answer in time),
 *               VP_ERROR_INVALID (it refuses: 4.xx or 5.xx)
 * @param reply  NULL unless it answered
 */
typedef void (*vp_cloud_answer)(void *context, int error, const struct vp_cloud_reply *reply);

enum {
    VP_CLOUD_ARGUMENT_LIMIT = 1024, /**< bytes of a function's argument */
    VP_CLOUD_KEY_LIMIT = 64,        /**< bytes of a function's or variable's name */
};

/* Each returns 0: `answer` will be called, not from inside; or VP_ERROR_NOT_FOUND (not online),
 * VP_ERROR_BUSY (a job runs, or too many questions are open), VP_ERROR_INVALID (a name too long),
 * VP_ERROR_NO_MEMORY: it will not. */

int vp_cloud_describe(struct vp_cloud *cloud, struct vp_cloud_device *device,
                      vp_cloud_answer answer, void *context);
/** The reply's payload is the returned value: 4 bytes, most significant first. */
int vp_cloud_call(struct vp_cloud *cloud, struct vp_cloud_device *device, const char *function,
                  const char *argument, vp_cloud_answer answer, void *context);
/** The reply's payload is the value as its type has it (the description says which). */
int vp_cloud_read_variable(struct vp_cloud *cloud, struct vp_cloud_device *device,
                           const char *variable, vp_cloud_answer answer, void *context);
int vp_cloud_ping(struct vp_cloud *cloud, struct vp_cloud_device *device, vp_cloud_answer answer,
                  void *context);
/** Rainbows on or off: "signal". */
int vp_cloud_signal(struct vp_cloud *cloud, struct vp_cloud_device *device, bool on,
                    vp_cloud_answer answer, void *context);

/** Whoever asked has gone: none of its answers is called any more. */
void vp_cloud_forget_answers(struct vp_cloud *cloud, const void *context);

#endif
