/* Hostile blocks, as an imported chain holds them: as they come, and once more with header and seal made to
 * fit, so that the body is reached. A block that is taken is the chain's own next one; one that is not leaves
 * no trace. */
#include "ledger/core/following.h"
#include "tests/ledger/core/receipts.h"

#include <busbar/check.h>
#include <stdlib.h>

static struct receipts receipts;
static struct chain *chain;

static void open_once(void)
{
    uint32_t index;
    if (chain != NULL)
        return;
    receipts_open(&receipts);
    chain = world_chain(&receipts.world);
    for (unsigned height = 1; height < 4; height++) {
        struct bytes block = {receipts.blocks[height], receipts.sizes[height]};
        CHECK(following_accept(chain, receipts.world.signer, block, NULL, &index) == CHAIN_GOOD);
        chain_commit(chain);
    }
}

static struct hash root_of(struct bytes part, uint32_t count, struct bytes (*next)(struct reader *))
{
    struct merkle_edge edge = {0};
    struct reader r = reader_at(part);
    for (uint32_t i = 0; i < count; i++) {
        struct hash leaf = merkle_leaf(next(&r));
        merkle_append(&edge, &leaf);
    }
    return merkle_root(&edge);
}

static void follow(struct bytes bytes)
{
    uint32_t index;
    size_t size, after;
    uint8_t *before = world_rows(chain, &size);
    if (following_accept(chain, receipts.world.signer, bytes, NULL, &index) == CHAIN_GOOD)
        chain_rollback(chain);
    uint8_t *rows = world_rows(chain, &after);
    CHECK(size == after && memcmp(before, rows, size) == 0);
    free(before);
    free(rows);
}

/* The same body under a header that continues the chain, sealed with the sealer's own key. */
static void follow_sealed(struct bytes bytes)
{
    struct block block, next;
    if (block_decode(bytes, &block) != BB_OK || block.seal_bytes.size != 1 + 3 + SIGNATURE_SIZE)
        return;
    CHECK(block_decode((struct bytes){receipts.blocks[4], receipts.sizes[4]}, &next) == BB_OK);
    struct block_header header = block.header;
    header.height = next.header.height;
    header.previous = next.header.previous;
    header.history = next.header.history;
    header.sealer = next.header.sealer;
    header.time = next.header.time;
    header.transactions = root_of(block.transactions, header.count, block_next_transaction);
    header.receipts = root_of(block.receipts, header.count, block_next_receipt);
    uint8_t *sealed = malloc(bytes.size);
    CHECK(sealed != NULL);
    memcpy(sealed, bytes.data, bytes.size);
    block_header_encode(&header, sealed);
    struct hash hash = block_hash((struct bytes){sealed, BLOCK_HEADER_SIZE});
    uint8_t *seal = sealed + BLOCK_HEADER_SIZE;
    seal[0] = 1;
    seal[1] = BLOCK_SEAL_SIGNATURE;
    seal[2] = SIGNATURE_SIZE;
    seal[3] = 0;
    signer_sign(receipts.world.signer, &receipts.world.secrets[WORLD_SEALER], &hash, seal + 4);
    follow((struct bytes){sealed, bytes.size});
    free(sealed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    open_once();
    follow((struct bytes){data, size});
    follow_sealed((struct bytes){data, size});
    return 0;
}
