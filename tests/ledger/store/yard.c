#include "tests/ledger/store/yard.h"

#include "ledger/audit.h"
#include "ledger/crypto/hash.h"
#include "market/rows.h"
#include "market/view.h"
#include "tests/link/cm.h"

#include <busbar/check.h>

void yard_sign(struct yard_log *log, struct village *village, uint64_t *seed, uint32_t count)
{
    CHECK(log->count + count <= YARD_SENT_MAX);
    for (uint32_t i = 0; i < count; i++, log->count++)
        log->sizes[log->count] = village_random(village, seed, log->bytes[log->count]);
}

void yard_nonces(struct village *village, struct pipeline *pipeline)
{
    struct market *market = chain_market(pipeline_chain(pipeline));
    for (uint32_t i = 0; i < village->people; i++) {
        uint32_t index;
        struct account account;
        CHECK(market_find(market, &village->addresses[i], &index));
        market_account(market, index, &account);
        village->nonces[i] = account.nonce;
    }
}

uint64_t yard_audit(const char *path)
{
    struct bb_reason reason = {""};
    struct audit_report report = {0};
    struct store *store = NULL;
    enum status status = store_open(path, STORE_READ, (struct bytes){NULL, 0}, &reason, &store);
    if (status == BB_OK)
        status = audit_run(store, 2, NULL, NULL, &reason, &report);
    store_close(store);
    if (status != BB_OK)
        fail_msg("audit: %s: %s", bb_status_word(status), reason.text);
    return report.transactions;
}

static void add_row(void *context, struct row_key key, struct bytes value)
{
    struct hash *hash = context;
    struct bytes parts[] = {{hash->bytes, sizeof hash->bytes},
                            {&key.kind, 1},
                            {(const uint8_t *)&key.a, 8},
                            {(const uint8_t *)&key.b, 8},
                            value};
    *hash = hash_sha256(parts, 5);
}

struct hash yard_state(struct chain *chain)
{
    struct hash hash = {{0}};
    market_rows(chain_market(chain), add_row, &hash);
    return hash;
}
