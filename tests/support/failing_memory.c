#include "support/failing_memory.h"

#include <stddef.h>

/* The linker's --wrap makes the first of each pair out of calls of malloc() and the like. */
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);

static unsigned until_failure; /* 0: none is to come */
static bool fired;

void failing_memory_arm(unsigned nth)
{
    until_failure = nth;
    fired = false;
}

bool failing_memory_disarm(void)
{
    until_failure = 0;
    return fired;
}

static bool fails(void)
{
    if (until_failure == 0 || --until_failure > 0) {
        return false;
    }
    fired = true;
    return true;
}

void *__wrap_malloc(size_t size)
{
    return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
    return fails() ? NULL : __real_realloc(old, size);
}
