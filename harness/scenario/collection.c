#include "scenario/collection.h"

#include <dirent.h>
#include <errno.h>
#include <fts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* ---- Files ----------------------------------------------------------------------------------- */

static int add_path(struct vp_collection *collection, const char *path)
{
    char **grown = realloc(collection->paths, (collection->path_count + 1) * sizeof *grown);
    if (!grown) {
        return VP_ERROR_NO_MEMORY;
    }
    collection->paths = grown;
    grown[collection->path_count] = strdup(path);
    return grown[collection->path_count++] ? 0 : VP_ERROR_NO_MEMORY;
}

static int by_name(const FTSENT **one, const FTSENT **other)
{
    return strcmp((*one)->fts_name, (*other)->fts_name);
}

static bool is_scenario(const char *name)
{
    const size_t length = strlen(name);
    return length > 5 && name[0] != '.' && strcmp(name + length - 5, ".yaml") == 0;
}

/* A folder's files in order of their names; a file itself whatever its name. */
int vp_collection_add(struct vp_collection *collection, const char *path)
{
    struct stat status;
    if (stat(path, &status)) {
        fprintf(stderr, "vparticle test: %s: %s\n", path, strerror(errno));
        return VP_ERROR_NOT_FOUND;
    }
    if (!S_ISDIR(status.st_mode)) {
        return add_path(collection, path);
    }
    char *roots[] = {(char *)path, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, by_name);
    int error = tree ? 0 : VP_ERROR_IO;
    const unsigned before = collection->path_count;
    for (FTSENT *entry; !error && (entry = fts_read(tree));) {
        if (entry->fts_info == FTS_F && is_scenario(entry->fts_name)) {
            error = add_path(collection, entry->fts_path);
        }
    }
    if (tree) {
        fts_close(tree);
    }
    if (!error && collection->path_count == before) {
        fprintf(stderr, "vparticle test: there is no *.yaml below %s\n", path);
        error = VP_ERROR_NOT_FOUND;
    }
    return error;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* Is "VARIABLE=VALUE" one of the choices of the scenario, or is it about another matrix? */
static bool suits(const struct vp_scenario *scenario, const char *chosen)
{
    const size_t variable = strcspn(chosen, "=") + 1;
    for (const char *choice = scenario->choice; choice; choice = strchr(choice, ',')) {
        choice += *choice == ',';
        if (strncmp(choice, chosen, variable) == 0) {
            const size_t length = strcspn(choice, ",");
            return length == strlen(chosen) && strncmp(choice, chosen, length) == 0;
        }
    }
    return true;
}

static bool is_wanted(const struct vp_scenario *scenario, char *const *chosen, unsigned count)
{
    bool wanted = true;
    for (unsigned i = 0; i < count; i++) {
        wanted = wanted && suits(scenario, chosen[i]);
    }
    return wanted;
}

/* Takes the scenario over. */
static int append(struct vp_collection *collection, struct vp_scenario *scenario)
{
    struct vp_scenario **grown =
        realloc(collection->scenarios, (collection->count + 1) * sizeof(struct vp_scenario *));
    if (!grown) {
        vp_scenario_free(scenario);
        return VP_ERROR_NO_MEMORY;
    }
    collection->scenarios = grown;
    grown[collection->count++] = scenario;
    return 0;
}

static int load_file(struct vp_collection *collection, const char *path, char *const *chosen,
                     unsigned count)
{
    unsigned combinations = 1;
    int error = 0;
    for (unsigned i = 0; i < combinations && !error; i++) {
        struct vp_scenario *scenario;
        struct vp_failure failure;
        if (vp_scenario_load(path, i, &scenario, &failure)) {
            fprintf(stderr, "%s\n", failure.text);
            collection->broken++;
            return 0;
        }
        combinations = scenario->combinations;
        if (is_wanted(scenario, chosen, count)) {
            error = append(collection, scenario);
        } else {
            vp_scenario_free(scenario);
        }
    }
    return error;
}

int vp_collection_load(struct vp_collection *collection, char *const *chosen, unsigned count)
{
    int error = 0;
    for (unsigned i = 0; i < collection->path_count && !error; i++) {
        error = load_file(collection, collection->paths[i], chosen, count);
    }
    if (error || collection->broken) {
        return error ? error : VP_ERROR_INVALID;
    }
    if (collection->path_count && !collection->count) {
        fputs("vparticle test: no scenario has what --choose names\n", stderr);
        return VP_ERROR_NOT_FOUND;
    }
    return 0;
}

void vp_collection_free(struct vp_collection *collection)
{
    for (unsigned i = 0; i < collection->path_count; i++) {
        free(collection->paths[i]);
    }
    for (unsigned i = 0; i < collection->count; i++) {
        vp_scenario_free(collection->scenarios[i]);
    }
    free(collection->paths);
    free(collection->scenarios);
    *collection = (struct vp_collection){0};
}
