#include "tests/ledger/store/village.h"

#include "ledger/core/genesis.h"
#include "ledger/crypto/hash.h"
#include "tests/link/seed.h"

#include <busbar/check.h>
#include <stdlib.h>

#define CHAIN_ID 1337

/* Secret number `i`; the sealer's is number 0. */
static struct secret secret_of(uint64_t i)
{
    struct secret secret = {{0}};
    for (size_t k = 0; k < 8; k++)
        secret.bytes[31 - k] = (uint8_t)((i + 1) >> (8 * k));
    return secret;
}

static void name_of(uint32_t i, char out[MARKET_NAME_MAX + 1])
{
    snprintf(out, MARKET_NAME_MAX + 1, "p%u", i);
}

static struct address address_of(const struct village *village, uint32_t i)
{
    if (i < village->people)
        return village->addresses[i];
    struct hash hash = hash_keccak256((struct bytes){(const uint8_t *)&i, sizeof i});
    struct address address;
    memcpy(&address, hash.bytes, sizeof address);
    return address;
}

static void write_genesis(struct village *village)
{
    uint32_t count = village->people + village->others;
    struct genesis genesis = {.chain_id = CHAIN_ID,
                              .contract = {{0xb1, 0x7e}},
                              .sealer = signer_address(village->signer, &village->sealer),
                              .limits = {count + 1000, 200000, 1000, 64, 1000},
                              .participant_count = count};
    genesis.participants = calloc(count, sizeof *genesis.participants);
    CHECK(genesis.participants != NULL);
    for (uint32_t i = 0; i < count; i++) {
        struct genesis_participant *p = &genesis.participants[i];
        *p = (struct genesis_participant){.address = address_of(village, i),
                                          .role = i == 0   ? ROLE_OPERATOR
                                                  : i == 1 ? ROLE_DISTRIBUTION
                                                           : ROLE_PROSUMER,
                                          .money = {INT64_C(5000000000000)},
                                          .energy = {5000000}};
        name_of(i, p->name);
    }
    struct bb_reason reason;
    if (genesis_encode(&genesis, &reason, &village->genesis, &village->genesis_size) != BB_OK) {
        fprintf(stderr, "%s\n", reason.text);
        abort();
    }
    struct hash hash = genesis_hash((struct bytes){village->genesis, village->genesis_size});
    struct eip712_domain domain = genesis_domain(&genesis, &hash);
    village->separator = eip712_separator(&domain);
    free(genesis.participants);
}

void village_open(struct village *village, uint32_t people, uint32_t others)
{
    *village = (struct village){.people = people, .others = others, .sealer = secret_of(0)};
    CHECK(people >= 4 && signer_open(&village->signer) == BB_OK);
    village->addresses = calloc(people, sizeof *village->addresses);
    village->nonces = calloc(people, sizeof *village->nonces);
    CHECK(village->addresses != NULL && village->nonces != NULL);
    for (uint32_t i = 0; i < people; i++) {
        struct secret secret = secret_of(i + 1);
        village->addresses[i] = signer_address(village->signer, &secret);
    }
    write_genesis(village);
}

void village_close(struct village *village)
{
    signer_close(village->signer);
    free(village->addresses);
    free(village->nonces);
    free(village->genesis);
}

size_t village_sign(struct village *village, uint32_t who, struct action *action, uint64_t nonce,
                    uint8_t *out)
{
    struct transaction transaction;
    struct secret secret = secret_of(who + 1);
    action->actor = village->addresses[who];
    CHECK(transaction_make(action, nonce, 0, &transaction) == BB_OK);
    struct hash id = transaction_id(&transaction, &village->separator);
    signer_sign(village->signer, &secret, &id, transaction.signature);
    return transaction_encode(&transaction, out);
}

size_t village_random(struct village *village, uint64_t *seed, uint8_t *out)
{
    uint32_t who = 2 + seed_below(seed, village->people - 2);
    struct action action = {.type = ACTION_TRANSFER};
    switch (seed_below(seed, 5)) {
    case 0:
        action.type = ACTION_SELL;
        action.sell.energy.wh = 1 + seed_below(seed, 500);
        action.sell.price.micro_per_kwh = 90000 + seed_below(seed, 20000);
        break;
    case 1:
        action.type = ACTION_BUY;
        action.buy.energy.wh = 1 + seed_below(seed, 800);
        action.buy.max_price.micro_per_kwh = 90000 + seed_below(seed, 20000);
        action.buy.fill = (uint8_t)seed_below(seed, 3);
        break;
    case 2:
        action.type = ACTION_CANCEL;
        action.cancel.order = 1 + seed_below(seed, 100);
        break;
    default:
        action.transfer.to = village->addresses[2 + seed_below(seed, village->people - 2)];
        action.transfer.amount.nano = seed_below(seed, 1000000);
    }
    return village_sign(village, who, &action, village->nonces[who]++, out);
}

uint32_t village_plan(const struct village *village, uint64_t number, struct action *action_out)
{
    uint32_t who = 2 + (uint32_t)(number % (village->people - 2));
    *action_out =
        (struct action){.type = number % 2 == 0 ? ACTION_SELL : ACTION_BUY, .actor = village->addresses[who]};
    if (action_out->type == ACTION_SELL) {
        action_out->sell.energy.wh = 10;
        action_out->sell.price.micro_per_kwh = 98200 + (int64_t)(number / 2 % 100);
    } else {
        action_out->buy.energy.wh = 10;
        action_out->buy.max_price.micro_per_kwh = 100000;
    }
    return who;
}

size_t village_order(struct village *village, uint64_t number, uint8_t *out)
{
    struct action action;
    uint32_t who = village_plan(village, number, &action);
    return village_sign(village, who, &action, village->nonces[who]++, out);
}
