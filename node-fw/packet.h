/* Packets between supervisor and worker (card/tether.h), over a socket that keeps their borders. */
#ifndef NODE_FW_PACKET_H
#define NODE_FW_PACKET_H

#include <busbar/bytes.h>
#include <busbar/status.h>

#include <stdint.h>

/* Sends a packet of a type and a payload of at most TETHER_PACKET_MAX − 1 bytes, without waiting. BB_FULL:
 * the other side does not read; BB_CLOSED: it is gone. */
BB_MUST_CHECK enum status packet_send(int fd, uint8_t type, struct bytes payload);

/* Takes the next packet, its type first, into buffer[capacity], without waiting. BB_NOT_FOUND: none waits;
 * BB_CLOSED: the other side is gone. */
BB_MUST_CHECK enum status packet_receive(int fd, uint8_t *buffer, size_t capacity, struct bytes *packet_out);

#endif
