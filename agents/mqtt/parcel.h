/* The entries of a bridge's queues, each one piece of memory to be freed. */
#ifndef AGENTS_MQTT_PARCEL_H
#define AGENTS_MQTT_PARCEL_H

#include <busbar/bytes.h>

/* A message for MQTT. */
struct parcel {
    const char *topic, *sender;
    struct bytes payload;
    bool retain, done;
    int mid;
};

/* A message for the bus. */
struct arrival {
    const char *topic, *headers, *message;
};

/* Copies all texts; a CHECK where memory ends. */
struct parcel *parcel_make(const struct parcel *from);
struct arrival *parcel_make_arrival(const struct arrival *from);

/* The bytes that an entry counts for. */
size_t parcel_size(const struct parcel *parcel);
size_t parcel_arrival_size(const struct arrival *arrival);

#endif
