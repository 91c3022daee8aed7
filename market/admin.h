/* What the operator and the distribution company decide. Each looks at everything before it writes. */
#ifndef MARKET_ADMIN_H
#define MARKET_ADMIN_H

#include "market/state.h"

/* One function an action; the actor may do it, and is not looked at. */
enum verdict admin_admit(struct market *m, const struct action *action, uint32_t actor);
enum verdict admin_revoke(struct market *m, const struct action *action, uint32_t actor);
enum verdict admin_rekey(struct market *m, const struct action *action, uint32_t actor);
enum verdict admin_mint(struct market *m, const struct action *action, uint32_t actor);
enum verdict admin_set_line(struct market *m, const struct action *action, uint32_t actor);
enum verdict admin_set_policy(struct market *m, const struct action *action, uint32_t actor);
enum verdict admin_set_market(struct market *m, const struct action *action, uint32_t actor);
enum verdict admin_correction(struct market *m, const struct action *action, uint32_t actor);
enum verdict admin_set_sealer(struct market *m, const struct action *action, uint32_t actor);

/* True when a policy's fields are in their ranges. */
bool admin_policy_good(const struct policy *policy);

#endif
