#include "node-fw/dispatch/roster.h"

/* The index of `id`, or where it would be inserted. */
static size_t position(const struct dispatch_curves *c, uint16_t id)
{
    size_t low = 0;
    size_t high = c->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (c->boards[middle].entry.id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct dispatch_board *roster_find(struct dispatch_curves *c, uint16_t id)
{
    size_t i = position(c, id);
    return i < c->count && c->boards[i].entry.id == id ? &c->boards[i] : NULL;
}

static void remove_at(struct dispatch_curves *c, size_t i)
{
    c->count--;
    memmove(&c->boards[i], &c->boards[i + 1], (c->count - i) * sizeof *c->boards);
}

static bool drop_oldest_grave(struct dispatch_curves *c)
{
    size_t oldest = c->count;
    for (size_t i = 0; i < c->count; i++) {
        if (c->boards[i].state == BOARD_GRAVE &&
            (oldest == c->count || c->boards[i].seen_at < c->boards[oldest].seen_at))
            oldest = i;
    }
    if (oldest == c->count)
        return false;
    remove_at(c, oldest);
    return true;
}

struct dispatch_board *roster_add(struct dispatch_curves *c, uint16_t id)
{
    if (c->count == BB_BOARDS_MAX && !drop_oldest_grave(c))
        return NULL;
    size_t i = position(c, id);
    memmove(&c->boards[i + 1], &c->boards[i], (c->count - i) * sizeof *c->boards);
    c->count++;
    c->boards[i] = (struct dispatch_board){.entry = {.id = id}, .state = BOARD_GRAVE};
    return &c->boards[i];
}

void roster_clean(struct dispatch_curves *c, int64_t before)
{
    for (size_t i = c->count; i > 0; i--) {
        if (c->boards[i - 1].state == BOARD_GRAVE && c->boards[i - 1].seen_at < before)
            remove_at(c, i - 1);
    }
}

uint64_t roster_digest(const struct dispatch_curves *c, uint16_t *live_out)
{
    uint64_t sum = 0;
    *live_out = 0;
    for (size_t i = 0; i < c->count; i++) {
        if (c->boards[i].state != BOARD_LIVE)
            continue;
        sum += entry_hash(&c->boards[i].entry);
        ++*live_out;
    }
    return sum;
}

uint32_t roster_full(const struct dispatch_curves *c)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < c->count; i++) {
        const struct entry *e = &c->boards[i].entry;
        if (c->boards[i].state == BOARD_LIVE)
            sum += entry_hash_full(e);
    }
    return (uint32_t)(sum >> 32 ^ sum);
}

void roster_renew(struct dispatch_board *board, bool urgent, uint64_t live, int64_t now)
{
    bool waits = board->urgent && (board->has & live) != live;
    board->urgent = urgent || waits;
    board->has = 0;
    board->source = BB_NEIGHBOURS_MAX;
    board->sends = 0;
    board->carried = 0;
    board->seen_at = now;
}
