#include "hardware/clone.h"

#include <stdlib.h>
#include <string.h>

#include "vparticle/bootloader.h"
#include "vparticle/module.h"

/* The part of the address space that DFU gives to the DCT (emulator/usb/dfu_memory.c, DCT_LIMIT).
 */
enum { DCT_END = 0x4000 };

static const char no_layout[] = "the board does not say that this can be read";
static const char hidden_by_dct[] = "a bootloader before version 7 shows the DCT here";

/* A stretch to be read; `end` is exclusive. */
struct stretch {
    uint64_t start, end;
};

/* ---- What to read --------------------------------------------------------------------------- */

static uint64_t end_of(const struct vp_flash_geometry *geometry)
{
    const struct vp_flash_sector *last = &geometry->sectors[geometry->sector_count - 1];
    return (uint64_t)last->address + last->size;
}

static bool reaches_into(const struct vp_layout *layout, const struct vp_flash_geometry *geometry)
{
    for (unsigned i = 0; i < layout->count; i++) {
        const struct vp_layout_segment *segment = &layout->segments[i];
        if (segment->readable && segment->address < end_of(geometry) &&
            (uint64_t)segment->address + segment->size > geometry->sectors[0].address) {
            return true;
        }
    }
    return false;
}

/* The DCT is shown from address 0 on, where serial flash begins, too; only their names differ. */
static bool is_dct(const struct vp_layout *layout)
{
    return strncmp(layout->name, "DCT", 3) == 0;
}

/* @return the alternate setting, or layout_count if none shows the flash */
static unsigned find_alternate(const struct vp_clone_source *source,
                               const struct vp_flash_geometry *geometry)
{
    unsigned alternate = 0;
    while (alternate < source->layout_count &&
           (is_dct(&source->layouts[alternate]) ||
            !reaches_into(&source->layouts[alternate], geometry))) {
        alternate++;
    }
    return alternate;
}

static int by_start(const void *one, const void *other)
{
    const struct stretch *a = one, *b = other;
    return a->start < b->start ? -1 : a->start > b->start;
}

/* The readable segments within the flash, ascending and without overlaps: a board may say anything.
 */
static unsigned plan(const struct vp_layout *layout, uint64_t start, uint64_t end,
                     struct stretch *stretches)
{
    unsigned count = 0, kept = 0;
    for (unsigned i = 0; i < layout->count; i++) {
        const struct vp_layout_segment *segment = &layout->segments[i];
        const uint64_t segment_end = (uint64_t)segment->address + segment->size;
        const struct stretch own = {segment->address > start ? segment->address : start,
                                    segment_end < end ? segment_end : end};
        if (segment->readable && own.start < own.end) {
            stretches[count++] = own;
        }
    }
    qsort(stretches, count, sizeof *stretches, by_start);
    for (unsigned i = 0; i < count; i++) {
        if (kept > 0 && stretches[i].start <= stretches[kept - 1].end) {
            if (stretches[i].end > stretches[kept - 1].end) {
                stretches[kept - 1].end = stretches[i].end;
            }
        } else {
            stretches[kept++] = stretches[i];
        }
    }
    return kept;
}

static void add_gap(struct vp_clone *clone, uint64_t start, uint64_t end, const char *why)
{
    if (start < end) {
        clone->gaps[clone->gap_count++] =
            (struct vp_clone_gap){(uint32_t)start, (uint32_t)(end - start), why};
    }
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* Progress of a stretch, as progress of the image. */
struct offset {
    const struct vp_dfu_progress *progress;
    uint32_t before;
};

static void told(void *context, uint32_t done)
{
    const struct offset *offset = context;
    offset->progress->told(offset->progress->context, offset->before + done);
}

static int read_stretch(const struct vp_clone_source *source, struct vp_clone *clone,
                        const struct stretch *stretch, struct vp_failure *failure)
{
    const uint32_t before = (uint32_t)(stretch->start - clone->address);
    struct offset offset = {source->progress, before};
    const struct vp_dfu_progress progress = {told, &offset};
    return vp_dfu_client_read(source->pipe, clone->alternate, (uint32_t)stretch->start,
                              clone->bytes + before, (uint32_t)(stretch->end - stretch->start),
                              source->progress ? &progress : NULL, failure);
}

/* @param from  where what can be read begins, and why not before */
static int read_flash(const struct vp_clone_source *source,
                      const struct vp_flash_geometry *geometry, uint64_t from, const char *why,
                      struct vp_clone *clone, struct vp_failure *failure)
{
    const unsigned alternate = find_alternate(source, geometry);
    const uint32_t start = geometry->sectors[0].address;
    const uint64_t end = end_of(geometry);
    if (alternate == source->layout_count) {
        return vp_fail(failure, VP_ERROR_UNSUPPORTED,
                       "the board shows no memory from 0x%08x on that can be read", start);
    }
    *clone = (struct vp_clone){.address = start,
                               .size = (uint32_t)(end - start),
                               .alternate = alternate,
                               .bytes = malloc((size_t)(end - start))};
    if (!clone->bytes) {
        return vp_fail(failure, VP_ERROR_NO_MEMORY, "out of memory");
    }
    memset(clone->bytes, 0xFF, clone->size);
    memcpy(clone->name, source->layouts[alternate].name, sizeof clone->name);
    struct stretch stretches[VP_LAYOUT_SEGMENTS];
    const unsigned count = plan(&source->layouts[alternate], from, end, stretches);
    add_gap(clone, start, from, why);
    uint64_t at = from;
    int error = 0;
    for (unsigned i = 0; !error && i < count; i++) {
        add_gap(clone, at, stretches[i].start, no_layout);
        error = read_stretch(source, clone, &stretches[i], failure);
        at = stretches[i].end;
    }
    add_gap(clone, at, end, no_layout);
    if (error) {
        free(clone->bytes);
        clone->bytes = NULL;
    }
    return error;
}

int vp_clone_internal(const struct vp_clone_source *source, struct vp_clone *clone,
                      struct vp_failure *failure)
{
    const struct vp_flash_geometry *geometry = source->board->geometry;
    return read_flash(source, geometry, geometry->sectors[0].address, NULL, clone, failure);
}

bool vp_clone_shows_external(const struct vp_clone_source *source)
{
    return source->board->external &&
           find_alternate(source, source->board->external) < source->layout_count;
}

int vp_clone_external(const struct vp_clone_source *source, const struct vp_clone *internal,
                      struct vp_clone *clone, struct vp_failure *failure)
{
    const struct vp_board *board = source->board;
    if (!board->external) {
        return vp_fail(failure, VP_ERROR_UNSUPPORTED, "a %s has no serial flash; P1 and Core do",
                       board->name);
    }
    /* Version 0, where none is to be seen, would be older than all. */
    const uint16_t version = vp_clone_bootloader(internal, board);
    const uint32_t hidden = version ? vp_bootloader_hidden_serial(board->platform, version) : 0;
    return read_flash(source, board->external, board->external->sectors[0].address + hidden,
                      hidden_by_dct, clone, failure);
}

/* ---- What was read -------------------------------------------------------------------------- */

int vp_clone_to_flash(const struct vp_clone *clone, const struct vp_flash_geometry *geometry,
                      struct vp_flash **flash)
{
    int error = vp_flash_create(flash, geometry);
    if (!error) {
        error = vp_flash_program(*flash, clone->address, clone->bytes, clone->size);
        if (error) {
            vp_flash_destroy(*flash);
        }
    }
    return error;
}

uint16_t vp_clone_bootloader(const struct vp_clone *internal, const struct vp_board *board)
{
    struct vp_flash *flash;
    struct vp_module module;
    struct vp_failure failure;
    if (vp_clone_to_flash(internal, board->geometry, &flash)) {
        return 0;
    }
    const bool there =
        vp_module_parse_flash(flash, board->bootloader.start, &module, &failure) == 0 &&
        module.function == VP_MODULE_BOOTLOADER;
    vp_flash_destroy(flash);
    return there ? module.version : 0;
}
