/* Calls that write to the disk and wait for their turn: writes are done in the loop that serves everybody, so
 * that they get a share of its time, and what comes faster is done later instead of being refused. Oldest
 * first; bounded for each key. Pure but for memory. */
#ifndef BUS_WAITING_H
#define BUS_WAITING_H

#include "bus/budget.h"

#include <busbar/bytes.h>
#include <jansson.h>

#define WAITING_MAX   256
#define WAITING_OWNER 32
#define WAITING_BYTES (16 * 1024 * 1024)
/* What writes may take of the loop's time in a row, microseconds; a quarter of it in the long run. */
#define WAITING_ROW 20000

struct waiting_call {
    uint32_t identity, peer, owner; /* owner: whose calls are counted together; peer 0: forgotten */
    char *method;
    json_t *params, *id; /* NULL: none */
    uint8_t *message_id;
    size_t message_id_size;
    size_t size; /* bytes, about */
};

/* All zero: nothing waits, nothing was spent. */
struct waiting {
    struct waiting_call calls[WAITING_MAX];
    uint32_t first, count;
    size_t size;
    struct budget budget;
};

/* True while a write may be done. */
bool waiting_is_over(struct waiting *waiting, int64_t now_ms);

/* True when a call of the peer waits: the next one must wait behind it. */
bool waiting_holds(const struct waiting *waiting, uint32_t peer);

/* Copies a call to the end; false: there is no room for it. */
bool waiting_put(struct waiting *waiting, const struct waiting_call *call);

/* Takes the oldest call out, to be freed with waiting_free; false: none. */
bool waiting_take(struct waiting *waiting, struct waiting_call *out);

/* Frees what waiting_take gave. */
void waiting_free(struct waiting_call *call);

/* Forgets the calls of a peer; 0: of all. */
void waiting_forget(struct waiting *waiting, uint32_t peer);

#endif
