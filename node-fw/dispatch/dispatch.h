/* One board's part in the economic dispatch: broadcasts in and time in; broadcasts out and a set-point out.
 *
 * Pure: no clock, no randomness, no allocation, no I/O; `now` is monotonic and never goes back. The same code
 * runs in a board, in an agent on behalf of a board that only measures and obeys, and in the simulator:
 * bit-identical.
 *
 * Two methods behind one interface (thesis §2.4.1 B, equations 7–9; §2.6):
 *   curves            every board floods its ramp and clears the market locally and exactly (clear.h);
 *   incremental-cost  boards share λ_i and their estimate ΔP_i of the power mismatch, with its sum preserved.
 *
 * A board broadcasts exchange k+1 when it has something new to say and has heard exchange k from every live
 * neighbour, or has waited for it for 150 ms, or for twice the time that answers take on its wires if that is
 * longer; when nothing is new it only beats its heart. An exchange is one broadcast, or a few when its
 * content does not fit one. Hostile input: every payload is bounded, validated and refused whole with
 * BB_MALFORMED; nothing is half applied.
 *
 * A certificate says that every live board applied this very answer. It does not foresee: after a crash it
 * may stay up until the news of the dead board is older than expiry_ms − heartbeat_ms (at least expiry_ms /
 * 2; 3 s as shipped, a patience more for each hop where answers are slow), and after a change until the
 * change arrives. Heartbeats are at least 20 ms apart for each board of the neighbourhood, and expiry is at
 * least four heartbeats: beyond 50 boards both grow. */
#ifndef NODE_FW_DISPATCH_DISPATCH_H
#define NODE_FW_DISPATCH_DISPATCH_H

#include "node-fw/dispatch/curve.h"

#include <busbar/bytes.h>
#include <busbar/limits.h>
#include <busbar/status.h>
#include <busbar/units.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum dispatch_method { DISPATCH_CURVES = 0, DISPATCH_INCREMENTAL_COST = 1 };

/* What a board must know before it can take part. Everything but the curve comes with CONFIG from the site
 * file. */
struct dispatch_settings {
    uint16_t id;          /* 1 … 65535, unique in the neighbourhood */
    uint16_t incarnation; /* the persistent boot counter */
    enum dispatch_method method;
    struct curve curve;
    uint16_t size; /* boards configured in the neighbourhood, 1 … BB_BOARDS_MAX; bounds, never decides */
    uint16_t neighbour_count; /* 0 … BB_NEIGHBOURS_MAX */
    uint16_t neighbours[BB_NEIGHBOURS_MAX];
    uint16_t exchange_ms;  /* 0 means 150 */
    uint16_t heartbeat_ms; /* 0 means 1000; at least 20 for each board of the neighbourhood */
    uint16_t expiry_ms;    /* 0 means 4000: silence after which a board counts as dead */
};

/* What the board believes, after every call. Powers in mW, prices in micro-$/kWh. */
struct dispatch_view {
    uint32_t lambda;
    int64_t setpoint_mw; /* what the algorithm wants of this board, 0 … pmax */
    int64_t residual_mw; /* shortage > 0, surplus < 0, of inelastic units only */
    int64_t mismatch_mw; /* ΔP_i: this board's audit estimate of the neighbourhood's mismatch, per board
                            (equation 8) */
    uint64_t digest; /* of the set of curves that the answer is for (incremental-cost: of the agreed λ) */
    bool certified;  /* every live board was seen to have applied this very answer */
    uint16_t depth;  /* causal depth at which the set-point in force was applied */
    uint16_t certified_depth; /* causal depth at which `certified` became true; 0 when it is not */
    uint16_t exchange;        /* the last exchange sent */
    uint16_t live;            /* boards alive, this one included */
    uint16_t neighbours_live;
    uint16_t incarnation;     /* may have grown past the setting's: persist it */
    bool incarnation_changed; /* since dispatch_init: the board's own id was seen under another key (duplicate
                                 or reset counter) */
    bool duplicate_suspected; /* the own id keeps coming back under other keys: two boards share it */
};

struct dispatch_counters {
    uint32_t received, malformed, stale,
        foreign; /* foreign: from a board that is not a configured neighbour, dropped */
    uint32_t sent, bytes_sent, entries_sent;
};

/* Storage for one board, supplied by the caller; the members are private to node-fw/dispatch. */
struct dispatch;

#include "node-fw/dispatch/state.h"

/* Starts afresh. BB_RANGE when id is 0, a count exceeds its limit, a neighbour is 0, repeated or the id
 * itself, or the curve is invalid; `d` is then unusable. */
BB_MUST_CHECK enum status dispatch_init(struct dispatch *d, const struct dispatch_settings *settings,
                                        struct mono now);

/* Takes one broadcast of a neighbour: the payload of a DISPATCH message, at most BB_LINK_PAYLOAD_MAX bytes.
 * BB_MALFORMED and counted when it does not follow its format; BB_NOT_FOUND and counted when its source is no
 * configured neighbour; old and repeated ones are BB_OK and change nothing. */
BB_MUST_CHECK enum status dispatch_receive(struct dispatch *d, struct bytes payload, struct mono now);

/* Writes the next broadcast that is due at `now` to out (capacity ≥ BB_LINK_PAYLOAD_MAX) and returns its
 * size; 0 when none is due. Call until 0 after every other call and when dispatch_due has come. Expiry of
 * silent boards happens here. */
size_t dispatch_poll(struct dispatch *d, struct mono now, uint8_t *out);

/* The next time at which dispatch_poll may have something to do if nothing else happens. */
struct mono dispatch_due(const struct dispatch *d);

/* A parameter change at run time: from now on the board's curve is `curve`. BB_RANGE when it is invalid. */
BB_MUST_CHECK enum status dispatch_set_curve(struct dispatch *d, const struct curve *curve, struct mono now);

/* Another neighbour list, as pushed by CONFIG; what is known of boards stays. BB_RANGE as for dispatch_init.
 */
BB_MUST_CHECK enum status dispatch_set_neighbours(struct dispatch *d, const uint16_t *ids, size_t count,
                                                  struct mono now);

/* The power that the board really applies or measures, mW ≥ 0, when it differs from the set-point (override,
 * ramp, meter), cut to u32; it goes into the audit at once. Until the first call the set-point counts as
 * applied. */
void dispatch_set_applied(struct dispatch *d, int64_t power_mw);

/* A graceful leave: the own entry is marked dead and announced by the next broadcasts, until every neighbour
 * has acknowledged it; the set-point becomes 0. Only dispatch_init brings the board back. */
void dispatch_leave(struct dispatch *d, struct mono now);

/* What the board believes now. */
struct dispatch_view dispatch_view(const struct dispatch *d);

/* What it has counted since dispatch_init. */
struct dispatch_counters dispatch_counters(const struct dispatch *d);

/* The source, incarnation and causal depth of a payload, for whoever carries it; BB_MALFORMED when it is
 * none. */
BB_MUST_CHECK enum status dispatch_peek(struct bytes payload, uint16_t *source_out, uint16_t *incarnation_out,
                                        uint16_t *depth_out);

#endif
