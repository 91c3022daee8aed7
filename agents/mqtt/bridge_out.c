/* From the bus to MQTT. */
#include "agents/mqtt/bridge.h"
#include "agents/mqtt/parcel.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

static void refuse(struct bridge *b, const char *topic, const char *why)
{
    b->to_mqtt.refused++;
    bridge_complain(b, "bus", topic, why);
}

static void enqueue(struct bridge *b, const struct map *map, const struct parcel *draft)
{
    struct queue *queue = &b->waiting[map->qos];
    struct parcel *parcel = parcel_make(draft);
    size_t size = parcel_size(parcel);
    while (!queue_fits(queue, size)) {
        free(queue_drop(queue));
        b->to_mqtt.dropped++;
    }
    queue_put(queue, parcel, size);
    b->to_mqtt.taken++;
    b->map_taken[MAP_TO_MQTT][map - b->maps.to_mqtt]++;
}

void bridge_take(struct bridge *b, const struct payload_source *from)
{
    char topic[TOPIC_MAX + 1];
    uint8_t *data = NULL;
    size_t size = 0;
    const struct map *map = map_find(b->maps.to_mqtt, b->maps.to_mqtt_count, bytes_of(from->topic));
    if (map == NULL)
        return;
    if (strcmp(from->sender, b->settings->identity) == 0 || payload_is_marked(from->headers)) {
        b->to_mqtt.returned++;
        return;
    }
    enum topic_fault fault = map_translate(map, bytes_of(from->topic), topic);
    if (fault != TOPIC_FINE) {
        refuse(b, from->topic, topic_fault_text(fault));
        return;
    }
    if (payload_to_mqtt(map->form, from, &data, &size) != BB_OK) {
        refuse(b, from->topic, "cannot be put into an envelope");
        return;
    }
    if (size <= (size_t)b->settings->payload_max)
        enqueue(b, map, &(struct parcel){topic, from->sender, {data, size}, map->retain, false, 0});
    else
        refuse(b, from->topic, "is larger than payload_max");
    free(data);
    bridge_pump(b);
}

/* Lets go of what is done, from the front on. */
static void reap(struct queue *queue)
{
    for (struct parcel *p = queue_at(queue, 0); queue->sent > 0 && p != NULL && p->done;
         p = queue_at(queue, 0))
        free(queue_pop(queue));
}

/* Hands over one parcel; false when the link is down. */
static bool hand_over(struct bridge *b, struct parcel *p, int qos)
{
    struct link_outgoing message = {.topic = p->topic,
                                    .payload = p->payload,
                                    .qos = qos,
                                    .retain = p->retain,
                                    .origin = b->origin,
                                    .sender = p->sender};
    queue_sent(&b->waiting[qos]);
    if (p->done) /* out of order, before the connection broke */
        return true;
    enum status status = link_publish(&b->link, &message, &p->mid);
    if (status == BB_RANGE) {
        p->done = true;
        refuse(b, p->topic, b->link.reason.text);
        b->link.reason.text[0] = '\0';
    }
    return status != BB_UNREACHABLE;
}

void bridge_pump(struct bridge *b)
{
    bool up = b->link.phase == LINK_UP;
    for (int qos = 1; qos >= 0; qos--) {
        struct queue *queue = &b->waiting[qos];
        struct parcel *next = NULL;
        reap(queue);
        while (up && queue->sent < LINK_WINDOW && (next = queue_next(queue)) != NULL) {
            up = hand_over(b, next, qos);
            reap(queue);
        }
    }
}
