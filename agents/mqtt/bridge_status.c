/* What the agent says of itself. */
#include "agents/mqtt/bridge.h"

#include <busbar/check.h>
#include <busbar/traffic.h>
#include <jansson.h>

static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *counts_of(const struct bridge_counts *c)
{
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o}", "taken", number(c->taken), "done", number(c->done),
                     "dropped", number(c->dropped), "refused", number(c->refused), "returned",
                     number(c->returned), "skipped", number(c->skipped));
}

static void add_maps(json_t *list, const struct map *maps, size_t count, const uint64_t *taken)
{
    char text[MAP_TEXT_MAX];
    for (size_t i = 0; i < count; i++) {
        map_format(&maps[i], text);
        json_array_append_new(list, json_pack("{s:s, s:s, s:o}", "way",
                                              maps[i].way == MAP_TO_MQTT ? "to_mqtt" : "to_bus", "map", text,
                                              "taken", number(taken[i])));
    }
}

static json_t *mqtt_of(const struct bridge *b)
{
    static const char *const phases[] = {"waiting", "probing", "connecting", "up"};
    const struct link *link = &b->link;
    /* Calls are served while the agent still asks the broker for its origin; the link has no place yet. */
    return json_pack("{s:b, s:s, s:s?, s:i, s:s?, s:s, s:o, s:b}", "connected", link->phase == LINK_UP,
                     "phase", phases[link->phase], "host", link->settings.host, "port", link->settings.port,
                     "client_id", link->settings.client_id, "reason",
                     link->phase == LINK_UP ? "" : link->told.text, "connections", number(link->connections),
                     "held", link->paused);
}

char *bridge_status(const struct bridge *b)
{
    struct bb_traffic traffic;
    json_t *out = counts_of(&b->to_mqtt), *in = counts_of(&b->to_bus), *maps = json_array();
    bb_traffic(b->client, &traffic);
    json_object_set_new(out, "waiting", number(b->waiting[0].count + b->waiting[1].count));
    json_object_set_new(out, "waiting_bytes", number(b->waiting[0].bytes + b->waiting[1].bytes));
    json_object_set_new(in, "waiting", number(b->incoming.count));
    json_object_set_new(in, "waiting_bytes", number(b->incoming.bytes));
    json_object_set_new(in, "refused_by_bus", number(traffic.refused));
    add_maps(maps, b->maps.to_mqtt, b->maps.to_mqtt_count, b->map_taken[MAP_TO_MQTT]);
    add_maps(maps, b->maps.to_bus, b->maps.to_bus_count, b->map_taken[MAP_TO_BUS]);
    json_t *root = json_pack("{s:o, s:{s:b, s:o}, s:s?, s:o, s:o, s:o}", "mqtt", mqtt_of(b), "bus",
                             "connected", traffic.connected, "connections", number(traffic.connections),
                             "origin", b->origin, "to_mqtt", out, "to_bus", in, "maps", maps);
    char *text = json_dumps(root, JSON_COMPACT);
    CHECK(text != NULL);
    json_decref(root);
    return text;
}
