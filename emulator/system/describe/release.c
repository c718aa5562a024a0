/* Which release runs: read from the image if that is a real one, else from the catalogue. */
#include "system/describe/release.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vparticle/catalogue.h"

/* append_system_version_info(), system_update.cpp @ v0.4.6: one string in the image. */
static const char spoken[] = "system firmware version: ";

/* Look for the text in an image; it ends with a line end. */
static bool read_aloud(struct vp_system *system, const struct vp_module_slot *slot)
{
    const size_t size = slot->limit - slot->start;
    uint8_t *bytes = malloc(size);
    bool found = false;
    if (bytes && vp_flash_read(system->machine.flash, slot->start, bytes, size) == 0) {
        const uint8_t *at = memmem(bytes, size, spoken, sizeof spoken - 1);
        const uint8_t *from = at ? at + sizeof spoken - 1 : NULL;
        const size_t left = at ? (size_t)(bytes + size - from) : 0;
        const uint8_t *end = at ? memchr(from, '\n', left) : NULL;
        found = end && (size_t)(end - from) < sizeof system->release;
        if (found) {
            memcpy(system->release, from, (size_t)(end - from));
            system->release[end - from] = '\0';
        }
    }
    free(bytes);
    return found;
}

void vp_release_name(struct vp_system *system)
{
    for (unsigned i = 0; i < system->slot_count; i++) {
        const uint8_t function = system->slots[i].function;
        if ((function == VP_MODULE_SYSTEM || function == VP_MODULE_MONOLITHIC) &&
            read_aloud(system, &system->slots[i])) {
            return;
        }
    }
    /* All boards share the numbers; the Core has no releases of its own in the catalogue. */
    const struct vp_catalogue_release *release =
        vp_catalogue_release_by_version(system->machine.board->platform, system->version);
    if (!release) {
        release = vp_catalogue_release_by_version(VP_PLATFORM_PHOTON, system->version);
    }
    if (release) {
        snprintf(system->release, sizeof system->release, "%.*s", (int)strcspn(release->name, "+"),
                 release->name);
    } else {
        snprintf(system->release, sizeof system->release, "%u", system->version);
    }
}

uint16_t vp_release_version(const struct vp_system *system)
{
    const struct vp_catalogue_release *release =
        vp_catalogue_find_release(VP_PLATFORM_PHOTON, system->release);
    return release ? release->version : 0;
}

const char *vp_system_release_name(const struct vp_system *system)
{
    return system->release;
}
