/**
 * @file maker.h
 * Writes the files of one folder of the tree; each appears whole.
 */
#ifndef VP_HOST_MAKER_H
#define VP_HOST_MAKER_H

#include <stddef.h>

enum { MAKER_PATH_SIZE = 512, MAKER_NAME_SIZE = 256 };

/** A folder under construction; remembers that something went wrong. */
struct maker {
    char folder[MAKER_PATH_SIZE];
    int error; /**< 0 or VP_ERROR_IO */
};

void maker_bytes(struct maker *maker, const char *name, const void *data, size_t size);

/** A short text. */
void maker_file(struct maker *maker, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/** A line, for an attribute that exists only when there is a text. */
void maker_text(struct maker *maker, const char *name, const char *text);

/** Take a file away, if it is there. */
void maker_remove_file(const struct maker *maker, const char *name);

/** A symbolic link, in place of what has that name. */
void maker_link(struct maker *maker, const char *name, const char *target);

/** A folder inside; it may exist. */
struct maker maker_folder(const struct maker *parent, const char *name);

#endif
