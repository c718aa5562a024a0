#include "system/serial/wifi_dialog.h"

#include <string.h>

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

static void ask_security(struct vp_system *system)
{
    vp_console_ask(system, VP_CONSOLE_SECURITY,
                   system->generation->wifi->enterprise &&
                           system->machine.board->platform != VP_PLATFORM_CORE
                       ? "Security 0=unsecured, 1=WEP, 2=WPA, 3=WPA2, 4=WPA Enterprise, 5=WPA2 "
                         "Enterprise: "
                       : "Security 0=unsecured, 1=WEP, 2=WPA, 3=WPA2: ",
                   1);
}

static void ask_cipher(struct vp_system *system)
{
    vp_console_ask(system, VP_CONSOLE_CIPHER, "Security Cipher 1=AES, 2=TKIP, 3=AES+TKIP: ", 1);
}

static void ask_eap_type(struct vp_system *system)
{
    vp_console_ask(system, VP_CONSOLE_EAP_TYPE, "EAP Type 0=PEAP/MSCHAPv2, 1=EAP-TLS: ", 1);
}

void vp_wifi_dialog_start(struct vp_system *system)
{
    system->console.security = UNSECURED;
    system->console.ssid[0] = '\0';
    ask_ssid(system);
}

/* ---- The end ------------------------------------------------------------------------------------
 */

/* wlan_set_credentials_internal() */
static bool are_credentials_sound(const struct vp_system *system, const char *password)
{
    const size_t length = strlen(password);
    if (system->console.ssid[0] == '\0') {
        return false;
    }
    switch (system->console.security) {
    case WEP:
        return length == 0 || (length >= WEP_SHORTEST && length <= WEP_LONGEST);
    case WPA:
    case WPA2:
        return length == 0 || (length >= WPA_SHORTEST && length <= WPA_LONGEST);
    default:
        return true;
    }
}

static void save(struct vp_system *system, const char *password)
{
    const bool core = system->machine.board->platform == VP_PLATFORM_CORE;
    vp_console_print(system,
                     core ? "Thanks! Wait about 7 seconds while I save those credentials...\r\n\r\n"
                          : "Thanks! Wait while I save those credentials...\r\n\r\n");
    if (!are_credentials_sound(system, password)) {
        vp_console_print(system, "Derp. Sorry, we couldn't save the credentials.\r\n\r\n");
        return;
    }
    vp_console_print(system, "Awesome. Now we'll connect!\r\n\r\n");
    vp_console_print(system, core ? "If you see a pulsing cyan light, your Spark Core\r\n"
                                  : "If you see a pulsing cyan light, your device\r\n");
    vp_console_print(system, "has connected to the Cloud and is ready to go!\r\n\r\n");
    vp_console_print(system, "If your LED flashes red or you encounter any other problems,\r\n");
    vp_console_print(system, "visit https://www.particle.io/support to debug.\r\n\r\n");
    vp_console_print(system, "    Particle <3 you!\r\n\r\n");
    memcpy(system->ssid, system->console.ssid, sizeof system->ssid);
    system->has_credentials = true;
    vp_system_listen(system, false); /* WLAN_SERIAL_CONFIG_DONE */
}

/* ---- Answers ------------------------------------------------------------------------------------
 */

static void after_security(struct vp_system *system)
{
    if (system->console.security == WEP && system->machine.board->platform == VP_PLATFORM_CORE) {
        vp_console_print(
            system, "\r\n ** Even though the CC3000 supposedly supports WEP,"
                    "\r\n ** we at Spark have never seen it work."
                    "\r\n ** If you control the network, we recommend changing it to WPA2.\r\n");
    }
    /* the dry run asks for the cipher of WPA and WPA2; the CC3000 never does */
    const bool needed =
        system->console.security >= WPA && system->machine.board->platform != VP_PLATFORM_CORE;
    if (needed || system->generation->wifi->always_ciphers) {
        ask_cipher(system);
    } else if (system->console.security != UNSECURED) {
        vp_console_ask(system, VP_CONSOLE_PASSWORD, "Password: ", PASSWORD_LIMIT);
    } else {
        save(system, "");
    }
}

static void after_cipher(struct vp_system *system)
{
    if (system->console.security >= WPA_ENTERPRISE) {
        ask_eap_type(system);
    } else if (system->console.security != UNSECURED) {
        vp_console_ask(system, VP_CONSOLE_PASSWORD, "Password: ", PASSWORD_LIMIT);
    } else {
        save(system, "");
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
    const bool enterprise =
        system->generation->wifi->enterprise && system->machine.board->platform != VP_PLATFORM_CORE;
    if (choice < '0' || choice > (enterprise ? '5' : '3')) {
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

static void take_eap_type(struct vp_system *system, char choice)
{
    if (choice == '0') {
        vp_console_ask(system, VP_CONSOLE_USERNAME, "Username: ", IDENTITY_LIMIT);
    } else if (choice == '1') {
        vp_console_ask_lines(system, VP_CONSOLE_CERTIFICATE,
                             "Client certificate in PEM format:\r\n", CERTIFICATE_LIMIT);
    } else {
        ask_eap_type(system);
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
        if (choice < '1' || choice > '3') {
            ask_cipher(system);
        } else {
            after_cipher(system);
        }
        break;
    case VP_CONSOLE_PASSWORD:
        save(system, system->console.line);
        break;
    case VP_CONSOLE_EAP_TYPE:
        take_eap_type(system, choice);
        break;
    case VP_CONSOLE_CERTIFICATE:
        vp_console_ask_lines(system, VP_CONSOLE_PRIVATE_KEY, "Private key in PEM format:\r\n",
                             PRIVATE_KEY_LIMIT);
        break;
    case VP_CONSOLE_USERNAME:
        vp_console_ask(system, VP_CONSOLE_EAP_PASSWORD, "Password: ", PASSWORD_LIMIT);
        break;
    case VP_CONSOLE_PRIVATE_KEY:
    case VP_CONSOLE_EAP_PASSWORD:
        ask_outer_identity(system);
        break;
    case VP_CONSOLE_OUTER_IDENTITY:
        vp_console_ask_lines(system, VP_CONSOLE_ROOT_CERTIFICATE,
                             "Root CA in PEM format (optional):\r\n", CERTIFICATE_LIMIT);
        break;
    case VP_CONSOLE_ROOT_CERTIFICATE:
        save(system, "");
        break;
    default:
        break;
    }
}
