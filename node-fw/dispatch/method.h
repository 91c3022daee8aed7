/* What the two methods have in common, seen from the facade (dispatch.c): the facade keeps time, neighbours,
 * exchange numbers, acknowledgements and audit shares; a method keeps what it believes and writes its body.
 *
 * A method reads d->now, d->settings, d->neighbours and writes its part of d->view: lambda, setpoint_mw,
 * residual_mw, digest, certified, depth, certified_depth, live, incarnation(+_changed), duplicate_suspected.
 * When the digest that it shows changes it calls dispatch_digest_changed. */
#ifndef NODE_FW_DISPATCH_METHOD_H
#define NODE_FW_DISPATCH_METHOD_H

#include "node-fw/dispatch/broadcast.h"
#include "node-fw/dispatch/dispatch.h"

/* The earliest times at which the method wants to send; INT64_MAX: it has nothing, INT64_MIN: at once. Urgent
 * news makes an exchange, and waits for the pace of the neighbours; calm news goes between exchanges. */
struct dispatch_news {
    int64_t urgent_at;
    int64_t calm_at;
};

/* One method. `neighbour` is an index into d->neighbours, and its bit in every mask. */
struct dispatch_method_table {
    /* True when what is told to one neighbour reaches all: digests are shown until they are answered, and the
     * audit's shares travel along. False when the method balances the mismatch itself. */
    bool floods;
    /* Size of the body that the counts of `b` announce. */
    size_t (*body_size)(const struct broadcast *b);
    /* True when the body, of that size, follows its format. Looks at no state. */
    bool (*valid)(const struct broadcast *b);
    /* Starts afresh from d->settings. */
    void (*start)(struct dispatch *d);
    /* Takes a valid broadcast. `late`: newer ones of the same neighbour have been taken before. False when
     * something in it could not be used, so that it must not be acknowledged. */
    bool (*take)(struct dispatch *d, size_t neighbour, const struct broadcast *b, bool late);
    /* The neighbour acknowledged the broadcasts of ours that `ack` names. */
    void (*acknowledged)(struct dispatch *d, size_t neighbour, const struct broadcast_ack *ack);
    /* The neighbour acknowledged the broadcasts of another neighbour, `of`, that `ack` names: it has what
     * they said. NULL: not of use. */
    void (*overheard)(struct dispatch *d, size_t neighbour, size_t of, const struct broadcast_ack *ack);
    /* The neighbour sent a broadcast of an earlier life than the one known: it must learn of the later. */
    void (*outdated)(struct dispatch *d, size_t neighbour);
    /* Nothing that the neighbour was told counts any more: it is new, started afresh, or fell silent. */
    void (*forget)(struct dispatch *d, size_t neighbour);
    /* Neighbour i is now neighbour moved_to[i]; BB_NEIGHBOURS_MAX: it is one no more (and was forgotten). */
    void (*renumber)(struct dispatch *d, const uint8_t moved_to[BB_NEIGHBOURS_MAX]);
    /* The heartbeat is due. */
    void (*beat)(struct dispatch *d);
    /* Time has come to d->now, or a neighbour fell silent: expiry, votes. */
    void (*pass)(struct dispatch *d);
    /* The next time at which `pass` has something to do. */
    int64_t (*pass_at)(const struct dispatch *d);
    /* What there is to send. */
    struct dispatch_news (*news)(const struct dispatch *d);
    /* Fills b->digest, full, depth and counts and appends the body as far as w has room. */
    void (*fill)(struct dispatch *d, struct broadcast *b, struct writer *w);
    /* d->settings.curve has changed. */
    void (*curve_changed)(struct dispatch *d);
    /* The board applies d->applied_mw, whatever the set-point is; NULL: the audit is all that wants to know.
     */
    void (*applied)(struct dispatch *d);
    /* The board leaves; d->left is set. */
    void (*leave)(struct dispatch *d);
};

/* Every board floods its curve and clears the market itself. */
extern const struct dispatch_method_table dispatch_curves_method;

/* Boards share prices and mismatches, never curves (thesis equations 7–9). */
extern const struct dispatch_method_table dispatch_incremental_method;

/* The digest that the next broadcasts show is another one: no neighbour has seen it yet. */
void dispatch_digest_changed(struct dispatch *d);

/* The board's own id was seen under another key: it goes on as `incarnation`, which must be made persistent.
 */
void dispatch_begin_life(struct dispatch *d, uint16_t incarnation);

/* The set-point is d->view.setpoint_mw from now on; it counts as applied unless the board says otherwise. */
void dispatch_setpoint_changed(struct dispatch *d);

/* How long to wait for an answer or for a neighbour's exchange: exchange_ms, or twice the time that answers
 * take on these wires if that is longer, so that a full wire is not filled with repetitions. */
int64_t dispatch_patience(const struct dispatch *d);

/* How long to wait until what was sent `sends` times, and not acknowledged, is sent again. */
int64_t dispatch_retry(const struct dispatch *d, uint8_t sends);

/* Pause between two heartbeats: heartbeat_ms, or 20 ms for each board of the neighbourhood, so that the
 * heartbeats of all stay below 50 a second on every wire. */
int64_t dispatch_beat_period(const struct dispatch *d);

/* Silence after which a board counts as dead: expiry_ms, but at least four heartbeats. */
int64_t dispatch_expiry(const struct dispatch *d);

#endif
