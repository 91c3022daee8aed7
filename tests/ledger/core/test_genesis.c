/* The genesis: what it may say, its canonical bytes, and the market that it makes. */
#include "ledger/core/genesis.h"
#include "market/view.h"
#include "tests/ledger/core/world.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <stdlib.h>

static uint64_t seed;

#define PARTICIPANTS 4

static struct genesis_participant participants[PARTICIPANTS];
static struct genesis_line lines[2];
static struct genesis genesis;

static int make_genesis(void **state)
{
    (void)state;
    static const struct genesis_participant all[PARTICIPANTS] = {
        {{{1}}, "operator", ROLE_OPERATOR, {0}, {0}},
        {{{2}}, "edc", ROLE_DISTRIBUTION, {0}, {0}},
        {{{3}}, "p1", ROLE_PROSUMER, {10000000000}, {50000}},
        {{{4}}, "c1", ROLE_CONSUMER, {10000000000}, {50000}},
    };
    memcpy(participants, all, sizeof all);
    lines[0] = (struct genesis_line){{{4}}, {{3}}, {5000}};
    lines[1] = (struct genesis_line){{{3}}, {{4}}, {0}};
    genesis = (struct genesis){.chain_id = 1337,
                               .contract = {{9}},
                               .time = {1750000000000},
                               .sealer = {{8}},
                               .limits = {16, 16, 16, 4, 16},
                               .policy = {.mode = POLICY_LIMIT},
                               .participant_count = PARTICIPANTS,
                               .line_count = 2,
                               .participants = participants,
                               .lines = lines};
    return 0;
}

static void test_round_trip(void **state)
{
    (void)state;
    uint8_t *bytes, *again;
    size_t size, other;
    struct genesis read;
    assert_int_equal(genesis_encode(&genesis, NULL, &bytes, &size), BB_OK);
    assert_int_equal(genesis_decode((struct bytes){bytes, size}, &read), BB_OK);
    assert_int_equal(read.participant_count, PARTICIPANTS);
    assert_string_equal(read.participants[2].name, "p1");
    assert_int_equal(read.lines[0].capacity.wh, 5000);
    assert_int_equal(genesis_encode(&read, NULL, &again, &other), BB_OK);
    assert_int_equal(size, other);
    assert_memory_equal(bytes, again, size);
    for (size_t less = 0; less < size; less++) {
        struct genesis none;
        assert_int_not_equal(genesis_decode((struct bytes){bytes, less}, &none), BB_OK);
    }
    genesis_free(&read);
    free(bytes);
    free(again);
}

/* Any byte changed: refused, or another genesis with exactly these bytes and another hash. */
static void test_every_byte_counts(void **state)
{
    (void)state;
    uint8_t *bytes, *again;
    size_t size, other;
    assert_int_equal(genesis_encode(&genesis, NULL, &bytes, &size), BB_OK);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        struct genesis read;
        if (genesis_decode((struct bytes){bytes, size}, &read) == BB_OK) {
            if (genesis_encode(&read, NULL, &again, &other) == BB_OK) {
                assert_int_equal(size, other);
                assert_memory_equal(bytes, again, size);
                free(again);
            }
            genesis_free(&read);
        }
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    free(bytes);
}

/* A count that its bytes cannot hold is refused before anything of that size is allocated. */
static void test_counts_are_bounded(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    assert_int_equal(genesis_encode(&genesis, NULL, &bytes, &size), BB_OK);
    size_t at = 4 + 8 + 20 + 8 + 20 + 20 + 42;
    assert_int_equal(bytes[at], PARTICIPANTS);
    memset(bytes + at, 0xFF, 4);
    struct genesis read;
    assert_int_equal(genesis_decode((struct bytes){bytes, size}, &read), BB_MALFORMED);
    free(bytes);
}

static void no_operator(void)
{
    participants[0].role = ROLE_METER;
}
static void two_operators(void)
{
    participants[3].role = ROLE_OPERATOR;
}
static void no_distribution(void)
{
    participants[1].role = ROLE_METER;
}
static void two_distributions(void)
{
    participants[3].role = ROLE_DISTRIBUTION;
}
static void same_name(void)
{
    memcpy(participants[3].name, "p1", 3);
}
static void same_address(void)
{
    participants[3].address = participants[2].address;
}
static void no_address(void)
{
    participants[3].address = (struct address){0};
}
static void bad_name(void)
{
    memcpy(participants[3].name, "1c", 3);
}
static void strange_name(void)
{
    memcpy(participants[3].name, "c 1", 4);
}
static void no_name(void)
{
    participants[3].name[0] = '\0';
}
static void bad_role(void)
{
    participants[3].role = ROLE_END;
}
static void no_role(void)
{
    participants[3].role = 0;
}
static void negative_money(void)
{
    participants[3].money.nano = -1;
}
static void negative_energy(void)
{
    participants[3].energy.wh = INT64_MIN;
}
static void too_much_money(void)
{
    participants[3].money.nano = INT64_MAX;
}
static void too_much_energy(void)
{
    participants[3].energy.wh = INT64_MAX - 49999;
}
static void chain_zero(void)
{
    genesis.chain_id = 0;
}
static void chain_big(void)
{
    genesis.chain_id = UINT64_C(1) << 53;
}
static void before_time(void)
{
    genesis.time.ms = -1;
}
static void no_sealer(void)
{
    genesis.sealer = (struct address){0};
}
static void no_limits(void)
{
    genesis.limits.orders = 0;
}
static void few_accounts(void)
{
    genesis.limits.accounts = 3;
}
static void few_lines(void)
{
    genesis.limits.lines = 1;
}
static void line_to_itself(void)
{
    lines[1].seller = lines[1].buyer;
}
static void line_of_nobody(void)
{
    lines[1].seller = (struct address){{77}};
}
static void line_twice(void)
{
    lines[1] = lines[0];
}
static void negative_line(void)
{
    lines[1].capacity.wh = -1;
}

static const struct {
    void (*spoil)(void);
    const char *reason; /* a part of it */
} refusals[] = {
    {no_operator, "operator"},
    {two_operators, "operator"},
    {no_distribution, "distribution"},
    {two_distributions, "distribution"},
    {same_name, "same name"},
    {same_address, "same address"},
    {no_address, "no address"},
    {bad_name, "1c"},
    {strange_name, "c 1"},
    {no_name, "a name has"},
    {bad_role, "role"},
    {no_role, "role"},
    {negative_money, "negative"},
    {negative_energy, "negative"},
    {too_much_money, "64 bits"},
    {too_much_energy, "64 bits"},
    {chain_zero, "chain_id"},
    {chain_big, "chain_id"},
    {before_time, "time_ms"},
    {no_sealer, "sealer"},
    {no_limits, "limits"},
    {few_accounts, "limits.accounts"},
    {few_lines, "limits.lines"},
    {line_to_itself, "itself"},
    {line_of_nobody, "no participant"},
    {line_twice, "two lines"},
    {negative_line, "capacity"},
};

static void test_refusals(void **state)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        uint8_t *bytes;
        size_t size;
        struct bb_reason reason = {""};
        make_genesis(state);
        refusals[i].spoil();
        assert_int_equal(genesis_encode(&genesis, &reason, &bytes, &size), BB_RANGE);
        if (strstr(reason.text, refusals[i].reason) == NULL)
            fail_msg("no '%s' in: %s", refusals[i].reason, reason.text);
    }
    make_genesis(state); /* the largest that is right */
    participants[3].energy.wh = INT64_MAX - 50000;
    genesis.chain_id = (UINT64_C(1) << 53) - 1;
    uint8_t *bytes;
    size_t size;
    assert_int_equal(genesis_encode(&genesis, NULL, &bytes, &size), BB_OK);
    free(bytes);
}

static void test_the_market_that_follows(void **state)
{
    (void)state;
    struct world world;
    world_open(&world, seed);
    struct chain *chain = world_chain(&world);
    struct market *market = chain_market(chain);
    struct parameters parameters;
    market_parameters(market, &parameters);
    assert_int_equal(parameters.accounts, WORLD_ACCOUNTS);
    assert_int_equal(parameters.lines, 2);
    assert_int_equal(parameters.money_total.nano, WORLD_ACCOUNTS * INT64_C(10000000000));
    assert_int_equal(parameters.energy_total.wh, WORLD_ACCOUNTS * 50000);
    assert_int_equal(parameters.policy.mode, POLICY_PENALTY);
    assert_memory_equal(&parameters.sealer, &world.addresses[WORLD_SEALER], sizeof parameters.sealer);
    for (uint32_t i = 0; i < WORLD_ACCOUNTS; i++) {
        struct account account;
        market_account(market, i, &account);
        assert_memory_equal(&account.address, &world.addresses[i], sizeof account.address);
        assert_int_equal(account.nonce, 0);
    }
    assert_true(market_audit(market));
    struct chain_head head;
    chain_head(chain, &head);
    struct hash hash = genesis_hash((struct bytes){world.genesis, world.genesis_size});
    assert_int_equal(head.height, 0);
    assert_int_equal(head.time.ms, WORLD_TIME);
    assert_memory_equal(&head.hash, &hash, sizeof hash);
    assert_memory_equal(chain_separator(chain), &world.separator, sizeof world.separator);
    chain_close(chain);
    world_close(&world);
}

/* The bytes of a genesis are checked again when a chain is opened with them: what the encoder would refuse,
 * the contract refuses, by name. */
static void test_a_chain_refuses_what_the_contract_refuses(void **state)
{
    (void)state;
    uint8_t *bytes;
    size_t size;
    struct bb_reason reason = {""};
    struct chain *chain;
    assert_int_equal(genesis_encode(&genesis, NULL, &bytes, &size), BB_OK);
    uint8_t *third = memmem(bytes, size, "\x02p1", 3);
    assert_non_null(third);
    third[1] = 'c'; /* now both are c1 */
    assert_int_equal(chain_open((struct bytes){bytes, size}, &reason, &chain), BB_RANGE);
    assert_non_null(strstr(reason.text, "c1"));
    assert_int_equal(chain_open((struct bytes){bytes, size - 1}, &reason, &chain), BB_MALFORMED);
    assert_int_equal(chain_open((struct bytes){NULL, 0}, &reason, &chain), BB_MALFORMED);
    free(bytes);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
#define CASE(f) cmocka_unit_test_setup(f, make_genesis)
    const struct CMUnitTest tests[] = {
        CASE(test_round_trip),
        CASE(test_every_byte_counts),
        CASE(test_counts_are_bounded),
        CASE(test_refusals),
        CASE(test_the_market_that_follows),
        CASE(test_a_chain_refuses_what_the_contract_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
