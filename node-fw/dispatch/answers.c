#include "node-fw/dispatch/answers.h"

#include "node-fw/dispatch/neighbours.h"

/* An answer waits a little for company; it must be there before the sender loses patience (150 ms). */
#define ANSWER_MS 60
/* Where a neighbour hears many, answers wait longer: 20 ms for each, about a broadcast's time on a wire. */
#define ANSWER_MS_PER_EAR 20
#define ANSWER_MS_MOST    600

int64_t answers_at(const struct dispatch *d)
{
    int64_t pause = neighbours_pause(d, ANSWER_MS, ANSWER_MS_PER_EAR, ANSWER_MS_MOST);
    int64_t at = INT64_MAX;
    for (size_t i = 0; i < d->neighbour_count; i++) {
        const struct dispatch_neighbour *n = &d->neighbours[i];
        if (n->heard && n->owed && n->owed_since + pause < at)
            at = n->owed_since + pause;
    }
    return at;
}

uint8_t answers_write(struct dispatch *d, struct writer *w, size_t most)
{
    uint8_t count = 0;
    uint64_t answered = 0;
    size_t last = d->acknowledge_turn;
    for (size_t k = 0; k < 2 * d->neighbour_count && count < most; k++) {
        size_t i = (d->acknowledge_turn + k) % d->neighbour_count;
        struct dispatch_neighbour *n = &d->neighbours[i];
        bool owed_round = k < d->neighbour_count;
        if (!n->heard || (answered >> i & 1) != 0 || (owed_round && !n->owed))
            continue;
        broadcast_write_ack(w, &(struct broadcast_ack){n->id, n->sequence & 0xffffff, n->taken});
        n->owed = false;
        answered |= UINT64_C(1) << i;
        last = i + 1;
        count++;
    }
    d->acknowledge_turn = d->neighbour_count > 0 ? last % d->neighbour_count : 0;
    return count;
}
