#include "agents/uart/limit.h"

#include "node-fw/dispatch/broadcast.h"
#include "node-fw/dispatch/dispatch.h"
#include "node-fw/dispatch/entry.h"

void limit_overhear(struct board *board, struct bytes payload)
{
    struct broadcast b;
    struct entry entry;
    if (broadcast_read(payload, &b) != BB_OK || b.method != DISPATCH_CURVES)
        return;
    struct reader entries = reader_at(b.body);
    read_bytes(&entries, (size_t)b.beats * ENTRY_BEAT_SIZE);
    for (int i = 0; i < b.entries && entry_read(&entries, &entry); i++) {
        if (entry.id == board->site->id && !entry.dead) {
            board->limit_mw = entry.curve.pmax;
            board->has_limit = true;
        }
    }
}
