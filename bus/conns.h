/* The connections of the plain doors by file descriptor, as their sockets' monitors tell. */
#ifndef BUS_CONNS_H
#define BUS_CONNS_H

#include <busbar/status.h>
#include <stdbool.h>
#include <stdint.h>

#define CONNS_MAX 65536

/* A key in base64url, with its NUL. */
#define CONNS_USER_SIZE 44

enum conns_door { DOOR_NONE, DOOR_VIP, DOOR_SUB, DOOR_PUB, DOOR_COUNT };

struct conn {
    uint8_t door;               /* DOOR_NONE: closed */
    bool refused;               /* asked for what is not granted (sub door) */
    char user[CONNS_USER_SIZE]; /* the key it was heard with (sub door); "": not heard */
};

/* All zero is no connections. */
struct conns {
    struct conn table[CONNS_MAX];
    uint32_t open[DOOR_COUNT];
};

/* A connection of `door` was accepted. Descriptors outside the table are ignored. */
void conns_opened(struct conns *conns, int fd, enum conns_door door);

/* A connection is gone. */
void conns_closed(struct conns *conns, int fd);

#endif
