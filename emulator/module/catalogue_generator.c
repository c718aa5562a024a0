/**
 * @file catalogue_generator.c
 * Build-time program: turns releases.tsv and bootloaders.tsv into C on standard output. The first
 * row that breaks a rule stops the build, with file, line and what is wrong.
 */
#include <ctype.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAXIMUM_COLUMNS = 16, MAXIMUM_ROWS = 8192 };

struct table {
    const char *path;
    const char *const *columns;
    unsigned column_count;
    struct row {
        unsigned line;
        char *cells[MAXIMUM_COLUMNS];
    } * rows;
    unsigned row_count;
};

enum release_column {
    PLATFORM,
    RELEASE,
    PART,
    VERSION,
    FUNCTION,
    INDEX,
    DEPENDENCY,
    DEPENDENCY2,
    SIZE,
    ADDRESS,
    HEADER,
    EMBEDDED,
    STATUS,
    SOURCE,
};

static const char *const release_columns[] = {
    "platform",    "release", "part",    "version", "function", "index",  "dependency",
    "dependency2", "size",    "address", "header",  "embedded", "status", "source",
};

/* The first two columns are those of releases.tsv. */
enum bootloader_column { BOOTLOADER = 2, HOW, BOOTLOADER_STATUS };

static const char *const bootloader_columns[] = {
    "platform", "release", "bootloader", "how", "status",
};

struct word {
    const char *text, *symbol;
};

static const struct word platforms[] = {
    {"core", "VP_PLATFORM_CORE"},
    {"photon", "VP_PLATFORM_PHOTON"},
    {"p1", "VP_PLATFORM_P1"},
    {"electron", "VP_PLATFORM_ELECTRON"},
    {NULL, NULL},
};
static const struct word functions[] = {
    {"bootloader", "VP_MODULE_BOOTLOADER"},
    {"mono", "VP_MODULE_MONOLITHIC"},
    {"system", "VP_MODULE_SYSTEM"},
    {"user", "VP_MODULE_USER"},
    {NULL, NULL},
};
static const struct word statuses[] = {
    {"verified", "VP_KNOWN_VERIFIED"},
    {"source", "VP_KNOWN_SOURCE"},
    {"derived", "VP_KNOWN_DERIVED"},
    {NULL, NULL},
};
static const struct word origins[] = {
    {"embedded", "VP_BOOTLOADER_EMBEDDED"},
    {"shipped", "VP_BOOTLOADER_SHIPPED"},
    {"kept", "VP_BOOTLOADER_KEPT"},
    {NULL, NULL},
};
static const struct word headers[] = {
    {"0x0", "0"},
    {"0x10c", "VP_MODULE_HEADER_F103"},
    {"0x184", "VP_MODULE_HEADER_F205"},
    {NULL, NULL},
};

_Noreturn __attribute__((format(printf, 3, 4))) static void
stop(const struct table *table, unsigned line, const char *format, ...)
{
    va_list arguments;
    fprintf(stderr, "%s:%u: ", table->path, line);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    exit(1);
}

/* ---- Reading ---------------------------------------------------------------------- */

static void split(struct table *table, struct row *row, char *text)
{
    unsigned count = 0;
    for (char *cell = text; cell; count++) {
        char *tab = strchr(cell, '\t');
        if (tab) {
            *tab = '\0';
        }
        if (count < table->column_count) {
            row->cells[count] = cell;
            if (!*cell) {
                stop(table, row->line, "column '%s' is empty; write '-' for none",
                     table->columns[count]);
            }
        }
        cell = tab ? tab + 1 : NULL;
    }
    if (count != table->column_count) {
        stop(table, row->line, "%u columns, there must be %u", count, table->column_count);
    }
}

static void check_titles(struct table *table)
{
    const struct row *titles = &table->rows[0];
    for (unsigned i = 0; i < table->column_count; i++) {
        if (strcmp(titles->cells[i], table->columns[i]) != 0) {
            stop(table, titles->line, "column %u is called '%s', it must be '%s'", i + 1,
                 titles->cells[i], table->columns[i]);
        }
    }
}

/* Row 0 keeps the titles. */
static void read_table(struct table *table)
{
    FILE *file = fopen(table->path, "r");
    if (!file) {
        perror(table->path);
        exit(1);
    }
    table->rows = calloc(MAXIMUM_ROWS, sizeof *table->rows);
    if (!table->rows) {
        stop(table, 0, "out of memory");
    }
    char *text = NULL;
    size_t room = 0;
    unsigned line = 0;
    for (ssize_t length; (length = getline(&text, &room, file)) > 0;) {
        line++;
        if (text[0] == '#') {
            continue;
        }
        if (text[length - 1] == '\n') {
            text[length - 1] = '\0';
        }
        if (table->row_count == MAXIMUM_ROWS) {
            stop(table, line, "more than %d rows", MAXIMUM_ROWS);
        }
        struct row *row = &table->rows[table->row_count++];
        row->line = line;
        split(table, row, strdup(text));
    }
    free(text);
    fclose(file);
    if (table->row_count < 2) {
        stop(table, line, "no rows");
    }
    check_titles(table);
}

/* ---- Cells ------------------------------------------------------------------------ */

static const char *symbol_of(const struct table *table, const struct row *row, unsigned column,
                             const struct word *words)
{
    for (const struct word *word = words; word->text; word++) {
        if (strcmp(word->text, row->cells[column]) == 0) {
            return word->symbol;
        }
    }
    stop(table, row->line, "column '%s': '%s' is not a known word", table->columns[column],
         row->cells[column]);
}

static unsigned long number_in(const struct table *table, const struct row *row, unsigned column,
                               const char *text, unsigned long limit)
{
    char *end;
    const unsigned long number = strtoul(text, &end, 0);
    if (!isdigit((unsigned char)*text) || *end || number > limit) {
        stop(table, row->line, "column '%s': '%s' is not a number up to %lu",
             table->columns[column], text, limit);
    }
    return number;
}

static unsigned long number_of(const struct table *table, const struct row *row, unsigned column,
                               unsigned long limit)
{
    return number_in(table, row, column, row->cells[column], limit);
}

static bool is_none(const struct row *row, unsigned column)
{
    return strcmp(row->cells[column], "-") == 0;
}

/* Text that can stand between quotes in C. */
static const char *name_of(const struct table *table, const struct row *row, unsigned column)
{
    for (const char *at = row->cells[column]; *at; at++) {
        if (!isalnum((unsigned char)*at) && !strchr("+-._:", *at)) {
            stop(table, row->line, "column '%s': '%c' must not be in a name",
                 table->columns[column], *at);
        }
    }
    return row->cells[column];
}

static void write_dependency(const struct table *table, const struct row *row, unsigned column)
{
    if (is_none(row, column)) {
        printf("{0}");
        return;
    }
    char text[64], *index, *version;
    snprintf(text, sizeof text, "%s", row->cells[column]);
    if (!(index = strchr(text, ',')) || !(version = strchr(index + 1, ','))) {
        stop(table, row->line, "column '%s': '%s' is not FUNCTION,INDEX,VERSION",
             table->columns[column], row->cells[column]);
    }
    *index++ = *version++ = '\0';
    struct row function = {.line = row->line};
    function.cells[column] = text;
    printf("{%s, %lu, %lu}", symbol_of(table, &function, column, functions),
           number_in(table, row, column, index, 255),
           number_in(table, row, column, version, 65535));
}

/* ---- Rules over several rows ------------------------------------------------------- */

static bool same(const struct row *one, const struct row *other, unsigned column)
{
    return strcmp(one->cells[column], other->cells[column]) == 0;
}

static bool same_release(const struct row *one, const struct row *other)
{
    return same(one, other, PLATFORM) && same(one, other, RELEASE);
}

static bool is_system_part(const struct row *row)
{
    return strcmp(row->cells[FUNCTION], "system") == 0;
}

/* One past the last row of the group in which @p first is the first. */
static unsigned group_end(const struct table *table, unsigned first,
                          bool (*belongs)(const struct row *, const struct row *))
{
    unsigned end = first + 1;
    while (end < table->row_count && belongs(&table->rows[first], &table->rows[end])) {
        end++;
    }
    return end;
}

static bool same_platform(const struct row *one, const struct row *other)
{
    return same(one, other, PLATFORM);
}

/* The rows of a release, and those of a platform, must follow each other. */
static void check_grouping(const struct table *table)
{
    for (unsigned i = 1; i < table->row_count; i++) {
        for (unsigned j = i + 2; j < table->row_count; j++) {
            const struct row *row = &table->rows[j], *before = &table->rows[j - 1];
            if ((same_release(&table->rows[i], row) && !same_release(before, row)) ||
                (same_platform(&table->rows[i], row) && !same_platform(before, row))) {
                stop(table, row->line, "%s %s is not next to line %u of the same group",
                     row->cells[PLATFORM], row->cells[RELEASE], table->rows[i].line);
            }
        }
    }
}

/* The first system part among the rows of a release, or NULL if it has none. */
static const struct row *system_part_in(const struct table *table, unsigned first, unsigned end)
{
    const struct row *found = NULL;
    for (unsigned i = first; i < end; i++) {
        const struct row *row = &table->rows[i];
        if (!is_system_part(row)) {
            continue;
        }
        if (found && !same(found, row, VERSION)) {
            stop(table, row->line, "version %s, but line %u of the same release has %s",
                 row->cells[VERSION], found->line, found->cells[VERSION]);
        }
        found = found ? found : row;
    }
    return found;
}

static const struct row *bootloader_of(const struct table *releases,
                                       const struct table *bootloaders, const struct row *release)
{
    for (unsigned i = 1; i < bootloaders->row_count; i++) {
        if (same_release(&bootloaders->rows[i], release)) {
            return &bootloaders->rows[i];
        }
    }
    stop(releases, release->line, "%s has no row for %s %s", bootloaders->path,
         release->cells[PLATFORM], release->cells[RELEASE]);
}

/* A bootloader that no row of releases.tsv describes, or a release that is not there. */
static void check_bootloaders(const struct table *releases, const struct table *bootloaders)
{
    for (unsigned i = 1; i < bootloaders->row_count; i++) {
        const struct row *row = &bootloaders->rows[i];
        bool release = false, image = false;
        for (unsigned j = 1; j < releases->row_count; j++) {
            const struct row *other = &releases->rows[j];
            release |= same_release(row, other) && is_system_part(other);
            image |= same_platform(row, other) &&
                     strcmp(other->cells[FUNCTION], "bootloader") == 0 &&
                     strcmp(other->cells[VERSION], row->cells[BOOTLOADER]) == 0;
        }
        if (!release || !image) {
            stop(bootloaders, row->line, "%s has no %s %s for %s", releases->path,
                 release ? "bootloader" : "release", row->cells[release ? BOOTLOADER : RELEASE],
                 row->cells[PLATFORM]);
        }
    }
}

/* ---- Writing ---------------------------------------------------------------------- */

static void write_embedded(const struct table *table, const struct row *row)
{
    if (is_none(row, EMBEDDED)) {
        printf("VP_EMBEDDED_UNKNOWN");
    } else if (strcmp(row->cells[EMBEDDED], "none") == 0) {
        printf("VP_EMBEDDED_NONE");
    } else {
        printf("%lu", number_of(table, row, EMBEDDED, 65534));
    }
}

static void write_module(const struct table *table, const struct row *row)
{
    printf("    {%s, \"%s\", \"%s\", %lu, %s, %lu, {", symbol_of(table, row, PLATFORM, platforms),
           name_of(table, row, RELEASE), name_of(table, row, PART),
           number_of(table, row, VERSION, 65535), symbol_of(table, row, FUNCTION, functions),
           number_of(table, row, INDEX, 255));
    write_dependency(table, row, DEPENDENCY);
    printf(", ");
    write_dependency(table, row, DEPENDENCY2);
    const unsigned long size = is_none(row, SIZE) ? 0 : number_of(table, row, SIZE, 1u << 20);
    const unsigned long address = number_of(table, row, ADDRESS, 0x080FFFFF);
    if (size % 4 || (size && size < 512) || address < 0x08000000 || address % 4) {
        stop(table, row->line, "size %s at %s is not possible for a module", row->cells[SIZE],
             row->cells[ADDRESS]);
    }
    printf("}, %lu, 0x%08lx, %s, ", size, address, symbol_of(table, row, HEADER, headers));
    write_embedded(table, row);
    printf(", %s, \"%s\"},\n", symbol_of(table, row, STATUS, statuses),
           name_of(table, row, SOURCE));
}

static void write_release(const struct table *releases, const struct table *bootloaders,
                          unsigned first, unsigned end, const struct row *part)
{
    const struct row *bootloader = bootloader_of(releases, bootloaders, part);
    printf("    {%s, \"%s\", %s, %lu, %s, %s, &modules[%u], %u},\n",
           symbol_of(releases, part, PLATFORM, platforms), part->cells[RELEASE],
           part->cells[VERSION], number_of(bootloaders, bootloader, BOOTLOADER, 65535),
           symbol_of(bootloaders, bootloader, HOW, origins),
           symbol_of(bootloaders, bootloader, BOOTLOADER_STATUS, statuses), first - 1, end - first);
}

static void write_modules(const struct table *releases)
{
    printf("static const struct vp_catalogue_module modules[] = {\n");
    for (unsigned i = 1; i < releases->row_count; i++) {
        write_module(releases, &releases->rows[i]);
    }
    printf("};\n\n");
}

static void write_releases(const struct table *releases, const struct table *bootloaders)
{
    printf("static const struct vp_catalogue_release releases[] = {\n");
    for (unsigned i = 1, end; i < releases->row_count; i = end) {
        end = group_end(releases, i, same_release);
        const struct row *part = system_part_in(releases, i, end);
        if (part) {
            write_release(releases, bootloaders, i, end, part);
        }
    }
    printf("};\n\n");
}

static void write_platforms(const struct table *releases)
{
    unsigned written = 0, platform_count = 0;
    printf("const struct vp_catalogue_platform vp_catalogue_platforms[] = {\n");
    for (unsigned i = 1, end; i < releases->row_count; i = end, platform_count++) {
        end = group_end(releases, i, same_platform);
        unsigned own = 0;
        for (unsigned j = i, next; j < end; j = next) {
            next = group_end(releases, j, same_release);
            own += system_part_in(releases, j, next) != NULL;
        }
        printf("    {%s, &modules[%u], %u, &releases[%u], %u},\n",
               symbol_of(releases, &releases->rows[i], PLATFORM, platforms), i - 1, end - i,
               own ? written : 0, own);
        written += own;
    }
    printf("};\n\nconst unsigned vp_catalogue_platform_count = %u;\n", platform_count);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: %s releases.tsv bootloaders.tsv > catalogue_data.c\n", argv[0]);
        return 2;
    }
    struct table releases = {
        .path = argv[1],
        .columns = release_columns,
        .column_count = sizeof release_columns / sizeof release_columns[0],
    };
    struct table bootloaders = {
        .path = argv[2],
        .columns = bootloader_columns,
        .column_count = sizeof bootloader_columns / sizeof bootloader_columns[0],
    };
    read_table(&releases);
    read_table(&bootloaders);
    check_grouping(&releases);
    check_bootloaders(&releases, &bootloaders);
    printf("/* Generated from %s and %s. */\n#include \"module/catalogue_data.h\"\n\n",
           "releases.tsv", "bootloaders.tsv");
    write_modules(&releases);
    write_releases(&releases, &bootloaders);
    write_platforms(&releases);
    if (fflush(stdout) || ferror(stdout)) {
        perror("standard output");
        return 1;
    }
    return 0;
}
