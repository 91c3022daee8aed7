/* A message on its way out, as ZMTP has it without security: frames with their headers, one behind the other.
 * It is made once and shared by all its receivers; a receiver with CURVE seals its frames one by one. */
#ifndef BUS_PACKET_H
#define BUS_PACKET_H

#include <stddef.h>
#include <stdint.h>

struct packet {
    uint32_t refs;
    uint32_t count; /* of frames */
    size_t size;    /* of their bodies */
    size_t wire;    /* of data */
    uint8_t data[];
};

/* A packet with one owner and room for `wire` bytes. Aborts without memory. */
struct packet *packet_new(size_t wire);

/* The same packet for another owner. */
struct packet *packet_share(struct packet *packet);

/* Ends one owner's share. */
void packet_free(struct packet *packet);

#endif
