#include "vparticle/usbip.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>

static const char unix_prefix[] = "unix:";
enum { UNIX_PREFIX_LENGTH = sizeof unix_prefix - 1 };

static int parse_unix(const char *path, struct sockaddr_storage *address, socklen_t *length,
                      struct vp_failure *failure)
{
    struct sockaddr_un *to = (struct sockaddr_un *)address;
    size_t path_length = strlen(path);
    if (path_length == 0) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "address 'unix:': the path is missing; write unix:PATH");
    }
    if (path_length >= sizeof to->sun_path) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "address 'unix:%.80s...': the path has %zu bytes, and a UNIX socket's can "
                       "have %zu at most; use a shorter or a relative one",
                       path, path_length, sizeof to->sun_path - 1);
    }
    to->sun_family = AF_UNIX;
    memcpy(to->sun_path, path, path_length + 1);
    *length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path_length + 1);
    return 0;
}

/** Split at the last colon; brackets around the host go away. False if it has no such form. */
static bool split(const char *text, char *host, size_t host_size, const char **port)
{
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text) {
        return false;
    }
    size_t length = (size_t)(colon - text);
    bool bracketed = text[0] == '[' && length > 2 && colon[-1] == ']';
    if (bracketed) {
        text++;
        length -= 2;
    } else if (memchr(text, ':', length)) {
        return false; /* IPv6 without brackets: which colon starts the port is a guess */
    }
    if (length >= host_size) {
        return false;
    }
    memcpy(host, text, length);
    host[length] = '\0';
    *port = colon + 1;
    size_t digits = strspn(*port, "0123456789");
    return digits >= 1 && digits <= 5 && (*port)[digits] == '\0';
}

static bool is_port(const char *digits)
{
    unsigned int port = 0;
    return sscanf(digits, "%u", &port) == 1 && port <= 65535;
}

int vp_usbip_address_parse(const char *text, struct sockaddr_storage *address, socklen_t *length,
                           struct vp_failure *failure)
{
    memset(address, 0, sizeof *address);
    if (strncmp(text, unix_prefix, UNIX_PREFIX_LENGTH) == 0) {
        return parse_unix(text + UNIX_PREFIX_LENGTH, address, length, failure);
    }
    char host[64];
    const char *port;
    if (!split(text, host, sizeof host, &port) || !is_port(port)) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "address '%.100s': not HOST:PORT, [IPV6]:PORT or unix:PATH; "
                       "write for example 127.0.0.1:%d",
                       text, VP_USBIP_DEFAULT_PORT);
    }
    const struct addrinfo hints = {.ai_family = AF_UNSPEC,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    int error = getaddrinfo(numeric, port, &hints, &found);
    if (error) {
        return vp_fail(failure, VP_ERROR_INVALID,
                       "address '%.100s': '%s' is not a numeric address (%s); "
                       "write for example 127.0.0.1:%s",
                       text, host, gai_strerror(error), port);
    }
    memcpy(address, found->ai_addr, found->ai_addrlen);
    *length = found->ai_addrlen;
    freeaddrinfo(found);
    return 0;
}

void vp_usbip_address_text(char *text, size_t size, const struct sockaddr_storage *address,
                           socklen_t length)
{
    if (address->ss_family == AF_UNIX) {
        const struct sockaddr_un *from = (const struct sockaddr_un *)address;
        size_t start = offsetof(struct sockaddr_un, sun_path);
        int path_length = length > start ? (int)strnlen(from->sun_path, (size_t)length - start) : 0;
        snprintf(text, size, "%s%.*s", unix_prefix, path_length, from->sun_path);
        return;
    }
    char host[64];
    char port[8];
    if (getnameinfo((const struct sockaddr *)address, length, host, sizeof host, port, sizeof port,
                    NI_NUMERICHOST | NI_NUMERICSERV)) {
        snprintf(text, size, "unknown address");
        return;
    }
    bool bracketed = address->ss_family == AF_INET6;
    snprintf(text, size, bracketed ? "[%s]:%s" : "%s:%s", host, port);
}
