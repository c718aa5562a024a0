#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/result.h"
#include "scenario/load_private.h"
#include "scenario/matrix.h"

enum { LARGEST_FILE = 1 << 20 };

const struct vp_variable vp_scenario_variables[] = {
    {"firmware", ""},  /* the folder with real firmware images */
    {"work", ""},      /* the scenario's own temporary folder, where its tools run */
    {"scenario", ""},  /* the folder of the scenario file */
    {"vparticle", ""}, /* this program */
    {"cloud", ""},     /* address of the scenario's cloud */
    {"token", ""},     /* access token of the account there */
    {"id", ""},        /* the first device's */
    {NULL, NULL},
};

/* ---- YAML ----------------------------------------------------------------------------- */

static int yaml_problem(const struct vp_loader *loader, const yaml_parser_t *parser)
{
    if (parser->error == YAML_MEMORY_ERROR) {
        return vp_fail(loader->failure, VP_ERROR_NO_MEMORY, "%s: out of memory", loader->path);
    }
    const yaml_mark_t *mark = &parser->problem_mark;
    return vp_fail(loader->failure, VP_ERROR_INVALID, "%s:%zu:%zu: this is not YAML: %s%s%s",
                   loader->path, mark->line + 1, mark->column + 1,
                   parser->problem ? parser->problem : "unreadable", parser->context ? ", " : "",
                   parser->context ? parser->context : "");
}

/* Aliases could make a small file huge, and a scenario has no use for them. */
static int refuse_aliases(const struct vp_loader *loader)
{
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return vp_fail(loader->failure, VP_ERROR_NO_MEMORY, "%s: out of memory", loader->path);
    }
    yaml_parser_set_input_string(&parser, loader->bytes, loader->size);
    int error = 0;
    for (bool more = true; more && !error;) {
        yaml_event_t event;
        if (!yaml_parser_parse(&parser, &event)) {
            error = yaml_problem(loader, &parser);
            break;
        }
        if (event.type == YAML_ALIAS_EVENT) {
            error = vp_fail(loader->failure, VP_ERROR_INVALID,
                            "%s:%zu:%zu: aliases (*%s) are not allowed here", loader->path,
                            event.start_mark.line + 1, event.start_mark.column + 1,
                            (const char *)event.data.alias.anchor);
        }
        more = event.type != YAML_STREAM_END_EVENT;
        yaml_event_delete(&event);
    }
    yaml_parser_delete(&parser);
    return error;
}

static int refuse_second_document(const struct vp_loader *loader, yaml_parser_t *parser)
{
    yaml_document_t second;
    if (!yaml_parser_load(parser, &second)) {
        return yaml_problem(loader, parser);
    }
    const yaml_node_t *root = yaml_document_get_root_node(&second);
    const int error = root ? vp_yaml_fail(loader->path, root, loader->failure,
                                          "a second document; a file holds one scenario")
                           : 0;
    yaml_document_delete(&second);
    return error;
}

/* On success the document is the caller's to delete. */
static int read_document(struct vp_loader *loader)
{
    int error = refuse_aliases(loader);
    if (error) {
        return error;
    }
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser)) {
        return vp_fail(loader->failure, VP_ERROR_NO_MEMORY, "%s: out of memory", loader->path);
    }
    yaml_parser_set_input_string(&parser, loader->bytes, loader->size);
    if (!yaml_parser_load(&parser, &loader->document)) {
        error = yaml_problem(loader, &parser);
    } else {
        error = yaml_document_get_root_node(&loader->document)
                    ? refuse_second_document(loader, &parser)
                    : vp_fail(loader->failure, VP_ERROR_INVALID, "%s:1:1: there is nothing in it",
                              loader->path);
        if (error) {
            yaml_document_delete(&loader->document);
        }
    }
    yaml_parser_delete(&parser);
    return error;
}

/* ---- Loading -------------------------------------------------------------------------- */

static const cyaml_config_t quiet = {
    .mem_fn = cyaml_mem,
    .log_level = CYAML_LOG_ERROR,
    .flags = CYAML_CFG_NO_ALIAS,
};

/* What check.c lets through, libcyaml loads; if it does not, its own words have to do. */
static int load_structure(struct vp_loader *loader)
{
    void *loaded = NULL;
    const cyaml_err_t problem =
        cyaml_load_data(loader->bytes, loader->size, &quiet, &vp_scenario_schema, &loaded, NULL);
    if (problem) {
        return vp_fail(loader->failure, VP_ERROR_INVALID, "%s:1:1: %s", loader->path,
                       cyaml_strerror(problem));
    }
    loader->scenario = loaded;
    loader->scenario->path = strdup(loader->path);
    if (!loader->scenario->path) {
        return vp_fail(loader->failure, VP_ERROR_NO_MEMORY, "%s: out of memory", loader->path);
    }
    return 0;
}

/* The document, with the values of the combination in it. @return as vp_scenario_parse() */
static int read_combination(struct vp_loader *loader, unsigned combination, uint8_t **expanded)
{
    int error = read_document(loader);
    if (error) {
        return error;
    }
    size_t size = 0;
    error = vp_matrix_expand(loader, combination, expanded, &size, &loader->choice,
                             &loader->combinations);
    if (error || *expanded) {
        yaml_document_delete(&loader->document);
    }
    if (!error && *expanded) {
        loader->bytes = *expanded;
        loader->size = size;
        error = read_document(loader);
    }
    return error;
}

/* "Flash tinker [particle=particle-2.16.0]": what the scenario has beyond its file. */
static int tell_choice(struct vp_loader *loader)
{
    struct vp_scenario *scenario = loader->scenario;
    scenario->combinations = loader->combinations;
    scenario->choice = loader->choice;
    loader->choice = NULL;
    if (scenario->choice) {
        char *name = vp_text("%s [%s]", scenario->name, scenario->choice);
        if (!name) {
            return vp_fail(loader->failure, VP_ERROR_NO_MEMORY, "%s: out of memory", loader->path);
        }
        free(scenario->name);
        scenario->name = name;
    }
    return 0;
}

static int load_document(struct vp_loader *loader)
{
    int error =
        vp_schema_check(loader->path, &loader->document, &vp_scenario_schema, loader->failure);
    if (!error) {
        error = load_structure(loader);
    }
    if (!error) {
        error = tell_choice(loader);
    }
    return error ? error : vp_scenario_check(loader);
}

int vp_scenario_parse(const char *path, const uint8_t *bytes, size_t size, unsigned combination,
                      struct vp_scenario **scenario, struct vp_failure *failure)
{
    struct vp_loader loader = {.path = path, .bytes = bytes, .size = size, .failure = failure};
    uint8_t *expanded = NULL;
    int error = read_combination(&loader, combination, &expanded);
    if (!error) {
        error = load_document(&loader);
        yaml_document_delete(&loader.document);
    }
    free(expanded);
    free(loader.choice);
    if (error) {
        vp_scenario_free(loader.scenario);
        return error;
    }
    *scenario = loader.scenario;
    return 0;
}

int vp_scenario_load(const char *path, unsigned combination, struct vp_scenario **scenario,
                     struct vp_failure *failure)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        return vp_fail(failure, VP_ERROR_IO, "%s: %s", path, strerror(errno));
    }
    uint8_t *bytes = malloc(LARGEST_FILE + 1);
    const size_t size = bytes ? fread(bytes, 1, LARGEST_FILE + 1, file) : 0;
    int error = 0;
    if (!bytes) {
        error = vp_fail(failure, VP_ERROR_NO_MEMORY, "%s: out of memory", path);
    } else if (ferror(file)) {
        error = vp_fail(failure, VP_ERROR_IO, "%s: %s", path, strerror(errno));
    } else if (size > LARGEST_FILE) {
        error =
            vp_fail(failure, VP_ERROR_INVALID, "%s: is larger than 1 MiB, no scenario is", path);
    }
    fclose(file);
    if (!error) {
        error = vp_scenario_parse(path, bytes, size, combination, scenario, failure);
    }
    free(bytes);
    return error;
}

void vp_scenario_free(struct vp_scenario *scenario)
{
    if (scenario) {
        free(scenario->path);
        free(scenario->choice);
        cyaml_free(&quiet, &vp_scenario_schema, scenario, 0);
    }
}
