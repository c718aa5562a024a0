/**
 * @file failing_memory.h
 * Memory that runs out when a test says so. It stands in for malloc(), calloc() and realloc() of
 * all that is linked statically: see vp_test_fails_memory() in tests/CMakeLists.txt.
 */
#ifndef TESTS_FAILING_MEMORY_H
#define TESTS_FAILING_MEMORY_H

#include <stdbool.h>

/** From now on the allocation number @p nth (1: the next one) fails, and only that one. */
void failing_memory_arm(unsigned nth);

/** All allocations are served again. @return whether the one that was to fail did fail */
bool failing_memory_disarm(void);

#endif
