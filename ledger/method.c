#include "ledger/method.h"

#include "ledger/service_state.h"
#include "ledger/view.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define METHODS_MAX 24

/* What a served method is called with. */
static struct bound {
    struct service *service;
    const struct method *method;
} bound[METHODS_MAX];

static enum status run(const struct bound *b, const char *text, struct json_writer *w,
                       struct bb_reason *reason)
{
    json_t *root = NULL;
    const char *given = strcmp(text, "[]") == 0 || strcmp(text, "null") == 0 ? "{}" : text;
    enum status status = fields_parse(bytes_of(given), b->method->name, reason, &root);
    if (status != BB_OK)
        return status;
    struct fields params = fields_of(root, b->method->name, b->method->params, reason);
    json_writer_open(w, NULL, '{');
    status = params.ok ? b->method->run(b->service, &params, w) : BB_MALFORMED;
    if (status == BB_OK && !params.ok)
        status = BB_MALFORMED;
    json_decref(root);
    return status;
}

static enum status on_call(void *context, const char *caller, const char *params, char **result_out)
{
    const struct bound *b = context;
    struct json_writer w = {0};
    struct bb_reason reason = {""};
    (void)caller;
    enum status status = run(b, params, &w, &reason);
    if (status == BB_OK) {
        service_stamp(b->service, &w);
        json_writer_close(&w, '}');
        *result_out = w.text;
        return BB_OK;
    }
    free(w.text);
    *result_out = reason.text[0] != '\0' ? strdup(reason.text) : NULL;
    return status;
}

enum status method_serve_all(struct service *service)
{
    const struct method *const tables[] = {queries_methods, records_methods, proofs_methods};
    enum status status = BB_OK;
    size_t count = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        for (const struct method *m = tables[i]; m->name != NULL && status == BB_OK; m++) {
            CHECK(count < METHODS_MAX);
            bound[count] = (struct bound){service, m};
            status = bb_serve(service->client, m->name, on_call, &bound[count++]);
        }
    return status;
}

bool method_account(struct service *service, struct fields *params, const char *name, uint32_t *index_out)
{
    const struct market *market = chain_market(service->chain);
    const char *text = fields_text(params, name, 64);
    if (!params->ok || (strncmp(text, "0x", 2) != 0 && market_find_name(market, bytes_of(text), index_out)))
        return params->ok;
    if (strncmp(text, "0x", 2) != 0)
        return fields_refuse(params, name, "no account has this name");
    struct address address = fields_address(params, name);
    return params->ok && (view_find(market, &address, index_out) ||
                          fields_refuse(params, name, "no account has this address"));
}

uint32_t method_count(struct fields *params, const char *name, uint32_t preset, uint32_t most)
{
    uint64_t count = fields_has(params, name) ? fields_uint(params, name, UINT64_MAX) : preset;
    return count > most ? most : (uint32_t)count;
}

enum status method_find(struct service *service, struct fields *params, struct hash *id_out,
                        uint64_t *height_out, uint32_t *index_out)
{
    fields_hex(params, "id", id_out->bytes, sizeof id_out->bytes);
    if (!params->ok)
        return BB_MALFORMED;
    enum status status = store_find(service->store, id_out, height_out, index_out);
    if (status == BB_NOT_FOUND)
        fields_refuse(params, "id", "no such transaction is in the chain");
    else if (status != BB_OK)
        fields_refuse(params, "id", bb_status_text(status));
    return status;
}

enum status method_block(struct service *service, struct fields *params, uint64_t height,
                         struct block *block_out, uint8_t **bytes_out)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    struct bb_reason reason = {""};
    char why[160];
    enum status status = store_block(service->store, height, &reason, &bytes, &size);
    if (status == BB_OK && block_decode((struct bytes){bytes, size}, block_out) == BB_OK) {
        *bytes_out = bytes;
        return BB_OK;
    }
    if (status == BB_OK)
        status = BB_MALFORMED;
    free(bytes);
    snprintf(why, sizeof why, "block %" PRIu64 ": %.100s", height,
             status == BB_NOT_FOUND   ? "the chain has no such block"
             : reason.text[0] != '\0' ? reason.text
                                      : bb_status_text(status));
    fields_refuse(params, NULL, why);
    return status;
}
