/* The private members of the moves, shared by moves.c (what is done), moves_give.c (what is asked) and
 * moves_take.c (what is answered). */
#ifndef AGENTS_HOST_MOVES_STATE_H
#define AGENTS_HOST_MOVES_STATE_H

#include "agents/host/moves_talk.h"

#define SHA256_TEXT_SIZE 65

/* What the operator wants of a move, while the other side is asked. */
enum moves_word { WORD_NONE, WORD_HERE, WORD_THERE };

struct mover {
    struct move move;
    bool working; /* stopping, packing or receiving: moves_stopped, moves_packed, moves_received will come */
    bool cleared; /* MOVE_DO_CLEAR was done */
    uint64_t flight; /* the call on its way; 0: none */
    enum moves_word word;
    unsigned failures; /* pieces that were not answered, in a row */
    int64_t size;      /* of the parcel; −1: not known yet */
    char sha256[SHA256_TEXT_SIZE];
    int64_t there; /* bytes of it that the taker has */
};

struct errand;

struct moves {
    const struct moves_world *world;
    char platform[MOVE_PLATFORM_SIZE];
    struct mover *movers[MOVES_OPEN_MAX + MOVES_OVER_MAX + 1];
    size_t count;
    uint64_t flights;
    struct errand *errands; /* calls on their way */
};

/* The move of that id; NULL. */
struct mover *moves_mover(const struct moves *moves, const char *id);

/* The move of the agent that is not over, NULL. One that waits for the other side to notice that it is over
 * is left out. */
struct mover *moves_of_name(const struct moves *moves, const char *name);

/* A new mover in `phase`, in the list; NULL: too many. */
struct mover *moves_add(struct moves *moves, const struct move *move);

/* Takes it out of the list and frees it. */
void moves_remove(struct moves *moves, struct mover *mover);

/* Lets an event happen: saves, then does what is to be done. `why` (may be NULL) becomes the move's reason.
 * False: it could not be saved, and nothing has happened. The mover may be gone after it. */
bool moves_happen(struct moves *moves, struct mover *mover, enum move_event event, const char *why);

/* Calls on the other side, one at a time each. */
void moves_call_offer(struct moves *moves, struct mover *mover, json_t *about);
void moves_call_write(struct moves *moves, struct mover *mover);
void moves_call_commit(struct moves *moves, struct mover *mover);
void moves_call_drop(struct moves *moves, struct mover *mover);
void moves_call_ask(struct moves *moves, struct mover *mover);

/* Forgets the calls on their way: their answers are ignored. */
void moves_call_none(struct moves *moves);

#endif
