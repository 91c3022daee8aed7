/* One step of the chain, the same for a block that is made here and for one that comes from elsewhere. */
#include "ledger/core/chain_state.h"
#include "ledger/crypto/hash.h"

#include <busbar/check.h>
#include <stdlib.h>

uint8_t *chain_room(struct buffer *buffer, size_t more)
{
    if (buffer->capacity - buffer->size < more) {
        size_t capacity =
            buffer->capacity * 2 > buffer->size + more ? buffer->capacity * 2 : buffer->size + more;
        uint8_t *data = realloc(buffer->data, capacity);
        CHECK(data != NULL);
        buffer->data = data;
        buffer->capacity = capacity;
    }
    return buffer->data + buffer->size;
}

void chain_begin(struct chain *chain, uint64_t term, struct wall time)
{
    CHECK(chain->phase == CHAIN_IDLE);
    struct parameters parameters;
    market_parameters(chain->market, &parameters);
    struct hash leaf = merkle_leaf((struct bytes){chain->head.hash.bytes, sizeof chain->head.hash.bytes});
    chain->next_history = chain->history;
    merkle_append(&chain->next_history, &leaf);
    chain->next = (struct block_header){.height = chain->head.height + 1,
                                        .previous = chain->head.hash,
                                        .history = merkle_root(&chain->next_history),
                                        .term = term,
                                        .time = time,
                                        .sealer = parameters.sealer};
    chain->seconds = (uint64_t)time.ms / 1000;
    chain->transaction_tree.size = 0;
    chain->receipt_tree.size = 0;
    chain->phase = CHAIN_SEALING;
}

static enum refusal check_account(const struct market *market, const struct address *actor,
                                  uint32_t *index_out, struct account *account_out)
{
    uint32_t ignored;
    if (!market_find(market, actor, index_out))
        return market_retired(market, actor, &ignored) ? REFUSAL_REVOKED : REFUSAL_NOT_ADMITTED;
    market_account(market, *index_out, account_out);
    return account_out->revoked ? REFUSAL_REVOKED : REFUSAL_NONE;
}

enum refusal chain_execute(struct chain *chain, const struct transaction *transaction, struct bytes bytes,
                           const struct hash *id, const struct address *signer, uint8_t *receipt_out,
                           size_t *size_out)
{
    CHECK(chain->phase == CHAIN_SEALING);
    struct action action;
    uint64_t nonce, deadline;
    transaction_action(transaction, &action, &nonce, &deadline);
    if (!address_equal(&action.actor, signer))
        return REFUSAL_WRONG_SIGNER;
    uint32_t index;
    struct account account;
    enum refusal refusal = check_account(chain->market, &action.actor, &index, &account);
    if (refusal != REFUSAL_NONE)
        return refusal;
    if (nonce != account.nonce)
        return REFUSAL_NONCE;
    if (deadline != 0 && deadline <= chain->seconds)
        return REFUSAL_DEADLINE;
    if (action.type == ACTION_CORRECTION && chain->known != NULL)
        action.correction.known = chain->known(chain->known_context, &action.correction.transaction);

    struct outcome outcome;
    market_spend_nonce(chain->market, index);
    enum verdict verdict = market_apply(chain->market, &action, chain->next.time, &outcome);
    *size_out = receipt_encode(chain->market, id, verdict, &outcome, receipt_out);
    struct hash leaf = merkle_leaf(bytes);
    merkle_append(&chain->transaction_tree, &leaf);
    leaf = merkle_leaf((struct bytes){receipt_out, *size_out});
    merkle_append(&chain->receipt_tree, &leaf);
    chain->next.count++;
    return REFUSAL_NONE;
}

#define ROW_SIZE_MAX (1 + 8 + 8 + 2 + MARKET_ROW_MAX)

/* A row as it is hashed: kind, a, b, size of the value, value. */
static size_t write_row(struct row_key key, struct bytes value, uint8_t out[ROW_SIZE_MAX])
{
    struct writer w = writer_at(out, ROW_SIZE_MAX);
    write_u8(&w, key.kind);
    write_u64(&w, key.a);
    write_u64(&w, key.b);
    write_u16(&w, (uint16_t)value.size);
    write_bytes(&w, value);
    CHECK(w.ok);
    return w.size;
}

static void add_change(void *context, struct row_key key, struct bytes value)
{
    struct buffer *rows = context;
    rows->size += write_row(key, value, chain_room(rows, ROW_SIZE_MAX));
}

struct hash chain_changes(struct chain *chain)
{
    chain->rows.size = 0;
    market_changes(chain->market, add_change, &chain->rows);
    return hash_sha256(&(struct bytes){chain->rows.data, chain->rows.size}, 1);
}

static void add_leaf(void *context, struct row_key key, struct bytes value)
{
    uint8_t row[ROW_SIZE_MAX];
    struct hash leaf = merkle_leaf((struct bytes){row, write_row(key, value, row)});
    merkle_append(context, &leaf);
}

struct hash chain_state_root(const struct chain *chain)
{
    struct merkle_edge edge = {0};
    market_rows(chain->market, add_leaf, &edge);
    return merkle_root(&edge);
}

void chain_ready(struct chain *chain, const struct hash *hash)
{
    chain->next_head = (struct chain_head){.height = chain->next.height,
                                           .hash = *hash,
                                           .changes = chain->next.changes,
                                           .time = chain->next.time,
                                           .transactions = chain->head.transactions + chain->next.count};
    chain->phase = CHAIN_READY;
}
