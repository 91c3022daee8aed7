/* One of the plain doors: a bound socket of the broker and its monitor. And for every door the address file
 * in the home. */
#ifndef BUS_DOOR_H
#define BUS_DOOR_H

#include "bus/client/config.h"
#include "bus/client/keys.h"
#include "bus/conns.h"

#include <zmq.h>

/* Messages in libzmq's own queue to one peer. */
#define DOOR_HWM 8192

struct door {
    enum conns_door kind;
    void *socket;
    void *monitor;
    int fd;         /* of the socket: readable when something may have happened */
    int monitor_fd; /* the same of the monitor */
    char endpoint[512];
    const struct setting_list *endpoints; /* as given, borrowed */
};

/* What a door opens with. */
struct door_options {
    enum conns_door kind;
    const struct setting_list *endpoints;
    const struct keys *keys; /* NULL: no security */
    const char *home;
};

/* Sets the options that every socket of `kind` in the broker has. False when libzmq refuses one. */
bool door_configure(void *socket, enum conns_door kind);

/* Opens and binds every endpoint (a stale ipc socket is removed first), starts the monitor, and writes the
 * address file. BB_EXISTS: the address is in use. BB_RANGE: no endpoint of ours. BB_IO. */
BB_MUST_CHECK enum status door_open(void *context, const struct door_options *options, struct door *out,
                                    struct bb_reason *reason);

/* Closes the sockets and removes the address file and the ipc sockets. Accepts a zeroed door. */
void door_close(struct door *door, const char *home);

/* Writes run/<door>.address in the home of `options`: the endpoint that was bound first, and the public key.
 */
BB_MUST_CHECK enum status door_write_address(const char *endpoint, const struct door_options *options,
                                             struct bb_reason *reason);

/* Removes that file. */
void door_remove_address(const char *home, enum conns_door kind);

/* The next event of the monitor: +1 with a connection that was accepted (its handshake is yet to come), −1
 * with one that is gone, 0: none. */
int door_event(struct door *door, int *fd_out);

#endif
