#include "bus/packet.h"

#include <busbar/check.h>
#include <stdlib.h>

struct packet *packet_new(size_t wire)
{
    struct packet *packet = malloc(sizeof *packet + wire);
    CHECK(packet != NULL);
    *packet = (struct packet){.refs = 1, .wire = wire};
    return packet;
}

struct packet *packet_share(struct packet *packet)
{
    CHECK(packet->refs < UINT32_MAX);
    packet->refs++;
    return packet;
}

void packet_free(struct packet *packet)
{
    if (--packet->refs == 0)
        free(packet);
}
