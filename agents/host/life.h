/* The life of one hosted agent as a state machine: what happens, and what is to be done then. Pure: the shell
 * (supervisor.h) starts, signals and looks, and says what came of it. Source: docs/platform.md, "An agent".
 */
#ifndef AGENTS_HOST_LIFE_H
#define AGENTS_HOST_LIFE_H

#include <stdbool.h>
#include <stdint.h>

/* Exits within LIFE_LOOP_MS that are a crash loop. */
#define LIFE_LOOP_EXITS 5
#define LIFE_LOOP_MS    60000
/* The pause before the first start after an exit; doubles with each, up to the last. */
#define LIFE_PAUSE_FIRST_MS 500
#define LIFE_PAUSE_LAST_MS  60000
/* An agent that has run so long starts again after the first pause. */
#define LIFE_STEADY_MS 60000
/* What lives so long after it was killed is told. */
#define LIFE_STUCK_MS 5000

enum life_state {
    LIFE_STOPPED,  /* nothing of it lives, and nothing is due */
    LIFE_STARTING, /* is to be started as soon as nothing of it lives, or its program is not there yet */
    LIFE_RUNNING,
    LIFE_STOPPING, /* was asked to end, or was killed; something of it may live */
    LIFE_WAITING,  /* for its next start */
    LIFE_CRASHED   /* gave up after a crash loop */
};

enum life_event {
    LIFE_START,   /* is wanted */
    LIFE_STOP,    /* is not wanted */
    LIFE_RESTART, /* is to end, and to start again */
    LIFE_RUNS,    /* its program is there */
    LIFE_FAILED,  /* its program could not be started; nothing of it lives */
    LIFE_EXITED,  /* its first process has ended, other than with 0 */
    LIFE_ENDED,   /* its first process has ended with 0 */
    LIFE_CLEARED, /* nothing of it lives any more */
    LIFE_TICK     /* time has passed */
};

/* What is to be done, any of these together. */
enum life_action {
    LIFE_DO_SPAWN = 1,         /* start its program; LIFE_RUNS or LIFE_FAILED follows */
    LIFE_DO_TERM = 2,          /* ask its processes to end */
    LIFE_DO_KILL = 4,          /* kill all of it; LIFE_CLEARED follows when that has worked */
    LIFE_SAY_CRASH_LOOP = 8,   /* tell that it was given up */
    LIFE_SAY_UNSTOPPABLE = 16, /* tell that it did not end when it was asked to */
    LIFE_SAY_STUCK = 32        /* tell that it lives though it was killed */
};

struct life {
    enum life_state state;
    bool once;        /* an exit with 0 is its end */
    bool dirty;       /* something of it may live */
    bool alive;       /* its first process lives, or is being started */
    bool again;       /* stopping, to start again */
    bool said;        /* that it does not end */
    int64_t due_ms;   /* waiting: when it starts; stopping: when it is killed, or told to be stuck */
    int64_t since_ms; /* when the state began */
    int64_t stop_ms;  /* how long it is given to end */
    int64_t pause_ms; /* the next pause */
    int64_t exits_ms[LIFE_LOOP_EXITS]; /* the last ones, oldest first */
    unsigned exits;                    /* of these */
    uint64_t restarts;                 /* starts after an exit, so far */
};

/* A stopped agent of which something may live, from an earlier time. */
void life_init(struct life *life, bool once, int64_t stop_ms, int64_t now_ms);

/* Takes an event; what is to be done: enum life_action, together. An event that says nothing in this state
 * does nothing. */
unsigned life_step(struct life *life, enum life_event event, int64_t now_ms);

/* When the next LIFE_TICK does something; INT64_MAX: never. */
int64_t life_due(const struct life *life);

/* "running" and so on. Static. */
const char *life_word(enum life_state state);

#endif
