/*
 * A cloud for tests with tools: accounts and devices that are only known to it, on a free port.
 * Says where it is and what the tokens are, one NAME=VALUE a line, and ends with its standard
 * input.
 *
 *     cloud_server [CONNECTIONS [TIMEOUT]]
 */
#include <ev.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "vparticle/cloud_server.h"

static uint64_t now(void *context)
{
    struct timespec time;
    (void)context;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

static void randomness(void *context, uint8_t *bytes, size_t count)
{
    (void)context;
    if (RAND_bytes(bytes, (int)count) != 1) {
        abort();
    }
}

static void say(void *context, const char *line)
{
    (void)context;
    fprintf(stderr, "%s\n", line);
}

static void on_input(struct ev_loop *loop, ev_io *io, int events)
{
    char byte;
    (void)events;
    if (read(io->fd, &byte, 1) <= 0) {
        ev_break(loop, EVBREAK_ALL);
    }
}

static void check(int error, const struct vp_failure *failure)
{
    if (error) {
        fprintf(stderr, "cloud_server: %s\n", failure->text);
        exit(1);
    }
}

static void add_account(struct vp_cloud *cloud, const char *name, const char *password,
                        const char *device_name, uint8_t number)
{
    struct vp_failure failure;
    struct vp_cloud_token token;
    struct vp_cloud_device *device;
    const uint8_t id[VP_DEVICE_ID_SIZE] = {0x30, [VP_DEVICE_ID_SIZE - 1] = number};
    check(vp_cloud_add_account(cloud, name, password, &failure), &failure);
    struct vp_cloud_account *account = vp_cloud_find_account(cloud, name);
    if (vp_cloud_issue_token(cloud, account, "test", 0, &token) ||
        vp_cloud_enroll(cloud, id, VP_PLATFORM_PHOTON, &device)) {
        abort();
    }
    check(vp_cloud_claim(cloud, account, device, device_name, &failure), &failure);
    printf("%s=%s\n", name, token.text);
}

int main(int argc, char **argv)
{
    struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
    struct vp_cloud *cloud;
    struct vp_cloud_server *server;
    struct vp_failure failure;
    char address[64];
    const struct vp_cloud_options options = {.now = now, .random = randomness};
    const unsigned timeout = argc > 2 ? (unsigned)strtoul(argv[2], NULL, 10) : 0;
    const struct vp_cloud_server_options server_options = {
        .connection_limit = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 10) : 0,
        .head_timeout = timeout,
        .body_timeout = timeout,
        .log = getenv("CLOUD_LOG") ? say : NULL,
    };
    check(vp_cloud_create(&cloud, &options, &failure), &failure);
    add_account(cloud, "alice", "wonder", "lamp", 1);
    add_account(cloud, "bob", "builder", "crane", 2);
    check(vp_cloud_server_create(&server, cloud, loop, "127.0.0.1:0", &server_options, &failure),
          &failure);
    vp_cloud_server_address(server, address, sizeof address);
    printf("address=%s\n", address);
    fflush(stdout);
    ev_io input;
    ev_io_init(&input, on_input, STDIN_FILENO, EV_READ);
    ev_io_start(loop, &input);
    ev_run(loop, 0);
    vp_cloud_server_destroy(server);
    vp_cloud_destroy(cloud);
    ev_loop_destroy(loop);
    return 0;
}
