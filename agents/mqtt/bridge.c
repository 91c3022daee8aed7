#include "agents/mqtt/bridge.h"

#include "agents/mqtt/parcel.h"
#include "bus/client/log.h"
#include "bus/client/turn.h"

#include <busbar/check.h>
#include <busbar/directory.h>
#include <stdlib.h>
#include <string.h>

#define COMPLAIN_MS 10000
/* Room beyond HOLD_MESSAGES and HOLD_BYTES of bridge_in.c, for what libmosquitto has read already. */
#define INCOMING_MESSAGES 4096
#define INCOMING_BYTES    ((size_t)64 * 1024 * 1024)
#define QUERY_MS          5000
/* Beside the payload: topic, properties, and what MQTT says of them. */
#define PACKET_ROOM 65536

void bridge_complain(struct bridge *b, const char *side, const char *topic, const char *why)
{
    int64_t now = bb_loop_mono_ms();
    if (b->complained_ms != 0 && now - b->complained_ms < COMPLAIN_MS)
        return;
    b->complained_ms = now;
    log_warning("message-refused", LOG_TEXT("from", side), LOG_TEXT("topic", topic), LOG_TEXT("reason", why),
                LOG_INT("refused", b->to_mqtt.refused + b->to_bus.refused));
}

/* -- what the two sides call ------------------------------------------------------------------------------
 */

static void on_bus_message(void *context, const char *topic, const char *sender, const char *headers,
                           const char *message)
{
    bridge_take(context, &(struct payload_source){topic, sender, headers, message});
}

static enum status on_status(void *context, const char *caller, const char *params, char **result_out)
{
    (void)caller, (void)params;
    *result_out = bridge_status(context);
    return BB_OK;
}

static void on_up(void *context)
{
    (void)context;
}

static void on_down(void *context)
{
    struct bridge *b = context;
    for (int qos = 0; qos < 2; qos++) {
        struct queue *queue = &b->waiting[qos];
        /* An acknowledgement of the old connection's is for none of these. */
        for (size_t i = 0; i < queue->sent; i++)
            ((struct parcel *)queue_at(queue, i))->mid = 0;
        queue_again(queue);
    }
}

static bool note_published(struct bridge *b, struct queue *queue, int mid, const char *refused)
{
    for (size_t i = 0; i < queue->sent; i++) {
        struct parcel *p = queue_at(queue, i);
        if (p->mid != mid || p->done)
            continue;
        p->done = true;
        if (refused == NULL) {
            b->to_mqtt.done++;
        } else {
            b->to_mqtt.refused++;
            bridge_complain(b, "bus", p->topic, refused);
        }
        return true;
    }
    return false;
}

static void on_published(void *context, int mid, const char *refused)
{
    struct bridge *b = context;
    if (!note_published(b, &b->waiting[1], mid, refused))
        (void)note_published(b, &b->waiting[0], mid, refused);
}

static void on_mqtt_message(void *context, const struct link_message *message)
{
    bridge_receive(context, message);
}

static void on_turn(void *context)
{
    bridge_settle(context);
    bridge_pump(context);
}

/* -- opening and closing ----------------------------------------------------------------------------------
 */

static void make_queue(struct queue *queue, size_t capacity, size_t bytes_max)
{
    struct queue_slot *slots = calloc(capacity, sizeof *slots);
    CHECK(slots != NULL);
    queue_init(queue, slots, capacity, bytes_max);
}

static void free_queue(struct queue *queue)
{
    for (void *entry = queue_pop(queue); entry != NULL; entry = queue_pop(queue))
        free(entry);
    free(queue->slots);
}

static enum status find_origin(struct bridge *b)
{
    enum status status = BB_OK;
    if (b->settings->origin[0] != '\0') {
        b->origin = strdup(b->settings->origin);
    } else {
        status = bb_query(b->client, "serverkey", QUERY_MS, &b->origin);
        if (status == BB_OK && b->origin[0] == '\0') {
            free(b->origin);
            b->origin = NULL;
            status = bb_query(b->client, "instance-name", QUERY_MS, &b->origin);
        }
    }
    CHECK(status != BB_OK || b->origin != NULL);
    return status;
}

static enum status subscribe(struct bridge *b)
{
    enum status status = bb_serve(b->client, "status", on_status, b);
    if (status == BB_OK)
        status = bb_offer_served(b->client, "mqtt-bridge", NULL);
    for (size_t i = 0; i < b->maps.to_mqtt_count && status == BB_OK; i++)
        if (map_listens(b->maps.to_mqtt, b->maps.to_mqtt_count, i))
            status = bb_subscribe(b->client, b->maps.to_mqtt[i].from, on_bus_message, b);
    return status == BB_OK ? bb_flush(b->client, QUERY_MS) : status;
}

static enum status open_link(struct bridge *b, const char *password)
{
    const struct settings *s = b->settings;
    char client_id[512];
    static const struct link_events calls = {NULL, on_up, on_down, on_mqtt_message, on_published, on_turn};
    struct link_events events = calls;
    events.context = b;
    snprintf(client_id, sizeof client_id, "%s-%.10s", s->identity, b->origin);
    b->client_id = strdup(s->client_id[0] != '\0' ? s->client_id : client_id);
    CHECK(b->client_id != NULL);
    struct link_settings link = {.host = s->host,
                                 .client_id = b->client_id,
                                 .username = s->username,
                                 .password = password,
                                 .ca_file = s->ca_file,
                                 .certificate = s->certificate,
                                 .private_key = s->private_key,
                                 .port = (int)s->port,
                                 .tls = s->tls,
                                 .v5 = s->protocol == SETTINGS_MQTT_5,
                                 .keepalive_s = (int)s->keepalive_s,
                                 .session_s = (uint32_t)s->session_s,
                                 .retry_min_ms = (uint32_t)s->retry_min_ms,
                                 .retry_max_ms = (uint32_t)s->retry_max_ms,
                                 .packet_max = (uint32_t)s->payload_max + PACKET_ROOM,
                                 .maps = b->maps.to_bus,
                                 .map_count = b->maps.to_bus_count};
    return link_open(&b->link, b->loop, &link, &events);
}

enum status bridge_open(struct bridge *b, struct bb_loop *loop, struct bb_client *client,
                        const struct settings *settings, const char *password, struct bb_reason *reason)
{
    b->loop = loop;
    b->client = client;
    b->settings = settings;
    for (int qos = 0; qos < 2; qos++)
        make_queue(&b->waiting[qos], (size_t)settings->queue_messages, (size_t)settings->queue_bytes);
    make_queue(&b->incoming, INCOMING_MESSAGES, INCOMING_BYTES);
    enum status status = find_origin(b);
    if (status == BB_OK)
        status = subscribe(b);
    if (status != BB_OK)
        bb_reason_say(reason, "%s", bb_client_reason(client));
    return status == BB_OK ? open_link(b, password) : status;
}

static size_t left(const struct bridge *b)
{
    return b->waiting[0].count + b->waiting[1].count + b->incoming.count;
}

void bridge_close(struct bridge *b, uint32_t wait_ms)
{
    if (b->loop == NULL)
        return;
    int64_t deadline = bb_loop_mono_ms() + wait_ms;
    while (left(b) > 0 && b->link.phase == LINK_UP && bb_loop_mono_ms() < deadline) {
        if (bb_loop_turn(b->loop, 20) != BB_OK)
            break;
        bridge_pump(b);
    }
    if (left(b) > 0)
        log_warning("lost", LOG_INT("to_mqtt", b->waiting[0].count + b->waiting[1].count),
                    LOG_INT("to_bus", b->incoming.count));
    bb_loop_cancel(b->loop, b->timer);
    link_close(&b->link);
    for (int qos = 0; qos < 2; qos++)
        free_queue(&b->waiting[qos]);
    free_queue(&b->incoming);
    free(b->client_id);
    free(b->origin);
}
