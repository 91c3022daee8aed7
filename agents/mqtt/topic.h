/* What may be a topic, on either side. Topics are bytes; MQTT wants them to be UTF-8, the bus takes what MQTT
 * takes. Source: MQTT 5.0 §1.5.4, §4.7. */
#ifndef AGENTS_MQTT_TOPIC_H
#define AGENTS_MQTT_TOPIC_H

#include <busbar/bytes.h>
#include <busbar/limits.h>

/* A topic of either side: the bus's own bound. */
#define TOPIC_MAX BB_TOPIC_MAX
/* Mosquitto cuts the connection of a client that publishes deeper. */
#define TOPIC_LEVELS_MAX 200

enum topic_fault {
    TOPIC_FINE,
    TOPIC_EMPTY,
    TOPIC_LONG,     /* more than TOPIC_MAX bytes */
    TOPIC_DEEP,     /* more than TOPIC_LEVELS_MAX levels; MQTT only */
    TOPIC_LETTERS,  /* not UTF-8, NUL, a control character or a non-character */
    TOPIC_WILDCARD, /* + or #; MQTT only */
    TOPIC_RESERVED  /* begins with $: the MQTT broker's own; MQTT only */
};

/* What is wrong with a topic, for people ("holds + or #"). Static storage. */
const char *topic_fault_text(enum topic_fault fault);

/* True when the bytes are well-formed UTF-8 without NUL. */
bool topic_is_text(struct bytes bytes);

/* Whether one may publish to it, on the bus and on MQTT. */
enum topic_fault topic_check_bus(struct bytes topic);
enum topic_fault topic_check_mqtt(struct bytes topic);

#endif
