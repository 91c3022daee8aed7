#include "node-fw/link/outbox.h"

#include <busbar/check.h>
#include <string.h>

bool outbox_room(const struct outbox *o, size_t size)
{
    return o->count < OUTBOX_FRAMES && size <= (size_t)OUTBOX_BYTES - o->size;
}

void outbox_put(struct outbox *o, uint8_t type, bool reliable, uint8_t seq, struct bytes frame)
{
    CHECK(outbox_room(o, frame.size));
    memcpy(o->bytes + o->size, frame.data, frame.size);
    o->size = (uint16_t)(o->size + frame.size);
    o->frames[o->count++] =
        (struct outbox_frame){.size = (uint16_t)frame.size, .type = type, .seq = seq, .reliable = reliable};
}

bool outbox_replace(struct outbox *o, uint8_t type, struct bytes frame)
{
    size_t at = 0;
    for (size_t i = 0; i < o->count; at += o->frames[i++].size) {
        const struct outbox_frame *f = &o->frames[i];
        if (f->type == type && f->size == frame.size && !f->reliable && !f->started) {
            memcpy(o->bytes + at, frame.data, frame.size);
            return true;
        }
    }
    return false;
}

/* Takes frame i, which begins at byte `at`, out of the middle. */
static void remove_frame(struct outbox *o, size_t i, size_t at)
{
    size_t size = o->frames[i].size;
    memmove(o->bytes + at, o->bytes + at + size, o->size - at - size);
    o->size = (uint16_t)(o->size - size);
    o->count--;
    memmove(o->frames + i, o->frames + i + 1, (o->count - i) * sizeof *o->frames);
}

bool outbox_drop(struct outbox *o)
{
    size_t at = 0;
    for (size_t i = 0; i < o->count; at += o->frames[i++].size)
        if (!o->frames[i].reliable && !o->frames[i].started) {
            remove_frame(o, i, at);
            return true;
        }
    return false;
}

bool outbox_holds(const struct outbox *o, uint8_t seq)
{
    for (size_t i = 0; i < o->count; i++)
        if (o->frames[i].reliable && o->frames[i].seq == seq)
            return true;
    return false;
}

void outbox_clear(struct outbox *o)
{
    bool started = o->count > 0 && o->frames[0].started;
    o->count = started ? 1 : 0;
    o->size = started ? o->frames[0].size : 0;
}

size_t outbox_sent(struct outbox *o, size_t count, struct outbox_frame *done_out)
{
    CHECK(o->count > 0);
    struct outbox_frame *first = &o->frames[0];
    size_t part = count < first->size ? count : first->size;
    if (part == 0) {
        *done_out = *first;
        return 0;
    }
    first->started = true;
    first->size = (uint16_t)(first->size - part);
    *done_out = *first;
    o->size = (uint16_t)(o->size - part);
    memmove(o->bytes, o->bytes + part, o->size);
    if (first->size == 0) {
        o->count--;
        memmove(o->frames, o->frames + 1, o->count * sizeof *o->frames);
    }
    return part;
}
