/* A listening socket at an endpoint of ZeroMQ's form: tcp://ADDRESS:PORT (`*` for all addresses or any port,
 * [..] around IPv6) or ipc://PATH (`@` for a name that is no file). */
#ifndef BUS_LISTENER_H
#define BUS_LISTENER_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdbool.h>

#define LISTENER_ENDPOINT_SIZE 512

struct listener {
    int fd;
    bool local;                            /* ipc */
    char endpoint[LISTENER_ENDPOINT_SIZE]; /* as bound: with its port */
};

/* Binds and listens, without blocking; the file of a stale ipc socket is removed first. BB_EXISTS: the
 * address is in use. BB_RANGE: it is no endpoint. BB_IO. The reason says what the system said. */
BB_MUST_CHECK enum status listener_open(const char *endpoint, struct listener *out, struct bb_reason *reason);

/* Closes the socket and removes its file. */
void listener_close(struct listener *listener);

/* The next connection, which does not block and is probed by the kernel when it is quiet; `address` gets
 * where it comes from, "" over ipc. −1: none, and errno. */
int listener_accept(const struct listener *listener, char *address, size_t size);

#endif
