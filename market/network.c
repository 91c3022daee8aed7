/* No network, and limits from seller to buyer: the thesis's own (§3.6.2, §3.6.3). */
#include "market/network.h"

#include "market/intervals.h"
#include "market/lines.h"

#include <busbar/check.h>

#define NO_LIMIT ((struct energy){INT64_MAX})

struct network_offer network_ask(const struct market *m, uint32_t buyer, uint32_t seller, uint64_t start)
{
    const struct policy *policy = &m->head->policy;
    uint32_t line = policy->mode == POLICY_NONE ? STATE_NONE : lines_find(m, buyer, seller);
    if (line == STATE_NONE)
        return (struct network_offer){NO_LIMIT, {0}, false, NO_LIMIT, UINT32_MAX};
    uint32_t use = lines_use(m, buyer, seller, start);
    int64_t used = use == STATE_NONE ? 0 : m->uses[use].used.wh;
    struct energy left = {m->lines[line].capacity.wh - used}; /* both ≥ 0 */
    if (left.wh > 0)
        return (struct network_offer){left, {0}, false, left, line};
    if (policy->mode == POLICY_LIMIT)
        return (struct network_offer){{0}, {0}, true, {0}, line};
    return (struct network_offer){NO_LIMIT, policy->penalty, true, {0}, line};
}

enum verdict network_take(struct market *m, uint32_t buyer, uint32_t seller, uint64_t start,
                          struct energy energy)
{
    CHECK(energy.wh > 0 && energy.wh <= network_ask(m, buyer, seller, start).energy.wh);
    uint32_t line = lines_find(m, buyer, seller);
    if (line == STATE_NONE)
        return VERDICT_OK;
    uint32_t interval = intervals_find(m, start);
    CHECK(interval != STATE_NONE);
    return lines_add_use(m, line, interval, energy) ? VERDICT_OK : VERDICT_FULL;
}

bool network_give(struct market *m, uint32_t buyer, uint32_t seller, uint64_t start, struct energy energy)
{
    uint32_t line = lines_find(m, buyer, seller), use = lines_use(m, buyer, seller, start);
    if (line == STATE_NONE || use == STATE_NONE || energy.wh < 1 || m->uses[use].used.wh < energy.wh)
        return false;
    uint32_t interval = m->uses[use].interval;
    STATE_WRITE(m, &m->intervals[interval]);
    m->intervals[interval].tried = UINT64_MAX; /* a resting bid may find room now */
    lines_add_use(m, line, interval, (struct energy){-energy.wh});
    intervals_release(m, interval);
    return true;
}

enum network_id network_of(const struct market *m, uint64_t *version_out)
{
    *version_out = m->head->network_version;
    return m->head->policy.mode == POLICY_NONE ? NETWORK_NONE : NETWORK_PAIRWISE;
}
