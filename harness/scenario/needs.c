#include "scenario/needs.h"

#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "report/result.h"

static const char variable[] = "${firmware}";

char *vp_find_firmware(const char *scenario_path)
{
    char *start = realpath(scenario_path, NULL);
    char *found = NULL;
    for (char *folder = start; !found && folder && strcmp(folder, "/") != 0;) {
        folder = dirname(folder);
        found = vp_text("%s/.cache/firmware", folder);
        if (found && access(found, R_OK | X_OK)) {
            free(found);
            found = NULL;
        }
    }
    free(start);
    return found;
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

static bool is_installed(const char *program)
{
    const char *path_variable = getenv("PATH");
    char *folders = strdup(path_variable ? path_variable : "/usr/bin:/bin");
    bool found = false;
    char *rest = folders;
    for (char *folder; folders && !found && (folder = strsep(&rest, ":"));) {
        char *path = vp_text("%s/%s", *folder ? folder : ".", program);
        found = path && access(path, X_OK) == 0;
        free(path);
    }
    free(folders);
    return found;
}

char *vp_missing_need(const struct vp_scenario *scenario, const char *firmware)
{
    for (unsigned i = 0; i < scenario->needs_count; i++) {
        const char *need = scenario->needs[i];
        char *text = NULL;
        if (strcmp(need, "firmware") == 0) {
            text = missing_firmware(scenario, firmware);
        } else if (!is_installed(need)) {
            text = vp_text("the program %s is not installed", need);
        }
        if (text) {
            return text;
        }
    }
    return NULL;
}
