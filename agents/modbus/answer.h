/* The answer to a call that is put together from several devices' answers. */
#ifndef AGENTS_MODBUS_ANSWER_H
#define AGENTS_MODBUS_ANSWER_H

#include "agents/modbus/value.h"

#include <busbar/serve.h>
#include <stdio.h>

enum answer_shape {
    ANSWER_VALUE,   /* the value, or the error */
    ANSWER_BOTH,    /* [{key: value}, {key: error}] */
    ANSWER_ERRORS,  /* {key: error} */
    ANSWER_NOTHING, /* null, or the first error */
    ANSWER_TEXT     /* JSON that answer_text gave, or the error */
};

struct answer;

/* Starts an answer that waits for one answer_done. NULL: no memory; then `pending` is answered. */
struct answer *answer_new(struct bb_pending *pending, enum answer_shape shape);

/* One more answer_done is to come. */
void answer_expect(struct answer *answer);

/* A value under a key. NULL answers are ignored here and below. */
void answer_value(struct answer *answer, const char *key, const struct value *value);

/* An error under a key; the first decides about the status. */
void answer_error(struct answer *answer, const char *key, enum status status, const char *text);

/* The whole result, for ANSWER_TEXT. */
void answer_text(struct answer *answer, const char *json);

/* The last one of those that were expected sends it. */
void answer_done(struct answer *answer);

/* Writes a text as JSON has it, and a value. */
void answer_print_text(FILE *to, const char *text);
void answer_print_value(FILE *to, const struct value *value);

#endif
