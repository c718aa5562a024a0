#include "host/userland/tree/record.h"

#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

enum { NAME_SIZE = 96 };

/* udev's index: an empty file for each that has the tag. */
static bool tag_name_of(struct uevent_subject subject, char name[NAME_SIZE])
{
    char record[64];
    const char *tag = uevent_tag(subject);
    uevent_record_name(subject, record, sizeof record);
    snprintf(name, NAME_SIZE, "run/udev/tags/%s/%s", tag ? tag : "", record);
    return tag != NULL;
}

static void name_of(struct uevent_subject subject, char name[NAME_SIZE])
{
    char record[64];
    uevent_record_name(subject, record, sizeof record);
    snprintf(name, NAME_SIZE, "run/udev/data/%s", record);
}

void record_write(struct maker *root, struct uevent_subject subject)
{
    char name[NAME_SIZE];
    struct uevent_text text;
    name_of(subject, name);
    uevent_record(&text, subject);
    maker_bytes(root, name, text.data, text.length);
    if (tag_name_of(subject, name)) {
        maker_bytes(root, name, "", 0);
    }
}

void record_remove(const char *root, struct uevent_subject subject)
{
    char name[NAME_SIZE], file[MAKER_PATH_SIZE];
    name_of(subject, name);
    snprintf(file, sizeof file, "%s/%s", root, name);
    unlink(file);
    if (tag_name_of(subject, name)) {
        snprintf(file, sizeof file, "%s/%s", root, name);
        unlink(file);
    }
}
