#include "scenario/matrix.h"

#include <stdlib.h>
#include <string.h>

#include "report/result.h"

enum { MOST_VARIABLES = 8, MOST_VALUES = 200, MOST_COMBINATIONS = 10000, LONGEST_VALUE = 200 };

/* A value is put into the file as it is, so that it must not change what the file means. */
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

struct row {
    const char *variable, *value;
};

static const char *scalar(const yaml_node_t *node)
{
    return node && node->type == YAML_SCALAR_NODE &&
                   strlen((const char *)node->data.scalar.value) == node->data.scalar.length
               ? (const char *)node->data.scalar.value
               : NULL;
}

static bool consists_of(const char *text, const char *others)
{
    for (; *text; text++) {
        if (!strchr(letters, *text) && !strchr(others, *text)) {
            return false;
        }
    }
    return true;
}

static bool is_taken(const char *variable, const struct row *rows, unsigned count)
{
    for (const struct vp_variable *own = vp_scenario_variables; own->name; own++) {
        if (strcmp(own->name, variable) == 0) {
            return true;
        }
    }
    for (unsigned i = 0; i < count; i++) {
        if (strcmp(rows[i].variable, variable) == 0) {
            return true;
        }
    }
    return false;
}

/* A row: which value the combination has, and what is left of the combination for the others. */
static int read_row(struct vp_loader *loader, const yaml_node_t *node, unsigned *combination,
                    unsigned *count, struct row *row)
{
    yaml_node_t *values = vp_yaml_get(&loader->document, (yaml_node_t *)node, "values");
    const char *variable = scalar(vp_yaml_get(&loader->document, (yaml_node_t *)node, "variable"));
    unsigned amount = 0;
    if (!variable || !*variable || !consists_of(variable, "_-")) {
        return vp_yaml_fail(loader->path, node, loader->failure,
                            "an entry of matrix needs 'variable', a word of letters and digits");
    }
    while (vp_yaml_entry(&loader->document, values, amount) && amount <= MOST_VALUES) {
        amount++;
    }
    if (amount < 1 || amount > MOST_VALUES) {
        return vp_yaml_fail(loader->path, node, loader->failure,
                            "matrix: %s needs 'values', a list of 1 to %d", variable, MOST_VALUES);
    }
    const yaml_node_t *chosen = vp_yaml_entry(&loader->document, values, *combination % amount);
    const char *value = scalar(chosen);
    if (!value || strlen(value) > LONGEST_VALUE || !consists_of(value, "._-+@/:=")) {
        return vp_yaml_fail(loader->path, chosen, loader->failure,
                            "matrix: a value of %s must be a word of letters, digits and any of "
                            "._-+@/:=",
                            variable);
    }
    *row = (struct row){variable, value};
    *combination /= amount;
    *count *= amount;
    return *count > MOST_COMBINATIONS
               ? vp_yaml_fail(loader->path, node, loader->failure,
                              "matrix: there are more than %d combinations", MOST_COMBINATIONS)
               : 0;
}

/* From the last row to the first, so that the last variable changes first. */
static int read_rows(struct vp_loader *loader, yaml_node_t *matrix, unsigned combination,
                     struct row *rows, unsigned *row_count, unsigned *count)
{
    unsigned amount = 0;
    while (vp_yaml_entry(&loader->document, matrix, amount) && amount <= MOST_VARIABLES) {
        amount++;
    }
    if (amount < 1 || amount > MOST_VARIABLES) {
        return vp_yaml_fail(loader->path, matrix, loader->failure,
                            "matrix: must be a list of 1 to %d variables with their values",
                            MOST_VARIABLES);
    }
    for (unsigned i = 0; i < amount; i++) {
        const yaml_node_t *node = vp_yaml_entry(&loader->document, matrix, amount - 1 - i);
        const int error = read_row(loader, node, &combination, count, &rows[i]);
        if (error) {
            return error;
        }
        if (is_taken(rows[i].variable, rows, i)) {
            return vp_yaml_fail(loader->path, node, loader->failure,
                                "matrix: there is another variable '%s'", rows[i].variable);
        }
    }
    *row_count = amount;
    return 0;
}

/* The row whose ${variable} begins here, or NULL. */
static const struct row *row_at(const uint8_t *at, size_t left, const struct row *rows,
                                unsigned count, size_t *length)
{
    for (unsigned i = 0; i < count; i++) {
        *length = strlen(rows[i].variable) + 3;
        if (left >= *length && at[0] == '$' && at[1] == '{' && at[*length - 1] == '}' &&
            memcmp(at + 2, rows[i].variable, *length - 3) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* @return how many bytes there are; `to` may be NULL */
static size_t put_in(const struct vp_loader *loader, const struct row *rows, unsigned count,
                     uint8_t *to)
{
    size_t size = 0, length;
    for (size_t i = 0; i < loader->size;) {
        const struct row *row = row_at(loader->bytes + i, loader->size - i, rows, count, &length);
        const uint8_t *from = row ? (const uint8_t *)row->value : loader->bytes + i;
        const size_t piece = row ? strlen(row->value) : 1;
        if (to) {
            memcpy(to + size, from, piece);
        }
        size += piece;
        i += row ? length : 1;
    }
    return size;
}

static char *describe(const struct row *rows, unsigned count)
{
    char *text = NULL;
    for (unsigned i = count; i-- > 0;) {
        char *longer = vp_text("%s%s%s=%s", text ? text : "", text ? "," : "", rows[i].variable,
                               rows[i].value);
        free(text);
        text = longer;
    }
    return text;
}

int vp_matrix_expand(struct vp_loader *loader, unsigned combination, uint8_t **bytes, size_t *size,
                     char **choice, unsigned *count)
{
    yaml_node_t *root = yaml_document_get_root_node(&loader->document);
    yaml_node_t *matrix = vp_yaml_get(&loader->document, root, "matrix");
    struct row rows[MOST_VARIABLES];
    unsigned row_count = 0;
    *bytes = NULL;
    *choice = NULL;
    *count = 1;
    if (!matrix) {
        return 0;
    }
    const int error = read_rows(loader, matrix, combination, rows, &row_count, count);
    if (error) {
        return error;
    }
    *size = put_in(loader, rows, row_count, NULL);
    *bytes = malloc(*size + 1);
    *choice = describe(rows, row_count);
    if (!*bytes || !*choice) {
        free(*bytes);
        free(*choice);
        return vp_fail(loader->failure, VP_ERROR_NO_MEMORY, "%s: out of memory", loader->path);
    }
    put_in(loader, rows, row_count, *bytes);
    return 0;
}
