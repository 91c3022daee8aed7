#include "agents/modbus/answer.h"

#include <busbar/check.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

struct answer {
    struct bb_pending *pending;
    enum answer_shape shape;
    size_t left, values, errors;
    FILE *to, *wrong; /* streams into the two texts */
    char *text, *wrong_text;
    size_t size, wrong_size;
    enum status status;
    char error[400]; /* the first */
};

void answer_print_text(FILE *to, const char *text)
{
    json_t *value = json_string(text);
    if (value == NULL || json_dumpf(value, to, JSON_ENCODE_ANY) != 0)
        fputs("\"?\"", to);
    json_decref(value);
}

void answer_print_value(FILE *to, const struct value *value)
{
    static const char *const words[] = {"false", "true"};
    switch (value->kind) {
    case VALUE_NULL:
        fputs("null", to);
        break;
    case VALUE_TRUTH:
        fputs(words[value->truth], to);
        break;
    case VALUE_NUMBER:
        fputs(value->text, to);
        break;
    case VALUE_TEXT:
        answer_print_text(to, value->text);
        break;
    }
}

struct answer *answer_new(struct bb_pending *pending, enum answer_shape shape)
{
    struct answer *a = calloc(1, sizeof *a);
    if (a != NULL) {
        a->to = open_memstream(&a->text, &a->size);
        a->wrong = open_memstream(&a->wrong_text, &a->wrong_size);
        CHECK(a->to != NULL && a->wrong != NULL);
        a->pending = pending;
        a->shape = shape;
        a->left = 1;
    } else {
        bb_answer(pending, BB_FULL, "there is no memory for the answer");
    }
    return a;
}

void answer_expect(struct answer *answer)
{
    if (answer != NULL)
        answer->left++;
}

static void put_key(FILE *to, size_t *count, const char *key)
{
    fputs((*count)++ == 0 ? "" : ",", to);
    answer_print_text(to, key);
    fputc(':', to);
}

void answer_value(struct answer *a, const char *key, const struct value *value)
{
    if (a == NULL)
        return;
    if (a->shape == ANSWER_BOTH)
        put_key(a->to, &a->values, key);
    answer_print_value(a->to, value);
}

void answer_error(struct answer *a, const char *key, enum status status, const char *text)
{
    if (a == NULL)
        return;
    if (a->status == BB_OK) {
        a->status = status;
        snprintf(a->error, sizeof a->error, "%s", text);
    }
    put_key(a->wrong, &a->errors, key);
    answer_print_text(a->wrong, text);
}

void answer_text(struct answer *a, const char *json)
{
    if (a != NULL)
        fputs(json, a->to);
}

static void send(struct answer *a)
{
    char *whole = NULL;
    if (a->shape == ANSWER_BOTH || a->shape == ANSWER_ERRORS) {
        int size = a->shape == ANSWER_BOTH ? asprintf(&whole, "[{%s},{%s}]", a->text, a->wrong_text)
                                           : asprintf(&whole, "{%s}", a->wrong_text);
        CHECK(size > 0);
        bb_answer(a->pending, BB_OK, whole);
    } else if (a->status != BB_OK) {
        bb_answer(a->pending, a->status, a->error);
    } else {
        bb_answer(a->pending, BB_OK, a->shape == ANSWER_NOTHING ? "null" : a->text);
    }
    free(whole);
}

void answer_done(struct answer *a)
{
    if (a == NULL || --a->left > 0)
        return;
    fclose(a->to);
    fclose(a->wrong);
    send(a);
    free(a->text);
    free(a->wrong_text);
    free(a);
}
