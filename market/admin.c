#include "market/admin.h"

#include "market/accounts.h"
#include "market/lines.h"
#include "market/orders.h"

#include <busbar/check.h>

/* The operator and the distribution company come with the genesis, one of each. */
static bool role_can_be_given(const struct market *m, uint8_t role)
{
    if (role == ROLE_OPERATOR)
        return m->opening && m->head->operator_account == 0;
    if (role == ROLE_DISTRIBUTION)
        return m->opening && m->head->distribution == 0;
    return role > ROLE_DISTRIBUTION && role < ROLE_END;
}

static bool ever_used(const struct market *m, const struct address *address)
{
    uint32_t retired;
    return accounts_find(m, address, &retired) != STATE_NONE || retired != STATE_NONE;
}

enum verdict admin_admit(struct market *m, const struct action *action, uint32_t actor)
{
    (void)actor;
    const struct address *address = &action->admit.participant;
    struct bytes name = action->admit.name;
    if (!accounts_name_good(name))
        return VERDICT_NAME;
    if (!role_can_be_given(m, action->admit.role))
        return VERDICT_ROLE;
    if (address_is_none(address))
        return VERDICT_NAME;
    if (ever_used(m, address) || accounts_named(m, name) != STATE_NONE)
        return VERDICT_ALREADY_ADMITTED;
    if (m->head->accounts == m->limits.accounts)
        return VERDICT_FULL;
    accounts_add(m, address, name, action->admit.role);
    return VERDICT_OK;
}

enum verdict admin_revoke(struct market *m, const struct action *action, uint32_t actor)
{
    (void)actor;
    uint32_t who = accounts_find(m, &action->revoke.participant, NULL);
    if (who == STATE_NONE)
        return VERDICT_NOT_ADMITTED;
    struct holder *holder = &m->holders[who];
    if (holder->revoked)
        return VERDICT_REVOKED;
    if (holder->role == ROLE_OPERATOR || holder->role == ROLE_DISTRIBUTION)
        return VERDICT_ROLE;
    STATE_WRITE(m, holder);
    holder->revoked = true;
    /* A scan, so that orders need no list by owner, which every SellOrder would pay for. */
    for (uint32_t slot = 0; slot < m->head->order_slots.fresh; slot++)
        if (m->orders[slot].id != 0 && m->orders[slot].account == who)
            orders_close(m, slot);
    return VERDICT_OK;
}

enum verdict admin_rekey(struct market *m, const struct action *action, uint32_t actor)
{
    (void)actor;
    const struct address *successor = &action->rekey.successor;
    uint32_t who = accounts_find(m, &action->rekey.participant, NULL);
    if (who == STATE_NONE)
        return VERDICT_NOT_ADMITTED;
    if (address_is_none(successor))
        return VERDICT_NAME;
    if (ever_used(m, successor))
        return VERDICT_ALREADY_ADMITTED;
    if (m->head->retired == m->limits.accounts)
        return VERDICT_FULL;
    accounts_rekey(m, who, successor);
    return VERDICT_OK;
}

static bool amounts_good(struct money money, struct energy energy)
{
    return money.nano >= 0 && energy.wh >= 0 && (money.nano > 0 || energy.wh > 0);
}

enum verdict admin_mint(struct market *m, const struct action *action, uint32_t actor)
{
    (void)actor;
    struct money money = action->mint.money, money_total;
    struct energy energy = action->mint.energy, energy_total;
    uint32_t to = accounts_find(m, &action->mint.to, NULL);
    if (to == STATE_NONE)
        return VERDICT_NOT_ADMITTED;
    if (!amounts_good(money, energy))
        return VERDICT_AMOUNT;
    if (!money_add(m->head->money_total, money, &money_total) ||
        !energy_add(m->head->energy_total, energy, &energy_total))
        return VERDICT_OVERFLOW;
    STATE_WRITE(m, m->head);
    m->head->money_total = money_total;
    m->head->energy_total = energy_total;
    accounts_add_to(m, to, (struct accounts_change){.money = money, .energy = energy});
    /* New money is the one thing that was not there before. */
    m->money_moved.nano -= money.nano;
    m->energy_moved.wh -= energy.wh;
    return VERDICT_OK;
}

static void raise_version(struct market *m)
{
    STATE_WRITE(m, m->head);
    m->head->network_version++;
}

enum verdict admin_set_line(struct market *m, const struct action *action, uint32_t actor)
{
    (void)actor;
    struct energy capacity = action->line.capacity;
    uint32_t buyer = accounts_find(m, &action->line.buyer, NULL);
    uint32_t seller = accounts_find(m, &action->line.seller, NULL);
    if (buyer == STATE_NONE || seller == STATE_NONE)
        return VERDICT_NOT_ADMITTED;
    if (buyer == seller)
        return VERDICT_SAME_ACCOUNT;
    if (capacity.wh < -1)
        return VERDICT_CAPACITY;
    if (capacity.wh >= 0 && m->head->lines == m->limits.lines && lines_find(m, buyer, seller) == STATE_NONE)
        return VERDICT_FULL;
    if (capacity.wh >= 0)
        lines_set(m, buyer, seller, capacity);
    else
        lines_remove(m, buyer, seller);
    raise_version(m);
    return VERDICT_OK;
}

bool admin_policy_good(const struct policy *policy)
{
    int64_t penalty = policy->penalty.micro_per_kwh, low = policy->band_low.micro_per_kwh,
            high = policy->band_high.micro_per_kwh;
    return policy->mode < POLICY_END && policy->recipient < RECIPIENT_END && penalty >= 0 &&
           penalty <= MARKET_PRICE_MAX && low >= 0 && low <= high && high <= MARKET_PRICE_MAX;
}

enum verdict admin_set_policy(struct market *m, const struct action *action, uint32_t actor)
{
    (void)actor;
    if (m->head->distribution == 0)
        return VERDICT_NOT_ADMITTED;
    if (!admin_policy_good(&action->policy))
        return VERDICT_POLICY;
    raise_version(m);
    m->head->policy = action->policy;
    return VERDICT_OK;
}

enum verdict admin_set_market(struct market *m, const struct action *action, uint32_t actor)
{
    (void)actor;
    if (action->market.state >= MARKET_STATE_END)
        return VERDICT_POLICY;
    STATE_WRITE(m, m->head);
    m->head->state = action->market.state;
    return VERDICT_OK;
}

enum verdict admin_correction(struct market *m, const struct action *action, uint32_t actor)
{
    (void)actor;
    struct money money = action->correction.money;
    struct energy energy = action->correction.energy;
    if (!action->correction.known)
        return VERDICT_UNKNOWN_TRANSACTION;
    uint32_t from = accounts_find(m, &action->correction.from, NULL);
    uint32_t to = accounts_find(m, &action->correction.to, NULL);
    if (from == STATE_NONE || to == STATE_NONE)
        return VERDICT_NOT_ADMITTED;
    if (from == to)
        return VERDICT_SAME_ACCOUNT;
    if (!amounts_good(money, energy))
        return VERDICT_AMOUNT;
    if (money.nano > accounts_free_money(m, from).nano)
        return VERDICT_MONEY;
    if (energy.wh > accounts_free_energy(m, from).wh)
        return VERDICT_ENERGY;
    accounts_add_to(m, from, (struct accounts_change){.money = {-money.nano}, .energy = {-energy.wh}});
    accounts_add_to(m, to, (struct accounts_change){.money = money, .energy = energy});
    return VERDICT_OK;
}

enum verdict admin_set_sealer(struct market *m, const struct action *action, uint32_t actor)
{
    (void)actor;
    if (address_is_none(&action->sealer.sealer))
        return VERDICT_NAME;
    STATE_WRITE(m, m->head);
    m->head->sealer = action->sealer.sealer;
    return VERDICT_OK;
}
