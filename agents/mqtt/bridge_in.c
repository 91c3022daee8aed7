/* From MQTT to the bus. */
#include "agents/mqtt/bridge.h"
#include "agents/mqtt/parcel.h"

#include <busbar/check.h>
#include <busbar/traffic.h>
#include <stdlib.h>
#include <string.h>

/* Not read any further from here on, and again from half of it. libmosquitto may still give what it has read.
 */
#define HOLD_MESSAGES 1000
#define HOLD_BYTES    ((size_t)16 * 1024 * 1024)
/* Given to the bus and not acknowledged, at most. */
#define BUS_WINDOW 500
/* How soon is looked again whether the bus has acknowledged. */
#define LOOK_MS 10

static void refuse(struct bridge *b, const char *topic, const char *why)
{
    b->to_bus.refused++;
    bridge_complain(b, "mqtt", topic, why);
}

static void enqueue(struct bridge *b, const struct map *map, const struct arrival *draft)
{
    struct arrival *arrival = parcel_make_arrival(draft);
    size_t size = parcel_arrival_size(arrival);
    if (!queue_fits(&b->incoming, size)) {
        free(arrival);
        b->to_bus.dropped++;
        return;
    }
    queue_put(&b->incoming, arrival, size);
    b->to_bus.taken++;
    b->map_taken[MAP_TO_BUS][map - b->maps.to_bus]++;
}

static void carry(struct bridge *b, const struct map *map, const char *topic, const struct link_message *m)
{
    char *message = NULL, *brought = NULL, *headers = NULL;
    enum status status = payload_to_bus(map->form, m->payload, &message, &brought);
    if (status == BB_OK)
        status = payload_headers(brought, b->settings->identity, m->topic, m->retained, &headers);
    if (status == BB_OK)
        enqueue(b, map, &(struct arrival){topic, headers, message});
    else
        refuse(b, m->topic, "is no envelope {\"headers\",\"message\"}");
    free(message);
    free(brought);
    free(headers);
}

void bridge_receive(struct bridge *b, const struct link_message *m)
{
    char topic[TOPIC_MAX + 1];
    struct bytes from = bytes_of(m->topic);
    const struct map *map = map_find(b->maps.to_bus, b->maps.to_bus_count, from);
    if (m->origin != NULL && strcmp(m->origin, b->origin) == 0) {
        b->to_bus.returned++;
        return;
    }
    if (map == NULL || (map->fresh && m->retained)) {
        b->to_bus.skipped++;
        return;
    }
    enum topic_fault fault = topic_check_bus(from);
    if (fault == TOPIC_FINE)
        fault = map_translate(map, from, topic);
    if (fault != TOPIC_FINE)
        refuse(b, m->topic, topic_fault_text(fault));
    else if (m->payload.size > (size_t)b->settings->payload_max)
        refuse(b, m->topic, "is larger than payload_max");
    else
        carry(b, map, topic, m);
}

static void on_look(void *context)
{
    struct bridge *b = context;
    b->timer = 0;
    bridge_settle(b);
}

/* Lets go of what the bus has acknowledged. */
static void reap(struct bridge *b, const struct bb_traffic *traffic)
{
    uint64_t open = traffic->queued + traffic->unacknowledged;
    while (b->incoming.sent > open) {
        free(queue_pop(&b->incoming));
        b->to_bus.done++;
    }
}

static void publish(struct bridge *b, const struct arrival *a)
{
    enum status status = bb_publish(b->client, a->topic, a->headers, a->message);
    if (status == BB_DENIED || status == BB_RANGE)
        bridge_complain(b, "mqtt", a->topic, bb_client_reason(b->client));
}

void bridge_settle(struct bridge *b)
{
    struct bb_traffic traffic;
    struct arrival *next;
    bb_traffic(b->client, &traffic);
    if (traffic.connections != b->connection) {
        b->connection = traffic.connections;
        queue_again(&b->incoming);
    } else if (traffic.connected) {
        reap(b, &traffic);
    }
    while (traffic.connected && b->incoming.sent < BUS_WINDOW && (next = queue_next(&b->incoming)) != NULL) {
        publish(b, next);
        queue_sent(&b->incoming);
    }
    if (b->incoming.count >= HOLD_MESSAGES || b->incoming.bytes >= HOLD_BYTES)
        link_hold(&b->link, true);
    else if (b->incoming.count <= HOLD_MESSAGES / 2 && b->incoming.bytes <= HOLD_BYTES / 2)
        link_hold(&b->link, false);
    if (b->timer == 0 && b->incoming.count > 0)
        CHECK(bb_loop_after(b->loop, LOOK_MS, on_look, b, &b->timer) == BB_OK);
}
