/*
 * The files of a serial port, as tty_register_device() of the kernel makes them in /sys, and udev
 * in /dev and in its database.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "files/remove_folder.h"
#include "host/userland/tree/maker.h"
#include "host/userland/tree/record.h"
#include "host/userland/tree/tree.h"

enum { TTY_PATH_SIZE = 160 };

static struct maker root_of(const struct tree *tree)
{
    struct maker root = {.error = 0};
    snprintf(root.folder, sizeof root.folder, "%s", tree->root);
    return root;
}

/* /sys/devices/platform/vhci_hcd.0/usb1/1-1/1-1:1.0/tty/ttyACM0 */
static int make_folders(const struct maker *root, const char *path, struct uevent_subject tty)
{
    char parent[TTY_PATH_SIZE];
    snprintf(parent, sizeof parent, "sys%.*s", (int)(strrchr(path, '/') - path), path);
    struct maker folder = maker_folder(root, parent);
    folder = maker_folder(&folder, strrchr(path, '/') + 1);
    char interface[TTY_PATH_SIZE];
    uevent_path(uevent_interface(tty.device, tty.interface), interface, sizeof interface);
    char target[TTY_PATH_SIZE + 16];
    snprintf(target, sizeof target, "../../../%s", strrchr(interface, '/') + 1);
    maker_link(&folder, "device", target);
    maker_link(&folder, "subsystem", "../../../../../../../../class/tty");
    maker_file(&folder, "dev", "%u:%u\n", (unsigned)TTY_ACM_MAJOR, tty.tty);
    struct uevent_text text;
    uevent_file(&text, tty);
    maker_bytes(&folder, "uevent", text.data, text.length);
    return folder.error;
}

static void make_names(struct maker *root, const char *path, struct uevent_subject tty)
{
    char name[64];
    char target[TTY_PATH_SIZE + 16];
    snprintf(target, sizeof target, "../..%s", path);
    snprintf(name, sizeof name, "sys/class/tty/ttyACM%u", tty.tty);
    maker_link(root, name, target);
    snprintf(name, sizeof name, "sys/dev/char/%u:%u", (unsigned)TTY_ACM_MAJOR, tty.tty);
    maker_link(root, name, target);
    record_write(root, tty);
}

/* The node is opened by the supervisor; what is here makes lookups and listings right. */
static void make_node(struct maker *root, struct uevent_subject tty)
{
    char links[2][UEVENT_LINK_SIZE];
    char path[MAKER_PATH_SIZE + MAKER_NAME_SIZE];
    char name[32];
    snprintf(name, sizeof name, "dev/ttyACM%u", tty.tty);
    maker_bytes(root, name, "", 0);
    snprintf(path, sizeof path, "%s/%s", root->folder, name);
    chmod(path, 0666);
    struct maker serial = maker_folder(root, "dev/serial");
    maker_folder(&serial, "by-id");
    maker_folder(&serial, "by-path");
    uevent_tty_links(tty, links[0], links[1], sizeof links[0]);
    snprintf(name, sizeof name, "../../ttyACM%u", tty.tty);
    for (unsigned i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "dev/%s", links[i]);
        maker_link(root, path, name);
    }
}

/* The folder of the interface: what acm_probe() adds to it. */
static struct maker interface_of(const struct tree *tree, struct uevent_subject tty)
{
    char path[TTY_PATH_SIZE];
    struct maker folder = {.error = 0};
    uevent_path(uevent_interface(tty.device, tty.interface), path, sizeof path);
    snprintf(folder.folder, sizeof folder.folder, "%s/sys%s", tree->root, path);
    return folder;
}

int tree_add_tty(struct tree *tree, struct uevent_subject tty, unsigned capabilities)
{
    char path[TTY_PATH_SIZE];
    struct maker root = root_of(tree);
    struct maker interface = interface_of(tree, tty);
    uevent_path(tty, path, sizeof path);
    maker_file(&interface, "bmCapabilities", "%u", capabilities);
    if (make_folders(&root, path, tty)) {
        return VP_ERROR_IO;
    }
    make_names(&root, path, tty);
    make_node(&root, tty);
    return root.error;
}

static void remove_file(const struct tree *tree, const char *name)
{
    char path[MAKER_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", tree->root, name);
    unlink(path);
}

/* Two devices without serial numbers share a name; the one that stays keeps it. */
static void remove_link(const struct tree *tree, const char *name, const char *target)
{
    char path[MAKER_PATH_SIZE];
    char found[64];
    snprintf(path, sizeof path, "%s/dev/%s", tree->root, name);
    ssize_t length = readlink(path, found, sizeof found - 1);
    if (length >= 0) {
        found[length] = '\0';
        if (strcmp(found, target) == 0) {
            unlink(path);
        }
    }
}

void tree_remove_tty(struct tree *tree, struct uevent_subject tty)
{
    static const char *const empty[] = {"dev/serial/by-id", "dev/serial/by-path", "dev/serial"};
    char links[2][UEVENT_LINK_SIZE];
    char name[64];
    char target[32];
    snprintf(name, sizeof name, "dev/ttyACM%u", tty.tty);
    remove_file(tree, name);
    uevent_tty_links(tty, links[0], links[1], sizeof links[0]);
    snprintf(target, sizeof target, "../../ttyACM%u", tty.tty);
    remove_link(tree, links[0], target);
    remove_link(tree, links[1], target);
    char path[TTY_PATH_SIZE];
    char folder[MAKER_PATH_SIZE];
    for (unsigned i = 0; i < sizeof empty / sizeof *empty; i++) {
        snprintf(folder, sizeof folder, "%s/%s", tree->root, empty[i]);
        rmdir(folder); /* while other ports need it, it stays */
    }
    snprintf(name, sizeof name, "sys/class/tty/ttyACM%u", tty.tty);
    remove_file(tree, name);
    snprintf(name, sizeof name, "sys/dev/char/%u:%u", (unsigned)TTY_ACM_MAJOR, tty.tty);
    remove_file(tree, name);
    record_remove(tree->root, tty);
    const struct maker interface = interface_of(tree, tty);
    snprintf(folder, sizeof folder, "%.480s/bmCapabilities", interface.folder);
    unlink(folder);
    uevent_path(tty, path, sizeof path);
    snprintf(folder, sizeof folder, "%s/sys%.*s", tree->root, (int)(strrchr(path, '/') - path),
             path);
    vp_remove_folder(folder);
}
