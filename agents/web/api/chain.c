/* The chain: its state, blocks, transactions, receipts and proofs; and what is to be put into it. */
#include "agents/views/views.h"
#include "agents/web/api/handlers.h"
#include "agents/web/api/ledger.h"

#include <stdlib.h>
#include <string.h>

#define BLOCKS_MAX 200
#define BLOCKS     20
#define SUBMIT_MAX 1024
#define SUBMIT_MS  10000
#define HEIGHT_MAX 999999999999

static void answer_status(struct job *job, const json_t *parameters)
{
    job_answer(job, views_chain_status(job->document, parameters));
}

static void ask_parameters(struct job *job, const json_t *status)
{
    job->document = json_incref((json_t *)(uintptr_t)status);
    job_read(job, LEDGER, "parameters", NULL, answer_status);
}

void on_chain_status(void *context, struct exchange *exchange)
{
    job_read(job_open(context, exchange), LEDGER, "status", NULL, ask_parameters);
}

/* -- blocks
 * --------------------------------------------------------------------------------------------------- */

static json_t *at_height(json_int_t height)
{
    char text[24];
    snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, height);
    return json_pack("{s:s}", "height", text);
}

/* job->left: blocks that are wanted; job->params: {"at": height of the next}. */
static void take_block(struct job *job, const json_t *block)
{
    json_int_t at = json_integer_value(json_object_get(job->params, "at"));
    if (block != NULL)
        json_array_append_new(job->document, views_block_row(block));
    if (job->left == 0 || at == 0) {
        json_t *document = views_document();
        json_object_set(document, "blocks", job->document);
        job_answer(job, document);
        return;
    }
    job->left--;
    json_object_set_new(job->params, "at", json_integer(at - 1));
    job_read(job, LEDGER, "block", at_height(at), take_block);
}

static void take_head(struct job *job, const json_t *status)
{
    const char *text = json_string_value(json_object_get(status, "height"));
    json_int_t head = text == NULL ? 0 : strtoll(text, NULL, 10);
    json_int_t before = json_integer_value(json_object_get(job->params, "before"));
    json_object_set_new(job->params, "at", json_integer(before <= head ? before - 1 : head));
    take_block(job, NULL);
}

void on_blocks(void *context, struct exchange *exchange)
{
    json_int_t count, before;
    if (!job_integer(exchange, "count", 1, BLOCKS_MAX, BLOCKS, &count) ||
        !job_integer(exchange, "before", 1, HEIGHT_MAX, HEIGHT_MAX, &before))
        return;
    struct job *job = job_open(context, exchange);
    job->document = json_array();
    job->params = json_pack("{s:I}", "before", before);
    job->left = count;
    job_read(job, LEDGER, "status", NULL, take_head);
}

void on_block(void *context, struct exchange *exchange)
{
    const char *height = exchange_part(exchange, 0);
    bool number = strlen(height) <= 12 && *height != '\0' && strspn(height, "0123456789") == strlen(height);
    if (!number && strcmp(height, "head") != 0)
        exchange_fail(exchange, 400, "range", "%.32s is no height: a whole number, or head", height);
    else
        ledger_relay(context, exchange, "block", json_pack("{s:s}", "height", height));
}

void on_raw(void *context, struct exchange *exchange)
{
    json_int_t from, count;
    char first[24], most[24];
    if (!job_integer(exchange, "from", 1, HEIGHT_MAX, 1, &from) ||
        !job_integer(exchange, "count", 1, BLOCKS_MAX, BLOCKS, &count))
        return;
    snprintf(first, sizeof first, "%" JSON_INTEGER_FORMAT, from);
    snprintf(most, sizeof most, "%" JSON_INTEGER_FORMAT, count);
    ledger_relay(context, exchange, "block", json_pack("{s:s, s:s}", "from", first, "count", most));
}

/* -- transactions
 * --------------------------------------------------------------------------------------------- */

static void ask_of_id(void *context, struct exchange *exchange, const char *method)
{
    const char *id = exchange_part(exchange, 0);
    if (ledger_hash(exchange, id))
        ledger_relay(context, exchange, method, json_pack("{s:s}", "id", id));
}

void on_transaction(void *context, struct exchange *exchange)
{
    ask_of_id(context, exchange, "transaction");
}

void on_receipt(void *context, struct exchange *exchange)
{
    ask_of_id(context, exchange, "receipt");
}

void on_genesis(void *context, struct exchange *exchange)
{
    ledger_relay(context, exchange, "parameters", NULL);
}

void on_proof(void *context, struct exchange *exchange)
{
    json_int_t first, second;
    if (!job_integer(exchange, "first", 0, HEIGHT_MAX, -1, &first) ||
        !job_integer(exchange, "second", 0, HEIGHT_MAX, -1, &second))
        return;
    if (first < 0 || second < 0)
        exchange_fail(exchange, 400, "range", "give the heights of two blocks: first and second");
    else
        ledger_relay(context, exchange, "proof",
                     json_pack("{s:s, s:s}", "first", exchange_query(exchange, "first"), "second",
                               exchange_query(exchange, "second")));
}

void on_submit(void *context, struct exchange *exchange)
{
    struct bytes body = exchange_body(exchange);
    json_t *given = json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES, NULL);
    json_t *list = json_object_get(given, "transactions");
    size_t count = json_array_size(list);
    if (count < 1 || count > SUBMIT_MAX || json_object_size(given) != 1) {
        exchange_fail(exchange, 400, "malformed",
                      "the body must be {\"transactions\":[…]} with 1 to %d signed transactions", SUBMIT_MAX);
        json_decref(given);
        return;
    }
    job_ask(job_open(context, exchange),
            (struct relay_question){
                .peer = LEDGER, .method = "submit", .params = given, .timeout_ms = SUBMIT_MS, .acts = true},
            job_relay);
}
