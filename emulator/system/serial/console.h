/**
 * @file console.h
 * The commands of listening mode over the serial port.
 *
 * Source: system/src/system_setup.cpp @ v0.4.6, v0.4.9, v0.5.0, v0.6.0, v0.7.0, v0.8.0-rc.1,
 * v1.1.0, v1.5.2, v2.2.0; serialReadLine() in wiring/src/spark_wiring_stream.cpp.
 */
#ifndef VP_SYSTEM_CONSOLE_H
#define VP_SYSTEM_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

struct vp_system;

/** What a line that is being typed is for. */
enum vp_console_question {
    VP_CONSOLE_COMMANDS, /**< nothing was asked: letters are commands */
    VP_CONSOLE_CLAIM_CODE,
    VP_CONSOLE_SSID,
    VP_CONSOLE_SECURITY,
    VP_CONSOLE_CIPHER,
    VP_CONSOLE_PASSWORD,
    VP_CONSOLE_EAP_TYPE,
    VP_CONSOLE_CERTIFICATE, /**< in several lines, up to an empty one */
    VP_CONSOLE_PRIVATE_KEY, /**< likewise */
    VP_CONSOLE_USERNAME,
    VP_CONSOLE_EAP_PASSWORD,
    VP_CONSOLE_OUTER_IDENTITY,
    VP_CONSOLE_ROOT_CERTIFICATE, /**< likewise */
};

enum { VP_CONSOLE_LINE_LIMIT = 128, VP_CLAIM_CODE_SIZE = 63 };

/** What was answered to the questions of WPA Enterprise. */
struct vp_enterprise {
    bool by_certificate;                               /**< EAP-TLS, not PEAP/MSCHAPv2 */
    bool username, password, certificate, private_key; /**< there is one, and it can be read */
};

struct vp_console {
    enum vp_console_question question;
    char line[VP_CONSOLE_LINE_LIMIT + 1];
    uint16_t count;
    uint16_t limit;   /**< one character more ends the line, and is lost */
    uint16_t several; /**< bytes that a text of several lines may still have; 0: one line */
    char *text;       /**< of several lines, while it is typed; NULL: nothing */
    uint16_t text_size;
    unsigned security; /**< answers of the 'w' dialog */
    char ssid[33];
    struct vp_enterprise enterprise;
};

/** Listening mode begins: nothing is being asked. Gives back what was held before. */
void vp_console_start(struct vp_system *system);

/** A byte came, in listening mode while no file is being received. */
void vp_console_take(struct vp_system *system, uint8_t byte);

/* ---- For the dialogs ---------------------------------------------------------------------- */

/** Ask, and read a line of at most @p limit characters as the answer. */
void vp_console_ask(struct vp_system *system, enum vp_console_question question, const char *text,
                    uint16_t limit);

/**
 * Ask for a text of several lines, at most @p limit bytes in all without their ends.
 * @return 0 or VP_ERROR_NO_MEMORY: nothing was asked
 */
int vp_console_ask_lines(struct vp_system *system, enum vp_console_question question,
                         const char *text, uint16_t limit);

/** Say something. */
void vp_console_print(struct vp_system *system, const char *text);

#endif
