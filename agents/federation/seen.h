/* Which messages a platform has taken already. A message is known by the platform that it comes from, that
 * platform's incarnation (which grows with each start of its agent) and a number that grows with each
 * message. Several ways may lead here, so that a message may come more than once, and late: the last
 * SEEN_WINDOW numbers of two incarnations of each platform are kept as bits, as in IPsec. What is older than
 * that is taken for known: a message may be lost so, but never come twice. Pure.
 * Source: RFC 4303 §3.4.3 (the anti-replay window). */
#ifndef AGENTS_FEDERATION_SEEN_H
#define AGENTS_FEDERATION_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#define SEEN_PLATFORMS 64
#define SEEN_WINDOW    65536
#define SEEN_NAME_SIZE 64

enum seen_verdict { SEEN_NEW, SEEN_AGAIN, SEEN_LATE };

struct seen_window {
    uint64_t incarnation; /* 0: none */
    uint64_t newest;
    uint64_t bits[SEEN_WINDOW / 64]; /* by number modulo SEEN_WINDOW */
};

struct seen_platform {
    char name[SEEN_NAME_SIZE];
    uint64_t used;
    struct seen_window windows[2]; /* the present incarnation and the one before */
};

/* All zero: nothing was seen. */
struct seen {
    struct seen_platform platforms[SEEN_PLATFORMS];
    uint64_t used;
};

/* Notes the message `number` ≥ 1 of `platform` (shorter than SEEN_NAME_SIZE) in its `incarnation` ≥ 1. When
 * there are too many platforms the one that was quiet for longest is forgotten. */
enum seen_verdict seen_take(struct seen *seen, const char *platform, uint64_t incarnation, uint64_t number);

#endif
