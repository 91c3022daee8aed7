/* What the broker answers to VIP's queries. */
#ifndef BUS_STATS_H
#define BUS_STATS_H

#include "bus/state.h"

/* The answer to a VIP query of a peer with that entry; borrowed until the next one; "" for an unknown key,
 * {"refused":why} for what takes the capability "admin". */
struct bytes stats_answer(struct broker *broker, uint32_t entry, struct bytes key);

#endif
