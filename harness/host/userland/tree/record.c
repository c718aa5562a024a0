#include "host/userland/tree/record.h"

#include <stdio.h>
#include <unistd.h>

enum { NAME_SIZE = 96 };

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
}

void record_remove(const char *root, struct uevent_subject subject)
{
    char name[NAME_SIZE], file[MAKER_PATH_SIZE];
    name_of(subject, name);
    snprintf(file, sizeof file, "%s/%s", root, name);
    unlink(file);
}
