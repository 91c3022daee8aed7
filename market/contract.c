#include "market/contract.h"

#include "market/accounts.h"
#include "market/admin.h"
#include "market/time.h"
#include "market/trading.h"

#include <busbar/check.h>

#define ROLE(role) (1u << ROLE_##role)
#define ANYONE     (~0u)

/* Who may do what, and which function does it. */
static const struct {
    unsigned roles;
    enum verdict (*apply)(struct market *m, const struct action *action, uint32_t actor);
    bool opens; /* may be part of a genesis */
} RULES[ACTION_TYPES] = {
    [ACTION_SELL] = {ROLE(PROSUMER), trading_sell, false},
    [ACTION_BUY] = {ROLE(PROSUMER) | ROLE(CONSUMER), trading_buy, false},
    [ACTION_UPDATE] = {ANYONE, trading_update, false},
    [ACTION_CANCEL] = {ANYONE, trading_cancel, false},
    [ACTION_TRANSFER] = {ANYONE, trading_transfer, false},
    [ACTION_ADMIT] = {ROLE(OPERATOR), admin_admit, true},
    [ACTION_REVOKE] = {ROLE(OPERATOR), admin_revoke, false},
    [ACTION_REKEY] = {ROLE(OPERATOR), admin_rekey, false},
    [ACTION_MINT] = {ROLE(OPERATOR), admin_mint, true},
    [ACTION_SET_LINE] = {ROLE(DISTRIBUTION), admin_set_line, true},
    [ACTION_SET_POLICY] = {ROLE(DISTRIBUTION), admin_set_policy, true},
    [ACTION_SET_MARKET] = {ROLE(OPERATOR), admin_set_market, false},
    [ACTION_CORRECTION] = {ROLE(OPERATOR), admin_correction, false},
    [ACTION_SET_SEALER] = {ROLE(OPERATOR), admin_set_sealer, true},
};

/* Empties what the last action left in the scratch. */
static void clear(struct market *m)
{
    m->trade_count = m->passed_count = m->passed_total = m->touched_count = 0;
    m->order = 0;
    if (++m->action == 0) { /* once in 2^32 times */
        memset(m->touched_in, 0, m->limits.accounts * sizeof *m->touched_in);
        m->action = 1;
    }
}

static void check_nothing_moved(struct market *m)
{
    CHECK(m->money_moved.nano == 0 && m->energy_moved.wh == 0);
}

static enum verdict who(const struct market *m, const struct action *action, uint32_t *actor_out)
{
    uint32_t retired, actor = accounts_find(m, &action->actor, &retired);
    if (actor == STATE_NONE)
        return retired != STATE_NONE ? VERDICT_REVOKED : VERDICT_NOT_ADMITTED;
    if (m->holders[actor].revoked)
        return VERDICT_REVOKED;
    if (!(RULES[action->type].roles & 1u << m->holders[actor].role))
        return VERDICT_ROLE;
    *actor_out = actor;
    return VERDICT_OK;
}

/* The action itself: all of it, or nothing. */
static enum verdict act(struct market *m, const struct action *action, uint32_t actor)
{
    uint64_t writes = m->journal.writes;
    enum verdict verdict = RULES[action->type].apply(m, action, actor);
    if (verdict == VERDICT_OK) {
        check_nothing_moved(m);
        if (m->journal.in_action)
            journal_keep(&m->journal);
        return verdict;
    }
    if (m->journal.in_action)
        journal_undo(&m->journal);
    else
        CHECK(m->journal.writes == writes);
    m->money_moved.nano = m->energy_moved.wh = 0;
    m->trade_count = m->touched_count = 0;
    m->order = 0;
    if (verdict != VERDICT_LINE_FULL)
        m->passed_count = m->passed_total = 0;
    return verdict;
}

static bool type_good(enum action_type type)
{
    return type >= ACTION_SELL && type < ACTION_TYPES;
}

enum verdict market_apply(struct market *m, const struct action *action, struct wall now, struct outcome *out)
{
    CHECK(type_good(action->type) && !m->journal.off);
    clear(m);
    time_pass(m, now);
    check_nothing_moved(m);
    clear(m);
    m->opening = false;
    uint32_t actor;
    enum verdict verdict = who(m, action, &actor);
    if (verdict == VERDICT_OK)
        verdict = act(m, action, actor);
    *out = (struct outcome){m->order,        m->trades,       m->trade_count, m->passed,
                            m->passed_count, m->passed_total, m->touched,     m->touched_count};
    return verdict;
}

enum verdict market_open(struct market *m, const struct action *action)
{
    CHECK(type_good(action->type) && RULES[action->type].opens && !m->journal.off);
    clear(m);
    m->opening = true;
    return act(m, action, STATE_NONE);
}

void market_spend_nonce(struct market *m, uint32_t index)
{
    CHECK(index < m->head->accounts);
    STATE_WRITE(m, &m->holders[index]);
    m->holders[index].nonce++;
}

void market_commit(struct market *m)
{
    journal_commit(&m->journal);
}

void market_rollback(struct market *m)
{
    journal_rollback(&m->journal);
}
