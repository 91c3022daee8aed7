/* The parameters of a question, checked. */
#ifndef AGENTS_HISTORIAN_QUESTION_H
#define AGENTS_HISTORIAN_QUESTION_H

#include "agents/historian/aggregate.h"

#include <busbar/reason.h>
#include <busbar/status.h>
#include <jansson.h>

struct question {
    json_t *params;      /* an object, owned */
    const json_t *topic; /* a text or a list of texts */
    int64_t from_us, until_us;
    int64_t skip, count;
    bool backwards;
    int64_t period_us; /* 0: no aggregates */
    enum aggregate_kind kind;
};

/* The params of a call, an object; NULL, with the reason: they are none. To be decref'd. */
json_t *question_params(const char *params, struct bb_reason *reason);

/* A whole number of the object from low to high; `absent` when it is not there or null. BB_RANGE. */
BB_MUST_CHECK enum status question_number(const json_t *params, const char *key, int64_t low, int64_t high,
                                          int64_t absent, struct bb_reason *reason, int64_t *out);

/* A text of the object; `absent` when it is not there or null. BB_RANGE. */
BB_MUST_CHECK enum status question_text(const json_t *params, const char *key, const char *absent,
                                        struct bb_reason *reason, const char **out);

/* Reads what `query` is asked. BB_RANGE, BB_MALFORMED. On BB_OK its params are to be decref'd. */
BB_MUST_CHECK enum status question_parse(const char *params, struct bb_reason *reason, struct question *out);

#endif
