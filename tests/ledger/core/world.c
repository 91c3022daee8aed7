#include "tests/ledger/core/world.h"

#include "ledger/core/sealing.h"
#include "market/rows.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <stdlib.h>

static const char *const names[WORLD_ACCOUNTS] = {"operator", "edc", "p1", "p2", "p3", "c1", "c2", "meter"};
static const uint8_t roles[WORLD_ACCOUNTS] = {ROLE_OPERATOR, ROLE_DISTRIBUTION, ROLE_PROSUMER, ROLE_PROSUMER,
                                              ROLE_PROSUMER, ROLE_CONSUMER,     ROLE_CONSUMER, ROLE_METER};

static void make_genesis(struct world *world)
{
    struct genesis_participant participants[WORLD_ACCOUNTS] = {0};
    for (unsigned i = 0; i < WORLD_ACCOUNTS; i++) {
        participants[i].address = world->addresses[i];
        memcpy(participants[i].name, names[i], strlen(names[i]));
        participants[i].role = roles[i];
        participants[i].money.nano = INT64_C(10000000000);
        participants[i].energy.wh = 50000;
    }
    struct genesis_line lines[] = {
        {world->addresses[WORLD_C1], world->addresses[WORLD_P1], {5000}},
        {world->addresses[WORLD_C1], world->addresses[WORLD_P2], {10000}},
    };
    struct genesis genesis = {.chain_id = 1337,
                              .contract = {{[17] = 0x0b, [18] = 0x17, [19] = 0xe9}},
                              .time = {WORLD_TIME},
                              .sealer = world->addresses[WORLD_SEALER],
                              .limits = {64, 256, 64, 16, 256},
                              .policy = {.mode = POLICY_PENALTY, .penalty = {1000}},
                              .participant_count = WORLD_ACCOUNTS,
                              .line_count = 2,
                              .participants = participants,
                              .lines = lines};
    struct bb_reason reason = {""};
    enum status status = genesis_encode(&genesis, &reason, &world->genesis, &world->genesis_size);
    if (status != BB_OK)
        fail_msg("%s", reason.text);
    struct hash hash = genesis_hash((struct bytes){world->genesis, world->genesis_size});
    struct eip712_domain domain = genesis_domain(&genesis, &hash);
    world->separator = eip712_separator(&domain);
}

void world_open(struct world *world, uint64_t seed)
{
    *world = (struct world){.seed = seed};
    assert_int_equal(signer_open(&world->signer), BB_OK);
    for (unsigned i = 0; i < WORLD_KEYS; i++) {
        world->secrets[i].bytes[31] = (uint8_t)(i + 1);
        world->addresses[i] = signer_address(world->signer, &world->secrets[i]);
    }
    make_genesis(world);
}

void world_close(struct world *world)
{
    free(world->genesis);
    signer_close(world->signer);
}

struct chain *world_chain(const struct world *world)
{
    struct bb_reason reason = {""};
    struct chain *chain = NULL;
    if (chain_open((struct bytes){world->genesis, world->genesis_size}, &reason, &chain) != BB_OK)
        fail_msg("%s", reason.text);
    return chain;
}

void world_sign(struct world *world, unsigned who, struct action action, uint64_t nonce, uint64_t deadline,
                struct transaction *out)
{
    action.actor = world->addresses[who];
    assert_int_equal(transaction_make(&action, nonce, deadline, out), BB_OK);
    struct hash id = transaction_id(out, &world->separator);
    signer_sign(world->signer, &world->secrets[who], &id, out->signature);
}

uint64_t world_nonce(struct world *world, struct chain *chain, unsigned who)
{
    uint32_t index;
    struct account account;
    if (!market_find(chain_market(chain), &world->addresses[who], &index))
        return 0;
    market_account(chain_market(chain), index, &account);
    return account.nonce;
}

static unsigned pick(struct world *world, unsigned first, unsigned last)
{
    return first + seed_below(&world->seed, last - first + 1);
}

/* An order that is open, or one that is not. */
static uint64_t some_order(struct world *world, struct chain *chain, unsigned *owner_out)
{
    struct order orders[16];
    size_t count = market_book(chain_market(chain), 0, seed_below(&world->seed, 4) == 0, orders, 16);
    *owner_out = pick(world, WORLD_P1, WORLD_P3);
    if (count == 0 || seed_below(&world->seed, 10) == 0)
        return seed_below(&world->seed, 30);
    size_t chosen = seed_below(&world->seed, (uint32_t)count);
    struct account account;
    market_account(chain_market(chain), orders[chosen].account, &account);
    for (unsigned i = 0; i < WORLD_ACCOUNTS; i++)
        if (address_equal(&account.address, &world->addresses[i]))
            *owner_out = i;
    return orders[chosen].id;
}

static unsigned rare_action(struct world *world, struct action *out)
{
    static const char *const new_names[] = {"n1", "n2", "p1", "1bad", ""};
    switch (seed_below(&world->seed, 6)) {
    case 0:
        out->type = ACTION_SET_LINE;
        out->line.buyer = world->addresses[pick(world, WORLD_C1, WORLD_C2)];
        out->line.seller = world->addresses[pick(world, WORLD_P1, WORLD_P3)];
        out->line.capacity.wh = (int64_t)seed_below(&world->seed, 9000) - 1;
        return WORLD_DISTRIBUTION;
    case 1:
        out->type = ACTION_SET_POLICY;
        out->policy = (struct policy){.mode = (uint8_t)seed_below(&world->seed, 4),
                                      .recipient = (uint8_t)seed_below(&world->seed, 2),
                                      .penalty = {1000}};
        return WORLD_DISTRIBUTION;
    case 2:
        out->type = ACTION_MINT;
        out->mint.to = world->addresses[pick(world, 0, WORLD_ACCOUNTS)];
        out->mint.money.nano = seed_below(&world->seed, 1000000000);
        out->mint.energy.wh = seed_below(&world->seed, 20000);
        return WORLD_OPERATOR;
    case 3:
        out->type = ACTION_ADMIT;
        out->admit.participant.bytes[0] = (uint8_t)seed_next(&world->seed);
        out->admit.name = bytes_of(new_names[seed_below(&world->seed, 5)]);
        out->admit.role = ROLE_CONSUMER;
        return WORLD_OPERATOR;
    case 4:
        out->type = ACTION_CORRECTION;
        out->correction.from = world->addresses[pick(world, WORLD_P1, WORLD_C2)];
        out->correction.to = world->addresses[pick(world, WORLD_P1, WORLD_C2)];
        out->correction.money.nano = 5;
        out->correction.reason = bytes_of("metre à l'envers");
        return WORLD_OPERATOR;
    case 5:
        out->type = ACTION_SET_MARKET;
        out->market.state = MARKET_OPEN;
        return WORLD_OPERATOR;
    }
    return WORLD_OPERATOR;
}

unsigned world_action(struct world *world, struct chain *chain, struct action *out)
{
    memset(out, 0, sizeof *out);
    unsigned owner, kind = seed_below(&world->seed, 20);
    if (kind < 7) {
        out->type = ACTION_SELL;
        out->sell.energy.wh = 1 + seed_below(&world->seed, 4000);
        out->sell.price.micro_per_kwh = 95000 + 100 * (int64_t)seed_below(&world->seed, 60);
        out->sell.expires =
            seed_below(&world->seed, 4) == 0 ? WORLD_TIME / 1000 + seed_below(&world->seed, 60) : 0;
        return pick(world, WORLD_P1, WORLD_P3);
    }
    if (kind < 13) {
        out->type = ACTION_BUY;
        out->buy.energy.wh = 1 + seed_below(&world->seed, 6000);
        out->buy.max_price.micro_per_kwh = 96000 + 100 * (int64_t)seed_below(&world->seed, 60);
        out->buy.fill = (uint8_t)seed_below(&world->seed, 3);
        return pick(world, WORLD_P1, WORLD_C2);
    }
    if (kind < 15) {
        out->type = ACTION_UPDATE;
        out->update.order = some_order(world, chain, &owner);
        out->update.energy.wh = 1 + seed_below(&world->seed, 4000);
        out->update.price.micro_per_kwh = 95000 + 100 * (int64_t)seed_below(&world->seed, 60);
        return owner;
    }
    if (kind < 16) {
        out->type = ACTION_CANCEL;
        out->cancel.order = some_order(world, chain, &owner);
        return owner;
    }
    if (kind < 18) {
        out->type = ACTION_TRANSFER;
        out->transfer.to = world->addresses[pick(world, 0, WORLD_ACCOUNTS)];
        out->transfer.amount.nano = seed_below(&world->seed, 100000000);
        return pick(world, 0, WORLD_METER);
    }
    return rare_action(world, out);
}

enum refusal world_execute(struct world *world, struct chain *chain, unsigned who, struct action action,
                           struct receipt *out)
{
    struct transaction transaction;
    world_sign(world, who, action, world_nonce(world, chain, who), 0, &transaction);
    struct hash id = transaction_id(&transaction, &world->separator);
    struct bytes receipt;
    enum refusal refusal = sealing_execute(chain, &transaction, &id, &world->addresses[who], &receipt);
    struct receipt read;
    if (refusal == REFUSAL_NONE)
        assert_int_equal(receipt_decode(receipt, out != NULL ? out : &read), BB_OK);
    return refusal;
}

uint8_t *world_finish(struct world *world, struct chain *chain, bool checkpoint, size_t *size_out)
{
    struct bytes block;
    assert_int_equal(sealing_finish(chain, world->signer, &world->secrets[WORLD_SEALER], checkpoint, &block),
                     BB_OK);
    chain_commit(chain);
    uint8_t *copy = malloc(block.size);
    assert_non_null(copy);
    memcpy(copy, block.data, block.size);
    *size_out = block.size;
    return copy;
}

uint8_t *world_block(struct world *world, struct chain *chain, int64_t time, unsigned count, bool checkpoint,
                     size_t *size_out)
{
    sealing_begin(chain, 1, (struct wall){time});
    for (unsigned i = 0; i < count; i++) {
        struct action action;
        unsigned who = world_action(world, chain, &action);
        assert_int_equal(world_execute(world, chain, who, action, NULL), REFUSAL_NONE);
    }
    return world_finish(world, chain, checkpoint, size_out);
}

struct rows {
    uint8_t *data;
    size_t size;
};

static void add_row(void *context, struct row_key key, struct bytes value)
{
    struct rows *rows = context;
    rows->data = realloc(rows->data, rows->size + sizeof key + value.size);
    assert_non_null(rows->data);
    struct writer w = writer_at(rows->data + rows->size, sizeof key + value.size);
    write_u8(&w, key.kind);
    write_u64(&w, key.a);
    write_u64(&w, key.b);
    write_bytes(&w, value);
    assert_true(w.ok);
    rows->size += w.size;
}

uint8_t *world_rows(struct chain *chain, size_t *size_out)
{
    struct rows rows = {0};
    market_rows(chain_market(chain), add_row, &rows);
    *size_out = rows.size;
    return rows.data;
}

void world_compare(struct chain *a, struct chain *b)
{
    struct chain_head left, right;
    chain_head(a, &left);
    chain_head(b, &right);
    assert_int_equal(left.height, right.height);
    assert_int_equal(left.transactions, right.transactions);
    assert_int_equal(left.time.ms, right.time.ms);
    assert_memory_equal(&left.hash, &right.hash, sizeof left.hash);
    assert_memory_equal(&left.changes, &right.changes, sizeof left.changes);
    size_t size, other_size;
    uint8_t *rows = world_rows(a, &size), *others = world_rows(b, &other_size);
    assert_int_equal(size, other_size);
    assert_memory_equal(rows, others, size);
    free(rows);
    free(others);
}
