/* What the options of an order say, in the ledger's units. Everything but EXIT_DONE has been told. */
#ifndef AGENTS_CLI_TERMS_H
#define AGENTS_CLI_TERMS_H

#include "agents/cli/amount.h"
#include "agents/cli/call.h"

#include <busbar/address.h>
#include <busbar/units.h>

/* Options --kwh, --price and the like, named by `option`. At least `least`, in the ledger's units; a
 * price is never below zero. What is less would be refused by the contract, at the cost of a block and a
 * nonce. Absent: *out stays as it is, *given_out (NULL allowed) is false. */
enum exit_code terms_energy(const struct call *call, const char *option, int64_t least, bool *given_out,
                            struct energy *out);
enum exit_code terms_price(const struct call *call, const char *option, bool *given_out, struct price *out);
enum exit_code terms_money(const struct call *call, const char *option, int64_t least, bool *given_out,
                           struct money *out);

/* The same for an option that must be there. */
enum exit_code terms_need(const struct call *call, const char *option, const char *example);

/* A time (moment.h) in seconds since 1970; absent: untouched. */
enum exit_code terms_moment(const struct call *call, const char *option, uint64_t *out);

/* A length in whole seconds, 0 … 2^31 − 1; absent: untouched. */
enum exit_code terms_seconds(const struct call *call, const char *option, uint64_t *out);

/* Argument `index` as the number of a post, or of a bid. */
enum exit_code terms_order(const struct call *call, size_t index, bool bid, uint64_t *out);

/* Argument `index` as the id of a transaction. */
enum exit_code terms_id(const struct call *call, size_t index, struct hash *out);

/* The place of the option's word in words[count]; absent: untouched. The table of verbs has refused others.
 */
void terms_word(const struct call *call, const char *option, const char *const *words, size_t count,
                uint8_t *out);

#endif
