#include "system/serial/wifi_dialog.h"

#include <string.h>

#include "system/networks.h"
#include "system/serial/pem.h"

enum security { UNSECURED = 0, WEP = 1, WPA = 2, WPA2 = 3, WPA_ENTERPRISE = 4 };

enum {
    SSID_LIMIT = 32,
    PASSWORD_LIMIT = 64,
    /* wlan_hal.cpp: 40-bit key in characters to 232-bit key in digits; WSEC_MIN/MAX_PSK_LEN */
    WEP_SHORTEST = 5,
    WEP_LONGEST = 58,
    WPA_SHORTEST = 8,
    WPA_LONGEST = 64,
    CERTIFICATE_LIMIT = 4095,
    PRIVATE_KEY_LIMIT = 4095,
    IDENTITY_LIMIT = 64,
};

static void ask_ssid(struct vp_system *system)
{
    vp_console_ask(system, VP_CONSOLE_SSID, "SSID: ", SSID_LIMIT);
}

static bool knows_enterprise(const struct vp_system *system)
{
    return system->generation->wifi->enterprise && system->build->wifi->enterprise;
}

static void ask_security(struct vp_system *system)
{
    vp_console_ask(system, VP_CONSOLE_SECURITY,
                   knows_enterprise(system)
                       ? "Security 0=unsecured, 1=WEP, 2=WPA, 3=WPA2, 4=WPA Enterprise, 5=WPA2 "
                         "Enterprise: "
                       : "Security 0=unsecured, 1=WEP, 2=WPA, 3=WPA2: ",
                   1);
}

static void ask_cipher(struct vp_system *system)
{
    vp_console_ask(system, VP_CONSOLE_CIPHER, "Security Cipher 1=AES, 2=TKIP, 3=AES+TKIP: ", 1);
}

static void ask_password(struct vp_system *system, enum vp_console_question question)
{
    vp_console_ask(system, question, "Password: ", PASSWORD_LIMIT);
}

static void ask_eap_type(struct vp_system *system)
{
    vp_console_ask(system, VP_CONSOLE_EAP_TYPE, "EAP Type 0=PEAP/MSCHAPv2, 1=EAP-TLS: ", 1);
}

void vp_wifi_dialog_start(struct vp_system *system)
{
    system->console.security = UNSECURED;
    system->console.ssid[0] = '\0';
    system->console.enterprise = (struct vp_enterprise){false};
    ask_ssid(system);
}

/* ---- The end -------------------------------------------------------------------------------- */

/* wlan_set_credentials_internal() @ v0.7.0 */
static bool is_key_sound(unsigned security, size_t length)
{
    switch (security) {
    case WEP:
        return length >= WEP_SHORTEST && length <= WEP_LONGEST;
    case WPA:
    case WPA2:
        return length >= WPA_SHORTEST && length <= WPA_LONGEST;
    default:
        return true;
    }
}

/* check_enterprise_credentials() @ v0.7.0 */
static bool is_enterprise_sound(const struct vp_enterprise *enterprise)
{
    return enterprise->by_certificate ? enterprise->certificate && enterprise->private_key
                                      : enterprise->username && enterprise->password;
}

static bool are_credentials_sound(const struct vp_system *system, const char *password)
{
    const struct vp_console *console = &system->console;
    if (console->ssid[0] == '\0') {
        return false;
    }
    if (!system->build->wifi->checks_keys || !system->generation->wifi->checks_keys) {
        return true;
    }
    return console->security >= WPA_ENTERPRISE ? is_enterprise_sound(&console->enterprise)
                                               : is_key_sound(console->security, strlen(password));
}

static void save(struct vp_system *system, const char *password)
{
    vp_console_print(system, system->build->wifi->saving);
    if (!are_credentials_sound(system, password)) {
        vp_console_print(system, "Derp. Sorry, we couldn't save the credentials.\r\n\r\n");
        return;
    }
    vp_console_print(system, "Awesome. Now we'll connect!\r\n\r\n");
    vp_console_print(system, system->build->wifi->look_for);
    vp_console_print(system, system->generation->wifi->line_end);
    vp_console_print(system, "has connected to the Cloud and is ready to go!\r\n\r\n");
    vp_console_print(system, "If your LED flashes red or you encounter any other problems,\r\n");
    vp_console_print(system, "visit https://www.particle.io/support to debug.\r\n\r\n");
    vp_console_print(system, "    Particle <3 you!\r\n\r\n");
    vp_networks_set(system, system->console.ssid);
    vp_system_listen(system, false); /* WLAN_SERIAL_CONFIG_DONE */
}

/* ---- Answers -------------------------------------------------------------------------------- */

/* Without Enterprise: a password, if there is any security. */
static void finish(struct vp_system *system)
{
    if (system->console.security != UNSECURED) {
        ask_password(system, VP_CONSOLE_PASSWORD);
    } else {
        save(system, "");
    }
}

static void after_security(struct vp_system *system)
{
    const struct vp_wifi_build *wifi = system->build->wifi;
    if (system->console.security == WEP && wifi->wep_warning) {
        vp_console_print(system, wifi->wep_warning);
    }
    const bool needed = system->console.security >= WPA && wifi->asks_cipher;
    if (needed || system->generation->wifi->always_ciphers) {
        ask_cipher(system);
    } else {
        finish(system);
    }
}

static void after_cipher(struct vp_system *system)
{
    if (system->console.security >= WPA_ENTERPRISE) {
        ask_eap_type(system);
    } else {
        finish(system);
    }
}

static void take_ssid(struct vp_system *system)
{
    if (system->console.line[0] == '\0' && system->generation->wifi->insists_on_ssid) {
        ask_ssid(system);
        return;
    }
    memcpy(system->console.ssid, system->console.line, sizeof system->console.ssid);
    system->console.ssid[SSID_LIMIT] = '\0';
    ask_security(system);
}

static void take_security(struct vp_system *system, char choice)
{
    if (choice < '0' || choice > (knows_enterprise(system) ? '5' : '3')) {
        ask_security(system);
        return;
    }
    system->console.security = (unsigned)(choice - '0');
    after_security(system);
}

static void ask_outer_identity(struct vp_system *system)
{
    vp_console_ask(system, VP_CONSOLE_OUTER_IDENTITY,
                   "Outer identity (optional): ", IDENTITY_LIMIT);
}

static void ask_for_text(struct vp_system *system, enum vp_console_question question,
                         const char *text, uint16_t limit)
{
    if (vp_console_ask_lines(system, question, text, limit)) {
        vp_console_print(system, "Error while preparing to store enterprise credentials.\r\n\r\n");
    }
}

static void take_eap_type(struct vp_system *system, char choice)
{
    system->console.enterprise.by_certificate = choice == '1';
    if (choice == '0') {
        vp_console_ask(system, VP_CONSOLE_USERNAME, "Username: ", IDENTITY_LIMIT);
    } else if (choice == '1') {
        ask_for_text(system, VP_CONSOLE_CERTIFICATE, "Client certificate in PEM format:\r\n",
                     CERTIFICATE_LIMIT);
    } else {
        ask_eap_type(system);
    }
}

static void take_cipher(struct vp_system *system, char choice)
{
    if (choice < '1' || choice > '3') {
        ask_cipher(system);
    } else {
        after_cipher(system);
    }
}

/* The rest of what is asked for WPA Enterprise. A root certificate that cannot be read is left out.
 */
static void go_on_with_enterprise(struct vp_system *system, enum vp_console_question question)
{
    struct vp_console *console = &system->console;
    struct vp_enterprise *enterprise = &console->enterprise;
    switch (question) {
    case VP_CONSOLE_CERTIFICATE:
        enterprise->certificate = vp_pem_is_certificate(console->text);
        ask_for_text(system, VP_CONSOLE_PRIVATE_KEY, "Private key in PEM format:\r\n",
                     PRIVATE_KEY_LIMIT);
        break;
    case VP_CONSOLE_USERNAME:
        enterprise->username = console->line[0] != '\0';
        ask_password(system, VP_CONSOLE_EAP_PASSWORD);
        break;
    case VP_CONSOLE_PRIVATE_KEY:
        enterprise->private_key = vp_pem_is_private_key(console->text);
        ask_outer_identity(system);
        break;
    case VP_CONSOLE_EAP_PASSWORD:
        enterprise->password = console->line[0] != '\0';
        ask_outer_identity(system);
        break;
    case VP_CONSOLE_OUTER_IDENTITY:
        ask_for_text(system, VP_CONSOLE_ROOT_CERTIFICATE, "Root CA in PEM format (optional):\r\n",
                     CERTIFICATE_LIMIT);
        break;
    case VP_CONSOLE_ROOT_CERTIFICATE:
        save(system, "");
        break;
    default:
        break;
    }
}

void vp_wifi_dialog_answer(struct vp_system *system, enum vp_console_question question)
{
    const char choice = system->console.line[0];
    switch (question) {
    case VP_CONSOLE_SSID:
        take_ssid(system);
        break;
    case VP_CONSOLE_SECURITY:
        take_security(system, choice);
        break;
    case VP_CONSOLE_CIPHER:
        take_cipher(system, choice);
        break;
    case VP_CONSOLE_PASSWORD:
        save(system, system->console.line);
        break;
    case VP_CONSOLE_EAP_TYPE:
        take_eap_type(system, choice);
        break;
    default:
        go_on_with_enterprise(system, question);
        break;
    }
}
