/* A serial port behind one thin interface with two back ends: libserialport for /dev/tty… and the links below
 * /dev/serial, plain termios for `pty:PATH` (virtual cables). 115200 8N1, raw, non-blocking, three wires,
 * held alone (flock and TIOCEXCL: two hosts on one port lose frames).
 *
 * libserialport 0.1.1 takes no symbolic links and no lock, and no ptys at all; so paths are resolved first,
 * and the lock is taken here. Source: thesis §2.4.2. */
#ifndef AGENTS_UART_PORT_H
#define AGENTS_UART_PORT_H

#include <busbar/bytes.h>
#include <busbar/reason.h>
#include <busbar/status.h>

#define PORT_BAUD     115200
#define PORT_SPEC_MAX 256

struct sp_port;

struct port {
    int fd;                 /* −1: closed */
    struct sp_port *serial; /* NULL: termios */
};

#define PORT_CLOSED ((struct port){-1, NULL})

/* Opens `pty:PATH` or PATH. BB_NOT_FOUND (no such port now), BB_EXISTS (another process holds it), BB_DENIED
 * (no permission: the reason says which group), BB_IO. */
BB_MUST_CHECK enum status port_open(const char *spec, struct port *out, struct bb_reason *reason);

/* Closes; a closed port stays closed. */
void port_close(struct port *port);

/* Reads what is there, at most `size` bytes. BB_TIMEOUT: nothing now; BB_CLOSED: unplugged or hung up. */
BB_MUST_CHECK enum status port_read(struct port *port, uint8_t *data, size_t size, size_t *count_out);

/* Writes what fits now. BB_TIMEOUT: nothing now; BB_CLOSED: unplugged or hung up. */
BB_MUST_CHECK enum status port_write(struct port *port, struct bytes data, size_t *count_out);

#endif
