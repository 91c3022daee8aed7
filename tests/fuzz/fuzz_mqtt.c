/* Whatever an MQTT broker or a configuration says: a line of maps, a topic and a payload, with NUL between
 * them. What is carried is valid on the other side; what comes back out is what went in. */
#include "agents/mqtt/payload.h"

#include "bus/client/envelope.h"

#include <busbar/check.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes before the next NUL, as text; the rest stays in *from. */
static char *take_text(struct bytes *from)
{
    const uint8_t *end = from->size > 0 ? memchr(from->data, '\0', from->size) : NULL;
    size_t size = end == NULL ? from->size : (size_t)(end - from->data);
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    if (size > 0)
        memcpy(text, from->data, size);
    text[size] = '\0';
    from->size -= end == NULL ? size : size + 1;
    from->data += end == NULL ? size : size + 1;
    return text;
}

static void try_map(enum map_way way, const char *line, const char *topic_text)
{
    struct map map, again;
    char text[MAP_TEXT_MAX], topic[TOPIC_MAX + 1];
    struct bytes from = bytes_of(topic_text);
    if (map_parse(way, line, NULL, &map) != BB_OK)
        return;
    map_format(&map, text);
    CHECK(map_parse(way, text, NULL, &again) == BB_OK && memcmp(&map, &again, sizeof map) == 0);
    if (map_find(&map, 1, from) == NULL || map_translate(&map, from, topic) != TOPIC_FINE)
        return;
    struct bytes to = bytes_of(topic);
    CHECK((way == MAP_TO_MQTT ? topic_check_mqtt(to) : topic_check_bus(to)) == TOPIC_FINE);
    CHECK(to.size == map.to_size + from.size - map.from_size);
    CHECK(memcmp(topic + map.to_size, topic_text + map.from_size, from.size - map.from_size) == 0);
}

static void try_message(const char *topic, struct bytes payload)
{
    char *message = NULL, *headers = NULL;
    uint8_t *data = NULL;
    size_t size = 0;
    CHECK(payload_to_bus(MAP_MESSAGE, payload, &message, &headers) == BB_OK && headers == NULL);
    CHECK(envelope_valid(message, false));
    struct payload_source source = {topic, "x", "{}", message};
    CHECK(payload_to_mqtt(MAP_PLAIN, &source, &data, &size) == BB_OK);
    /* What is no JSON comes back byte for byte; JSON may be a string, which loses its quotes. */
    if (payload.size > 0 && !envelope_valid(message, true) && message[0] == '"' && payload.data[0] != '"' &&
        strchr(" \t\r\n", payload.data[0]) == NULL)
        CHECK(bytes_equal((struct bytes){data, size}, payload));
    free(data);
    free(message);
}

static void try_envelope(const char *topic, struct bytes payload)
{
    char *message = NULL, *brought = NULL, *headers = NULL;
    if (payload_to_bus(MAP_ENVELOPE, payload, &message, &brought) != BB_OK)
        return;
    CHECK(envelope_valid(message, false));
    if (payload_headers(brought, "mqtt-agent", topic, true, &headers) == BB_OK)
        CHECK(envelope_valid(headers, true) && payload_is_marked(headers));
    free(message);
    free(brought);
    free(headers);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes left = {data, size};
    char *line = take_text(&left), *topic = take_text(&left);
    try_map(MAP_TO_MQTT, line, topic);
    try_map(MAP_TO_BUS, line, topic);
    try_message(topic, left);
    try_envelope(topic, left);
    free(line);
    free(topic);
    return 0;
}
