/* What the contract says to an action: BB_OK's cousin for the domain. A verdict is normal traffic: it is
 * recorded in the receipt, has one sentence and one test. An action that gets any verdict but VERDICT_OK has
 * no effect at all. */
#ifndef MARKET_VERDICT_H
#define MARKET_VERDICT_H

/* The number is part of the receipt's bytes: append only. */
#define MARKET_VERDICTS(X)                                                                                   \
    X(VERDICT_OK, 0, "ok", "done")                                                                           \
    X(VERDICT_NOT_ADMITTED, 1, "not-admitted",                                                               \
      "the account that acts, or that is named, has never been admitted")                                    \
    X(VERDICT_REVOKED, 2, "revoked",                                                                         \
      "the operator has stopped this participant, or moved it to another key")                               \
    X(VERDICT_ROLE, 3, "wrong-role", "this action belongs to another role")                                  \
    X(VERDICT_ALREADY_ADMITTED, 4, "already-admitted",                                                       \
      "there is an account with this address or name already")                                               \
    X(VERDICT_NAME, 5, "bad-name",                                                                           \
      "a name has 1 to 31 characters out of A-Z a-z 0-9 _ . - and begins with a letter")                     \
    X(VERDICT_AMOUNT, 6, "bad-amount", "the amount must be positive and within its range")                   \
    X(VERDICT_PRICE, 7, "bad-price", "the price must not be negative and must be within its range")          \
    X(VERDICT_PRICE_BAND, 8, "outside-price-band",                                                           \
      "the price is outside the band that the distribution company set")                                     \
    X(VERDICT_OVERFLOW, 9, "overflow", "a sum would leave 64 bits")                                          \
    X(VERDICT_MONEY, 10, "insufficient-money", "the account has not enough money that is free")              \
    X(VERDICT_ENERGY, 11, "insufficient-energy",                                                             \
      "the account has not enough energy that is not already on sale")                                       \
    X(VERDICT_UNKNOWN_ORDER, 12, "unknown-order", "there is no such open order")                             \
    X(VERDICT_NOT_OWNER, 13, "not-owner", "the order belongs to somebody else")                              \
    X(VERDICT_NOT_A_POST, 14, "not-a-post", "a resting bid can be cancelled but not updated")                \
    X(VERDICT_HALTED, 15, "market-halted", "the market is halted: orders can only be cancelled")             \
    X(VERDICT_GATE_CLOSED, 16, "gate-closed", "orders for this delivery interval are no longer taken")       \
    X(VERDICT_INTERVAL, 17, "bad-interval",                                                                  \
      "a delivery interval starts at a multiple of the interval length")                                     \
    X(VERDICT_EXPIRED, 18, "already-expired", "the order's own expiry is not in the future")                 \
    X(VERDICT_NO_OFFERS, 19, "not-enough-offers", "the others do not offer enough energy in this interval")  \
    X(VERDICT_TOO_DEAR, 20, "price-too-low", "enough is offered, but part of it above the maximum price")    \
    X(VERDICT_LINE_FULL, 21, "line-full", "what the lines still carry does not cover the amount")            \
    X(VERDICT_TOO_MANY_TRADES, 22, "too-many-trades",                                                        \
      "the order would need more trades than one action may have")                                           \
    X(VERDICT_FULL, 23, "market-full", "the market's table for this is full")                                \
    X(VERDICT_SAME_ACCOUNT, 24, "same-account", "the two accounts must not be the same")                     \
    X(VERDICT_POLICY, 25, "bad-policy",                                                                      \
      "a field of the policy or of the market's state is outside its range")                                 \
    X(VERDICT_UNKNOWN_TRANSACTION, 26, "unknown-transaction",                                                \
      "a correction names a transaction that is in the chain")                                               \
    X(VERDICT_CAPACITY, 27, "bad-capacity", "a line's capacity is at least 0, or -1 for no limit")           \
    X(VERDICT_FILL, 28, "bad-fill", "the fill is none of all-or-nothing, partial, rest")

enum verdict {
#define MARKET_X(name, number, word, text) name = number,
    MARKET_VERDICTS(MARKET_X)
#undef MARKET_X
        VERDICT_COUNT
};

/* The stable word of a verdict ("line-full"), for JSON. Static storage; "unknown" for a number outside. */
const char *verdict_word(enum verdict verdict);

/* Its sentence, for people. Static storage. */
const char *verdict_text(enum verdict verdict);

#endif
