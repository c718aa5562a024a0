/*
 * Cases of acm_probe: a device that goes, that loses its driver, or that does not answer.
 */
#include "host/acm_probe.h"

#include <fcntl.h>
#include <linux/usbdevice_fs.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

void case_unplug(void)
{
    uint8_t byte;
    int fd = probe_open(0);
    probe_raw(fd);
    struct pollfd state = {.fd = fd, .events = POLLIN};
    CHECK(poll(&state, 1, 0) == 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(ioctl(fd, TIOCMIWAIT, TIOCM_RI) == -1 && (errno == ENODEV || errno == EIO) ? 0 : 1);
    }
    probe_tell("unplug");
    CHECK(poll(&state, 1, 30000) == 1 && state.revents & POLLHUP);
    int status;
    CHECK(waitpid(child, &status, 0) == child && status == 0);
    CHECK(read(fd, &byte, 1) == 0);
    FAILS(write(fd, "x", 1), EIO);
    struct termios2 settings;
    FAILS(ioctl(fd, TCGETS2, &settings), EIO);
    probe_wait_node(ACM_NODE, false);
    FAILS(open(ACM_NODE, O_RDWR | O_NOCTTY), ENOENT);
    struct stat gone;
    CHECK(fstat(fd, &gone) == 0 && gone.st_rdev == makedev(166, 0));
    probe_wait_node("/sys/class/tty/ttyACM0", false); /* after the node, in the kernel */
    probe_wait_node("/dev/serial", false);            /* udev's, after the kernel */
    /* The number is taken while somebody has the old port open. */
    probe_tell("plug");
    probe_wait_node("/dev/ttyACM1", true);
    FAILS(access(ACM_NODE, F_OK), ENOENT);
    close(fd);
    probe_tell("unplug");
    probe_wait_node("/dev/ttyACM1", false);
    probe_tell("plug");
    probe_wait_node(ACM_NODE, true);
    fd = probe_open(0);
    CHECK(probe_get(fd).c_lflag & ECHO); /* a new port has new settings */
    probe_raw(fd);
    probe_echo(fd);
}

static int driver_request(int usb, unsigned request)
{
    struct usbdevfs_ioctl inner = {.ifno = 0, .ioctl_code = (int)request};
    return ioctl(usb, USBDEVFS_IOCTL, &inner);
}

/* The device's own node: its number is another one each time that it is plugged in. */
static int open_usb(void)
{
    char path[64];
    int number = 0;
    FILE *file = fopen("/sys/bus/usb/devices/1-1/devnum", "r");
    CHECK(file && fscanf(file, "%3d", &number) == 1);
    fclose(file);
    snprintf(path, sizeof path, "/dev/bus/usb/001/%03d", number);
    int usb = open(path, O_RDWR);
    CHECK(usb >= 0);
    return usb;
}

/* The port that comes: the number of the one before is taken until the kernel has cleaned up. */
static int open_new_port(void)
{
    char path[32];
    for (unsigned tries = 0; tries < 30000; tries++) {
        for (unsigned i = 0; i < 4; i++) {
            snprintf(path, sizeof path, "/dev/ttyACM%u", i);
            int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
            if (fd >= 0) {
                return fd;
            }
            CHECK(errno == ENOENT || errno == ENODEV);
        }
        poll(NULL, 0, 1);
    }
    CHECK(!"a new port comes");
    return -1;
}

/* Not if it is cdc_acm; then whatever it is. */
static void disconnect_and_claim(int usb)
{
    unsigned interface = 0;
    int fd = open_new_port();
    struct usbdevfs_disconnect_claim claim = {.flags = USBDEVFS_DISCONNECT_CLAIM_EXCEPT_DRIVER,
                                              .driver = "cdc_acm"};
    FAILS(ioctl(usb, USBDEVFS_DISCONNECT_CLAIM, &claim), EBUSY);
    claim.flags = USBDEVFS_DISCONNECT_CLAIM_IF_DRIVER;
    LOG("lines 3");
    CHECK(ioctl(usb, USBDEVFS_DISCONNECT_CLAIM, &claim) == 0);
    probe_wait("log", "lines 0"); /* the driver's last words */
    CHECK(poll(&(struct pollfd){.fd = fd}, 1, 30000) == 1);
    close(fd);
    CHECK(ioctl(usb, USBDEVFS_RELEASEINTERFACE, &interface) == 0);
    CHECK(driver_request(usb, USBDEVFS_CONNECT) == 1);
}

/* A reset of the device hangs the port up, and gives it back. */
static void reset(int usb)
{
    int fd = open_new_port();
    CHECK(ioctl(usb, USBDEVFS_RESET, 0) == 0);
    CHECK(poll(&(struct pollfd){.fd = fd}, 1, 30000) == 1);
    close(fd);
    fd = open_new_port();
    probe_raw(fd);
    probe_echo(fd);
}

void case_drivers(void)
{
    struct usbdevfs_getdriver driver = {.interface = 1};
    unsigned interface = 0;
    unsigned configuration = 1;
    int usb = open_usb();
    CHECK(ioctl(usb, USBDEVFS_GETDRIVER, &driver) == 0 && strcmp(driver.driver, "cdc_acm") == 0);
    CHECK(access("/sys/bus/usb/devices/1-1:1.0/driver/1-1:1.1", F_OK) == 0);
    FAILS(ioctl(usb, USBDEVFS_CLAIMINTERFACE, &interface), EBUSY);
    FAILS(ioctl(usb, USBDEVFS_SETCONFIGURATION, &configuration), EBUSY);
    FAILS(driver_request(usb, USBDEVFS_CONNECT), EBUSY);
    int fd = probe_open(0);
    probe_raw(fd);
    CHECK(driver_request(usb, USBDEVFS_DISCONNECT) == 0);
    FAILS(write(fd, "x", 1), EIO);
    FAILS(access(ACM_NODE, F_OK), ENOENT);
    FAILS(access("/sys/bus/usb/devices/1-1:1.0/driver", F_OK), ENOENT);
    FAILS(ioctl(usb, USBDEVFS_GETDRIVER, &driver), ENODATA);
    FAILS(driver_request(usb, USBDEVFS_DISCONNECT), ENODATA);
    close(fd);
    probe_wait("pending", "in 0 out 0 notify 0");
    CHECK(ioctl(usb, USBDEVFS_CLAIMINTERFACE, &interface) == 0);
    FAILS(driver_request(usb, USBDEVFS_CONNECT), EBUSY);
    CHECK(ioctl(usb, USBDEVFS_RELEASEINTERFACE, &interface) == 0);
    char log[256];
    probe_ask("log", log, sizeof log);
    CHECK(driver_request(usb, USBDEVFS_CONNECT) == 1);
    LOG("coding 9600 8N1");
    disconnect_and_claim(usb);
    reset(usb);
}

/* A device that does not answer a control request: the kernel gives up after 5 seconds. */
void case_slow(void)
{
    int fd = probe_open(0);
    int bits = TIOCM_DTR;
    probe_tell("slow");
    FAILS(ioctl(fd, TIOCMBIC, &bits), ETIMEDOUT);
    probe_raw(fd);
    probe_echo(fd);
}
