/* Random streams of actions on a contract: few and many accounts, tiny and roomy limits, every mode, every
 * boundary. What is likely to be accepted is read off the naive state, so that streams get deep; the rest is
 * hostile. The same seed gives the same stream. */
#ifndef TESTS_MARKET_STREAM_H
#define TESTS_MARKET_STREAM_H

#include "tests/market/naive.h"

/* What a world is like, drawn once a stream. */
struct world {
    struct market_limits limits;
    uint32_t accounts; /* participants at the opening */
    uint32_t lines;
    int64_t energy, price; /* usual sizes: 1 … so many */
    int64_t money, stock;  /* opening balances of a participant */
    uint64_t interval_seconds;
    uint32_t future; /* delivery intervals that orders are for; 0: only interval 0 */
    uint8_t mode;    /* of most policies */
    bool deep;       /* orders stay long */
    bool crowd;      /* more than a thousand posts */
};

struct stream {
    uint64_t random;
    struct bytes tape; /* what is left of it; data NULL: no tape */
    struct world world;
    struct wall now;
    uint64_t keys; /* addresses handed out */
    uint32_t step; /* of the opening */
    char name[MARKET_NAME_MAX + 2];
    const struct naive *naive;
};

/* Begins the stream of a seed; `crowd`: one with more than a thousand posts, which is slow. */
void stream_begin(struct stream *stream, uint64_t seed, bool crowd);

/* Begins a stream whose chance is read off a tape instead, for a fuzzer; at its end all numbers are 0. */
void stream_begin_tape(struct stream *stream, struct bytes tape);

/* The next action of the opening, for market_open; false when it is over. Reads `naive`. */
bool stream_opening(struct stream *stream, const struct naive *naive, struct action *out);

/* The next action, and a time in stream->now. Borrows from the stream. */
void stream_next(struct stream *stream, const struct naive *naive, struct action *out);

/* A number below `bound` out of the stream's own chance; true once in `n`. */
uint64_t stream_below(struct stream *stream, uint64_t bound);
bool stream_one_in(struct stream *stream, uint64_t n);

#endif
