/* An image on its way to one board, as a pure core: what the board says and the time go in, the next piece or
 * question comes out. Pieces go in order; where the board stands is asked at the start and after every new
 * session, so that a transfer goes on after a lost link and a board's restart. It ends with the new image
 * confirmed, refused, rolled back, or given up; always with a sentence. Source: docs/link-protocol.md,
 * FIRMWARE and SLOTS. */
#ifndef AGENTS_UART_TRANSFER_H
#define AGENTS_UART_TRANSFER_H

#include "node-fw/link/message.h"

#include <busbar/units.h>

/* What a slot of a board holds. */
#define TRANSFER_IMAGE_MAX (1024u * 1024u)
/* Bytes of the image in one FIRMWARE: its payload without total, offset and crc32. */
#define TRANSFER_PIECE (BB_LINK_PAYLOAD_MAX - 12)
/* Pieces under way at once, of the link's window of four: the rest is for commands. */
#define TRANSFER_WINDOW 2
#define TRANSFER_ASK_MS 2000
#define TRANSFER_TEXT   256

enum transfer_phase {
    TRANSFER_NONE,
    TRANSFER_SENDING,
    TRANSFER_RESTARTING, /* the board has it all: it restarts, and has the image on trial */
    TRANSFER_DONE,
    TRANSFER_REFUSED,
    TRANSFER_ROLLED_BACK,
    TRANSFER_FAILED /* given up: the board was silent, or never took it */
};

enum transfer_step { TRANSFER_WAIT, TRANSFER_ASK, TRANSFER_SEND };

struct transfer {
    enum transfer_phase phase;
    uint32_t total, crc32;
    uint32_t offset;     /* of the next piece */
    int64_t patience_ms; /* without any progress */
    bool up;             /* the link */
    bool placed;         /* the board has said where it stands, and nothing speaks against it since */
    uint32_t furthest;   /* that was ever sent */
    uint32_t backward;   /* times that the board had less than was sent, since that grew last */
    uint32_t session;    /* of the board, now */
    uint32_t session_before;
    uint32_t full_session; /* in which it had it all; 0: not yet */
    bool knows_before;     /* what it ran at the start: */
    uint8_t running_before;
    uint32_t version_before;
    uint32_t version_tried; /* seen on trial; 0: not seen */
    struct mono moved;      /* the last progress */
    struct mono asked;
    char text[TRANSFER_TEXT]; /* for people; what has come of it, when it has ended */
};

/* Begins to send an image of `total` bytes (1 … TRANSFER_IMAGE_MAX) to the board that is up in `session`. */
void transfer_start(struct transfer *t, uint32_t total, uint32_t crc32, uint32_t session, int64_t patience_ms,
                    struct mono now);

/* True from transfer_start until an end. */
bool transfer_active(const struct transfer *t);

/* The board's HELLO has come, in this session of its; its link is lost. */
void transfer_up(struct transfer *t, uint32_t session, struct mono now);
void transfer_down(struct transfer *t);

/* The board has told its slots. */
void transfer_slots(struct transfer *t, const struct link_slots *slots, struct mono now);

/* The board has refused, with this sentence. */
void transfer_refuse(struct transfer *t, const char *sentence);

/* What to do now, with so many reliable messages of the link unacknowledged: nothing, ASK for the slots, or
 * SEND the piece of *size_out bytes at t->offset. Gives up when it has waited too long. */
enum transfer_step transfer_next(struct transfer *t, unsigned unacknowledged, struct mono now,
                                 uint32_t *size_out);

/* The piece, or the question, has been handed to the link. */
void transfer_sent(struct transfer *t, uint32_t size, struct mono now);
void transfer_asked(struct transfer *t, struct mono now);

/* When transfer_next has something to do although nothing came in; INT64_MAX: never. */
int64_t transfer_due(const struct transfer *t);

/* "sending", "restarting", "done", "refused", "rolled back", "given up"; "" for none. Static storage. */
const char *transfer_word(enum transfer_phase phase);

#endif
