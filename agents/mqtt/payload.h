/* Messages of the bus as payloads of MQTT and the other way round.
 *
 * To the bus: a payload that is JSON is the message as it stands; other UTF-8 text becomes a JSON string;
 * other bytes become {"base64":"…"}; nothing becomes null. In the form `envelope` a payload
 * {"headers":{…},"message":…} gives both. Every text here is malloc'd and NUL-terminated. */
#ifndef AGENTS_MQTT_PAYLOAD_H
#define AGENTS_MQTT_PAYLOAD_H

#include "agents/mqtt/map.h"

/* The largest payload that is ever taken: as a JSON string it grows at most sixfold, and 12 MiB fit a frame
 * (BB_FRAME_MAX). */
#define PAYLOAD_MAX (2 * 1024 * 1024)

/* The header that marks a message that came from MQTT: the identity of the agent that brought it. */
#define PAYLOAD_MARK "mqtt-agent"

/* A message of the bus, as bb_on_message gives it. */
struct payload_source {
    const char *topic, *sender, *headers, *message;
};

/* Makes a payload of a message. BB_MALFORMED: the envelope cannot be made. */
BB_MUST_CHECK enum status payload_to_mqtt(enum map_form form, const struct payload_source *from,
                                          uint8_t **data_out, size_t *size_out);

/* Makes a message of a payload, and *headers_out of those that it brings (NULL: none). BB_MALFORMED: no
 * envelope, though the form wants one. */
BB_MUST_CHECK enum status payload_to_bus(enum map_form form, struct bytes payload, char **message_out,
                                         char **headers_out);

/* The headers of a message from MQTT: those that it brought (NULL: none), the mark, its topic there, and
 * whether the MQTT broker had kept it. BB_MALFORMED: what it brought is no JSON object of moderate depth. */
BB_MUST_CHECK enum status payload_headers(const char *brought, const char *agent, const char *topic,
                                          bool retained, char **out);

/* True when the headers (an object's text) carry the mark. */
bool payload_is_marked(const char *headers);

#endif
