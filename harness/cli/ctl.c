/* vparticle ctl: a board's buttons, cable and light, by its control socket. */
#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/wrong.h"
#include "vparticle/control.h"
#include "vparticle/nearest.h"
#include "vparticle/usbip.h"

static void print_usage(FILE *to)
{
    fputs("Usage: vparticle ctl [--control ADDRESS] [--device N] COMMAND [ARG]...\n\n"
          "Do to an emulated device what a person could do to a board.\n\n"
          "  status                   what it shows, as JSON\n"
          "  mode | led | modules     one thing of it\n"
          "  press MS                 hold the SETUP/MODE button for so many milliseconds\n"
          "  hold | release           the button\n"
          "  reset [MS]               the reset button; the other is held for MS meanwhile\n"
          "  power on|off|cycle       \n"
          "  plug | unplug            the USB cable\n"
          "  time [MS]                let so much of the device's own time go by\n"
          "  speed instant|real       flash operations and starts take no time, or their own\n"
          "  sd FOLDER                an SD card with system1.bin, system2.bin, system3.bin,\n"
          "                           firmware.bin; an application on the device copies them\n"
          "  snapshot NAME            keep flash and registers under a name\n"
          "  restore NAME             put them back, and reset\n"
          "  snapshots                the names\n"
          "  fault KIND [KEY=VALUE].. something goes wrong at the serial port from here on:\n"
          "                           serial-drop, serial-delay, serial-split, serial-insert,\n"
          "                           serial-unplug; keys at, every, ms, bytes, text\n"
          "  faults | clear-faults    those that are set and how often each fired; end them\n"
          "  events [KIND]...         print mode, led, attached, detached, fault events until\n"
          "                           ended\n"
          "  raw JSON                 a request as the socket takes it\n\n"
          "  --control ADDRESS  HOST:PORT or unix:PATH, as given to 'vparticle run --control';\n"
          "                     $" VP_CONTROL_VARIABLE " if not given, which tools under\n"
          "                     'vparticle exec' and in scenarios have\n"
          "  --device N         0 for the first device, which it is if not given\n\n"
          "Exit status: 0 done, 1 the device refused, 2 the command line is wrong, 3 the socket\n"
          "cannot be reached.\n",
          to);
}

/* ---- Words to requests ------------------------------------------------------------------ */

struct words {
    char **list;
    int count;
};

static bool milliseconds(const char *text, json_int_t *value)
{
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return !errno && end != text && !*end && *value >= 0;
}

static json_t *simple(const char *command)
{
    return json_pack("{s:s}", "command", command);
}

static json_t *plain(const struct words *words)
{
    return words->count == 1 ? simple(words->list[0]) : NULL;
}

static json_t *timed(const struct words *words)
{
    json_int_t value;
    return words->count == 2 && milliseconds(words->list[1], &value)
               ? json_pack("{s:s, s:I}", "command", words->list[0], "ms", value)
               : NULL;
}

static json_t *perhaps_timed(const struct words *words)
{
    return words->count == 1 ? plain(words) : timed(words);
}

static json_t *button(const struct words *words)
{
    return words->count == 1 ? json_pack("{s:s, s:b}", "command", "button", "pressed",
                                         strcmp(words->list[0], "hold") == 0)
                             : NULL;
}

static json_t *plug(const struct words *words)
{
    return words->count == 1 ? json_pack("{s:s, s:b}", "command", "plug", "on",
                                         strcmp(words->list[0], "plug") == 0)
                             : NULL;
}

static json_t *power(const struct words *words)
{
    if (words->count != 2) {
        return NULL;
    }
    const bool on = strcmp(words->list[1], "on") == 0;
    return on || strcmp(words->list[1], "off") == 0
               ? json_pack("{s:s, s:b}", "command", "power", "on", on)
               : NULL;
}

static json_t *speed(const struct words *words)
{
    return words->count == 2 ? json_pack("{s:s, s:s}", "command", "speed", "speed", words->list[1])
                             : NULL;
}

/* The other side may run in another folder. */
static json_t *card(const struct words *words)
{
    char *folder = words->count == 2 ? realpath(words->list[1], NULL) : NULL;
    json_t *request = words->count == 2 ? json_pack("{s:s, s:s}", "command", words->list[0],
                                                    "folder", folder ? folder : words->list[1])
                                        : NULL;
    free(folder);
    return request;
}

static json_t *named(const struct words *words)
{
    return words->count == 2
               ? json_pack("{s:s, s:s}", "command", words->list[0], "name", words->list[1])
               : NULL;
}

/* KEY=VALUE, each key once: a number where it is one. */
static bool set_key(json_t *request, const char *word)
{
    const char *equals = strchr(word, '=');
    json_int_t number;
    if (!equals || equals == word) {
        return false;
    }
    const bool text = strncmp(word, "text=", 5) == 0;
    json_t *value =
        !text && milliseconds(equals + 1, &number) ? json_integer(number) : json_string(equals + 1);
    char *key = strndup(word, (size_t)(equals - word));
    const bool set =
        key && value && !json_object_get(request, key) && json_object_set(request, key, value) == 0;
    json_decref(value);
    free(key);
    return set;
}

static json_t *fault(const struct words *words)
{
    json_t *request = words->count >= 2
                          ? json_pack("{s:s, s:s}", "command", "fault", "kind", words->list[1])
                          : NULL;
    for (int i = 2; request && i < words->count; i++) {
        if (!set_key(request, words->list[i])) {
            json_decref(request);
            return NULL;
        }
    }
    return request;
}

static json_t *events(const struct words *words)
{
    json_t *request = simple("subscribe");
    if (words->count > 1) {
        json_t *list = json_array();
        for (int i = 1; i < words->count; i++) {
            json_array_append_new(list, json_string(words->list[i]));
        }
        json_object_set_new(request, "events", list);
    }
    return request;
}

static json_t *raw(const struct words *words)
{
    return words->count == 2 ? json_loads(words->list[1], 0, NULL) : NULL;
}

static const struct command {
    const char *name;
    json_t *(*request)(const struct words *words);
    const char *arguments;
    const char *shown; /* the key of the answer that is printed; NULL: nothing; "": all of it */
} commands[] = {
    {"status", plain, "", ""},
    {"mode", plain, "", "mode"},
    {"led", plain, "", "led"},
    {"modules", plain, "", "modules"},
    {"press", timed, " MILLISECONDS", NULL},
    {"hold", button, "", NULL},
    {"release", button, "", NULL},
    {"reset", perhaps_timed, " [MILLISECONDS]", NULL},
    {"power", power, " on|off|cycle", NULL},
    {"plug", plug, "", NULL},
    {"unplug", plug, "", NULL},
    {"time", perhaps_timed, " [MILLISECONDS]", "time"},
    {"speed", speed, " instant|real", NULL},
    {"sd", card, " FOLDER", "files"},
    {"snapshot", named, " NAME", NULL},
    {"restore", named, " NAME", NULL},
    {"snapshots", plain, "", "snapshots"},
    {"fault", fault, " KIND [KEY=VALUE]...", NULL},
    {"faults", plain, "", "faults"},
    {"clear-faults", plain, "", NULL},
    {"events", events, " [mode|led|attached|detached|fault]...", NULL},
    {"raw", raw, " JSON", ""},
};

static const struct command *find_command(const char *name)
{
    struct vp_nearest nearest = vp_nearest_start(name);
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            return &commands[i];
        }
        vp_nearest_offer(&nearest, commands[i].name);
    }
    vp_cli_wrong("ctl", "there is no command '%s'; the nearest is '%s'", name, nearest.best);
    return NULL;
}

/* ---- The socket ---------------------------------------------------------------------------- */

/* @return a stream to the socket, or NULL with a message printed */
static FILE *reach(const char *address)
{
    struct sockaddr_storage to;
    socklen_t length;
    struct vp_failure failure;
    if (vp_usbip_address_parse(address, &to, &length, &failure)) {
        fprintf(stderr, "vparticle ctl: %s\n", failure.text);
        return NULL;
    }
    const int descriptor = socket(to.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0 || connect(descriptor, (struct sockaddr *)&to, length) != 0) {
        fprintf(stderr,
                "vparticle ctl: cannot reach %s: %s; is 'vparticle run --control %s' running?\n",
                address, strerror(errno), address);
        if (descriptor >= 0) {
            close(descriptor);
        }
        return NULL;
    }
    FILE *stream = fdopen(descriptor, "r");
    if (!stream) {
        fprintf(stderr, "vparticle ctl: %s\n", strerror(errno));
        close(descriptor);
    }
    return stream;
}

static bool send_request(FILE *stream, const json_t *request)
{
    char *text = json_dumps(request, JSON_COMPACT);
    const bool sent = text && dprintf(fileno(stream), "%s\n", text) > 0;
    free(text);
    return sent;
}

/* The next line; NULL at the end. */
static json_t *receive(FILE *stream)
{
    char *line = NULL;
    size_t size = 0;
    const ssize_t length = getline(&line, &size, stream);
    json_t *message = length > 0 ? json_loadb(line, (size_t)length, 0, NULL) : NULL;
    free(line);
    return message;
}

static void print(const json_t *value)
{
    if (json_is_string(value)) {
        puts(json_string_value(value));
        return;
    }
    char *text = json_dumps(value, JSON_INDENT(2) | JSON_ENCODE_ANY);
    puts(text ? text : "");
    free(text);
}

static int ask(FILE *stream, const json_t *request, const char *shown)
{
    json_t *answer = send_request(stream, request) ? receive(stream) : NULL;
    int status = VP_EXIT_OK;
    if (!answer) {
        fputs("vparticle ctl: the connection ended without an answer\n", stderr);
        status = VP_EXIT_SYSTEM;
    } else if (!json_is_true(json_object_get(answer, "ok"))) {
        const char *error = json_string_value(json_object_get(answer, "error"));
        fprintf(stderr, "vparticle ctl: %s\n", error ? error : "refused");
        status = VP_EXIT_FAILED;
    } else if (shown && *shown) {
        print(json_object_get(answer, shown));
    } else if (shown) {
        json_object_del(answer, "ok");
        print(answer);
    }
    json_decref(answer);
    return status;
}

static int follow(FILE *stream)
{
    for (json_t *message; (message = receive(stream));) {
        char *text = json_dumps(message, 0);
        puts(text ? text : "");
        fflush(stdout);
        free(text);
        json_decref(message);
    }
    return VP_EXIT_OK;
}

/* ---- Command line --------------------------------------------------------------------------- */

static int run(const char *address, json_int_t device, const struct words *words)
{
    const struct command *command = find_command(words->list[0]);
    if (!command) {
        return VP_EXIT_USAGE;
    }
    const bool cycle = strcmp(command->name, "power") == 0 && words->count == 2 &&
                       strcmp(words->list[1], "cycle") == 0;
    json_t *request =
        cycle ? json_pack("{s:s, s:b}", "command", "power", "on", 0) : command->request(words);
    if (!json_is_object(request)) {
        json_decref(request);
        return vp_cli_wrong("ctl", "write it as '%s%s'", command->name, command->arguments);
    }
    if (!json_object_get(request, "device")) {
        json_object_set_new(request, "device", json_integer(device));
    }
    FILE *stream = reach(address);
    int status = VP_EXIT_SYSTEM;
    if (stream) {
        status = ask(stream, request, command->shown);
        if (status == VP_EXIT_OK && cycle) {
            json_object_set_new(request, "on", json_true());
            status = ask(stream, request, command->shown);
        }
        if (status == VP_EXIT_OK && strcmp(command->name, "events") == 0) {
            status = follow(stream);
        }
        fclose(stream);
    }
    json_decref(request);
    return status;
}

static const struct option long_options[] = {
    {"control", required_argument, NULL, 'c'},
    {"device", required_argument, NULL, 'd'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

int vp_command_ctl(int argc, char **argv)
{
    const char *address = getenv(VP_CONTROL_VARIABLE);
    json_int_t device = 0;
    signal(SIGPIPE, SIG_IGN); /* a server that ends is told of in words */
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "+:h", long_options, NULL)) != -1;) {
        switch (option) {
        case 'c':
            address = optarg;
            break;
        case 'd':
            if (!milliseconds(optarg, &device)) {
                return vp_cli_wrong(
                    "ctl", "'--device %s': must be a number, 0 for the first device", optarg);
            }
            break;
        case 'h':
            print_usage(stdout);
            return VP_EXIT_OK;
        case ':':
            return vp_cli_wrong("ctl", "option '%s' needs a value", argv[optind - 1]);
        default:
            return vp_cli_unknown_option("ctl", long_options, argv[optind - 1]);
        }
    }
    const struct words words = {argv + optind, argc - optind};
    if (words.count == 0) {
        return vp_cli_wrong("ctl", "the command is missing, for example 'status'");
    }
    if (!address) {
        return vp_cli_wrong("ctl",
                            "which device? Give --control ADDRESS, or set " VP_CONTROL_VARIABLE);
    }
    return run(address, device, &words);
}
