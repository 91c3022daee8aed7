/* Which topics cross, and as what: a line of the configuration for each map.
 *
 *   FROM => TO [qos0|qos1] [retain] [fresh] [exact] [message|envelope|plain]
 *
 * FROM and TO are beginnings of topics, without blanks; either may be left out, for all topics or nothing in
 * front. What follows FROM in a topic follows TO in the other's. `exact`: the two topics themselves. An MQTT
 * beginning ends with '/', since MQTT can ask for whole levels only. Pure. */
#ifndef AGENTS_MQTT_MAP_H
#define AGENTS_MQTT_MAP_H

#include "agents/mqtt/topic.h"

#include <busbar/reason.h>
#include <busbar/status.h>

#define MAP_PREFIX_MAX 512
#define MAPS_MAX       256 /* in each direction */
/* Room for a map as text. */
#define MAP_TEXT_MAX (2 * MAP_PREFIX_MAX + 64)

enum map_way { MAP_TO_MQTT, MAP_TO_BUS };

enum map_form {
    MAP_MESSAGE,  /* the message's JSON, alone */
    MAP_ENVELOPE, /* {"topic","sender","headers","message"} */
    MAP_PLAIN     /* a JSON string without its quotes, {"base64"} as its bytes, null as nothing */
};

struct map {
    enum map_way way;
    char from[MAP_PREFIX_MAX + 1], to[MAP_PREFIX_MAX + 1];
    size_t from_size, to_size;
    enum map_form form;
    uint8_t qos; /* 0 or 1: of what is published, or the most that is asked for */
    bool exact;
    bool retain; /* to MQTT: the broker keeps the last one */
    bool fresh;  /* to the bus: without what the broker has kept */
};

/* Reads one line. BB_MALFORMED, BB_RANGE; the reason begins with the line itself. */
BB_MUST_CHECK enum status map_parse(enum map_way way, const char *line, struct bb_reason *reason,
                                    struct map *out);

/* Writes it as a line, with everything said: text_out[MAP_TEXT_MAX]. */
void map_format(const struct map *map, char *text_out);

/* The map that a topic takes, the one with the longest FROM; NULL: none. */
const struct map *map_find(const struct map *maps, size_t count, struct bytes topic);

/* The topic on the other side, NUL-terminated, in topic_out[TOPIC_MAX + 1]; checked for that side.
 * `topic` is one that map_find gave this map for. topic_out is untouched unless TOPIC_FINE. */
enum topic_fault map_translate(const struct map *map, struct bytes topic, char *topic_out);

/* True when the MQTT filter of `wide` brings every topic that `narrow` takes. */
bool map_covers(const struct map *wide, const struct map *narrow);

/* True when maps[at] needs a subscription of its own on the bus, where all are by prefix: no other's takes it
 * in. */
bool map_listens(const struct map *maps, size_t count, size_t at);

/* The subscription that maps[at] needs on MQTT: false when another map's takes it in; else its quality, the
 * highest of those that it takes in. */
bool map_subscribes(const struct map *maps, size_t count, size_t at, uint8_t *qos_out);

/* The MQTT filter of a map to the bus: filter_out[MAP_PREFIX_MAX + 2]. */
void map_filter(const struct map *map, char *filter_out);

/* True when what `out` publishes to MQTT may be what `in` takes from there. */
bool map_meet(const struct map *out, const struct map *in);

#endif
