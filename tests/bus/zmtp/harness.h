/* A session with everything around it, for its tests: what came in, what it said, what it understood. */
#ifndef TESTS_BUS_ZMTP_HARNESS_H
#define TESTS_BUS_ZMTP_HARNESS_H

#include "tests/bus/zmtp/peer.h"

#define STREAM (1 << 18)

/* A session, what came in for it so far, and what it said. */
struct line {
    struct zmtp zmtp;
    struct zmtp_parts parts;
    struct zmtp_step step;
    uint8_t in[STREAM];
    size_t in_size;
    uint8_t out[STREAM];
    size_t out_size;
    uint8_t identity[256], key[ZMTP_KEY];
    size_t identity_size;
    uint32_t asked, excess;
    const char *refuse; /* the code that its identity is refused with */
    /* Messages as text: frames joined by '|', messages ended by '\n'. */
    char said[STREAM];
    size_t said_size;
    enum zmtp_reason why;
};

/* The server's pair, and the one session of the test. */
extern struct zmtp_pair harness_server;
extern struct line *line;

/* Reads a seed for below() from the argument or BUSBAR_SEED and prints it; makes the keys. */
void harness_start(int argc, char **argv);

/* A random number below `limit`. */
uint32_t harness_below(uint32_t limit);

/* A new session with CURVE or NULL, its greeting sent. */
void harness_begin(bool curve);

/* Gives it bytes, at once or in pieces of 1 to `most` bytes. */
void harness_feed(struct bytes bytes);
void harness_feed_cut(struct bytes bytes, uint32_t most);

/* A writer into harness_room[STREAM], which it empties. */
struct writer harness_fresh(void);
extern uint8_t harness_room[STREAM];

/* The messages that were understood: frames joined by '|', messages ended by a newline. */
void harness_said(const char *text);

/* The session refused its peer for that reason. */
void harness_refused(enum zmtp_reason why);

/* The body of the one frame that it sent behind the first `before` bytes. */
struct bytes harness_answer(size_t before);

#endif
