/* Receipt files: every transaction of a small chain proven, alone and under every later block; every flipped
 * bit refused; each fault by name; and what they say. */
#include "ledger/core/statement.h"
#include "tests/ledger/core/receipts.h"
#include "tests/link/cm.h"

#include <stdlib.h>

static struct receipts receipts;
static uint8_t file[PROOF_BYTES_MAX];

static int open_receipts(void **state)
{
    (void)state;
    receipts_open(&receipts);
    return 0;
}

static int close_receipts(void **state)
{
    (void)state;
    receipts_close(&receipts);
    return 0;
}

static enum proof_fault verify(size_t size)
{
    return proof_verify(receipts.world.signer, (struct bytes){file, size}, &receipts.trust, NULL);
}

static void test_every_transaction_under_every_head(void **state)
{
    (void)state;
    for (unsigned height = 1; height <= RECEIPTS_BLOCKS; height++)
        for (uint32_t index = 0; index < RECEIPTS_EACH; index++)
            for (unsigned head = 0; head <= RECEIPTS_BLOCKS; head = head == 0 ? height + 1 : head + 1) {
                size_t size = receipts_write(&receipts, height, index, head, file);
                assert_int_equal(verify(size), PROOF_GOOD);
            }
}

static void test_decoded_and_encoded_again(void **state)
{
    (void)state;
    static uint8_t again[PROOF_BYTES_MAX];
    struct proof proof;
    for (unsigned head = 0; head < 10; head += 9) {
        size_t size = receipts_write(&receipts, 4, 2, head, file);
        assert_int_equal(proof_decode((struct bytes){file, size}, &proof), BB_OK);
        assert_int_equal(proof_encode(&proof, again), size);
        assert_memory_equal(again, file, size);
    }
}

static void test_every_flipped_bit_is_refused(void **state)
{
    (void)state;
    for (unsigned head = 0; head < 10; head += 9) {
        size_t size = receipts_write(&receipts, 4, 2, head, file);
        unsigned faults[PROOF_FAULTS] = {0};
        for (size_t bit = 0; bit < 8 * size; bit++) {
            file[bit / 8] ^= (uint8_t)(1u << bit % 8);
            enum proof_fault fault = verify(size);
            if (fault == PROOF_GOOD)
                fail_msg("bit %zu of %zu is free", bit, 8 * size);
            faults[fault]++;
            file[bit / 8] ^= (uint8_t)(1u << bit % 8);
        }
        for (size_t less = 1; less <= size; less++)
            assert_int_equal(verify(size - less), PROOF_MALFORMED);
        file[size] = 0;
        assert_int_equal(verify(size + 1), PROOF_MALFORMED);
        assert_int_equal(verify(size), PROOF_GOOD);
        for (enum proof_fault fault = PROOF_MALFORMED; fault < (head ? PROOF_FAULTS : PROOF_HEAD_SEAL);
             fault++)
            if (fault != PROOF_SEALER && faults[fault] == 0)
                fail_msg("no flipped bit says: %s", proof_text(fault));
    }
}

static void test_another_trust(void **state)
{
    (void)state;
    struct proof_trust trust = receipts.trust;
    struct bytes bytes = {file, receipts_write(&receipts, 4, 2, 9, file)};
    struct signer *signer = receipts.world.signer;
    struct proof proof;
    trust.genesis.bytes[0] ^= 1;
    assert_int_equal(proof_verify(signer, bytes, &trust, &proof), PROOF_GENESIS);
    trust = receipts.trust;
    trust.chain_id++;
    assert_int_equal(proof_verify(signer, bytes, &trust, &proof), PROOF_ID);
    trust = receipts.trust;
    trust.contract.bytes[19] ^= 1;
    assert_int_equal(proof_verify(signer, bytes, &trust, &proof), PROOF_ID);
    trust = receipts.trust;
    trust.sealer = receipts.world.addresses[WORLD_STRANGER];
    assert_int_equal(proof_verify(signer, bytes, &trust, &proof), PROOF_SEALER);
    trust.sealer = (struct address){0};
    assert_int_equal(proof_verify(signer, bytes, &trust, &proof), PROOF_GOOD);
    assert_int_equal(proof.index, 2);
    assert_true(proof.has_head);
}

/* Parts of two good files put together are no good file. */
static void test_parts_of_another_receipt(void **state)
{
    (void)state;
    static uint8_t other_file[PROOF_BYTES_MAX];
    struct proof good, other, mixed;
    struct bytes bytes = {file, receipts_write(&receipts, 4, 2, 9, file)};
    struct bytes others = {other_file, receipts_write(&receipts, 4, 1, 8, other_file)};
    assert_int_equal(proof_decode(bytes, &good), BB_OK);
    assert_int_equal(proof_decode(others, &other), BB_OK);
    static uint8_t out[PROOF_BYTES_MAX];
#define MIXED(part, fault)                                                                                   \
    do {                                                                                                     \
        mixed = good;                                                                                        \
        mixed.part = other.part;                                                                             \
        bytes = (struct bytes){out, proof_encode(&mixed, out)};                                              \
        assert_int_equal(proof_verify(receipts.world.signer, bytes, &receipts.trust, NULL), fault);          \
    } while (0)
    MIXED(transaction, PROOF_ID);
    MIXED(receipt, PROOF_ID);
    MIXED(index, PROOF_TRANSACTION);
    MIXED(transaction_path, PROOF_TRANSACTION);
    MIXED(receipt_path, PROOF_RECEIPT);
    MIXED(head_header, PROOF_HEAD_SEAL);
    MIXED(head_seals, PROOF_HEAD_SEAL);
    MIXED(history_path, PROOF_HISTORY);
    mixed = good;
    mixed.head_header = good.header; /* a block is not in its own history */
    mixed.head_seals = good.seals;
    bytes = (struct bytes){out, proof_encode(&mixed, out)};
    assert_int_equal(proof_verify(receipts.world.signer, bytes, &receipts.trust, NULL), PROOF_HISTORY);
}

struct said {
    char text[8192];
    size_t size;
};

static void hear(void *context, const char *line)
{
    struct said *said = context;
    int size = snprintf(said->text + said->size, sizeof said->text - said->size, "%s\n", line);
    assert_true(size >= 0 && said->size + (size_t)size < sizeof said->text);
    said->size += (size_t)size;
}

static void expect(const struct said *said, const char *text)
{
    if (strstr(said->text, text) == NULL)
        fail_msg("'%s' is not said in:\n%s", text, said->text);
}

static void test_what_it_says(void **state)
{
    (void)state;
    struct proof proof;
    struct said said = {.size = 0};
    struct bytes bytes = {file, receipts_write(&receipts, 4, 2, 9, file)};
    assert_int_equal(proof_verify(receipts.world.signer, bytes, &receipts.trust, &proof), PROOF_GOOD);
    statement_say(&proof, hear, &said);
    expect(&said, "BuyOrder, signed by 0x");
    expect(&said, "energy           8 kWh");
    expect(&said, "highest price    10 cent/kWh");
    expect(&said, "fill             all or nothing");
    expect(&said, "The contract said: ok (done)");
    expect(&said, "In block 4, transaction 3 of 5");
    expect(&said, "2025-06-15 15:06:44.000 UTC");
    expect(&said, "in the history of block 9");
    bytes.size = receipts_write(&receipts, 4, 3, 0, file);
    said.size = 0;
    assert_int_equal(proof_verify(receipts.world.signer, bytes, &receipts.trust, &proof), PROOF_GOOD);
    statement_say(&proof, hear, &said);
    expect(&said, "reason           relevé à corriger.[31m"); /* no escape sequence reaches a terminal */
    assert_null(strchr(said.text, '\x1b'));
    bytes.size = receipts_write(&receipts, 4, 4, 0, file);
    said.size = 0;
    assert_int_equal(proof_verify(receipts.world.signer, bytes, &receipts.trust, &proof), PROOF_GOOD);
    statement_say(&proof, hear, &said);
    expect(&said, "amount           922337203685.4775807 cents");
    expect(&said, "The contract said: insufficient-money");
}

static void skip_line(void *context, const char *line)
{
    (void)context;
    assert_true(strlen(line) < STATEMENT_LINE_MAX);
}

/* Whatever a chain can hold can be told. */
static void test_every_receipt_says_something(void **state)
{
    (void)state;
    struct proof proof;
    for (unsigned height = 1; height <= RECEIPTS_BLOCKS; height++)
        for (uint32_t index = 0; index < RECEIPTS_EACH; index++) {
            struct bytes bytes = {file, receipts_write(&receipts, height, index, 0, file)};
            assert_int_equal(proof_verify(receipts.world.signer, bytes, &receipts.trust, &proof), PROOF_GOOD);
            statement_say(&proof, skip_line, NULL);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_transaction_under_every_head),
        cmocka_unit_test(test_decoded_and_encoded_again),
        cmocka_unit_test(test_every_flipped_bit_is_refused),
        cmocka_unit_test(test_another_trust),
        cmocka_unit_test(test_parts_of_another_receipt),
        cmocka_unit_test(test_what_it_says),
        cmocka_unit_test(test_every_receipt_says_something),
    };
    return cmocka_run_group_tests(tests, open_receipts, close_receipts);
}
