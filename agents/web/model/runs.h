/* The recorder of runs: how the boards went from one agreement to the next, frame by frame, so that a page
 * draws λ_i(k) of every board and plays it again. Pure; memory is bounded: RUNS_MAX runs, of at most
 * RUNS_FRAMES_MAX frames each, all together RUNS_ROOM frames; the oldest runs make room.
 *
 * A run begins with the first board object at all, or the first one after which the neighbourhood is not
 * settled: a board that is online has no certificate; or a board has gone, come back, restarted, or come to
 * another λ (by more than RUNS_LAMBDA_STEP). It ends when the neighbourhood has been settled for
 * RUNS_TAIL_MS, when no board was heard of for RUNS_SILENCE_MS, or when it is full (the next one then begins
 * at once, if need be). Its first frames are the last known values of all boards, with k 0.
 *
 * A frame's k is how many exchanges its board has made since the run began, over restarts of the board. A
 * board object that says nothing new makes no frame. Times are milliseconds; `now_ms` since 1970. */
#ifndef AGENTS_WEB_MODEL_RUNS_H
#define AGENTS_WEB_MODEL_RUNS_H

#include <busbar/limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define RUNS_MAX         16
#define RUNS_FRAMES_MAX  20000
#define RUNS_ROOM        65536
#define RUNS_TAIL_MS     3000
#define RUNS_SILENCE_MS  30000
#define RUNS_LAMBDA_STEP 1000 /* micro-$/kWh */

/* What a board object says, in mW and micro-$/kWh. The name is borrowed. */
struct runs_board {
    const char *name;
    bool consumer, online, certified;
    int64_t lambda, setpoint, power, mismatch, exchange, incarnation;
};

struct runs_frame {
    uint32_t t_ms;  /* since the run began */
    uint16_t board; /* place in runs->boards */
    bool certified, online;
    uint32_t k;
    int32_t lambda, setpoint, power, mismatch; /* kept within 32 bits: 2 147 kW and $ */
};

struct run {
    uint32_t id;                  /* from 1; 0: none */
    int64_t started_ms, ended_ms; /* ended 0: it goes on */
    uint64_t first;               /* number of its first frame since the beginning; place: modulo RUNS_ROOM */
    uint32_t frames;
    uint32_t last_ms; /* t_ms of its last frame: it never goes back, also when the clock does */
    bool full;        /* ended because it was full */
};

struct runs_known {
    char name[BB_NAME_MAX];
    bool consumer;
    struct runs_frame last; /* what was heard last; k since the present run began */
    int64_t exchange, incarnation;
};

struct runs {
    struct runs_known boards[BB_BOARDS_MAX];
    size_t board_count;
    struct run list[RUNS_MAX]; /* the oldest first */
    size_t count;
    uint32_t last_id;
    struct runs_frame frames[RUNS_ROOM];
    uint64_t written;             /* frames ever */
    int64_t settled_ms, heard_ms; /* since when all is settled, 0: it is not; the last board object */
};

/* What an event has led to. */
enum runs_change { RUNS_NOTHING, RUNS_FRAME, RUNS_BEGAN, RUNS_ENDED };

/* A board object came: RUNS_FRAME: there is one more; RUNS_BEGAN: a run, with a frame for each board known.
 * Boards beyond BB_BOARDS_MAX, and names that are none, are ignored. */
enum runs_change runs_take(struct runs *runs, const struct runs_board *board, int64_t now_ms);

/* Time has passed: RUNS_ENDED or RUNS_NOTHING. */
enum runs_change runs_tick(struct runs *runs, int64_t now_ms);

/* The run that goes on; NULL: none. */
const struct run *runs_live(const struct runs *runs);

/* The run with this id; NULL: none, or no longer. */
const struct run *runs_find(const struct runs *runs, uint32_t id);

/* The i-th frame of a run that is kept; i < run->frames. */
const struct runs_frame *runs_frame(const struct runs *runs, const struct run *run, uint32_t i);

#endif
