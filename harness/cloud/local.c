#include "cloud/local.h"

#include <errno.h>
#include <ev.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "files/write_file.h"
#include "vparticle/cloud_devices.h"
#include "vparticle/cloud_server.h"
#include "vparticle/server.h"

struct vp_local_cloud {
    struct ev_loop *loop;
    struct vp_cloud *core;
    struct vp_cloud_server *server;
    struct vp_cloud_account *account;
    struct vp_cloud_token token;
    char url[300];
    ev_timer turn; /**< when the core wants to be run again */
};

/* ---- What the core may not do itself --------------------------------------------------------- */

static uint64_t wall_clock(void *context)
{
    (void)context;
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return (uint64_t)time.tv_sec * 1000 + (uint64_t)time.tv_nsec / 1000000;
}

/* The kernel gives up to 256 bytes at once, whole: getrandom(2). */
static void randomness(void *context, uint8_t *bytes, size_t count)
{
    (void)context;
    while (count > 0) {
        const ssize_t got = getrandom(bytes, count < 256 ? count : 256, 0);
        if (got < 0 && errno != EINTR) {
            abort(); /* a token that can be guessed is worse than none */
        }
        bytes += got > 0 ? got : 0;
        count -= got > 0 ? (size_t)got : 0;
    }
}

/* ---- Turns -------------------------------------------------------------------------------------
 */

static void take_turn(struct vp_local_cloud *cloud)
{
    const int64_t again = vp_cloud_run(cloud->core);
    ev_timer_stop(cloud->loop, &cloud->turn);
    if (again >= 0) {
        ev_now_update(cloud->loop);
        ev_timer_set(&cloud->turn, (ev_tstamp)again / 1000., 0.);
        ev_timer_start(cloud->loop, &cloud->turn);
    }
}

static void on_turn(struct ev_loop *loop, ev_timer *timer, int events)
{
    (void)loop;
    (void)events;
    take_turn(timer->data);
}

/* Something came in, perhaps in the middle of a call to a device: its turn comes with the loop's.
 */
static void on_wake(void *context)
{
    struct vp_local_cloud *cloud = context;
    ev_timer_stop(cloud->loop, &cloud->turn);
    ev_timer_set(&cloud->turn, 0., 0.);
    ev_timer_start(cloud->loop, &cloud->turn);
}

static void on_pass(void *context, struct vp_device *device)
{
    vp_server_pass_time(context, device);
}

void vp_local_cloud_settle(struct vp_local_cloud *cloud)
{
    vp_cloud_settle(cloud->core);
    for (take_turn(cloud); ev_is_active(&cloud->turn); take_turn(cloud)) {
        ev_run(cloud->loop, EVRUN_ONCE);
    }
}

/* ---- From first to last -------------------------------------------------------------------- */

/* "NAME:PASSWORD"; an account that is there already keeps its password. */
static int know_account(struct vp_local_cloud *cloud, const char *text, struct vp_failure *failure)
{
    char name[VP_CLOUD_NAME_LIMIT + 1];
    const char *colon = strrchr(text, ':');
    if (!colon || colon == text || !colon[1] || (size_t)(colon - text) >= sizeof name) {
        return vp_fail(failure, VP_ERROR_INVALID, "account '%s': must be NAME:PASSWORD", text);
    }
    snprintf(name, sizeof name, "%.*s", (int)(colon - text), text);
    int error = 0;
    if (!vp_cloud_find_account(cloud->core, name)) {
        error = vp_cloud_add_account(cloud->core, name, colon + 1, failure);
    }
    cloud->account = vp_cloud_find_account(cloud->core, name);
    if (!error) {
        error = vp_cloud_issue_token(cloud->core, cloud->account, "vparticle", 0, &cloud->token);
        if (error) {
            vp_fail(failure, error, "account '%s': %s", name, vp_error_text(error));
        }
    }
    return error;
}

static int start(struct vp_local_cloud *cloud, const struct vp_local_cloud_options *options,
                 struct vp_failure *failure)
{
    const struct vp_cloud_options core = {
        .state = options->state,
        .now = wall_clock,
        .random = randomness,
    };
    int error = vp_cloud_create(&cloud->core, &core, failure);
    if (error) {
        return error;
    }
    vp_cloud_set_wake(cloud->core, on_wake, cloud);
    vp_cloud_set_healer(cloud->core, NULL, !options->no_healer);
    if (options->server) {
        vp_cloud_set_clock(cloud->core, on_pass, options->server);
    }
    error =
        know_account(cloud, options->account ? options->account : VP_LOCAL_CLOUD_ACCOUNT, failure);
    if (!error) {
        const struct vp_cloud_server_options server = {
            .beyond_loopback = true, /* whoever names such an address means it */
            .images = options->modules,
        };
        error = vp_cloud_server_create(&cloud->server, cloud->core, cloud->loop, options->address,
                                       &server, failure);
    }
    if (!error) {
        char address[sizeof cloud->url - sizeof "http://"];
        vp_cloud_server_address(cloud->server, address, sizeof address);
        snprintf(cloud->url, sizeof cloud->url, "http://%s", address);
    }
    return error;
}

int vp_local_cloud_start(struct vp_local_cloud **cloud, struct ev_loop *loop,
                         const struct vp_local_cloud_options *options, struct vp_failure *failure)
{
    struct vp_local_cloud *made = calloc(1, sizeof *made);
    if (!made) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    made->loop = loop;
    ev_timer_init(&made->turn, on_turn, 0., 0.);
    made->turn.data = made;
    const int error = start(made, options, failure);
    if (error) {
        vp_local_cloud_stop(made);
        return error;
    }
    *cloud = made;
    return 0;
}

void vp_local_cloud_stop(struct vp_local_cloud *cloud)
{
    if (cloud) {
        vp_cloud_server_destroy(cloud->server);
        vp_cloud_destroy(cloud->core);
        ev_timer_stop(cloud->loop, &cloud->turn);
        free(cloud);
    }
}

int vp_local_cloud_add(struct vp_local_cloud *cloud, struct vp_device *device,
                       struct vp_failure *failure)
{
    struct vp_cloud_device *known;
    uint8_t id[VP_DEVICE_ID_SIZE];
    vp_device_id(device, id);
    int error = vp_cloud_enroll(cloud->core, id, vp_device_platform(device), &known);
    if (error) {
        return vp_fail(failure, error, "%s", vp_error_text(error));
    }
    error = vp_cloud_claim(cloud->core, cloud->account, known, NULL, failure);
    if (error == VP_ERROR_BUSY) {
        error = 0; /* the state folder says whose it is */
    }
    return error ? error : vp_cloud_attach(cloud->core, device, NULL, failure);
}

const char *vp_local_cloud_url(const struct vp_local_cloud *cloud)
{
    return cloud->url;
}

const char *vp_local_cloud_token(const struct vp_local_cloud *cloud)
{
    return cloud->token.text;
}

const struct vp_cloud_account *vp_local_cloud_account(const struct vp_local_cloud *cloud)
{
    return cloud->account;
}

struct vp_cloud *vp_local_cloud_core(const struct vp_local_cloud *cloud)
{
    return cloud->core;
}

/* ---- A home --------------------------------------------------------------------------------- */

static int write_profile(const struct vp_local_cloud *cloud, const char *path,
                         struct vp_failure *failure)
{
    json_t *profile =
        json_pack("{s:s, s:s, s:s}", "apiUrl", cloud->url, "access_token", cloud->token.text,
                  "username", vp_cloud_account_name(cloud->account));
    char *text = profile ? json_dumps(profile, JSON_INDENT(2)) : NULL;
    const int error = text ? vp_write_file(path, text, strlen(text), failure)
                           : vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    free(text);
    json_decref(profile);
    return error;
}

int vp_local_cloud_write_home(const struct vp_local_cloud *cloud, const char *home,
                              struct vp_failure *failure)
{
    char *folder = NULL, *path = NULL;
    int error = 0;
    if (asprintf(&folder, "%s/.particle", home) < 0) {
        folder = NULL;
    }
    if (folder && asprintf(&path, "%s/particle.config.json", folder) < 0) {
        path = NULL;
    }
    if (!folder || !path) {
        error = vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    } else if (mkdir(folder, 0700) && errno != EEXIST) {
        error = vp_fail(failure, VP_ERROR_IO, "%s: %s", folder, strerror(errno));
    } else {
        error = write_profile(cloud, path, failure);
    }
    free(path);
    free(folder);
    return error;
}
