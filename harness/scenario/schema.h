/**
 * @file schema.h
 * The format of scenario files, once: libcyaml loads by it and check.c finds by it the place
 * of what is wrong.
 */
#ifndef VP_SCENARIO_SCHEMA_H
#define VP_SCENARIO_SCHEMA_H

#include <cyaml/cyaml.h>
#include <yaml.h>

#include "vparticle/error.h"

extern const cyaml_schema_value_t vp_scenario_schema;

/**
 * Hold a document against the schema: unknown, missing and repeated keys, values of the wrong
 * kind, out of range or not among the known words.
 * @return 0, or VP_ERROR_INVALID with "PATH:LINE:COLUMN: ..." in @p failure
 */
int vp_schema_check(const char *path, yaml_document_t *document, const cyaml_schema_value_t *schema,
                    struct vp_failure *failure);

/** The value of @p key in a mapping node; NULL if @p node is no mapping or has no such key. */
yaml_node_t *vp_yaml_get(yaml_document_t *document, yaml_node_t *node, const char *key);

/** Entry @p index of a sequence node, or NULL. */
yaml_node_t *vp_yaml_entry(yaml_document_t *document, yaml_node_t *node, unsigned index);

/** Fail at the place of @p node. */
int vp_yaml_fail(const char *path, const yaml_node_t *node, struct vp_failure *failure,
                 const char *format, ...) __attribute__((format(printf, 4, 5)));

#endif
