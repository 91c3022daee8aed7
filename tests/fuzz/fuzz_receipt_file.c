/* Hostile receipt files. Only the one that the chain gave out may be good; whatever decodes is written again
 * the same. */
#include "ledger/core/statement.h"
#include "tests/ledger/core/receipts.h"

#include <busbar/check.h>

static void skip_line(void *context, const char *line)
{
    (void)context;
    (void)line;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct receipts receipts;
    static uint8_t again[PROOF_BYTES_MAX];
    if (receipts.world.signer == NULL)
        receipts_open(&receipts);
    struct proof proof;
    struct bytes bytes = {data, size};
    if (proof_decode(bytes, &proof) == BB_OK)
        CHECK(bytes_equal(bytes, (struct bytes){again, proof_encode(&proof, again)}));
    if (proof_verify(receipts.world.signer, bytes, &receipts.trust, &proof) != PROOF_GOOD)
        return 0;
    struct block_header header;
    CHECK(block_header_decode(proof.header, &header) == BB_OK);
    unsigned height = (unsigned)header.height, head = 0;
    if (proof.has_head) {
        CHECK(block_header_decode(proof.head_header, &header) == BB_OK);
        head = (unsigned)header.height;
    }
    CHECK(height <= RECEIPTS_BLOCKS && head <= RECEIPTS_BLOCKS);
    statement_say(&proof, skip_line, NULL);
    CHECK(bytes_equal(bytes,
                      (struct bytes){again, receipts_write(&receipts, height, proof.index, head, again)}));
    return 0;
}
