/* vparticle inspect FILE...: what is in modules and flash images, and which checks pass. */
#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/commands.h"
#include "report/terminal.h"
#include "vparticle/catalogue.h"

enum {
    MAXIMUM_FILE = 4 << 20,
    MAXIMUM_SLOTS = 8,
};

/* What one file brought; the worst of all files is the exit status. */
enum outcome { GOOD, CHECK_FAILED, UNREADABLE };

static bool coloured;

static void print_usage(FILE *to)
{
    fputs("Usage: vparticle inspect FILE...\n\n"
          "Show what is in modules (*.bin) or in flash images (1 MiB, as 'dfu-util -U' and "
          "flash=FILE\n"
          "write them), and whether each check passes.\n\n"
          "Exit status: 0 all checks pass, 1 a check fails, 2 a file cannot be read or is no "
          "module.\n",
          to);
}

/* ---- Files ------------------------------------------------------------------------- */

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    struct stat status;
    if (!file || fstat(fileno(file), &status)) {
        fprintf(stderr, "vparticle inspect: %s: %s\n", path, strerror(errno));
    } else if (!S_ISREG(status.st_mode) || status.st_size > MAXIMUM_FILE) {
        fprintf(stderr, "vparticle inspect: %s is %s\n", path,
                S_ISREG(status.st_mode) ? "too large for a module or a flash image" : "not a file");
    } else {
        *size = (size_t)status.st_size;
        uint8_t *bytes = malloc(*size + 1);
        if (bytes && fread(bytes, 1, *size, file) == *size) {
            fclose(file);
            return bytes;
        }
        fprintf(stderr, "vparticle inspect: cannot read %s\n", path);
        free(bytes);
    }
    if (file) {
        fclose(file);
    }
    return NULL;
}

/* ---- Words -------------------------------------------------------------------------- */

static const struct vp_module_slot *slot_for(uint16_t platform, uint16_t system_version,
                                             uint8_t function, uint8_t index)
{
    unsigned count;
    const struct vp_module_slot *slots =
        function == VP_MODULE_MONOLITHIC
            ? vp_module_monolithic_slots(platform, &count)
            : vp_module_slots(platform, function == VP_MODULE_SYSTEM ? system_version : 0, &count);
    for (unsigned i = 0; i < count; i++) {
        if (slots[i].function == function && slots[i].index == index) {
            return &slots[i];
        }
    }
    return NULL;
}

/* "system-part1" where the platform has such a slot, "system part 5" otherwise. */
static void name_module(char *text, size_t size, uint16_t platform, uint16_t version,
                        uint8_t function, uint8_t index)
{
    const struct vp_module_slot *slot = slot_for(platform, version, function, index);
    const char *name = vp_module_function_name(function);
    if (slot) {
        snprintf(text, size, "%s", slot->name);
    } else if (name) {
        snprintf(text, size, "%s %u", name, index);
    } else {
        snprintf(text, size, "function %u %u", function, index);
    }
}

static void describe_dependency(char *text, size_t size, const struct vp_module *module,
                                const struct vp_module_dependency *dependency)
{
    char name[48];
    name_module(name, sizeof name, module->platform, dependency->version, dependency->function,
                dependency->index);
    snprintf(text, size, "%s %u", name, dependency->version);
}

/* What a module needs, "-" if nothing. */
static void describe_needs(char *text, size_t size, const struct vp_module *module)
{
    size_t used = 0;
    snprintf(text, size, "-");
    for (unsigned i = 0; i < 2; i++) {
        if (module->dependencies[i].function != VP_MODULE_NONE && used < size) {
            char one[64];
            describe_dependency(one, sizeof one, module, &module->dependencies[i]);
            const int length = snprintf(text + used, size - used, "%s%s", used ? ", " : "", one);
            used += (size_t)length;
        }
    }
}

/* Only system parts tell their release. */
static const char *release_of(const struct vp_module *module)
{
    const struct vp_catalogue_release *release =
        module->function == VP_MODULE_SYSTEM
            ? vp_catalogue_release_by_version(module->platform, module->version)
            : NULL;
    return release ? release->name : "-";
}

/* ---- Modules ------------------------------------------------------------------------ */

static void print_field(const char *name, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void print_field(const char *name, const char *format, ...)
{
    va_list arguments;
    printf("  %-13s", name);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

static bool print_check(const char *name, bool passed, const char *detail)
{
    printf("  %-13s", name);
    vp_print_coloured(stdout, coloured, passed ? VP_COLOUR_GOOD : VP_COLOUR_BAD, 6,
                      passed ? "ok" : "FAIL");
    printf("%s\n", detail);
    return passed;
}

static void print_module(const struct vp_module *module)
{
    char name[48], needs[160];
    const char *platform = vp_platform_name(module->platform);
    name_module(name, sizeof name, module->platform, module->version, module->function,
                module->index);
    describe_needs(needs, sizeof needs, module);
    print_field("module", "%s %s, version %u", platform ? platform : "unknown platform", name,
                module->version);
    print_field("release", "%s", release_of(module));
    print_field("addresses", "0x%08x to 0x%08x, %u bytes, header at 0x%x", module->start,
                module->end, vp_module_size(module), module->header_offset);
    print_field("needs", "%s", needs);
    if (module->product_id != 0xFFFF) {
        print_field("product", "%u, version %u", module->product_id, module->product_version);
    }
}

static bool print_module_checks(const struct vp_module *module, unsigned integrity)
{
    char detail[96];
    const struct vp_module_slot *slot =
        slot_for(module->platform, module->version, module->function, module->index);
    const bool in_range = slot && module->end >= slot->start && module->end <= slot->limit;
    if (slot) {
        snprintf(detail, sizeof detail, "the slot is 0x%08x to 0x%08x", slot->start, slot->limit);
    } else {
        snprintf(detail, sizeof detail, "no platform has a slot for function %u index %u",
                 module->function, module->index);
    }
    const bool range = print_check("range", in_range, detail);
    snprintf(detail, sizeof detail, "id %u", module->platform);
    const bool platform =
        print_check("platform", vp_platform_name(module->platform) != NULL, detail);
    snprintf(detail, sizeof detail, "0x%08x", module->crc);
    const bool crc = print_check("CRC-32", integrity & VP_CHECK_INTEGRITY, detail);
    const bool sha256 = print_check("SHA-256", integrity & VP_CHECK_SHA256, "");
    print_field("dependencies", "%s",
                module->dependencies[0].function == VP_MODULE_NONE
                    ? "none"
                    : "not known: they are in the device, see 'needs'");
    return range && platform && crc && sha256;
}

static enum outcome inspect_module(const char *path, const uint8_t *bytes, size_t size)
{
    struct vp_module module;
    struct vp_failure failure;
    if (vp_module_parse(bytes, size, &module, &failure)) {
        fprintf(stderr, "vparticle inspect: %s: %s\n", path, failure.text);
        return UNREADABLE;
    }
    printf("%s\n", path);
    print_module(&module);
    return print_module_checks(&module, vp_module_integrity(bytes, size, &module)) ? GOOD
                                                                                   : CHECK_FAILED;
}

/* ---- Flash images -------------------------------------------------------------------- */

/* What was found in the slots of a flash image. */
struct contents {
    const struct vp_flash *flash;
    struct vp_module_rules rules;
    struct vp_module modules[MAXIMUM_SLOTS]; /* of the slots that hold one */
    int module_of[MAXIMUM_SLOTS];            /* index into modules, or an enum vp_error */
    struct vp_failure failures[MAXIMUM_SLOTS];
};

static void read_slots(struct contents *contents)
{
    struct vp_module_rules *rules = &contents->rules;
    rules->installed = contents->modules;
    /* Modules from before 0.7.0 have no second dependency, so it can always count. */
    rules->dependency2 = true;
    for (unsigned i = 0; i < rules->slot_count; i++) {
        contents->module_of[i] = vp_module_parse_flash(contents->flash, rules->slots[i].start,
                                                       &contents->modules[rules->installed_count],
                                                       &contents->failures[i]);
        if (contents->module_of[i] == 0) {
            contents->module_of[i] = (int)rules->installed_count++;
        }
    }
}

static void print_cell(bool passed, int width)
{
    vp_print_coloured(stdout, coloured, passed ? VP_COLOUR_GOOD : VP_COLOUR_BAD, width,
                      passed ? "ok" : "FAIL");
}

/* The dependencies that are not met, with what is there instead. */
static void print_missing(const struct contents *contents, const struct vp_module *module)
{
    bool first = true;
    for (unsigned i = 0; i < 2; i++) {
        const struct vp_module_dependency *needed = &module->dependencies[i];
        if (vp_module_dependency_met(needed, contents->modules, contents->rules.installed_count)) {
            continue;
        }
        char name[64];
        describe_dependency(name, sizeof name, module, needed);
        printf("%s needs %s", first ? ":" : ",", name);
        first = false;
        const struct vp_module *found = NULL;
        for (unsigned m = 0; m < contents->rules.installed_count; m++) {
            if (contents->modules[m].function == needed->function &&
                contents->modules[m].index == needed->index) {
                found = &contents->modules[m];
            }
        }
        if (found) {
            printf(" but has %u", found->version);
        } else {
            printf(", which is missing");
        }
    }
}

static bool print_slot_module(const struct contents *contents, const struct vp_module_slot *slot,
                              const struct vp_module *module)
{
    const unsigned integrity = vp_module_integrity_flash(contents->flash, slot->start, module);
    const unsigned result = vp_module_validate(module, integrity, &contents->rules);
    const bool range = result && module->function == slot->function && module->index == slot->index;
    const bool platform = module->platform == contents->rules.platform;
    const bool dependencies =
        range ? result & VP_CHECK_DEPENDENCIES : module->dependencies[0].function == VP_MODULE_NONE;
    printf("%-8u%-10s%-8u", module->version, release_of(module), vp_module_size(module));
    print_cell(integrity & VP_CHECK_INTEGRITY, 5);
    print_cell(integrity & VP_CHECK_SHA256, 9);
    print_cell(range, 7);
    print_cell(platform, 10);
    print_cell(dependencies, 0);
    if (!dependencies) {
        print_missing(contents, module);
    }
    return (integrity & VP_CHECK_INTEGRITY) && (integrity & VP_CHECK_SHA256) && range && platform &&
           dependencies;
}

/* False if what is in the slot is not as it should be; an erased slot is. */
static bool print_slot(const struct contents *contents, unsigned which)
{
    const struct vp_module_slot *slot = &contents->rules.slots[which];
    const int found = contents->module_of[which];
    bool good = true;
    printf("  %-14s0x%08x  ", slot->name, slot->start);
    if (found >= 0) {
        good = print_slot_module(contents, slot, &contents->modules[found]);
    } else if (found == VP_ERROR_NOT_FOUND) {
        vp_print_coloured(stdout, coloured, VP_COLOUR_DIM, 0, "erased");
    } else {
        const char *reason = strchr(contents->failures[which].text, ' ');
        vp_print_coloured(stdout, coloured, VP_COLOUR_BAD, 0, "FAIL");
        printf("%s", reason ? reason : "");
        good = false;
    }
    putchar('\n');
    return good;
}

static enum outcome print_contents(const char *path, const struct contents *contents)
{
    enum outcome outcome = GOOD;
    printf("%s: flash of a %s\n", path, vp_platform_name((uint16_t)contents->rules.platform));
    printf("  %-14s%-12s%-8s%-10s%-8s%-5s%-9s%-7s%-10s%s\n", "slot", "address", "version",
           "release", "bytes", "CRC", "SHA-256", "range", "platform", "dependencies");
    for (unsigned i = 0; i < contents->rules.slot_count; i++) {
        if (!print_slot(contents, i)) {
            outcome = CHECK_FAILED;
        }
    }
    return outcome;
}

static enum outcome inspect_flash(const char *path, const uint8_t *bytes, size_t size)
{
    struct vp_flash *flash;
    if (vp_flash_create(&flash, &vp_flash_stm32f205) ||
        vp_flash_program(flash, 0x08000000, bytes, size)) {
        fprintf(stderr, "vparticle inspect: %s: out of memory\n", path);
        vp_flash_destroy(flash);
        return UNREADABLE;
    }
    enum vp_platform platform;
    enum outcome outcome = UNREADABLE;
    if (vp_module_flash_platform(flash, &platform)) {
        fprintf(stderr,
                "vparticle inspect: %s has the size of a flash image, but no module at any place "
                "where a board keeps one\n",
                path);
    } else {
        struct contents contents = {.flash = flash, .rules.platform = platform};
        contents.rules.slots = vp_module_flash_slots(flash, platform, &contents.rules.slot_count);
        read_slots(&contents);
        outcome = print_contents(path, &contents);
    }
    vp_flash_destroy(flash);
    return outcome;
}

static enum outcome inspect(const char *path)
{
    size_t size;
    uint8_t *bytes = read_file(path, &size);
    if (!bytes) {
        return UNREADABLE;
    }
    const size_t flash_size = 1 << 20;
    const enum outcome outcome =
        size == flash_size ? inspect_flash(path, bytes, size) : inspect_module(path, bytes, size);
    free(bytes);
    return outcome;
}

int vp_command_inspect(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'}, {0}};
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        print_usage(option == 'h' ? stdout : stderr);
        return option == 'h' ? VP_EXIT_OK : VP_EXIT_USAGE;
    }
    if (optind == argc) {
        fputs("vparticle inspect: name at least one file\n\n", stderr);
        print_usage(stderr);
        return VP_EXIT_USAGE;
    }
    coloured = vp_terminal_colours(stdout);
    enum outcome worst = GOOD;
    for (int i = optind; i < argc; i++) {
        const enum outcome outcome = inspect(argv[i]);
        worst = outcome > worst ? outcome : worst;
        fflush(stdout);
    }
    return worst == GOOD ? VP_EXIT_OK : worst == CHECK_FAILED ? VP_EXIT_FAILED : VP_EXIT_USAGE;
}
