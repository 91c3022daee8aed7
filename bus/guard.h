/* Keeps routing ids from being held in silence. A connection of the vip door takes its routing id before it
 * has said anything, so a key that connects under another's identity and stays silent would keep the owner
 * out. Silent connections are cut (conns.h); once a key was found to stay silent, agents are admitted one key
 * at a time for a while: who stays silent in its turn is barred for longer each time, and the owner, who
 * speaks at once, gets in. Pure: no clock, no sockets. */
#ifndef BUS_GUARD_H
#define BUS_GUARD_H

#include "bus/core/access.h"

#define GUARD_TURN_MS   500
#define GUARD_ALERT_MS  10000
#define GUARD_BAR_MS    2000
#define GUARD_BAR_MAX   32000
#define GUARD_SILENT_MS 1500

struct guard_key {
    int64_t silent_since_ms; /* admitted and not heard since; 0: no */
    int64_t barred_until_ms;
    uint32_t strikes;
};

/* All zero is a calm guard. Keys are entries of access.h. */
struct guard {
    struct guard_key keys[ACCESS_ENTRIES_MAX];
    int64_t alert_until_ms, turn_until_ms;
    uint32_t holder; /* whose turn it is, while turn_until_ms is not 0 */
    uint64_t strikes;
};

/* True when the key may connect now; otherwise it is to try again. */
bool guard_admit(struct guard *guard, uint32_t entry, int64_t now_ms);

/* The key said something on a new connection. */
void guard_heard(struct guard *guard, uint32_t entry);

/* A connection was cut for its silence. True when an admitted key may have been behind it: then cut all that
 * have not spoken yet. */
bool guard_silence(struct guard *guard, int64_t now_ms);

/* True once when the turn of a key ran out in silence: then cut all that have not spoken yet. */
bool guard_turn_over(struct guard *guard, int64_t now_ms);

/* The rules changed: entries mean other keys now. */
void guard_reset(struct guard *guard);

#endif
