/**
 * @file nearest.h
 * The known words nearest to what a person wrote, for error messages.
 */
#ifndef VPARTICLE_NEAREST_H
#define VPARTICLE_NEAREST_H

struct vp_nearest {
    const char *wanted;
    const char *best;                /**< NULL before anything was offered */
    const char *second;              /**< NULL before two different words were offered */
    unsigned best_cost, second_cost; /**< smaller is nearer */
};

/** @param wanted  borrowed for as long as candidates are offered */
struct vp_nearest vp_nearest_start(const char *wanted);

/**
 * Remember @p candidate (borrowed) if it is among the two nearest by Levenshtein distance; of
 * equals the one that begins alike, and then the later one, is nearer.
 */
void vp_nearest_offer(struct vp_nearest *nearest, const char *candidate);

#endif
