/* Hostile bytes at every decoder of the ledger's core, chosen by the first byte: transaction, receipt, block,
 * genesis. What is taken is canonical: written again it is the same bytes. */
#include "ledger/core/block.h"
#include "ledger/core/genesis.h"

#include <busbar/check.h>
#include <stdlib.h>

static void try_transaction(struct bytes bytes)
{
    struct transaction transaction, made;
    if (transaction_decode(bytes, &transaction) != BB_OK)
        return;
    uint8_t again[TRANSACTION_BYTES_MAX];
    CHECK(bytes_equal(bytes, (struct bytes){again, transaction_encode(&transaction, again)}));
    struct action action;
    uint64_t nonce, deadline;
    transaction_action(&transaction, &action, &nonce, &deadline);
    CHECK(transaction_make(&action, nonce, deadline, &made) == BB_OK);
    CHECK(memcmp(made.words, transaction.words, sizeof made.words) == 0);
    struct hash separator = {{0}};
    (void)transaction_id(&transaction, &separator);
}

static void try_receipt(struct bytes bytes)
{
    struct receipt receipt;
    if (receipt_decode(bytes, &receipt) != BB_OK)
        return;
    struct receipt_trade trade;
    struct receipt_passed passed;
    struct receipt_balance balance;
    for (uint32_t i = 0; i < receipt.trade_count; i++)
        receipt_trade(&receipt, i, &trade);
    for (uint32_t i = 0; i < receipt.passed_count; i++)
        receipt_passed(&receipt, i, &passed);
    for (uint32_t i = 0; i < receipt.balance_count; i++)
        receipt_balance(&receipt, i, &balance);
}

static void try_block(struct bytes bytes)
{
    struct block block;
    if (block_decode(bytes, &block) != BB_OK)
        return;
    uint8_t header[BLOCK_HEADER_SIZE];
    block_header_encode(&block.header, header);
    CHECK(bytes_equal(block.header_bytes, (struct bytes){header, sizeof header}));
    size_t size = sizeof header + block.seal_bytes.size + block.transactions.size + block.receipts.size;
    CHECK(size == bytes.size);
    struct reader transactions = reader_at(block.transactions), receipts = reader_at(block.receipts);
    for (uint32_t i = 0; i < block.header.count; i++) {
        try_transaction(block_next_transaction(&transactions));
        try_receipt(block_next_receipt(&receipts));
    }
    CHECK(transactions.ok && receipts.ok && transactions.left.size == 0 && receipts.left.size == 0);
}

static void try_genesis(struct bytes bytes)
{
    struct genesis genesis;
    if (genesis_decode(bytes, &genesis) != BB_OK)
        return;
    uint8_t *again;
    size_t size;
    if (genesis_encode(&genesis, NULL, &again, &size) == BB_OK) {
        CHECK(bytes_equal(bytes, (struct bytes){again, size}));
        free(again);
    }
    genesis_free(&genesis);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const tries[])(struct bytes) = {try_transaction, try_receipt, try_block, try_genesis};
    if (size > 0)
        tries[data[0] % 4]((struct bytes){data + 1, size - 1});
    return 0;
}
