/* Arbitrary actions, well signed: the bytes say who, what, and with which values. One chain seals them,
 * another follows from the bytes alone; both agree, the sums add up, and a rollback leaves no trace. */
#include "ledger/core/following.h"
#include "ledger/core/sealing.h"
#include "tests/ledger/core/world.h"

#include <busbar/check.h>
#include <stdlib.h>

static struct world world;

/* A value out of two bytes: small, on the border of 64 bits, or an order's number. */
static uint64_t value_of(struct reader *r)
{
    static const uint64_t special[] = {
        INT64_MAX,         UINT64_MAX,      (uint64_t)INT64_MIN, MARKET_BID_FLAG + 1, WORLD_TIME / 1000 + 100,
        MARKET_ENERGY_MAX, MARKET_PRICE_MAX};
    uint8_t kind = read_u8(r), value = read_u8(r);
    if (kind < 7)
        return special[kind] + value % 3 - 1;
    return kind % 4 == 0 ? value * UINT64_C(1000) : kind % 4 == 1 ? 95000 + value * UINT64_C(50) : value % 32;
}

static void fill(struct reader *r, const struct transaction_type *type, struct action *out)
{
    static const char *const texts[] = {"", "n1", "n2", "p1", "é", "9"};
    out->type = type->action;
    for (size_t i = 1; i < type->count; i++) {
        const struct member *member = &type->members[i];
        if (member->at == SIZE_MAX)
            continue;
        void *field = (uint8_t *)out + member->at;
        if (member->kind == MEMBER_ADDRESS)
            *(struct address *)field = world.addresses[read_u8(r) % WORLD_KEYS];
        else if (member->kind == MEMBER_UINT8)
            *(uint8_t *)field = read_u8(r) % 6;
        else if (member->kind == MEMBER_STRING)
            *(struct bytes *)field = bytes_of(texts[read_u8(r) % 6]);
        else if (member->kind != MEMBER_BYTES32)
            memcpy(field, &(uint64_t){value_of(r)}, 8);
    }
}

static void run_block(struct reader *r, struct chain *chain, struct chain *other, int64_t time)
{
    uint8_t head = read_u8(r);
    sealing_begin(chain, 1, (struct wall){time});
    for (unsigned i = 0; i < 1u + head % 4; i++) {
        struct action action = {0};
        unsigned who = read_u8(r) % WORLD_ACCOUNTS;
        fill(r, transaction_type(1 + read_u8(r) % (ACTION_TYPES - 1)), &action);
        if (action.type != ACTION_SET_SEALER)
            (void)world_execute(&world, chain, who, action, NULL);
    }
    if (sealing_pending(chain) == 0 || head & 0x80) {
        chain_rollback(chain);
        return;
    }
    struct bytes block;
    uint32_t index;
    CHECK(sealing_finish(chain, world.signer, &world.secrets[WORLD_SEALER], true, &block) == BB_OK);
    chain_commit(chain);
    CHECK(following_accept(other, world.signer, block, NULL, &index) == CHAIN_GOOD);
    chain_commit(other);
    world_compare(chain, other);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (world.signer == NULL)
        world_open(&world, 1);
    struct chain *chain = world_chain(&world), *other = world_chain(&world);
    struct reader r = reader_at((struct bytes){data, size});
    int64_t time = WORLD_TIME;
    for (unsigned blocks = 0; blocks < 8 && r.left.size > 0; blocks++, time += 40000)
        run_block(&r, chain, other, time);
    chain_close(chain);
    chain_close(other);
    return 0;
}
