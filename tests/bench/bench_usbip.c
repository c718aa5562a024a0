/**
 * @file bench_usbip.c
 * How fast is `vparticle run` over TCP, compared with two programs that do nothing but pass
 * messages of the same sizes over the same kind of socket? Client and servers share one
 * core, so that the figures do not depend on how many cores there are or on wake-ups across them.
 *
 * The machine may be noisy: bare and real exchanges alternate in short slices, and what is
 * printed is the median of the ratios of neighbouring slices.
 *
 *     bench_usbip VPARTICLE [SPEC]        starts VPARTICLE run --device SPEC
 *     bench_usbip --connect HOST:PORT     uses a running one (on this core: taskset)
 *
 * Each line: median ratio / limit, then the medians of the two times that were compared.
 * Exit status 0 if all ratios are within their limits, 1 if not, 3 if it could not measure.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/usbip_client.h"

enum {
    SLICES = 400,
    WARM_UP_SLICES = 20,
    ROUNDS = 60, /**< exchanges of one slice */
    BURSTS = 15, /**< times IN_FLIGHT requests of one slice */
    BLOCKS = 20, /**< downloaded blocks of one slice */
    IN_FLIGHT = 16,
    BLOCK_SIZE = 4096,
    STATUS_SIZE = 6,
    /* The Photon's flash from system part 2 to its end. */
    AREA = 0x08060000,
    AREA_END = 0x08100000,
    SECTOR_SIZE = 0x20000,
};

static const uint8_t get_status[8] = {0xA1, 3, 0, 0, 0, 0, STATUS_SIZE, 0};

__attribute__((noreturn)) static void give_up(const char *what)
{
    fprintf(stderr, "bench_usbip: %s\n", what);
    exit(3);
}

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

/* ---- The bare exchange ------------------------------------------------------------------- */

/** The sizes of the messages of a USB/IP exchange: a request, and its answer. */
struct exchange {
    size_t request, answer;
};

static const struct exchange status_exchange = {VP_USBIP_HEADER_SIZE,
                                                VP_USBIP_HEADER_SIZE + STATUS_SIZE};
static const struct exchange block_exchange = {VP_USBIP_HEADER_SIZE + BLOCK_SIZE,
                                               VP_USBIP_HEADER_SIZE};

static void receive_all(int fd, uint8_t *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t received = recv(fd, bytes + done, count - done, 0);
        if (received <= 0) {
            exit(3);
        }
        done += (size_t)received;
    }
}

static void send_all(int fd, const uint8_t *bytes, size_t count)
{
    for (size_t done = 0; done < count;) {
        ssize_t sent = send(fd, bytes + done, count - done, MSG_NOSIGNAL);
        if (sent <= 0) {
            exit(3);
        }
        done += (size_t)sent;
    }
}

/** Serve one client for ever: its first byte says whether a block is in the cycle. */
__attribute__((noreturn)) static void serve_bare(int listener)
{
    static uint8_t bytes[VP_USBIP_HEADER_SIZE + BLOCK_SIZE];
    const int on = 1;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    int fd = accept(listener, NULL, NULL);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    receive_all(fd, bytes, 1);
    bool blocks = bytes[0] != 0;
    for (;;) {
        if (blocks) {
            receive_all(fd, bytes, block_exchange.request);
            send_all(fd, bytes, block_exchange.answer);
        }
        for (int i = 0; i < 2; i++) {
            receive_all(fd, bytes, status_exchange.request);
            send_all(fd, bytes, status_exchange.answer);
        }
    }
}

static int start_bare(bool blocks)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    const int on = 1;
    const uint8_t first = blocks;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(listener, 1) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0) {
        give_up("no socket for the bare server");
    }
    pid_t child = fork();
    if (child == 0) {
        serve_bare(listener);
    }
    close(listener);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (child < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        give_up("no connection to the bare server");
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    send_all(fd, &first, 1);
    return fd;
}

/* ---- The real one --------------------------------------------------------------------------- */

/** Start `vparticle run` and wait for its ready file. */
static pid_t start_server(const char *program, const char *spec, char *address, size_t size)
{
    char directory[] = "/tmp/bench_usbip.XXXXXX";
    char ready[64];
    if (!mkdtemp(directory)) {
        give_up("no temporary directory");
    }
    snprintf(ready, sizeof ready, "%s/ready", directory);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (!freopen("/dev/null", "w", stdout)) {
            _exit(127);
        }
        execl(program, program, "run", "--device", spec, "--usbip", "127.0.0.1:0", "--ready-file",
              ready, (char *)NULL);
        perror(program);
        _exit(127);
    }
    FILE *file = NULL;
    while (child > 0 && !file && waitpid(child, NULL, WNOHANG) == 0) {
        usleep(1000);
        file = fopen(ready, "r");
    }
    if (!file || !fgets(address, (int)size, file)) {
        give_up("the server did not start");
    }
    address[strcspn(address, "\n")] = '\0';
    fclose(file);
    unlink(ready);
    rmdir(directory);
    return child;
}

static void stop_server(pid_t child)
{
    if (child > 0) {
        kill(child, SIGTERM);
        waitpid(child, NULL, 0);
    }
}

/** A request as bytes, made once: what the client does between exchanges is the same for both. */
struct request {
    uint8_t bytes[IN_FLIGHT * VP_USBIP_HEADER_SIZE + BLOCK_SIZE];
    size_t size;
};

/** The bare server's answers are looked at as well, so that the client's work is the same. */
static void check_answer(const uint8_t *bytes, uint32_t actual, bool real)
{
    struct vp_usbip_header header;
    vp_usbip_decode_header(&header, bytes);
    if (!real) {
        return;
    }
    if (header.command != VP_USBIP_RET_SUBMIT || header.submitted.status != 0 ||
        header.submitted.actual != actual) {
        give_up("the device did not do what was asked");
    }
}

static void require(int moved, int expected)
{
    if (moved != expected) {
        give_up("the device refuses to go into DFU download");
    }
}

/** A DfuSe command (UM0391) with the two GETSTATUS that carry it out. */
static void command(struct usbip_client *client, uint8_t number, uint32_t address)
{
    uint8_t bytes[5] = {number, (uint8_t)address, (uint8_t)(address >> 8), (uint8_t)(address >> 16),
                        (uint8_t)(address >> 24)};
    static const uint8_t setup[8] = {0x21, 1, 0, 0, 0, 0, sizeof bytes, 0};
    uint8_t status[STATUS_SIZE];
    require(usbip_client_control(client, setup, bytes), sizeof bytes);
    require(usbip_client_control(client, get_status, status), STATUS_SIZE);
    require(usbip_client_control(client, get_status, status), STATUS_SIZE);
}

/** Erase the sectors that are downloaded to, and point the device's address at the first. */
static void prepare_download(struct usbip_client *client)
{
    for (uint32_t address = AREA; address < AREA_END; address += SECTOR_SIZE) {
        command(client, 0x41, address);
    }
    command(client, 0x21, AREA);
}

static void configure(struct usbip_client *client)
{
    static const uint8_t set_configuration[8] = {0x00, 9, 1, 0, 0, 0, 0, 0};
    require(usbip_client_control(client, set_configuration, NULL), 0);
}

/* ---- Slices --------------------------------------------------------------------------------- */

static int bare_status, bare_blocks;
static struct usbip_client client;
static struct request status_request, block_request, burst_request;
static uint8_t answer[IN_FLIGHT * (VP_USBIP_HEADER_SIZE + STATUS_SIZE)];

static void exchange(int fd, const struct request *request, size_t answer_size)
{
    send_all(fd, request->bytes, request->size);
    receive_all(fd, answer, answer_size);
}

static double status_slice(int fd, bool real)
{
    double start = now();
    for (int i = 0; i < ROUNDS; i++) {
        exchange(fd, &status_request, status_exchange.answer);
        check_answer(answer, STATUS_SIZE, real);
    }
    return (now() - start) / ROUNDS;
}

/** Blocks one after the other through erased flash, as a tool downloads them. */
static double block_slice(int fd, bool real)
{
    enum { FIRST_BLOCK = 2, LAST_BLOCK = FIRST_BLOCK + (AREA_END - AREA) / BLOCK_SIZE - 1 };
    static int next = LAST_BLOCK;
    if (real && next + BLOCKS > LAST_BLOCK + 1) {
        prepare_download(&client);
        next = FIRST_BLOCK;
    }
    double start = now();
    for (int i = 0; i < BLOCKS; i++) {
        uint8_t *value = block_request.bytes + VP_USBIP_HEADER_SIZE - 6; /* wValue in the setup */
        value[0] = (uint8_t)next;
        value[1] = (uint8_t)(next >> 8);
        next += real;
        exchange(fd, &block_request, block_exchange.answer);
        check_answer(answer, BLOCK_SIZE, real);
        for (int j = 0; j < 2; j++) {
            exchange(fd, &status_request, status_exchange.answer);
            check_answer(answer, STATUS_SIZE, real);
        }
    }
    return (now() - start) / BLOCKS;
}

static double burst_slice(void)
{
    double start = now();
    for (int i = 0; i < BURSTS; i++) {
        exchange(client.fd, &burst_request, sizeof answer);
        for (int j = 0; j < IN_FLIGHT; j++) {
            check_answer(answer + j * status_exchange.answer, STATUS_SIZE, true);
        }
    }
    return (now() - start) / (BURSTS * IN_FLIGHT);
}

static void make_requests(void)
{
    static const uint8_t download[8] = {0x21, 1, 2, 0, 0, 0, BLOCK_SIZE & 0xFF, BLOCK_SIZE >> 8};
    static uint8_t block[BLOCK_SIZE];
    for (size_t i = 0; i < sizeof block; i++) {
        block[i] = (uint8_t)(i * 7 + i / 256);
    }
    status_request.size = usbip_client_make_submit(&client, status_request.bytes, 0, true,
                                                   get_status, NULL, STATUS_SIZE);
    block_request.size = usbip_client_make_submit(&client, block_request.bytes, 0, false, download,
                                                  block, sizeof block);
    for (int i = 0; i < IN_FLIGHT; i++) {
        burst_request.size +=
            usbip_client_make_submit(&client, burst_request.bytes + burst_request.size, 0, true,
                                     get_status, NULL, STATUS_SIZE);
    }
}

/* ---- Figures -------------------------------------------------------------------------------- */

struct figure {
    const char *what;
    double limit;
    double ratios[SLICES], bare[SLICES], real[SLICES];
};

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static double median(double *values)
{
    qsort(values, SLICES, sizeof values[0], compare);
    return values[SLICES / 2];
}

static bool print_figure(struct figure *figure)
{
    double ratio = median(figure->ratios);
    printf("%-58s %6.2f / %.2f   (%.2f us, %.2f us)\n", figure->what, ratio, figure->limit,
           median(figure->bare) * 1e6, median(figure->real) * 1e6);
    return ratio >= figure->limit;
}

static void record(struct figure *figure, int slice, double bare, double real)
{
    if (slice >= 0) {
        figure->ratios[slice] = bare / real;
        figure->bare[slice] = bare;
        figure->real[slice] = real;
    }
}

static bool measure(void)
{
    static struct figure figures[] = {
        {.what = "control requests in sequence: of the bare socket's rate", .limit = 0.90},
        {.what = "DFU download, 4096-byte blocks: of the bare socket's rate", .limit = 0.90},
        {.what = "16 requests in flight: times the rate in sequence", .limit = 5.0},
    };
    for (int slice = -WARM_UP_SLICES; slice < SLICES; slice++) {
        double bare, real;
        if (slice & 1) { /* neither is always the one that comes second */
            bare = status_slice(bare_status, false);
            real = status_slice(client.fd, true);
        } else {
            real = status_slice(client.fd, true);
            bare = status_slice(bare_status, false);
        }
        record(&figures[0], slice, bare, real);
        record(&figures[2], slice, real, burst_slice());
        if (slice & 1) {
            bare = block_slice(bare_blocks, false);
            real = block_slice(client.fd, true);
        } else {
            real = block_slice(client.fd, true);
            bare = block_slice(bare_blocks, false);
        }
        record(&figures[1], slice, bare, real);
    }
    bool good = true;
    puts("measured / limit, medians of paired slices on one core");
    for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
        good = print_figure(&figures[i]) && good;
    }
    return good;
}

static void stay_on_one_core(void)
{
    cpu_set_t all, one;
    sched_getaffinity(0, sizeof all, &all);
    CPU_ZERO(&one);
    for (int cpu = CPU_SETSIZE - 1; cpu >= 0; cpu--) {
        if (CPU_ISSET(cpu, &all)) {
            CPU_SET(cpu, &one);
            break;
        }
    }
    if (sched_setaffinity(0, sizeof one, &one) != 0) {
        give_up("cannot stay on one core");
    }
}

int main(int argc, char **argv)
{
    char address[VP_USBIP_ADDRESS_SIZE];
    pid_t server = 0;
    if (argc < 2) {
        give_up("usage: bench_usbip VPARTICLE [SPEC] | --connect HOST:PORT");
    }
    stay_on_one_core();
    if (strcmp(argv[1], "--connect") == 0 && argc == 3) {
        snprintf(address, sizeof address, "%s", argv[2]);
    } else {
        server = start_server(argv[1], argc > 2 ? argv[2] : "photon@0.5.2,mode=dfu", address,
                              sizeof address);
    }
    if (usbip_client_connect(&client, address) != 0 || usbip_client_import(&client, "1-1") != 0) {
        give_up("cannot import the device 1-1");
    }
    configure(&client);
    make_requests();
    bare_status = start_bare(false);
    bare_blocks = start_bare(true);
    bool good = measure();
    usbip_client_close(&client);
    stop_server(server);
    return good ? 0 : 1;
}
