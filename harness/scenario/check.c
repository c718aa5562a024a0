#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario/schema.h"
#include "vparticle/nearest.h"

struct check {
    const char *path;
    yaml_document_t *document;
    struct vp_failure *failure;
};

int vp_yaml_fail(const char *path, const yaml_node_t *node, struct vp_failure *failure,
                 const char *format, ...)
{
    char text[400];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return vp_fail(failure, VP_ERROR_INVALID, "%s:%zu:%zu: %s", path, node->start_mark.line + 1,
                   node->start_mark.column + 1, text);
}

static const char *text_of(const yaml_node_t *node)
{
    return (const char *)node->data.scalar.value;
}

yaml_node_t *vp_yaml_get(yaml_document_t *document, yaml_node_t *node, const char *key)
{
    if (!node || node->type != YAML_MAPPING_NODE) {
        return NULL;
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const yaml_node_t *name = yaml_document_get_node(document, pair->key);
        if (name->type == YAML_SCALAR_NODE && strcmp(text_of(name), key) == 0) {
            return yaml_document_get_node(document, pair->value);
        }
    }
    return NULL;
}

yaml_node_t *vp_yaml_entry(yaml_document_t *document, yaml_node_t *node, unsigned index)
{
    if (!node || node->type != YAML_SEQUENCE_NODE ||
        index >= node->data.sequence.items.top - node->data.sequence.items.start) {
        return NULL;
    }
    return yaml_document_get_node(document, node->data.sequence.items.start[index]);
}

/* ---- Scalars ------------------------------------------------------------------------- */

static const char *kind_of(const yaml_node_t *node)
{
    switch (node->type) {
    case YAML_SCALAR_NODE:
        return *text_of(node) ? "a single value" : "nothing";
    case YAML_SEQUENCE_NODE:
        return "a list";
    case YAML_MAPPING_NODE:
        return "a mapping of keys";
    default:
        return "nothing";
    }
}

static int check_number(const struct check *check, const char *key, const yaml_node_t *node,
                        const cyaml_schema_value_t *schema)
{
    const char *text = text_of(node);
    const bool is_signed = schema->type == CYAML_INT;
    const unsigned bits = schema->data_size * 8 - is_signed;
    const unsigned long long largest = bits >= 64 ? ~0ull : (1ull << bits) - 1;
    char *end;
    errno = 0;
    const bool negative = strchr(text, '-') != NULL;
    const unsigned long long number = strtoull(negative ? text + 1 : text, &end, 0);
    const bool whole = *text && *end == '\0' && end != text && !strpbrk(text, " \t+") &&
                       (!negative || (*text == '-' && text[1] != '-' && text[1]));
    if (!whole) {
        return vp_yaml_fail(check->path, node, check->failure, "%s: '%s' is not a whole number",
                            key, text);
    }
    if (errno || number > largest || (negative && !is_signed)) {
        return vp_yaml_fail(check->path, node, check->failure,
                            "%s: %s is not within %s%llu to %llu", key, text, is_signed ? "-" : "",
                            is_signed ? largest : 0, largest);
    }
    return 0;
}

static int check_word(const struct check *check, const char *key, const yaml_node_t *node,
                      const cyaml_schema_value_t *schema)
{
    char known[256];
    size_t used = 0;
    struct vp_nearest nearest = vp_nearest_start(text_of(node));
    known[0] = '\0';
    for (uint32_t i = 0; i < schema->enumeration.count; i++) {
        const char *word = schema->enumeration.strings[i].str;
        if (strcmp(word, text_of(node)) == 0) {
            return 0;
        }
        vp_nearest_offer(&nearest, word);
        used += (size_t)snprintf(known + used, used < sizeof known ? sizeof known - used : 0,
                                 "%s%s", i ? ", " : "", word);
    }
    return vp_yaml_fail(check->path, node, check->failure,
                        "%s: '%s' is not known; did you mean '%s'? (%s)", key, text_of(node),
                        nearest.best, known);
}

static int check_bool(const struct check *check, const char *key, const yaml_node_t *node)
{
    if (strcmp(text_of(node), "true") == 0 || strcmp(text_of(node), "false") == 0) {
        return 0;
    }
    return vp_yaml_fail(check->path, node, check->failure, "%s: '%s' is neither true nor false",
                        key, text_of(node));
}

static int check_string(const struct check *check, const char *key, const yaml_node_t *node,
                        const cyaml_schema_value_t *schema)
{
    const size_t length = node->data.scalar.length;
    if (length != strlen(text_of(node))) {
        return vp_yaml_fail(check->path, node, check->failure, "%s: has a zero byte in it", key);
    }
    if (length < schema->string.min || length > schema->string.max) {
        return vp_yaml_fail(check->path, node, check->failure,
                            "%s: has %zu characters, there must be %u to %u", key, length,
                            schema->string.min, schema->string.max);
    }
    return 0;
}

static int check_scalar(const struct check *check, const char *key, const yaml_node_t *node,
                        const cyaml_schema_value_t *schema)
{
    if (node->type != YAML_SCALAR_NODE) {
        return vp_yaml_fail(check->path, node, check->failure, "%s: must be a single value, not %s",
                            key, kind_of(node));
    }
    switch (schema->type) {
    case CYAML_INT:
    case CYAML_UINT:
        return check_number(check, key, node, schema);
    case CYAML_BOOL:
        return check_bool(check, key, node);
    case CYAML_ENUM:
        return check_word(check, key, node, schema);
    default:
        return check_string(check, key, node, schema);
    }
}

/* ---- Mappings and lists ---------------------------------------------------------------- */

static int check_value(const struct check *check, const char *key, const yaml_node_t *node,
                       const cyaml_schema_value_t *schema);

static const cyaml_schema_field_t *find_field(const cyaml_schema_value_t *schema, const char *key)
{
    for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++) {
        if (strcmp(field->key, key) == 0) {
            return field;
        }
    }
    return NULL;
}

static int unknown_key(const struct check *check, const char *key, const yaml_node_t *node,
                       const cyaml_schema_value_t *schema)
{
    struct vp_nearest nearest = vp_nearest_start(text_of(node));
    for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++) {
        vp_nearest_offer(&nearest, field->key);
    }
    return vp_yaml_fail(check->path, node, check->failure,
                        "'%s' is not a key of %s; did you mean '%s'?", text_of(node), key,
                        nearest.best);
}

static int check_pair(const struct check *check, const char *key, const yaml_node_t *mapping,
                      const yaml_node_pair_t *pair, const cyaml_schema_value_t *schema)
{
    const yaml_node_t *name = yaml_document_get_node(check->document, pair->key);
    if (name->type != YAML_SCALAR_NODE || name->data.scalar.length != strlen(text_of(name))) {
        return vp_yaml_fail(check->path, name, check->failure, "a key of %s must be a word", key);
    }
    const cyaml_schema_field_t *field = find_field(schema, text_of(name));
    if (!field) {
        return unknown_key(check, key, name, schema);
    }
    for (const yaml_node_pair_t *before = mapping->data.mapping.pairs.start; before < pair;
         before++) {
        const yaml_node_t *other = yaml_document_get_node(check->document, before->key);
        if (strcmp(text_of(other), field->key) == 0) {
            return vp_yaml_fail(check->path, name, check->failure, "'%s' is already in line %zu",
                                field->key, other->start_mark.line + 1);
        }
    }
    return check_value(check, field->key, yaml_document_get_node(check->document, pair->value),
                       &field->value);
}

static int check_mapping(const struct check *check, const char *key, const yaml_node_t *node,
                         const cyaml_schema_value_t *schema)
{
    if (node->type != YAML_MAPPING_NODE) {
        return vp_yaml_fail(check->path, node, check->failure,
                            "%s: must be a mapping of keys, not %s", key, kind_of(node));
    }
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
         pair < node->data.mapping.pairs.top; pair++) {
        const int error = check_pair(check, key, node, pair, schema);
        if (error) {
            return error;
        }
    }
    for (const cyaml_schema_field_t *field = schema->mapping.fields; field->key; field++) {
        if (!(field->value.flags & CYAML_FLAG_OPTIONAL) &&
            !vp_yaml_get(check->document, (yaml_node_t *)node, field->key)) {
            return vp_yaml_fail(check->path, node, check->failure, "%s needs the key '%s'", key,
                                field->key);
        }
    }
    return 0;
}

static int check_sequence(const struct check *check, const char *key, const yaml_node_t *node,
                          const cyaml_schema_value_t *schema)
{
    if (node->type != YAML_SEQUENCE_NODE) {
        return vp_yaml_fail(check->path, node, check->failure, "%s: must be a list, not %s", key,
                            kind_of(node));
    }
    const yaml_node_item_t *item = node->data.sequence.items.start;
    const size_t count = (size_t)(node->data.sequence.items.top - item);
    if (count < schema->sequence.min || count > schema->sequence.max) {
        return vp_yaml_fail(check->path, node, check->failure,
                            "%s: has %zu entries, there must be %u to %u", key, count,
                            schema->sequence.min, schema->sequence.max);
    }
    char entry[64];
    snprintf(entry, sizeof entry, "an entry of %s", key);
    for (; item < node->data.sequence.items.top; item++) {
        const int error = check_value(check, entry, yaml_document_get_node(check->document, *item),
                                      schema->sequence.entry);
        if (error) {
            return error;
        }
    }
    return 0;
}

/* The schema is finite, so is the recursion, whatever the document says. */
static int check_value(const struct check *check, const char *key, const yaml_node_t *node,
                       const cyaml_schema_value_t *schema)
{
    switch (schema->type) {
    case CYAML_MAPPING:
        return check_mapping(check, key, node, schema);
    case CYAML_SEQUENCE:
        return check_sequence(check, key, node, schema);
    default:
        return check_scalar(check, key, node, schema);
    }
}

int vp_schema_check(const char *path, yaml_document_t *document, const cyaml_schema_value_t *schema,
                    struct vp_failure *failure)
{
    const struct check check = {.path = path, .document = document, .failure = failure};
    const yaml_node_t *root = yaml_document_get_root_node(document);
    if (!root) {
        return vp_fail(failure, VP_ERROR_INVALID, "%s:1:1: there is nothing in it", path);
    }
    return check_value(&check, "a scenario", root, schema);
}
