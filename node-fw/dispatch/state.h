/* The members of struct dispatch: private to node-fw/dispatch, here because the caller supplies the storage.
 * Times are milliseconds of the caller's monotonic clock. About 25 KiB. */
#ifndef NODE_FW_DISPATCH_STATE_H
#define NODE_FW_DISPATCH_STATE_H

#include "node-fw/dispatch/dispatch.h"
#include "node-fw/dispatch/entry.h"
#include "node-fw/dispatch/incremental.h"

#include <busbar/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dispatch_method_table;

/* Broadcasts whose time is remembered, to see how long answers take. */
#define DISPATCH_ASKED 16

/* What is known of one configured neighbour. Its index is its bit in every mask. */
struct dispatch_neighbour {
    uint16_t id;
    bool heard;           /* since the start, or since it expired */
    bool gone;            /* it said that it leaves */
    bool owed;            /* something that it sent waits for an acknowledgement */
    uint8_t taken;        /* bit i: the broadcast `sequence` − i was taken whole */
    uint8_t showings;     /* times the present digest was sent to it and not acknowledged */
    uint16_t incarnation; /* of the newest broadcast heard, as all below */
    uint32_t sequence;
    uint16_t exchange; /* the last one heard to its end */
    uint8_t degree;    /* boards that it hears itself */
    uint16_t depth;    /* of the first broadcast that showed `digest` */
    uint64_t digest;
    uint32_t answered; /* the newest broadcast of ours that it named, 24 bits */
    bool knows;        /* it has heard a broadcast of ours that showed the present digest */
    int64_t heard_at;
    int64_t awaited_until; /* when it counts as silent unless it is heard */
    int64_t owed_since;
    int64_t differs_since; /* its digest is not ours; INT64_MAX: it is */
    /* The audit's cumulative counters of this pair: given to it, and the last it said it gave. */
    uint64_t given_power, given_weight, taken_power, taken_weight;
};

enum dispatch_board_state {
    BOARD_LIVE,
    BOARD_LEFT, /* left gracefully: flooded until it expires */
    BOARD_GRAVE /* expired: only its last key is kept, so that old copies do not come back */
};

/* One board of the neighbourhood, as `curves` knows it. */
struct dispatch_board {
    struct entry entry; /* hops: over which this (incarnation, version) was first learned; own: 0 */
    enum dispatch_board_state state;
    uint16_t vote_depth; /* causal depth of the vote */
    uint8_t sends;       /* of this key */
    uint8_t source;      /* the neighbour that told this key first; BB_NEIGHBOURS_MAX: none */
    bool urgent;         /* more than a heartbeat is new about it */
    uint32_t told_in;    /* the sequence of the broadcast of `source` in which it was told */
    uint32_t sequence;   /* of the broadcast that carried this key last */
    uint16_t carried;    /* bit i: the broadcast `sequence` − i carried this key */
    int64_t seen_at, sent_at;
    uint64_t has;       /* neighbours that are known to have this key */
    uint64_t has_curve; /* neighbours that are known to have this incarnation and version */
};

struct dispatch_curves {
    struct dispatch_board boards[BB_BOARDS_MAX]; /* ascending id; the own one is always among them */
    size_t count;
    uint32_t full; /* hash over all live boards, heartbeats and votes included */
    uint8_t refutations;
    int64_t refuted_at;
};

struct dispatch_audit {
    int64_t value;   /* v: what the board adds to the mismatch, 2^-16 mW; a consumer's is positive */
    uint64_t power;  /* x, two's complement, 2^-16 mW */
    uint64_t weight; /* w, two's complement; 2^32 at the start */
    int64_t estimate_mw;
    int64_t given_at;
    size_t turn; /* the neighbour whose share is next */
};

struct dispatch {
    struct dispatch_settings settings; /* with the defaults filled in */
    const struct dispatch_method_table *method;
    struct dispatch_view view;
    struct dispatch_counters counters;
    int64_t now, started;
    int64_t beat_at;      /* the next heartbeat */
    int64_t exchanged_at; /* the last broadcast of the last exchange; INT64_MIN before the first */
    int64_t shown_at;     /* the last broadcast with the present digest; INT64_MIN when there was none */
    uint32_t shown;       /* the sequence of the first of them */
    uint32_t sequence;    /* of the next broadcast */
    int64_t answer_us;    /* how long answers take, smoothed */
    int64_t asked_at[DISPATCH_ASKED]; /* by sequence: when the broadcast went out that wants an answer;
                                         INT64_MAX: it wants none */

    uint16_t exchange; /* the last one begun */
    uint8_t burst;     /* broadcasts that the running exchange may still have */
    bool left;
    bool asked;         /* the last exchange wanted answers */
    bool applied_given; /* dispatch_set_applied was called */
    int64_t applied_mw;
    size_t neighbour_count, acknowledge_turn;
    struct dispatch_neighbour neighbours[BB_NEIGHBOURS_MAX];
    struct dispatch_audit audit;
    union { /* what the method in use believes */
        struct dispatch_curves curves;
        struct dispatch_incremental incremental;
    };
};

#endif
