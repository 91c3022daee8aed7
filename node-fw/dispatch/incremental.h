/* What a board keeps for the method `incremental-cost`: a part of struct dispatch, private to
 * node-fw/dispatch/incremental.c. */
#ifndef NODE_FW_DISPATCH_INCREMENTAL_H
#define NODE_FW_DISPATCH_INCREMENTAL_H

#include <busbar/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is known of a neighbour, and the cumulative counters of the pair: given to it, taken from it. Power in
 * 2^-16 mW, slope in 2^-20 mW per micro-$, both two's complement. */
struct dispatch_incremental_peer {
    uint64_t given_power, given_slope, taken_power, taken_slope;
    int64_t lambda;       /* 2^-16 micro-$/kWh */
    uint32_t sequence;    /* of the newest broadcast whose counters were taken */
    uint16_t step, quiet; /* of the newest broadcast */
    uint16_t depth;
    uint16_t shared; /* the step whose counters were taken last */
    uint8_t degree;
    bool known; /* something was heard since the pair began */
    bool taken; /* counters were taken since the pair began */
};

struct dispatch_incremental {
    struct dispatch_incremental_peer peers[BB_NEIGHBOURS_MAX];
    int64_t value;         /* v: what the board adds to the mismatch; a consumer's is positive */
    int64_t own_slope;     /* of its ramp */
    uint64_t power, slope; /* held: ΔP_i, and the estimate of the mean slope */
    int64_t lambda;        /* 2^-16 micro-$/kWh */
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
