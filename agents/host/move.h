/* A move of an agent from one platform to another, as two state machines: that of the platform that gives and
 * that of the one that takes. At most one of them lets the agent run, whichever dies in the middle. Pure: the
 * shell (moves.h) saves a new phase before it does anything else. Source: docs/platform.md, "Moving".
 *
 * Why that is so: the agent runs here only before MOVE_STOPPING or after MOVE_ENDED, and there only after
 * MOVE_OWNED. There becomes MOVE_OWNED only by a word that is sent from MOVE_GIVEN on; and from MOVE_GIVEN
 * here becomes MOVE_ENDED only by the answer that there has dropped the move. What has been dropped never
 * comes back: only who holds the ticket that the taker made up for this one offer is listened to. The
 * operator may decide otherwise (MOVE_KEPT, MOVE_LEFT, MOVE_TAKEN); if that was wrong it comes out as soon as
 * the two can speak with each other, and the agent is stopped where it comes out. */
#ifndef AGENTS_HOST_MOVE_H
#define AGENTS_HOST_MOVE_H

#include <busbar/reason.h>
#include <stdbool.h>
#include <stdint.h>

#define MOVE_ID_SIZE       33 /* 16 random bytes in hexadecimal, and NUL */
#define MOVE_NAME_SIZE     64
#define MOVE_PLATFORM_SIZE 64

/* How long the other side may be silent before the move is called undecided, and when it is asked again. */
#define MOVE_PATIENCE_MS 3000
#define MOVE_AGAIN_MS    1000
/* One that runs here already asks at leisure whether the other side knows. */
#define MOVE_SETTLE_MS 3000

#define MOVE_PHASES(X)                                                                                       \
    /* here, where it is given */                                                                            \
    X(MOVE_OFFERING, "offering") /* runs; the other side is asked */                                         \
    X(MOVE_STOPPING, "stopping")                                                                             \
    X(MOVE_WRITING, "writing") /* stopped; its parcel is sent */                                             \
    X(MOVE_GIVEN, "given")     /* stopped; not ours any more unless the other side has dropped it */         \
    X(MOVE_MOVED, "moved")     /* over: what is left here is removed */                                      \
    X(MOVE_ENDED, "ended")     /* over: it is ours again */                                                  \
    X(MOVE_KEPT, "kept")       /* ours again by the operator's word */                                       \
    X(MOVE_LEFT, "left")       /* theirs by the operator's word; what is left here stays */                  \
    X(MOVE_TWICE, "twice")     /* kept by the operator's word, and it is theirs: stopped here */             \
    /* there, where it is taken */                                                                           \
    X(MOVE_OFFERED, "offered")   /* its name is kept free, its parcel comes */                               \
    X(MOVE_RECEIVED, "received") /* all is there and was checked; stopped */                                 \
    X(MOVE_OWNED, "owned")       /* ours; the other side may not know yet */                                 \
    X(MOVE_TAKEN, "taken")       /* ours by the operator's word */                                           \
    X(MOVE_SETTLED, "settled")   /* over: both know that it is ours */                                       \
    X(MOVE_DROPPED, "dropped")   /* over: what came is removed, then the row */                              \
    X(MOVE_DOUBLE, "double")     /* taken by the operator's word, and it is theirs: stopped here */

enum move_phase {
#define MOVE_X(name, word) name,
    MOVE_PHASES(MOVE_X)
#undef MOVE_X
        MOVE_PHASE_COUNT
};

enum move_event {
    MOVE_SAYS_AGREED,   /* gives: the other side takes the offer */
    MOVE_SAYS_REFUSED,  /* the other side does not want it, or has dropped it; takes: what came is no good */
    MOVE_SAYS_FAILED,   /* no answer; or it could not be done here */
    MOVE_SAYS_STOPPED,  /* gives: nothing of it runs any more */
    MOVE_SAYS_COMPLETE, /* all is there and was checked */
    MOVE_SAYS_OWNED,    /* gives: it is theirs */
    MOVE_SAYS_DROPPED,  /* gives: they will never have it */
    MOVE_SAYS_COMMIT,   /* takes: it is to be ours */
    MOVE_SAYS_DROP,     /* takes: it is not */
    MOVE_SAYS_GIVEN,    /* takes, asked: given */
    MOVE_SAYS_MOVED,    /* takes, asked: they know that it is ours */
    MOVE_SAYS_ENDED,    /* takes, asked: it was not given */
    MOVE_SAYS_UNKNOWN,  /* takes, asked: they know of no such move */
    MOVE_SAYS_WOKEN,    /* agentd has started anew */
    MOVE_SAYS_TICK,     /* time has passed */
    MOVE_SAYS_HERE,     /* the operator's word: it is to run on this platform */
    MOVE_SAYS_THERE     /* on the other */
};

/* What is to be done, any of these together, in this order. */
enum move_action {
    MOVE_DO_SAVE = 1,    /* put the move on the disk; if that fails nothing has happened */
    MOVE_DO_HOLD = 2,    /* together with it the agent's hold, as move_hold says */
    MOVE_DO_STOP = 4,    /* stop the agent */
    MOVE_DO_START = 8,   /* start it, if it ran before the move */
    MOVE_DO_PACK = 16,   /* make its parcel and send it: MOVE_SAYS_COMPLETE or another follows */
    MOVE_DO_COMMIT = 32, /* ask the other side to own it */
    MOVE_DO_DROP = 64,   /* ask it to drop it */
    MOVE_DO_ASK = 128,   /* ask how it stands */
    MOVE_DO_CLEAR = 256, /* remove the agent here */
    MOVE_DO_TELL = 512   /* raise the alert */
};

/* What becomes of the agent's hold: enum store_hold in other words. */
enum move_hold { MOVE_HOLD_FREE, MOVE_HOLD_MOVING, MOVE_HOLD_UNDECIDED, MOVE_HOLD_MOVED };

struct move {
    char id[MOVE_ID_SIZE];
    char name[MOVE_NAME_SIZE];
    char from[MOVE_PLATFORM_SIZE], to[MOVE_PLATFORM_SIZE];
    char ticket[MOVE_ID_SIZE]; /* made up by the taker; "" before it has agreed */
    enum move_phase phase;
    bool ran;                /* before the move: it is started again after it */
    bool undecided;          /* and was told to be */
    int64_t since_ms;        /* wall clock: when the phase began */
    int64_t due_ms;          /* wall clock: when the next tick does something */
    struct bb_reason reason; /* why it ended, or is not decided; "" */
};

/* Takes an event at `now_ms`; what is to be done: enum move_action, together; *move is as it is then to be.
 * An event that says nothing in this phase does nothing. */
unsigned move_step(struct move *move, enum move_event event, int64_t now_ms);

/* True on the side that gives. */
bool move_gives(const struct move *move);

/* True when nothing more will happen with it. */
bool move_is_over(const struct move *move);

/* True when the agent may run on this side, as far as this move goes. */
bool move_may_run(const struct move *move);

/* What the agent's hold is to be. */
enum move_hold move_hold(const struct move *move);

/* "offering" and so on; static. And back: false when it is none. */
const char *move_word(enum move_phase phase);
bool move_phase_of(const char *word, enum move_phase *out);

#endif
