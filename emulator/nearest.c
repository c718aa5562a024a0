#include "vparticle/nearest.h"

#include <limits.h>
#include <string.h>

/* Longer words than this are compared by their first bytes. */
enum { COMPARED = 64 };

static unsigned smaller(unsigned one, unsigned other)
{
    return one < other ? one : other;
}

static unsigned distance_between(const char *one, const char *other)
{
    const size_t rows = strnlen(one, COMPARED), columns = strnlen(other, COMPARED);
    unsigned costs[COMPARED + 1];
    for (unsigned j = 0; j <= columns; j++) {
        costs[j] = j;
    }
    for (unsigned i = 1; i <= rows; i++) {
        unsigned diagonal = costs[0];
        costs[0] = i;
        for (unsigned j = 1; j <= columns; j++) {
            const unsigned above = costs[j];
            const unsigned replace = diagonal + (one[i - 1] != other[j - 1]);
            costs[j] = smaller(replace, smaller(above, costs[j - 1]) + 1);
            diagonal = above;
        }
    }
    return costs[columns];
}

/* Among equals the one that begins alike is nearer: 0.6.3 is nearer to 0.6.4 than 0.4.4 is. */
static unsigned cost_of(const char *wanted, const char *candidate)
{
    unsigned alike = 0;
    while (alike < COMPARED && wanted[alike] && wanted[alike] == candidate[alike]) {
        alike++;
    }
    return distance_between(wanted, candidate) * (COMPARED + 1) + COMPARED - alike;
}

struct vp_nearest vp_nearest_start(const char *wanted)
{
    return (struct vp_nearest){.wanted = wanted, .best_cost = UINT_MAX, .second_cost = UINT_MAX};
}

void vp_nearest_offer(struct vp_nearest *nearest, const char *candidate)
{
    if ((nearest->best && strcmp(nearest->best, candidate) == 0) ||
        (nearest->second && strcmp(nearest->second, candidate) == 0)) {
        return;
    }
    const unsigned cost = cost_of(nearest->wanted, candidate);
    if (cost <= nearest->best_cost) {
        nearest->second = nearest->best;
        nearest->second_cost = nearest->best_cost;
        nearest->best = candidate;
        nearest->best_cost = cost;
    } else if (cost <= nearest->second_cost) {
        nearest->second = candidate;
        nearest->second_cost = cost;
    }
}
