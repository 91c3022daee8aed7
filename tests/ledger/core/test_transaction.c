/* The table of types and the bytes of a transaction: round trips of random ones (seeded), and everything that
 * is not canonical refused. */
#include "ledger/core/transaction.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

static uint64_t seed;

static const struct member *string_member(const struct transaction_type *type, size_t *index_out)
{
    for (size_t i = 0; i < type->count; i++)
        if (type->members[i].kind == MEMBER_STRING) {
            *index_out = i;
            return &type->members[i];
        }
    return NULL;
}

/* Values that sit on the borders of 64 bits as often as not. */
static uint64_t random_value(uint64_t *state)
{
    static const uint64_t borders[] = {
        0, 1, 255, 256, INT64_MAX, (uint64_t)INT64_MAX + 1, UINT64_MAX, UINT64_MAX - 1, UINT32_MAX,
    };
    return seed_below(state, 2) ? borders[seed_below(state, 9)] : seed_next(state);
}

static struct bytes random_text(uint64_t *state, uint8_t out[TRANSACTION_TEXT_MAX])
{
    static const char *const letters[] = {"a",
                                          "Z",
                                          "\x01",
                                          "\x7F",
                                          "é",
                                          "µ",
                                          "€",
                                          "\xED\x9F\xBF",
                                          "\xEE\x80\x80",
                                          "😀",
                                          "\xF4\x8F\xBF\xBF",
                                          "\xF0\x90\x80\x80"};
    size_t size = 0;
    for (uint32_t n = seed_below(state, 300); n > 0; n--) {
        const char *letter = letters[seed_below(state, 12)];
        size_t more = strlen(letter);
        if (size + more > TRANSACTION_TEXT_MAX)
            break;
        memcpy(out + size, letter, more);
        size += more;
    }
    return (struct bytes){out, size};
}

/* Fills the fields of the type, as the table says where they are. */
static void random_action(uint64_t *state, const struct transaction_type *type, struct action *out,
                          uint8_t text[TRANSACTION_TEXT_MAX])
{
    memset(out, 0, sizeof *out);
    out->type = type->action;
    for (size_t i = 0; i < type->count; i++) {
        const struct member *member = &type->members[i];
        if (member->at == SIZE_MAX)
            continue;
        void *field = (uint8_t *)out + member->at;
        size_t size = member->kind == MEMBER_ADDRESS ? 20 : member->kind == MEMBER_BYTES32 ? 32 : 0;
        for (size_t k = 0; k < size; k++)
            ((uint8_t *)field)[k] = (uint8_t)seed_next(state);
        uint64_t value = random_value(state);
        if (member->kind == MEMBER_UINT8)
            *(uint8_t *)field = (uint8_t)value;
        else if (member->kind == MEMBER_STRING)
            *(struct bytes *)field = random_text(state, text);
        else if (size == 0)
            memcpy(field, &value, sizeof value);
    }
}

static void random_transaction(uint64_t *state, enum action_type type, struct transaction *out)
{
    struct action action;
    uint8_t text[TRANSACTION_TEXT_MAX];
    random_action(state, transaction_type(type), &action, text);
    assert_int_equal(transaction_make(&action, random_value(state), random_value(state), out), BB_OK);
    for (size_t i = 0; i < SIGNATURE_SIZE; i++)
        out->signature[i] = (uint8_t)seed_next(state);
}

static void test_table(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "SellOrder(address seller,uint64 nonce,uint64 deadline,uint64 intervalStart,int64 energyWh,"
        "int64 priceMicroPerKWh,uint64 expires)",
        "BuyOrder(address buyer,uint64 nonce,uint64 deadline,uint64 intervalStart,int64 energyWh,"
        "int64 maxPriceMicroPerKWh,uint8 fill,uint64 expires)",
        "UpdateOrder(address owner,uint64 nonce,uint64 deadline,uint64 order,int64 energyWh,int64 "
        "priceMicroPerKWh)",
        "CancelOrder(address owner,uint64 nonce,uint64 deadline,uint64 order)",
        "Transfer(address from,uint64 nonce,uint64 deadline,address to,int64 amountNano)",
        "Admit(address operator,uint64 nonce,uint64 deadline,address participant,string name,uint8 role)",
        "Revoke(address operator,uint64 nonce,uint64 deadline,address participant)",
        "Rekey(address operator,uint64 nonce,uint64 deadline,address participant,address successor)",
        "Mint(address operator,uint64 nonce,uint64 deadline,address to,int64 amountNano,int64 energyWh)",
        "SetLine(address distribution,uint64 nonce,uint64 deadline,address buyer,address seller,int64 "
        "capacityWh)",
        "SetPolicy(address distribution,uint64 nonce,uint64 deadline,uint8 mode,int64 penaltyMicroPerKWh,"
        "uint8 recipient,int64 minPriceMicroPerKWh,int64 maxPriceMicroPerKWh,uint64 intervalSeconds,"
        "uint64 gateSeconds)",
        "SetMarket(address operator,uint64 nonce,uint64 deadline,uint8 state)",
        "Correction(address operator,uint64 nonce,uint64 deadline,bytes32 transaction,address from,address "
        "to,"
        "int64 amountNano,int64 energyWh,string reason)",
        "SetSealer(address operator,uint64 nonce,uint64 deadline,address sealer)",
    };
    assert_int_equal(sizeof texts / sizeof *texts, ACTION_TYPES - 1);
    for (unsigned i = 1; i < ACTION_TYPES; i++) {
        const struct transaction_type *type = transaction_type(i);
        assert_non_null(type);
        assert_int_equal(type->action, i);
        assert_string_equal(type->encode_type, texts[i - 1]);
        assert_ptr_equal(transaction_type_named(type->name), type);
        struct hash hash = eip712_type(texts[i - 1]);
        assert_memory_equal(transaction_type_hash(i), &hash, sizeof hash);
    }
    assert_null(transaction_type(0));
    assert_null(transaction_type(ACTION_TYPES));
    assert_null(transaction_type_named("sellOrder"));
    assert_null(transaction_type_hash(ACTION_TYPES));
}

static void test_round_trips(void **context)
{
    (void)context;
    uint64_t state = seed;
    for (unsigned round = 0; round < 3000; round++) {
        const struct transaction_type *type = transaction_type(1 + round % (ACTION_TYPES - 1));
        uint8_t text[TRANSACTION_TEXT_MAX], bytes[TRANSACTION_BYTES_MAX], again[TRANSACTION_BYTES_MAX];
        struct action action, read;
        random_action(&state, type, &action, text);
        uint64_t nonce = random_value(&state), deadline = random_value(&state), read_nonce, read_deadline;
        struct transaction made, decoded;
        assert_int_equal(transaction_make(&action, nonce, deadline, &made), BB_OK);
        size_t size = transaction_encode(&made, bytes);
        assert_int_equal(transaction_decode((struct bytes){bytes, size}, &decoded), BB_OK);
        assert_int_equal(transaction_encode(&decoded, again), size);
        assert_memory_equal(bytes, again, size);
        transaction_action(&decoded, &read, &read_nonce, &read_deadline);
        assert_int_equal(nonce, read_nonce);
        assert_int_equal(deadline, read_deadline);
        size_t at;
        const struct member *string = string_member(type, &at);
        if (string != NULL) { /* the text is compared by its bytes, the rest of the action as it is */
            struct bytes *left = (void *)((uint8_t *)&action + string->at);
            struct bytes *right = (void *)((uint8_t *)&read + string->at);
            assert_true(bytes_equal(*left, *right));
            *left = *right;
        }
        assert_memory_equal(&action, &read, sizeof action);
    }
}

/* In every word of every type: one bit outside the member's type. */
static void test_words_that_are_not_canonical(void **context)
{
    (void)context;
    static const size_t value_bytes[] = {
        [MEMBER_ADDRESS] = 20, [MEMBER_UINT64] = 8, [MEMBER_INT64] = 8, [MEMBER_UINT8] = 1,
        [MEMBER_BYTES32] = 32, [MEMBER_STRING] = 0, /* the hash of its text: no bit is free */
    };
    uint64_t state = seed + 1;
    for (unsigned t = 1; t < ACTION_TYPES; t++) {
        struct transaction transaction, read;
        uint8_t bytes[TRANSACTION_BYTES_MAX];
        random_transaction(&state, t, &transaction);
        size_t size = transaction_encode(&transaction, bytes);
        const struct transaction_type *type = transaction_type(t);
        for (size_t word = 0; word < type->count; word++)
            for (size_t bit = 0; bit < 8 * (32 - value_bytes[type->members[word].kind]); bit++) {
                bytes[1 + word * 32 + bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
                assert_int_equal(transaction_decode((struct bytes){bytes, size}, &read), BB_MALFORMED);
                bytes[1 + word * 32 + bit / 8] ^= (uint8_t)(0x80u >> bit % 8);
            }
        assert_int_equal(transaction_decode((struct bytes){bytes, size}, &read), BB_OK);
    }
}

static void test_every_length_but_the_right_one(void **context)
{
    (void)context;
    uint64_t state = seed + 2;
    for (unsigned t = 1; t < ACTION_TYPES; t++) {
        struct transaction transaction, read;
        uint8_t bytes[TRANSACTION_BYTES_MAX + 1] = {0};
        random_transaction(&state, t, &transaction);
        size_t right = transaction_encode(&transaction, bytes);
        for (size_t size = 0; size <= right + 1 && size <= sizeof bytes; size++)
            assert_int_equal(transaction_decode((struct bytes){bytes, size}, &read),
                             size == right ? BB_OK : BB_MALFORMED);
        bytes[0] = ACTION_TYPES;
        assert_int_equal(transaction_decode((struct bytes){bytes, right}, &read), BB_MALFORMED);
        bytes[0] = 0;
        assert_int_equal(transaction_decode((struct bytes){bytes, right}, &read), BB_MALFORMED);
    }
}

/* A text that is well hashed, but is none. Source: RFC 3629 §3, §4. */
static void test_texts_that_are_no_utf8(void **context)
{
    (void)context;
    static const char *const bad[] = {
        "\x80",
        "\xBF",
        "\xC0\xAF",
        "\xC1\x81",
        "\xC2",
        "\xC2\x41",
        "\xE0\x80\xAF",
        "\xE0\x9F\xBF",
        "\xED\xA0\x80",
        "\xED\xBF\xBF",
        "\xE2\x82",
        "\xE2\x82\xC0",
        "\xF0\x80\x80\xAF",
        "\xF0\x8F\xBF\xBF",
        "\xF4\x90\x80\x80",
        "\xF5\x80\x80\x80",
        "\xFF",
        "\xFE",
        "fine\xF0\x9F\x98",
    };
    struct action action = {.type = ACTION_ADMIT};
    struct transaction made, read;
    uint8_t bytes[TRANSACTION_BYTES_MAX + 8];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        action.admit.name = bytes_of(bad[i]);
        assert_int_equal(transaction_make(&action, 0, 0, &made), BB_RANGE);
        action.admit.name = bytes_of("x"); /* the same, by hand */
        assert_int_equal(transaction_make(&action, 0, 0, &made), BB_OK);
        made.text_size = (uint16_t)strlen(bad[i]);
        memcpy(made.text, bad[i], made.text_size);
        eip712_string(made.words[4], bytes_of(bad[i]));
        size_t size = transaction_encode(&made, bytes);
        assert_int_equal(transaction_decode((struct bytes){bytes, size}, &read), BB_MALFORMED);
    }
    action.admit.name = (struct bytes){(const uint8_t *)"a\0b", 3};
    assert_int_equal(transaction_make(&action, 0, 0, &made), BB_RANGE);
    uint8_t longest[TRANSACTION_TEXT_MAX + 1];
    memset(longest, 'x', sizeof longest);
    action.admit.name = (struct bytes){longest, sizeof longest};
    assert_int_equal(transaction_make(&action, 0, 0, &made), BB_RANGE);
    action.admit.name.size = TRANSACTION_TEXT_MAX;
    assert_int_equal(transaction_make(&action, 0, 0, &made), BB_OK);
    action.type = ACTION_TYPES;
    assert_int_equal(transaction_make(&action, 0, 0, &made), BB_RANGE);
}

/* What is signed depends on every word, on the type and on the domain, and not on the signature. */
static void test_id(void **context)
{
    (void)context;
    uint64_t state = seed + 3;
    struct hash separator = {{1}}, other = {{2}};
    struct transaction transaction;
    random_transaction(&state, ACTION_SELL, &transaction);
    struct hash id = transaction_id(&transaction, &separator), changed;
    transaction.signature[0] ^= 1;
    changed = transaction_id(&transaction, &separator);
    assert_memory_equal(&id, &changed, sizeof id);
    changed = transaction_id(&transaction, &other);
    assert_memory_not_equal(&id, &changed, sizeof id);
    for (size_t i = 0; i < transaction_type(ACTION_SELL)->count; i++) {
        transaction.words[i][31] ^= 1;
        changed = transaction_id(&transaction, &separator);
        assert_memory_not_equal(&id, &changed, sizeof id);
        transaction.words[i][31] ^= 1;
    }
    struct hash type = eip712_type(transaction_type(ACTION_SELL)->encode_type);
    struct hash structure = eip712_struct(&type, transaction.words, 7);
    changed = eip712_digest(&separator, &structure);
    assert_memory_equal(&id, &changed, sizeof id);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_words_that_are_not_canonical),
        cmocka_unit_test(test_every_length_but_the_right_one),
        cmocka_unit_test(test_texts_that_are_no_utf8),
        cmocka_unit_test(test_id),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
