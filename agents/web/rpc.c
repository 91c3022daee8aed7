#include "agents/web/rpc.h"

#include <busbar/wide.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define ASK_MS 5000

enum code {
    CODE_PARSE = -32700,
    CODE_REQUEST = -32600,
    CODE_METHOD = -32601,
    CODE_PARAMS = -32602,
    CODE_INTERNAL = -32603,
    CODE_AWAY = -32000 /* the ledger does not answer */
};

/* The result of a method from the ledger's; NULL: it is not understood. */
typedef json_t *rpc_convert(const json_t *result);

struct method {
    const char *name;
    const char *ledger; /* its method there */
    bool address;       /* params[0] is one, params[1] the block */
    rpc_convert *convert;
    const char *unknown; /* what an account that is not there has */
};

/* A request, or a batch, under way. */
struct batch {
    struct exchange *exchange;
    json_t *answers; /* what is known; null for a call that wants no answer */
    size_t open;     /* calls that wait for the ledger, and one while calls are being made */
    bool single;
};

struct rpc_call {
    struct batch *batch;
    const struct method *method;
    size_t place;
    json_t *id;
};

/* -- quantities ---------------------------------------------------------------------------------------------
 */

static enum status read_decimal(const char *text, uint64_t *out)
{
    uint64_t value = 0;
    size_t size = strlen(text);
    if (size == 0 || strspn(text, "0123456789") != size)
        return BB_MALFORMED;
    for (; *text != '\0'; text++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
            return BB_RANGE;
    *out = value;
    return BB_OK;
}

enum status rpc_quantity(const char *decimal, char *text)
{
    uint64_t value;
    enum status status = read_decimal(decimal, &value);
    if (status == BB_OK)
        snprintf(text, RPC_QUANTITY_SIZE, "0x%llx", (unsigned long long)value);
    return status;
}

enum status rpc_balance(const char *nano, char *text)
{
    uint64_t value;
    enum status status = read_decimal(nano, &value);
    if (status != BB_OK)
        return status;
    bb_wide whole = bb_wide_product(value, 1000000000u);
    unsigned long long high = bb_wide_high(whole), low = bb_wide_low(whole);
    if (high > 0)
        snprintf(text, RPC_QUANTITY_SIZE, "0x%llx%016llx", high, low);
    else
        snprintf(text, RPC_QUANTITY_SIZE, "0x%llx", low);
    return BB_OK;
}

static json_t *quantity(const json_t *object, const char *key, enum status (*convert)(const char *, char *))
{
    char text[RPC_QUANTITY_SIZE];
    const char *value = json_string_value(json_object_get(object, key));
    return value != NULL && convert(value, text) == BB_OK ? json_string(text) : NULL;
}

static json_t *chain_id(const json_t *result)
{
    return quantity(result, "chain_id", rpc_quantity);
}

/* In decimal, unlike everything else. */
static json_t *network(const json_t *result)
{
    const char *text = json_string_value(json_object_get(result, "chain_id"));
    return text == NULL ? NULL : json_string(text);
}

static json_t *height(const json_t *result)
{
    return quantity(result, "height", rpc_quantity);
}

static json_t *balance(const json_t *result)
{
    return quantity(json_object_get(result, "account"), "money", rpc_balance);
}

static json_t *nonce(const json_t *result)
{
    return quantity(json_object_get(result, "account"), "nonce", rpc_quantity);
}

static const struct method methods[] = {
    {"eth_chainId", "parameters", false, chain_id, NULL},
    {"net_version", "parameters", false, network, NULL},
    {"eth_blockNumber", "status", false, height, NULL},
    {"eth_getBalance", "account", true, balance, "0x0"},
    {"eth_getTransactionCount", "account", true, nonce, "0x0"},
};

/* -- answers ------------------------------------------------------------------------------------------------
 */

static json_t *failure(const json_t *id, enum code code, const char *text)
{
    return json_pack("{s:s,s:O,s:{s:i,s:s}}", "jsonrpc", "2.0", "id", id, "error", "code", (int)code,
                     "message", text);
}

/* One thing less is waited for; the last gives the answer. Calls without an id have none. */
static void settle(struct batch *batch)
{
    if (--batch->open > 0)
        return;
    json_t *told = json_array();
    for (size_t i = 0; i < json_array_size(batch->answers); i++)
        if (!json_is_null(json_array_get(batch->answers, i)))
            json_array_append(told, json_array_get(batch->answers, i));
    const json_t *document = batch->single ? json_array_get(told, 0) : told;
    if (json_array_size(told) == 0)
        exchange_text(batch->exchange, 204, "application/json", strdup(""));
    else
        exchange_json(batch->exchange, 200, json_dumps(document, JSON_COMPACT));
    json_decref(told);
    json_decref(batch->answers);
    free(batch);
}

static void put(struct batch *batch, size_t place, const json_t *id, json_t *answer)
{
    bool wanted = id != NULL && answer != NULL;
    json_array_set_new(batch->answers, place, wanted ? answer : json_null());
    if (!wanted)
        json_decref(answer);
}

static json_t *answer_of(const struct rpc_call *call, enum status status, const char *json)
{
    json_t *document = status == BB_OK ? json_loads(json, 0, NULL) : NULL;
    json_t *result = document != NULL ? call->method->convert(document) : NULL;
    json_decref(document);
    if (status == BB_REMOTE && call->method->unknown != NULL)
        result = json_string(call->method->unknown);
    if (result != NULL)
        return json_pack("{s:s,s:O,s:o}", "jsonrpc", "2.0", "id", call->id, "result", result);
    if (status == BB_OK || status == BB_REMOTE)
        return failure(call->id, CODE_INTERNAL, "the ledger answered what is not understood");
    return failure(call->id, CODE_AWAY, "the ledger does not answer");
}

static void on_reply(void *context, enum status status, const char *json)
{
    struct rpc_call *call = context;
    put(call->batch, call->place, call->id, call->id == NULL ? NULL : answer_of(call, status, json));
    settle(call->batch);
    json_decref(call->id);
    free(call);
}

/* -- requests -----------------------------------------------------------------------------------------------
 */

static const struct method *find_method(const char *name)
{
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++)
        if (strcmp(methods[i].name, name) == 0)
            return &methods[i];
    return NULL;
}

static bool is_address(const char *text)
{
    return text != NULL && strlen(text) == 42 && strncmp(text, "0x", 2) == 0 &&
           strspn(text + 2, "0123456789abcdefABCDEF") == 40;
}

/* The ledger tells what is now; of what was it keeps statements. */
static bool is_now(const json_t *block)
{
    static const char *const words[] = {"latest", "pending", "safe", "finalized"};
    const char *word = json_string_value(block);
    if (block == NULL)
        return true;
    for (size_t i = 0; word != NULL && i < sizeof words / sizeof *words; i++)
        if (strcmp(word, words[i]) == 0)
            return true;
    return false;
}

/* The ledger's params, malloc'd; NULL with the fault. */
static char *take_params(const struct method *method, const json_t *params, const char **fault_out)
{
    const char *address = json_string_value(json_array_get(params, 0));
    char text[96], lower[43] = "";
    if (params != NULL && !json_is_array(params))
        *fault_out = "params is to be an array";
    else if (!method->address)
        return strdup("{}");
    else if (!is_address(address) || json_array_size(params) > 2)
        *fault_out = "params is to be [address, block]";
    else if (!is_now(json_array_get(params, 1)))
        *fault_out = "only the latest block is told of";
    else {
        /* In lower case an address has no checksum that could be wrong. */
        for (size_t i = 0; i < 42; i++)
            lower[i] = (char)(address[i] >= 'A' && address[i] <= 'F' ? address[i] + 32 : address[i]);
        snprintf(text, sizeof text, "{\"account\":\"%s\"}", lower);
        return strdup(text);
    }
    return NULL;
}

static void ask(struct bb_client *client, struct batch *batch, size_t place, const struct method *method,
                json_t *id, const char *params)
{
    struct rpc_call *call = malloc(sizeof *call);
    if (call == NULL) {
        put(batch, place, id, failure(id, CODE_INTERNAL, "the memory ran out"));
        return;
    }
    *call = (struct rpc_call){batch, method, place, json_incref(id)};
    if (bb_request(client, "ledger", method->ledger, params, ASK_MS, on_reply, call) == BB_OK) {
        batch->open++;
        return;
    }
    put(batch, place, id, id == NULL ? NULL : failure(id, CODE_AWAY, "the bus does not answer"));
    json_decref(id);
    free(call);
}

static void begin(struct bb_client *client, struct batch *batch, size_t place, json_t *request)
{
    const char *fault = NULL;
    json_t *id = json_object_get(request, "id"), *none = json_null();
    const char *name = json_string_value(json_object_get(request, "method"));
    const char *version = json_string_value(json_object_get(request, "jsonrpc"));
    bool id_fits = id == NULL || json_is_string(id) || json_is_number(id) || json_is_null(id);
    if (name == NULL || version == NULL || strcmp(version, "2.0") != 0 || !id_fits) {
        put(batch, place, none,
            failure(none, CODE_REQUEST, "a request has jsonrpc \"2.0\", method, params and id"));
        return;
    }
    const struct method *method = find_method(name);
    char *params = method == NULL ? NULL : take_params(method, json_object_get(request, "params"), &fault);
    if (method == NULL)
        put(batch, place, id, id == NULL ? NULL : failure(id, CODE_METHOD, "there is no such method here"));
    else if (params == NULL)
        put(batch, place, id,
            id == NULL ? NULL : failure(id, CODE_PARAMS, fault == NULL ? "the memory ran out" : fault));
    else
        ask(client, batch, place, method, id, params);
    free(params);
}

static void refuse(struct exchange *exchange, enum code code, const char *text)
{
    json_t *answer = failure(json_null(), code, text);
    exchange_json(exchange, 200, json_dumps(answer, JSON_COMPACT));
    json_decref(answer);
}

void rpc_handle(struct bb_client *client, struct exchange *exchange)
{
    struct bytes body = exchange_body(exchange);
    json_t *document =
        json_loadb((const char *)body.data, body.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    size_t count = json_is_array(document) ? json_array_size(document) : 1;
    struct batch *batch = calloc(1, sizeof *batch);
    if (document == NULL || batch == NULL) {
        refuse(exchange, CODE_PARSE, "the body is no JSON");
    } else if (count == 0 || count > RPC_BATCH_MAX) {
        refuse(exchange, CODE_REQUEST, "a batch has 1 to 32 requests");
    } else {
        *batch = (struct batch){exchange, json_array(), 1, !json_is_array(document)};
        for (size_t i = 0; i < count; i++)
            json_array_append_new(batch->answers, json_null());
        for (size_t i = 0; i < count; i++)
            begin(client, batch, i, batch->single ? document : json_array_get(document, i));
        settle(batch);
        batch = NULL;
    }
    free(batch);
    json_decref(document);
}
