/* A serial port of a POSIX system: raw, 115200 8N1, locked for one process, opened again after every loss.
 * Hands the kernel only what the wire carries in the next moments, so that a newer state can still overtake
 * an older one. */
#ifndef NODE_FW_PORT_POSIX_H
#define NODE_FW_PORT_POSIX_H

#include <busbar/bytes.h>
#include <busbar/status.h>
#include <busbar/units.h>
#include <stdint.h>

#define PORT_BAUD 115200

struct port {
    const char *path;
    int fd;               /* −1 while closed */
    uint32_t pause_ms;    /* before the next attempt to open: 50 ms … 2 s */
    struct mono retry;    /* when that is */
    int64_t wire_free_us; /* when the bytes handed to the kernel have left */
};

/* A closed port at `path` (borrowed), to be opened at once. */
void port_init(struct port *p, const char *path, struct mono now);

/* Opens, locks and sets up the port. BB_NOT_FOUND: no such device yet; BB_EXISTS: another process holds it;
 * BB_IO: it is no terminal, or the system refuses. After a failure `retry` says when to try again. */
BB_MUST_CHECK enum status port_open(struct port *p, struct mono now);

/* Closes the port; `retry` says when to open it again. */
void port_close(struct port *p, struct mono now);

/* Reads what is there into buffer[capacity]: *size_out bytes, 0 when there are none. BB_CLOSED: the device is
 * gone. */
BB_MUST_CHECK enum status port_read(struct port *p, uint8_t *buffer, size_t capacity, size_t *size_out);

/* Writes as much of `data` as the wire carries in the next 20 ms: *size_out bytes. BB_CLOSED: the device is
 * gone. */
BB_MUST_CHECK enum status port_write(struct port *p, struct bytes data, struct mono now, size_t *size_out);

/* When port_write will take more. */
struct mono port_due(const struct port *p);

#endif
