#include "scenario/needs.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/result.h"

static const char variable[] = "${firmware}";

/* A folder under the scenario file's folder, or under the nearest one above that has it. */
static char *find_above(const char *scenario_path, const char *wanted)
{
    char *start = realpath(scenario_path, NULL);
    char *found = NULL;
    for (char *folder = start; !found && folder && strcmp(folder, "/") != 0;) {
        folder = dirname(folder);
        found = vp_text("%s/%s", folder, wanted);
        if (found && access(found, R_OK | X_OK)) {
            free(found);
            found = NULL;
        }
    }
    free(start);
    return found;
}

char *vp_find_firmware(const char *scenario_path)
{
    return find_above(scenario_path, ".cache/firmware");
}

char *vp_find_tools(const char *scenario_path)
{
    return find_above(scenario_path, ".cache/tools/bin");
}

/* The files that a text names by ${firmware}/...; a blank or a quote ends the name. */
static char *missing_file(const char *text, const char *firmware)
{
    for (const char *at = text; at && (at = strstr(at, variable));) {
        at += strlen(variable);
        const size_t length = strcspn(at, " \t\n'\"");
        char *path = vp_text("%s%.*s", firmware, (int)length, at);
        if (path && access(path, R_OK)) {
            return path;
        }
        free(path);
    }
    return NULL;
}

static char *missing_image(const struct vp_scenario *scenario, const char *firmware)
{
    char *missing = NULL;
    for (unsigned i = 0; !missing && i < scenario->devices_count; i++) {
        missing = missing_file(scenario->devices[i], firmware);
    }
    for (unsigned i = 0; !missing && i < scenario->steps_count; i++) {
        const struct vp_step *step = &scenario->steps[i];
        missing = missing_file(step->run, firmware);
        for (unsigned f = 0; !missing && step->expect && f < step->expect->flash_count; f++) {
            missing = missing_file(step->expect->flash[f].equals, firmware);
        }
    }
    return missing;
}

static char *missing_firmware(const struct vp_scenario *scenario, const char *firmware)
{
    if (!firmware) {
        return vp_text("real firmware is not here; scripts/fetch-firmware brings it");
    }
    char *image = missing_image(scenario, firmware);
    char *text = image ? vp_text("%s is not here; scripts/fetch-firmware brings it", image) : NULL;
    free(image);
    return text;
}

static bool is_in(const char *folder, const char *program)
{
    char *path = vp_text("%s/%s", *folder ? folder : ".", program);
    const bool found = path && access(path, X_OK) == 0;
    free(path);
    return found;
}

static bool is_installed(const char *program)
{
    const char *path_variable = getenv("PATH");
    char *folders = strdup(path_variable ? path_variable : "/usr/bin:/bin");
    bool found = false;
    char *rest = folders;
    for (char *folder; folders && !found && (folder = strsep(&rest, ":"));) {
        found = is_in(folder, program);
    }
    free(folders);
    return found;
}

/* Programs with a version in their name are those that a script fetches. */
static char *missing_program(const char *program)
{
    const char *dash = strrchr(program, '-');
    const bool versioned = dash && dash[1] >= '0' && dash[1] <= '9';
    return versioned ? vp_text("%s is not here; scripts/fetch-tools brings it", program)
                     : vp_text("the program %s is not installed", program);
}

char *vp_missing_need(const struct vp_scenario *scenario, const char *firmware, const char *tools)
{
    for (unsigned i = 0; i < scenario->needs_count; i++) {
        const char *need = scenario->needs[i];
        char *text = NULL;
        if (strcmp(need, "firmware") == 0) {
            text = missing_firmware(scenario, firmware);
        } else if (!(tools && is_in(tools, need)) && !is_installed(need)) {
            text = missing_program(need);
        }
        if (text) {
            return text;
        }
    }
    return NULL;
}
