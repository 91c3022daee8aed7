/* The connections of all doors by file descriptor, as the sockets' monitors tell: which are open, which have
 * said anything yet, and which peer spoke on them last. A connection that holds a routing id in silence would
 * keep its owner out, so one that says nothing for CONNS_SILENCE_MS is overdue. */
#ifndef BUS_CONNS_H
#define BUS_CONNS_H

#include <busbar/status.h>
#include <stdbool.h>
#include <stdint.h>

#define CONNS_MAX        65536
#define CONNS_SILENCE_MS 2000
/* While more than so many have yet to speak, handshakes queue for the processor: then they have longer. */
#define CONNS_CROWD      32
#define CONNS_CROWDED_MS 10000

/* A key in base64url, with its NUL. */
#define CONNS_USER_SIZE 44

enum conns_door { DOOR_NONE, DOOR_VIP, DOOR_SUB, DOOR_PUB, DOOR_COUNT };

struct conn {
    uint8_t door; /* DOOR_NONE: closed */
    bool proven;
    bool refused;               /* asked for what is not granted (sub door) */
    char user[CONNS_USER_SIZE]; /* the key it was heard with (sub door); "": not heard */
    uint32_t peer;
    uint32_t generation;
};

struct conns_waiting {
    int fd;
    uint32_t generation;
    int64_t opened_ms;
};

/* All zero is no connections. */
struct conns {
    struct conn table[CONNS_MAX];
    struct conns_waiting waiting[CONNS_MAX]; /* first … first + count, modulo; oldest first */
    uint32_t first, count;
    uint32_t open[DOOR_COUNT];
};

/* A connection of `door` was accepted. Descriptors outside the table are ignored. */
void conns_opened(struct conns *conns, int fd, enum conns_door door, int64_t now_ms);

/* A connection is gone: the peer that spoke on it last, 0 if none did. */
uint32_t conns_closed(struct conns *conns, int fd);

/* `peer` spoke on the connection; false if it is closed already (its last messages can come later). */
bool conns_prove(struct conns *conns, int fd, uint32_t peer);

/* Tells the connections that had a descriptor one after the other apart; changes with each. */
uint32_t conns_generation(const struct conns *conns, int fd);

/* A connection that has been silent for too long, once each; −1: none. */
int conns_overdue(struct conns *conns, int64_t now_ms);

/* The next connection that has not spoken yet, behind `at` in the queue; −1: none. *at starts at 0. */
int conns_unproven(const struct conns *conns, uint32_t *at);

/* Milliseconds until one may be overdue; `most` if none waits. */
int64_t conns_wait(const struct conns *conns, int64_t now_ms, int64_t most);

#endif
