/* One broadcast on the wire, at most BB_LINK_PAYLOAD_MAX bytes, little-endian:
 *
 *   header  31 bytes: format u8 (version 1 in the high four bits, method in the low),
 *           flags u8 (bit 0: more broadcasts of this exchange follow; bit 1: an answer is wanted),
 *           source u16, incarnation u16, sequence u32, exchange u16, depth u16, digest u64, full u32,
 *           degree u8 (neighbours that the source hears),
 *           counts: acks u8, beats u8, entries u8, shares u8
 *   acks    6 bytes each: neighbour u16, sequence u24, taken u8 (bit i: sequence − i was taken whole)
 *   body    the method's own, of the size that beats and entries announce
 *   shares  18 bytes each: neighbour u16, power u64, weight u64: the audit's cumulative counters
 *
 * A sequence starts at incarnation << 16, so that its low 24 bits tell one life of a board from the next. */
#ifndef NODE_FW_DISPATCH_BROADCAST_H
#define NODE_FW_DISPATCH_BROADCAST_H

#include <busbar/bytes.h>
#include <busbar/status.h>
#include <stdbool.h>
#include <stdint.h>

#define BROADCAST_HEADER 31
#define BROADCAST_ACK    6
#define BROADCAST_SHARE  18

struct broadcast {
    uint8_t method; /* enum dispatch_method, not yet checked */
    bool more, answer;
    uint16_t source, incarnation;
    uint32_t sequence;
    uint16_t exchange, depth;
    uint64_t digest;
    uint32_t full;
    uint8_t degree;
    uint8_t acks, beats, entries, shares;
    struct bytes ack_bytes, body, share_bytes; /* borrowed from the payload; empty when writing */
};

struct broadcast_ack {
    uint16_t neighbour;
    uint32_t sequence; /* 24 bits */
    uint8_t taken;
};

struct broadcast_share {
    uint16_t neighbour;
    uint64_t power, weight;
};

/* Reads the header and cuts the acks off; what follows them is left in body, share_bytes is empty.
 * BB_MALFORMED: too short, another version, unknown flags, source 0, acks cut short. */
BB_MUST_CHECK enum status broadcast_read(struct bytes payload, struct broadcast *out);

/* Cuts the shares off a body of `body_size` bytes; false when the sizes do not add up exactly. */
bool broadcast_cut(struct broadcast *b, size_t body_size);

/* Appends the header (BROADCAST_HEADER bytes): once to make room, and once more over it when the counts are
 * known. */
void broadcast_write(struct writer *w, const struct broadcast *b);

/* The next record; the reader must hold one. */
struct broadcast_ack broadcast_read_ack(struct reader *r);
struct broadcast_share broadcast_read_share(struct reader *r);

/* Appends a record. */
void broadcast_write_ack(struct writer *w, const struct broadcast_ack *ack);
void broadcast_write_share(struct writer *w, const struct broadcast_share *share);

/* True when `ack` says that one of some broadcasts was taken whole: bit i of `carried` stands for the
 * broadcast `sequence` − i. */
bool broadcast_acknowledges(const struct broadcast_ack *ack, uint32_t sequence, uint16_t carried);

#endif
