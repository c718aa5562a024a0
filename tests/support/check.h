/**
 * @file check.h
 * For probes, which try system calls one after the other: the first thing that is not so ends the
 * program with status 1.
 */
#ifndef TESTS_CHECK_H
#define TESTS_CHECK_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s (errno: %s)\n", __FILE__, __LINE__, #condition,     \
                    strerror(errno));                                                              \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/** The call returns -1 with this errno. */
#define FAILS(call, error) CHECK((call) == -1 && errno == (error))

#endif
