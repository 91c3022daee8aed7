/* One end of a UART link: bytes in, messages out; messages in, bytes out. The same code on the board and in
 * the agent.
 *
 * A frame is 0x00, COBS(header ‖ payload ‖ CRC-16/X-25), 0x00, at most BB_LINK_FRAME_MAX bytes. The 8-byte
 * header is type u8 (version 2 bits in the top), flags u8 (bit 7: direction, 1 from a host; bit 0: reliable;
 * bit 1: acknowledges), source u16, seq u8, ack u8, length u16. Reliable messages are sent once each, in
 * order, at most BB_LINK_WINDOW unacknowledged, repeated after 3 × RTT, at least 60 ms; duplicates are
 * recognised by (session, seq). Others are datagrams. Garbage, frames of the own direction (a tty's echo) and
 * bad CRCs are counted and dropped; the next zero resynchronises. A new session in HELLO starts everything
 * afresh; so does a frame of another board than the one that has said HELLO to a host. No allocation, no
 * clock, no I/O. Source: thesis §2.4.2, §2.5; RFC 1662 (CRC), Cheshire and Baker 1999 (COBS). */
#ifndef NODE_FW_LINK_SESSION_H
#define NODE_FW_LINK_SESSION_H

#include "node-fw/link/message.h"

#include <busbar/bytes.h>
#include <busbar/limits.h>
#include <busbar/status.h>
#include <busbar/units.h>
#include <stdbool.h>
#include <stdint.h>

#define LINK_OUTPUT_MAX   4096
#define LINK_HEARTBEAT_MS 1000
#define LINK_DEAD_MS      3000

struct link_settings {
    bool host;            /* true in an agent: direction bit set */
    struct link_hello me; /* what HELLO says of this side; me.session is random, non-zero */
};

struct link_counters {
    uint32_t frames_in, frames_out, bytes_in, bytes_out;
    uint32_t bad_crc, bad_cobs, oversize, echo, malformed, duplicates, retransmitted, dropped_out;
    uint32_t strangers; /* frames of a board that is not the one that said HELLO */
};

enum link_state { LINK_DOWN, LINK_UP, LINK_REFUSED };

/* Storage for one end; private members in session_state.h. */
struct link;

#include "node-fw/link/session_state.h"

/* Starts in LINK_DOWN; sends HELLO at once and every second until the other side's HELLO has come. */
void link_init(struct link *l, const struct link_settings *settings, struct mono now);

/* Consumes bytes from `in` up to and including the next complete message, which is stored in *message_out
 * (valid until the next link_feed) and announced by true; false when `in` is used up. `in` is advanced. A
 * HELLO that changes the state is delivered like any message. Refused HELLOs (other major) put the link in
 * LINK_REFUSED, are answered with REFUSE and delivered. */
bool link_feed(struct link *l, struct bytes *in, struct mono now, struct link_message *message_out);

/* Queues a message. BB_FULL when the window (reliable) or the output buffer is full, BB_CLOSED when a
 * reliable one is sent while the link is not up, BB_RANGE when its text, blob or ids are too long. Nothing
 * half queued. */
BB_MUST_CHECK enum status link_send(struct link *l, const struct link_message *message, struct mono now);

/* The bytes that wait for the wire, borrowed; link_sent tells how many of them were written. Retransmissions
 * and heartbeats that are due are queued by link_poll. */
struct bytes link_output(const struct link *l);
void link_sent(struct link *l, size_t count);

/* Lets time pass: queues what is due, declares the other side dead after LINK_DEAD_MS of silence, or
 * when it shows for as long that it does not hear us: a line that is dead in one direction is no link (state
 * LINK_DOWN). */
void link_poll(struct link *l, struct mono now);

/* The next time at which link_poll has something to do. */
struct mono link_due(const struct link *l);

/* Where the link stands, and what it has counted since link_init. */
enum link_state link_state(const struct link *l);
struct link_counters link_counters(const struct link *l);

/* True when every reliable message sent so far has been acknowledged. */
bool link_idle(const struct link *l);

/* How many have not, 0 … BB_LINK_WINDOW. */
unsigned link_unacknowledged(const struct link *l);

#endif
