/* The listening socket, and telling others where it is. */
#ifndef AGENTS_WEB_DOOR_H
#define AGENTS_WEB_DOOR_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdint.h>

/* "https://[" host "]:65535/". */
#define DOOR_URL_SIZE 300

/* Listens at `host` (an address or a name) and `port`, or at one of the `tries` − 1 ports behind it; when all
 * are taken and more than one was to be tried, at any. *url_out[DOOR_URL_SIZE] is for a browser on this
 * machine. BB_NOT_FOUND (the name), BB_EXISTS (taken), BB_DENIED, BB_IO. */
BB_MUST_CHECK enum status door_open(const char *host, uint16_t port, unsigned tries, const char *scheme,
                                    struct bb_reason *reason, int *socket_out, char *url_out);

/* Writes the address as a line to `path`, in one step. BB_IO. */
BB_MUST_CHECK enum status door_tell(const char *path, const char *url, struct bb_reason *reason);

#endif
