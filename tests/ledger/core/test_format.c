/* The worked example of docs/ledger-format.md: every value is computed again and must stand there. */
#include "ledger/core/sealing.h"
#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"
#include "tests/link/cm.h"

#include <stdio.h>
#include <stdlib.h>

static char *page;
static unsigned missing;

/* One line of the example: a name and bytes in hexadecimal. What is missing is printed, to be put there. */
static void expect(const char *name, struct bytes bytes)
{
    char text[2048], line[2200];
    assert_true(2 * bytes.size + 3 <= sizeof text);
    hex_format(bytes, text);
    snprintf(line, sizeof line, "    %-18s %s\n", name, text);
    if (strstr(page, line) != NULL)
        return;
    missing++;
    printf("%s", line);
}

static void expect_hash(const char *name, struct hash hash)
{
    expect(name, (struct bytes){hash.bytes, sizeof hash.bytes});
}

static void expect_address(const char *name, const struct address *address)
{
    char text[ADDRESS_TEXT], line[128];
    address_format(address, text);
    snprintf(line, sizeof line, "    %-18s %s\n", name, text);
    if (strstr(page, line) != NULL)
        return;
    missing++;
    printf("%s", line);
}

static int read_page(void **state)
{
    (void)state;
    FILE *file = fopen(BUSBAR_SOURCE_DIR "/docs/ledger-format.md", "rb");
    assert_non_null(file);
    page = calloc(1, 65536);
    assert_non_null(page);
    assert_true(fread(page, 1, 65535, file) > 1000);
    fclose(file);
    return 0;
}

static int free_page(void **state)
{
    (void)state;
    free(page);
    return 0;
}

struct example {
    struct signer *signer;
    struct secret secrets[5];
    struct address addresses[5]; /* 1 … 4 */
    struct chain *chain;
};

static void open_example(struct example *example)
{
    assert_int_equal(signer_open(&example->signer), BB_OK);
    for (unsigned i = 1; i <= 4; i++) {
        memset(&example->secrets[i], 0, sizeof example->secrets[i]);
        example->secrets[i].bytes[31] = (uint8_t)i;
        example->addresses[i] = signer_address(example->signer, &example->secrets[i]);
    }
    struct genesis_participant participants[] = {
        {example->addresses[1], "operator", ROLE_OPERATOR, {0}, {0}},
        {example->addresses[2], "edc", ROLE_DISTRIBUTION, {0}, {0}},
        {example->addresses[3], "p1", ROLE_PROSUMER, {10000000000}, {50000}},
    };
    struct genesis genesis = {.chain_id = 1337,
                              .contract = {{[17] = 0x0b, [18] = 0x17, [19] = 0xe9}},
                              .time = {1750000000000},
                              .sealer = example->addresses[4],
                              .limits = {16, 16, 16, 16, 16},
                              .participant_count = 3,
                              .participants = participants};
    uint8_t *bytes;
    size_t size;
    assert_int_equal(genesis_encode(&genesis, NULL, &bytes, &size), BB_OK);
    expect_address("operator", &example->addresses[1]);
    expect_address("edc", &example->addresses[2]);
    expect_address("p1", &example->addresses[3]);
    expect_address("sealer", &example->addresses[4]);
    expect("genesis", (struct bytes){bytes, size});
    expect_hash("genesis hash", genesis_hash((struct bytes){bytes, size}));
    assert_int_equal(chain_open((struct bytes){bytes, size}, NULL, &example->chain), BB_OK);
    expect_hash("separator", *chain_separator(example->chain));
    free(bytes);
}

static struct hash post(struct example *example, struct bytes *receipt_out)
{
    struct action action = {
        .type = ACTION_SELL, .actor = example->addresses[3], .sell = {.energy = {6000}, .price = {98200}}};
    struct transaction transaction;
    uint8_t bytes[TRANSACTION_BYTES_MAX];
    assert_int_equal(transaction_make(&action, 0, 0, &transaction), BB_OK);
    struct hash id = transaction_id(&transaction, chain_separator(example->chain));
    signer_sign(example->signer, &example->secrets[3], &id, transaction.signature);
    struct bytes written = {bytes, transaction_encode(&transaction, bytes)};
    expect_hash("type hash", *transaction_type_hash(ACTION_SELL));
    expect_hash("id", id);
    expect("signature", (struct bytes){transaction.signature, SIGNATURE_SIZE});
    expect("transaction", written);
    expect_hash("transaction's leaf", merkle_leaf(written));
    assert_int_equal(sealing_execute(example->chain, &transaction, &id, &example->addresses[3], receipt_out),
                     REFUSAL_NONE);
    return id;
}

static void test_example(void **state)
{
    (void)state;
    struct example example;
    struct bytes receipt, bytes;
    struct block block;
    open_example(&example);
    sealing_begin(example.chain, 1, (struct wall){1750000001000});
    post(&example, &receipt);
    expect("receipt", receipt);
    expect_hash("receipt's leaf", merkle_leaf(receipt));
    assert_int_equal(sealing_finish(example.chain, example.signer, &example.secrets[4], false, &bytes),
                     BB_OK);
    assert_int_equal(block_decode(bytes, &block), BB_OK);
    expect_hash("history", block.header.history);
    expect_hash("changes", block.header.changes);
    expect("header", block.header_bytes);
    expect_hash("block hash", block_hash(block.header_bytes));
    expect("seal", block.seals[0].bytes);
    chain_close(example.chain);
    signer_close(example.signer);
    if (missing > 0)
        fail_msg("%u lines are not in docs/ledger-format.md: they are printed above", missing);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_example)};
    return cmocka_run_group_tests(tests, read_page, free_page);
}
