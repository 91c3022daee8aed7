/* Accounts: who they are, and the one place where balances change. */
#ifndef MARKET_ACCOUNTS_H
#define MARKET_ACCOUNTS_H

#include "market/state.h"

/* What is added to an account, each signed. */
struct accounts_change {
    struct money money, escrow;
    struct energy energy, on_sale;
};

/* The account with this address now; STATE_NONE. *retired_out (may be NULL): whose address it once was. */
uint32_t accounts_find(const struct market *m, const struct address *address, uint32_t *retired_out);

/* Ask the memory for what accounts_find will look at: the entry of the address; then, when that has come, the
 * account. No effect. */
void accounts_expect_entry(const struct market *m, const struct address *address);
void accounts_expect(const struct market *m, const struct address *address);

/* The account with this name; STATE_NONE. */
uint32_t accounts_named(const struct market *m, struct bytes name);

/* True for 1 to 31 characters out of A-Z a-z 0-9 _ . - that begin with a letter. */
bool accounts_name_good(struct bytes name);

/* Puts account number head->accounts in; its address and name must be new, and there must be room. */
void accounts_add(struct market *m, const struct address *address, struct bytes name, uint8_t role);

/* Gives an account another address, which must be new, and retires the old one; there must be room. */
void accounts_rekey(struct market *m, uint32_t index, const struct address *successor);

/* Puts retired key number head->retired in, with its account; for loading. */
void accounts_add_retired(struct market *m, const struct address *address, uint32_t index);

/* Adds to an account; the sums must stay what sums can be (0 ≤ escrow ≤ money, 0 ≤ on_sale ≤ energy). */
void accounts_add_to(struct market *m, uint32_t index, struct accounts_change change);

/* What is not in escrow, and not on sale. */
static inline struct money accounts_free_money(const struct market *m, uint32_t index)
{
    return (struct money){m->holders[index].money.nano - m->holders[index].escrow.nano};
}
static inline struct energy accounts_free_energy(const struct market *m, uint32_t index)
{
    return (struct energy){m->holders[index].energy.wh - m->holders[index].on_sale.wh};
}

#endif
