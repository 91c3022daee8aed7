#include "ledger/core/chain_state.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <sys/mman.h>

static enum status take_genesis(struct chain *chain, struct bytes bytes, struct bb_reason *reason)
{
    chain->genesis_bytes = malloc(bytes.size + 1);
    if (chain->genesis_bytes == NULL)
        return BB_IO;
    if (bytes.size > 0)
        memcpy(chain->genesis_bytes, bytes.data, bytes.size);
    enum status status = genesis_decode(bytes, &chain->genesis);
    if (status != BB_OK) {
        bb_reason_say(reason, "genesis: %s", bb_status_text(status));
        return status;
    }
    chain->head.hash = genesis_hash(bytes);
    chain->head.time = chain->genesis.time;
    struct eip712_domain domain = genesis_domain(&chain->genesis, &chain->head.hash);
    chain->separator = eip712_separator(&domain);
    return BB_OK;
}

static enum status make_market(struct chain *chain, struct bb_reason *reason)
{
    chain->memory_size = market_size(&chain->genesis.limits);
    void *memory = mmap(NULL, chain->memory_size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        bb_reason_say(reason, "genesis: no memory for the market's tables (%zu bytes)", chain->memory_size);
        return BB_IO;
    }
    chain->memory = memory;
    chain->market = market_init(memory, &chain->genesis.limits);
    return BB_OK;
}

static enum status open_chain(struct bytes genesis, bool empty, struct bb_reason *reason, struct chain **out)
{
    struct chain *chain = calloc(1, sizeof *chain);
    if (chain == NULL)
        return BB_IO;
    enum status status = take_genesis(chain, genesis, reason);
    if (status == BB_OK)
        status = make_market(chain, reason);
    if (status == BB_OK && !empty)
        status = genesis_open(&chain->genesis, chain->market, reason);
    if (status != BB_OK) {
        chain_close(chain);
        return status;
    }
    *out = chain;
    return BB_OK;
}

enum status chain_open(struct bytes genesis, struct bb_reason *reason, struct chain **out)
{
    return open_chain(genesis, false, reason, out);
}

enum status chain_open_empty(struct bytes genesis, struct bb_reason *reason, struct chain **out)
{
    return open_chain(genesis, true, reason, out);
}

void chain_close(struct chain *chain)
{
    if (chain == NULL)
        return;
    if (chain->memory != NULL)
        munmap(chain->memory, chain->memory_size);
    genesis_free(&chain->genesis);
    free(chain->genesis_bytes);
    free(chain->transactions.data);
    free(chain->receipts.data);
    free(chain->rows.data);
    free(chain->block.data);
    free(chain);
}

void chain_ask(struct chain *chain, chain_known *known, void *context)
{
    chain->known = known;
    chain->known_context = context;
}

const struct genesis *chain_genesis(const struct chain *chain)
{
    return &chain->genesis;
}

const struct hash *chain_separator(const struct chain *chain)
{
    return &chain->separator;
}

struct market *chain_market(struct chain *chain)
{
    return chain->market;
}

void chain_head(const struct chain *chain, struct chain_head *out)
{
    *out = chain->head;
}

const struct merkle_edge *chain_history(const struct chain *chain)
{
    return &chain->history;
}

enum status chain_resume(struct chain *chain, struct bytes header_bytes, const struct merkle_edge *history,
                         uint64_t transactions)
{
    CHECK(chain->head.height == 0 && chain->phase == CHAIN_IDLE);
    struct block_header header;
    if (block_header_decode(header_bytes, &header) != BB_OK || !header.checkpoint || header.height == 0 ||
        history->size != header.height)
        return BB_MALFORMED;
    struct hash root = merkle_root(history), state = chain_state_root(chain);
    if (!hash_equal(&root, &header.history) || !hash_equal(&state, &header.state))
        return BB_MALFORMED;
    market_commit(chain->market);
    chain->history = *history;
    chain->head = (struct chain_head){.height = header.height,
                                      .hash = block_hash(header_bytes),
                                      .changes = header.changes,
                                      .time = header.time,
                                      .transactions = transactions};
    return BB_OK;
}

void chain_commit(struct chain *chain)
{
    CHECK(chain->phase == CHAIN_READY);
    market_commit(chain->market);
    chain->history = chain->next_history;
    chain->head = chain->next_head;
    chain->phase = CHAIN_IDLE;
}

void chain_rollback(struct chain *chain)
{
    if (chain->phase == CHAIN_IDLE)
        return;
    market_rollback(chain->market);
    chain->phase = CHAIN_IDLE;
}
