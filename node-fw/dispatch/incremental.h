/* What a board keeps for the method `incremental-cost`: a part of struct dispatch, private to
 * node-fw/dispatch/incremental.c. */
#ifndef NODE_FW_DISPATCH_INCREMENTAL_H
#define NODE_FW_DISPATCH_INCREMENTAL_H

#include <busbar/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a step of a board shows to a neighbour: its price (2^-16 micro-$/kWh) and what it has given to that
 * neighbour by then. Power in 2^-16 mW, slope in 2^-20 mW per micro-$, both two's complement. */
struct dispatch_incremental_offer {
    int64_t lambda;
    uint64_t power, slope;
};

/* What is known of a neighbour, and what the pair has given to each other since it began. */
struct dispatch_incremental_peer {
    uint64_t given_power, given_slope; /* by us, this step's part included */
    uint64_t part_power, part_slope;   /* this step's part */
    uint64_t taken_power, taken_slope;
    struct dispatch_incremental_offer offer, before; /* at step `shared`, and at the one before */
    uint32_t sequence;                               /* of the broadcast that showed them */
    uint16_t step, quiet, depth;                     /* of the newest broadcast */
    uint16_t shared;
    uint8_t degree;
    bool known; /* something was heard since the pair began */
    bool taken; /* an offer was heard since the pair began */
};

struct dispatch_incremental {
    struct dispatch_incremental_peer peers[BB_NEIGHBOURS_MAX];
    int64_t value;          /* v: what the board adds to the mismatch; a consumer's is positive */
    int64_t own_slope;      /* of its ramp */
    uint64_t power, slope;  /* held: ΔP_i, and the estimate of the mean slope */
    int64_t lambda, before; /* 2^-16 micro-$/kWh: at this step, and at the one before */
    int64_t stepped_at, sent_at;
    int64_t round_us; /* from a broadcast to the next step, smoothed */
    uint64_t unsent;  /* mask: neighbours whose counters this round still has to send */
    uint16_t step, quiet, depth;
    uint8_t repeats;  /* of the broadcast of this step */
    uint8_t goodbyes; /* broadcasts that still say that the board leaves */
    bool owes;        /* a broadcast is to be sent */
    bool exchange;    /* and it carries a step */
    bool stirred;     /* step at once, whoever has been heard */
    bool follows;     /* the board applied its set-point when it last said what it applies */
};

#endif
