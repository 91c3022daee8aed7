/* The way through a schema and a value: where one stands, how deep, and what was found wrong. */
#ifndef AGENTS_BUNDLE_SCHEMA_WALK_H
#define AGENTS_BUNDLE_SCHEMA_WALK_H

#include "agents/bundle/schema.h"

#include <stdbool.h>

struct schema_walk {
    struct schema_fault *fault; /* its place is the present one */
    size_t length;              /* of the place */
    size_t depth, values;
    size_t work; /* properties, names and choices looked at: a short schema and a short value can multiply */
};

/* Looks at `more` of them. BB_FULL: it is too much. */
BB_MUST_CHECK enum status schema_walk_work(struct schema_walk *walk, size_t more);

/* Starts at the whole. */
void schema_walk_begin(struct schema_walk *walk, struct schema_fault *fault);

/* Steps down to a member, or to an item when `key` is NULL; what to give to schema_walk_leave. Characters
 * that a terminal would act on become `?`. */
size_t schema_walk_enter(struct schema_walk *walk, const char *key, size_t item);
void schema_walk_leave(struct schema_walk *walk, size_t length);

/* Says what is wrong at the present place and returns `status`. */
enum status schema_walk_wrong(struct schema_walk *walk, enum status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Whether `value` is what type, enum, minimum, maximum and maxLength of `schema` say. BB_MALFORMED. */
BB_MUST_CHECK enum status schema_walk_value(struct schema_walk *walk, const json_t *schema,
                                            const json_t *value);

/* schema_fill from the present place on. */
BB_MUST_CHECK enum status schema_walk_fill(struct schema_walk *walk, const json_t *schema,
                                           const json_t *value, json_t **filled_out);

/* True for the name of a type. */
bool schema_walk_is_type(const char *name);

#endif
