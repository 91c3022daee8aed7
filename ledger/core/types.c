/* The table of types: one list a type, from which its members, its EIP-712 text and its hash follow. */
#include "ledger/core/transaction.h"

#include <pthread.h>
#include <stddef.h>

/* kind, name as wallets show it, and where its value stands in struct action. The actor comes first; nonce
 * and deadline follow it in every type. */
#define SELL_ORDER(M)                                                                                        \
    M(uint64, intervalStart, sell.interval)                                                                  \
    M(int64, energyWh, sell.energy.wh)                                                                       \
    M(int64, priceMicroPerKWh, sell.price.micro_per_kwh)                                                     \
    M(uint64, expires, sell.expires)
#define BUY_ORDER(M)                                                                                         \
    M(uint64, intervalStart, buy.interval)                                                                   \
    M(int64, energyWh, buy.energy.wh)                                                                        \
    M(int64, maxPriceMicroPerKWh, buy.max_price.micro_per_kwh)                                               \
    M(uint8, fill, buy.fill)                                                                                 \
    M(uint64, expires, buy.expires)
#define UPDATE_ORDER(M)                                                                                      \
    M(uint64, order, update.order)                                                                           \
    M(int64, energyWh, update.energy.wh)                                                                     \
    M(int64, priceMicroPerKWh, update.price.micro_per_kwh)
#define CANCEL_ORDER(M) M(uint64, order, cancel.order)
#define TRANSFER(M)                                                                                          \
    M(address, to, transfer.to)                                                                              \
    M(int64, amountNano, transfer.amount.nano)
#define ADMIT(M)                                                                                             \
    M(address, participant, admit.participant)                                                               \
    M(string, name, admit.name)                                                                              \
    M(uint8, role, admit.role)
#define REVOKE(M) M(address, participant, revoke.participant)
#define REKEY(M)                                                                                             \
    M(address, participant, rekey.participant)                                                               \
    M(address, successor, rekey.successor)
#define MINT(M)                                                                                              \
    M(address, to, mint.to)                                                                                  \
    M(int64, amountNano, mint.money.nano)                                                                    \
    M(int64, energyWh, mint.energy.wh)
#define SET_LINE(M)                                                                                          \
    M(address, buyer, line.buyer)                                                                            \
    M(address, seller, line.seller)                                                                          \
    M(int64, capacityWh, line.capacity.wh)
#define SET_POLICY(M)                                                                                        \
    M(uint8, mode, policy.mode)                                                                              \
    M(int64, penaltyMicroPerKWh, policy.penalty.micro_per_kwh)                                               \
    M(uint8, recipient, policy.recipient)                                                                    \
    M(int64, minPriceMicroPerKWh, policy.band_low.micro_per_kwh)                                             \
    M(int64, maxPriceMicroPerKWh, policy.band_high.micro_per_kwh)                                            \
    M(uint64, intervalSeconds, policy.interval_seconds)                                                      \
    M(uint64, gateSeconds, policy.gate_seconds)
#define SET_MARKET(M) M(uint8, state, market.state)
#define CORRECTION(M)                                                                                        \
    M(bytes32, transaction, correction.transaction)                                                          \
    M(address, from, correction.from)                                                                        \
    M(address, to, correction.to)                                                                            \
    M(int64, amountNano, correction.money.nano)                                                              \
    M(int64, energyWh, correction.energy.wh)                                                                 \
    M(string, reason, correction.reason)
#define SET_SEALER(M) M(address, sealer, sealer.sealer)

#define TYPES(T)                                                                                             \
    T(ACTION_SELL, SellOrder, seller, SELL_ORDER)                                                            \
    T(ACTION_BUY, BuyOrder, buyer, BUY_ORDER)                                                                \
    T(ACTION_UPDATE, UpdateOrder, owner, UPDATE_ORDER)                                                       \
    T(ACTION_CANCEL, CancelOrder, owner, CANCEL_ORDER)                                                       \
    T(ACTION_TRANSFER, Transfer, from, TRANSFER)                                                             \
    T(ACTION_ADMIT, Admit, operator, ADMIT)                                                                  \
    T(ACTION_REVOKE, Revoke, operator, REVOKE)                                                               \
    T(ACTION_REKEY, Rekey, operator, REKEY)                                                                  \
    T(ACTION_MINT, Mint, operator, MINT)                                                                     \
    T(ACTION_SET_LINE, SetLine, distribution, SET_LINE)                                                      \
    T(ACTION_SET_POLICY, SetPolicy, distribution, SET_POLICY)                                                \
    T(ACTION_SET_MARKET, SetMarket, operator, SET_MARKET)                                                    \
    T(ACTION_CORRECTION, Correction, operator, CORRECTION)                                                   \
    T(ACTION_SET_SEALER, SetSealer, operator, SET_SEALER)

/* The words of the kinds above are EIP-712's; these are the enumerators that they stand for. */
#define KIND_address MEMBER_ADDRESS
#define KIND_uint64  MEMBER_UINT64
#define KIND_int64   MEMBER_INT64
#define KIND_uint8   MEMBER_UINT8
#define KIND_bytes32 MEMBER_BYTES32
#define KIND_string  MEMBER_STRING

#define MEMBER(kind, name, field) {#name, KIND_##kind, offsetof(struct action, field)},
#define MEMBERS(number, name, actor_name, list)                                                              \
    static const struct member members_of_##name[] = {                                                       \
        {#actor_name, MEMBER_ADDRESS, offsetof(struct action, actor)},                                       \
        {"nonce", MEMBER_UINT64, SIZE_MAX},                                                                  \
        {"deadline", MEMBER_UINT64, SIZE_MAX},                                                               \
        list(MEMBER)};                                                                                       \
    _Static_assert(sizeof members_of_##name <= TRANSACTION_MEMBERS_MAX * sizeof(struct member), #name);
TYPES(MEMBERS)

#define TEXT(kind, name, field) "," #kind " " #name
#define ROW(number, name, actor_name, list)                                                                  \
    [number] = {number, #name, #name "(address " #actor_name ",uint64 nonce,uint64 deadline" list(TEXT) ")", \
                members_of_##name, sizeof members_of_##name / sizeof(struct member)},
static const struct transaction_type types[ACTION_TYPES] = {TYPES(ROW)};

const struct transaction_type *transaction_type(enum action_type action)
{
    return (unsigned)action < ACTION_TYPES && types[action].name != NULL ? &types[action] : NULL;
}

const struct transaction_type *transaction_type_named(const char *name)
{
    for (unsigned i = 0; i < ACTION_TYPES; i++)
        if (types[i].name != NULL && strcmp(types[i].name, name) == 0)
            return &types[i];
    return NULL;
}

static struct hash type_hashes[ACTION_TYPES];
static pthread_once_t type_hashes_once = PTHREAD_ONCE_INIT;

static void hash_types(void)
{
    for (unsigned i = 0; i < ACTION_TYPES; i++)
        if (types[i].name != NULL)
            type_hashes[i] = eip712_type(types[i].encode_type);
}

const struct hash *transaction_type_hash(enum action_type action)
{
    pthread_once(&type_hashes_once, hash_types);
    return transaction_type(action) != NULL ? &type_hashes[action] : NULL;
}
