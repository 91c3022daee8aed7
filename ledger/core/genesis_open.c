/* The genesis put into the contract: what the operator would have done by hand before anybody came. */
#include "ledger/core/genesis.h"

static enum status apply(struct market *market, const struct action *action, const char *what,
                         const char *name, struct bb_reason *reason)
{
    enum verdict verdict = market_open(market, action);
    if (verdict == VERDICT_OK)
        return BB_OK;
    bb_reason_say(reason, "genesis: %s %s: %s", what, name, verdict_text(verdict));
    return BB_RANGE;
}

static enum status open_participant(struct market *market, const struct genesis_participant *p,
                                    struct bb_reason *reason)
{
    struct action admit = {.type = ACTION_ADMIT,
                           .admit = {.participant = p->address, .name = bytes_of(p->name), .role = p->role}};
    enum status status = apply(market, &admit, "participant", p->name, reason);
    if (status != BB_OK || (p->money.nano == 0 && p->energy.wh == 0))
        return status;
    struct action mint = {.type = ACTION_MINT,
                          .mint = {.to = p->address, .money = p->money, .energy = p->energy}};
    return apply(market, &mint, "opening balance of", p->name, reason);
}

enum status genesis_open(const struct genesis *genesis, struct market *market, struct bb_reason *reason)
{
    enum status status = BB_OK;
    for (uint32_t i = 0; i < genesis->participant_count && status == BB_OK; i++)
        status = open_participant(market, &genesis->participants[i], reason);
    for (uint32_t i = 0; i < genesis->line_count && status == BB_OK; i++) {
        const struct genesis_line *line = &genesis->lines[i];
        struct action set = {
            .type = ACTION_SET_LINE,
            .line = {.buyer = line->buyer, .seller = line->seller, .capacity = line->capacity}};
        char number[16];
        snprintf(number, sizeof number, "%u", i + 1);
        status = apply(market, &set, "line number", number, reason);
    }
    struct action policy = {.type = ACTION_SET_POLICY, .policy = genesis->policy};
    if (status == BB_OK)
        status = apply(market, &policy, "policy", "of the distribution company", reason);
    struct action sealer = {.type = ACTION_SET_SEALER, .sealer = {.sealer = genesis->sealer}};
    if (status == BB_OK)
        status = apply(market, &sealer, "sealer", "of the first blocks", reason);
    if (status == BB_OK)
        market_commit(market);
    return status;
}
