/* busbar chain status, log, block, tx: the chain as the ledger tells it. What needs no trust in the ledger is
 * in verb_receipt.c and verb_verify.c. */
#include "agents/cli/answer.h"
#include "agents/cli/inquiry.h"
#include "agents/cli/json.h"
#include "agents/cli/listing.h"
#include "agents/cli/terms.h"
#include "agents/cli/verbs.h"
#include "agents/views/views.h"

#include <inttypes.h>
#include <string.h>

static const char *text_of(const json_t *object, const char *member, enum listing_kind kind, char *text)
{
    return listing_text(object, member, kind, FORMAT_PEOPLE, text);
}

static void print_status(const json_t *status, const json_t *parameters)
{
    char a[LISTING_TEXT_MAX], b[LISTING_TEXT_MAX], c[LISTING_TEXT_MAX];
    text_of(status, "trouble", LISTING_TEXT, b);
    inquiry_fact("role", "%s%s%s", text_of(status, "role", LISTING_TEXT, a), *b == '\0' ? "" : ": ", b);
    inquiry_fact("height", "%s", text_of(status, "height", LISTING_COUNT, a));
    inquiry_fact("last block", "%s", text_of(status, "block", LISTING_TEXT, a));
    inquiry_fact("ledger time", "%s", text_of(status, "time_ms", LISTING_TIME_MS, a));
    inquiry_fact("transactions", "%s, %s waiting", text_of(status, "transactions", LISTING_COUNT, a),
                 text_of(status, "waiting", LISTING_COUNT, b));
    inquiry_fact("accounts", "%s, %s open orders", text_of(status, "accounts", LISTING_COUNT, a),
                 text_of(status, "orders", LISTING_COUNT, b));
    inquiry_fact("all money", "%s cent", text_of(status, "money_total", LISTING_CENTS, a));
    inquiry_fact("all energy", "%s kWh", text_of(status, "energy_total", LISTING_KWH, a));
    inquiry_fact("genesis", "%s", text_of(parameters, "genesis", LISTING_TEXT, a));
    inquiry_fact("chain id", "%s", text_of(parameters, "chain_id", LISTING_COUNT, a));
    inquiry_fact("contract", "%s", text_of(parameters, "contract", LISTING_TEXT, a));
    inquiry_fact("sealer", "%s", text_of(parameters, "sealer", LISTING_TEXT, a));
    inquiry_fact("market", "%s", text_of(parameters, "market", LISTING_TEXT, a));
    const json_t *policy = json_object_get(parameters, "policy");
    inquiry_fact("policy", "%s, penalty %s cent/kWh to %s", text_of(policy, "mode", LISTING_TEXT, a),
                 text_of(policy, "penalty", LISTING_CENTS_PER_KWH, b),
                 text_of(policy, "recipient", LISTING_TEXT, c));
}

enum exit_code verb_chain_status(const struct call *call)
{
    struct inquiry inquiry;
    json_t *status = NULL, *parameters = NULL;
    enum exit_code code = inquiry_open(call, &inquiry);
    if (code != EXIT_DONE)
        return code;
    code = inquiry_ask(&inquiry, "status", NULL, &status);
    if (code == EXIT_DONE)
        code = inquiry_ask(&inquiry, "parameters", NULL, &parameters);
    inquiry_close(&inquiry);
    if (code == EXIT_DONE && inquiry.format == FORMAT_JSON) {
        json_print(stdout, views_chain_status(status, parameters));
    } else if (code == EXIT_DONE) {
        print_status(status, parameters);
    }
    json_decref(status);
    json_decref(parameters);
    return code;
}

static enum exit_code fetch_block(struct inquiry *inquiry, const char *height, json_t **out)
{
    return inquiry_ask(inquiry, "block", json_pack("{s:s}", "height", height), out);
}

/* The last `count` blocks, the newest first. */
static enum exit_code fetch_log(struct inquiry *inquiry, int64_t count, json_t *rows)
{
    json_t *status = NULL;
    uint64_t height = 0;
    enum exit_code code = inquiry_ask(inquiry, "status", NULL, &status);
    if (code == EXIT_DONE && !listing_uint(status, "height", &height))
        code = call_fail(inquiry->call, EXIT_FAILED, "the ledger's status has no height");
    json_decref(status);
    for (; code == EXIT_DONE && height > 0 && count > 0; height--, count--) {
        char text[24];
        json_t *block = NULL;
        snprintf(text, sizeof text, "%" PRIu64, height);
        code = fetch_block(inquiry, text, &block);
        if (code == EXIT_DONE)
            json_array_append_new(rows, views_block_row(block));
        json_decref(block);
    }
    return code;
}

enum exit_code verb_chain_log(const struct call *call)
{
    static const struct listing_column columns[] = {{"block", "block", "height", LISTING_COUNT},
                                                    {"time", "time", "time_ms", LISTING_TIME_MS},
                                                    {"transactions", "transactions", "count", LISTING_COUNT},
                                                    {"hash", "hash", "hash", LISTING_HASH}};
    struct bb_reason reason;
    struct inquiry inquiry;
    int64_t count;
    if (call_integer(call, "count", 1, 10000, 20, &reason, &count) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    enum exit_code code = inquiry_open(call, &inquiry);
    if (code != EXIT_DONE)
        return code;
    json_t *rows = json_array();
    code = fetch_log(&inquiry, count, rows);
    inquiry_close(&inquiry);
    if (code == EXIT_DONE && inquiry.format == FORMAT_JSON)
        inquiry_print(json_pack("{s:O}", "blocks", rows));
    else if (code == EXIT_DONE)
        listing_print(inquiry.format, columns, sizeof columns / sizeof *columns, rows);
    json_decref(rows);
    return code;
}

static void print_block(const json_t *block)
{
    const json_t *ids = json_object_get(block, "transactions"), *header = json_object_get(block, "header");
    const json_t *value;
    const char *name;
    char text[LISTING_TEXT_MAX];
    inquiry_fact("hash", "%s", text_of(block, "hash", LISTING_TEXT, text));
    json_object_foreach((json_t *)header, name, value)
    {
        if (strcmp(name, "time_ms") == 0)
            inquiry_fact("time", "%s", text_of(header, name, LISTING_TIME_MS, text));
        else if (json_is_boolean(value))
            inquiry_fact(name, "%s", json_is_true(value) ? "yes" : "no");
        else if (json_is_string(value))
            inquiry_fact(name, "%s", json_string_value(value));
        else if (json_is_integer(value))
            inquiry_fact(name, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    }
    for (size_t i = 0; i < json_array_size(ids); i++)
        inquiry_fact(i == 0 ? "holds" : "", "%s", json_string_value(json_array_get(ids, i)));
}

enum exit_code verb_chain_block(const struct call *call)
{
    enum format format;
    json_t *result = NULL;
    enum exit_code code =
        inquiry_once(call, "block", json_pack("{s:s}", "height", call->args[0]), &format, &result);
    if (code != EXIT_DONE)
        return code;
    if (format == FORMAT_JSON) {
        inquiry_print(result);
        return EXIT_DONE;
    }
    print_block(result);
    json_decref(result);
    return EXIT_DONE;
}

static void print_transaction(const json_t *result)
{
    const json_t *at = json_object_get(result, "at");
    char a[LISTING_TEXT_MAX], b[LISTING_TEXT_MAX], c[LISTING_TEXT_MAX];
    inquiry_fact("transaction", "%s", text_of(result, "id", LISTING_TEXT, a));
    inquiry_fact("in block", "%s at place %s, %s", text_of(at, "height", LISTING_COUNT, a),
                 text_of(at, "index", LISTING_COUNT, b), text_of(at, "time_ms", LISTING_TIME_MS, c));
    inquiry_fact("verdict", "%s: %s", text_of(result, "verdict", LISTING_TEXT, a),
                 text_of(result, "text", LISTING_TEXT, b));
    if (*text_of(result, "order", LISTING_ORDER, a) != '\0' && strcmp(a, "0") != 0)
        inquiry_fact("order", "%s", a);
    inquiry_fact("signature", "%s", json_string_value(json_object_get(result, "signature")));
    inquiry_fact("signed", "%s", text_of(result, "type", LISTING_TEXT, a));
    answer_message(json_object_get(result, "message"));
    answer_lists(result);
}

enum exit_code verb_chain_tx(const struct call *call)
{
    enum format format;
    json_t *result = NULL;
    struct hash id;
    enum exit_code code = terms_id(call, 0, &id);
    if (code == EXIT_DONE)
        code = inquiry_once(call, "transaction", json_pack("{s:s}", "id", call->args[0]), &format, &result);
    if (code != EXIT_DONE)
        return code;
    if (format == FORMAT_JSON) {
        inquiry_print(result);
        return EXIT_DONE;
    }
    print_transaction(result);
    json_decref(result);
    return EXIT_DONE;
}
