/* What the broker answers to VIP's queries. */
#ifndef BUS_STATS_H
#define BUS_STATS_H

#include "bus/state.h"

/* The answer to a VIP query; borrowed until the next one; "" for an unknown key. */
struct bytes stats_answer(struct broker *broker, struct bytes key);

#endif
