/**
 * @file fleet.h
 * A fleet of Photons with 0.6.3, all flashed over the air with an application that needs 0.7.0, and
 * healed: what a test does with a few of them and the bench with many.
 */
#ifndef TESTS_FLEET_H
#define TESTS_FLEET_H

#include <stdbool.h>
#include <stdint.h>

struct fleet_result {
    unsigned devices, right; /**< right: all of its modules are those of 0.7.0 in the end */
    uint64_t chunks;
    char wrong[256]; /**< what is wrong with the first that is not right */
};

/**
 * @param progress  called now and then with how many have all modules that they need; may be NULL
 * @return false: it could not be done at all (@p result says why)
 */
bool fleet_upgrade(unsigned devices, void (*progress)(unsigned healed, unsigned devices),
                   struct fleet_result *result);

#endif
