#include "host/guest/guest.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "host/guest/cache/cache.h"
#include "host/guest/cache/command.h"
#include "host/guest/cache/sources.h"

static void need(struct vp_guest_state *state, const char *what, const char *command)
{
    struct vp_guest_need *one = &state->needs[state->need_count++];
    snprintf(one->what, sizeof one->what, "%s", what);
    snprintf(one->command, sizeof one->command, "%s", command);
}

void vp_guest_look(const char *cache, struct vp_guest_state *state)
{
    char folder[PATH_MAX], path[PATH_MAX];
    struct cache_entry entry;
    struct utsname machine;
    *state = (struct vp_guest_state){.prepared = false};
    if (uname(&machine) || strcmp(machine.machine, "x86_64") != 0) {
        need(state, "the guest needs a machine with an amd64 processor", "");
        return;
    }
    if (cache_folder(cache, folder, NULL) == 0 && cache_find(folder, &entry) == 0) {
        state->prepared = true;
        snprintf(state->folder, sizeof state->folder, "%s", entry.folder);
        return;
    }
    if (!sources_find_qemu(path, sizeof path)) {
        need(state, "QEMU (qemu-system-x86_64) is not installed", SOURCES_MEND_QEMU);
    }
    const bool apt = command_find("apt-get", path, sizeof path);
    if (!apt) {
        need(state, "there is no apt-get to download the kernel's package with",
             "vparticle guest prepare --kernel FILE.deb");
    }
    if (!apt && !sources_find_busybox(path, sizeof path)) {
        need(state, "a static busybox is not installed",
             "vparticle guest prepare --kernel FILE.deb --busybox FILE.deb");
    }
}
