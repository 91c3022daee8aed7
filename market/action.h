/* An action on the contract: who wants what. One struct a row of the table of actions; the ledger makes them
 * out of signed words, the what-if tool out of JSON lines. */
#ifndef MARKET_ACTION_H
#define MARKET_ACTION_H

#include <busbar/address.h>
#include <busbar/bytes.h>
#include <busbar/units.h>
#include <stdint.h>

/* The number is the type id in the transaction's bytes: append only. */
enum action_type {
    ACTION_SELL = 1,   /* SellOrder */
    ACTION_BUY,        /* BuyOrder */
    ACTION_UPDATE,     /* UpdateOrder */
    ACTION_CANCEL,     /* CancelOrder */
    ACTION_TRANSFER,   /* Transfer */
    ACTION_ADMIT,      /* Admit */
    ACTION_REVOKE,     /* Revoke */
    ACTION_REKEY,      /* Rekey */
    ACTION_MINT,       /* Mint */
    ACTION_SET_LINE,   /* SetLine */
    ACTION_SET_POLICY, /* SetPolicy */
    ACTION_SET_MARKET, /* SetMarket */
    ACTION_CORRECTION, /* Correction */
    ACTION_SET_SEALER, /* SetSealer */
    ACTION_TYPES
};

enum role { ROLE_OPERATOR = 1, ROLE_DISTRIBUTION, ROLE_PROSUMER, ROLE_CONSUMER, ROLE_METER, ROLE_END };
enum fill { FILL_ALL_OR_NOTHING = 0, FILL_PARTIAL, FILL_REST, FILL_END };
enum policy_mode { POLICY_NONE = 0, POLICY_LIMIT, POLICY_PENALTY, POLICY_END };
enum recipient { RECIPIENT_DISTRIBUTION = 0, RECIPIENT_SELLER, RECIPIENT_END };
enum market_state { MARKET_OPEN = 0, MARKET_HALTED, MARKET_STATE_END };

#define MARKET_NAME_MAX   31         /* bytes of a name, without a NUL */
#define MARKET_REASON_MAX 255        /* bytes of a correction's reason, UTF-8 */
#define MARKET_ENERGY_MAX 1000000000 /* Wh of one order: 1 GWh; 10^9 × 10^9 = 10^18 nano-$ < 2^63 */
#define MARKET_PRICE_MAX  1000000000 /* µ$/kWh: 1000 $/kWh, the penalty included */

/* What the distribution company sets. A band of 0 … 0 is no band; interval_seconds 0: any start is allowed.
 */
struct policy {
    uint8_t mode; /* enum policy_mode */
    uint8_t recipient;
    struct price penalty; /* µ$/kWh beyond a line's capacity, ≥ 0 */
    struct price band_low, band_high;
    uint64_t interval_seconds;
    uint64_t gate_seconds; /* orders for an interval are taken until so long before its start */
};

/* Fields come as they were sent: any value of their type, checked by the contract. Times: seconds of ledger
 * time. */
struct action {
    enum action_type type;
    struct address actor;
    union {
        struct {
            uint64_t interval; /* start of the delivery interval, 0: none */
            struct energy energy;
            struct price price;
            uint64_t expires; /* 0: never */
        } sell;
        struct {
            uint64_t interval;
            struct energy energy;
            struct price max_price;
            uint8_t fill;     /* enum fill */
            uint64_t expires; /* of the resting bid */
        } buy;
        struct {
            uint64_t order;
            struct energy energy;
            struct price price;
        } update;
        struct {
            uint64_t order;
        } cancel;
        struct {
            struct address to;
            struct money amount;
        } transfer;
        struct {
            struct address participant;
            struct bytes name; /* borrowed */
            uint8_t role;
        } admit;
        struct {
            struct address participant;
        } revoke;
        struct {
            struct address participant, successor;
        } rekey;
        struct {
            struct address to;
            struct money money;
            struct energy energy;
        } mint;
        struct {
            struct address buyer, seller;
            struct energy capacity; /* Wh per delivery interval; -1: no limit any more */
        } line;
        struct policy policy;
        struct {
            uint8_t state; /* enum market_state */
        } market;
        struct {
            struct hash transaction;
            struct address from, to;
            struct money money;
            struct energy energy;
            struct bytes reason; /* borrowed */
            bool known;          /* filled in by the ledger: the transaction is in the chain */
        } correction;
        struct {
            struct address sealer;
        } sealer;
    };
};

#endif
