#include "agents/mqtt/payload.h"

#include "bus/client/base64.h"
#include "bus/client/envelope.h"
#include "bus/client/json_check.h"

#include <busbar/check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *copy_text(struct bytes bytes)
{
    char *text = malloc(bytes.size + 1);
    CHECK(text != NULL);
    if (bytes.size > 0)
        memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    return text;
}

static enum status whole_envelope(const struct payload_source *from, char **out)
{
    json_t *topic = json_string(from->topic), *sender = json_string(from->sender);
    char *topic_text = json_dumps(topic, JSON_ENCODE_ANY), *sender_text = json_dumps(sender, JSON_ENCODE_ANY);
    enum status status = topic_text == NULL || sender_text == NULL ? BB_MALFORMED : BB_OK;
    if (status == BB_OK)
        CHECK(asprintf(out, "{\"topic\":%s,\"sender\":%s,\"headers\":%s,\"message\":%s}", topic_text,
                       sender_text, from->headers, from->message) >= 0);
    free(topic_text);
    free(sender_text);
    json_decref(topic);
    json_decref(sender);
    return status;
}

/* The bytes of {"base64":"…"}; false when the message is anything else. */
static bool plain_bytes(const json_t *value, uint8_t **data_out, size_t *size_out)
{
    const json_t *text = json_object_get(value, "base64");
    if (json_object_size(value) != 1 || !json_is_string(text))
        return false;
    size_t length = json_string_length(text);
    uint8_t *data = malloc(length + 1);
    CHECK(data != NULL);
    if (base64_decode(json_string_value(text), length, data, length + 1, size_out) == BB_OK) {
        *data_out = data;
        return true;
    }
    free(data);
    return false;
}

static bool plain_form(const char *message, uint8_t **data_out, size_t *size_out)
{
    if (strchr("\"{n", message[strspn(message, " \t\r\n")]) == NULL)
        return false;
    json_t *value = json_loads(message, JSON_DECODE_ANY, NULL);
    bool done = plain_bytes(value, data_out, size_out);
    if (json_is_string(value) || json_is_null(value)) {
        struct bytes text =
            json_is_null(value) ? (struct bytes){NULL, 0} : bytes_of(json_string_value(value));
        *data_out = (uint8_t *)copy_text(text);
        *size_out = text.size;
        done = true;
    }
    json_decref(value);
    return done;
}

enum status payload_to_mqtt(enum map_form form, const struct payload_source *from, uint8_t **data_out,
                            size_t *size_out)
{
    char *text = NULL;
    if (form == MAP_PLAIN && plain_form(from->message, data_out, size_out))
        return BB_OK;
    if (form == MAP_ENVELOPE) {
        enum status status = whole_envelope(from, &text);
        if (status != BB_OK)
            return status;
    } else {
        text = copy_text(bytes_of(from->message));
    }
    *data_out = (uint8_t *)text;
    *size_out = strlen(text);
    return BB_OK;
}

static char *as_string(struct bytes payload)
{
    json_t *value = json_stringn((const char *)payload.data, payload.size);
    char *text = json_dumps(value, JSON_ENCODE_ANY);
    CHECK(text != NULL);
    json_decref(value);
    return text;
}

static char *as_base64(struct bytes payload)
{
    static const char front[] = "{\"base64\":\"", back[] = "\"}";
    char *text = malloc(sizeof front + BASE64_SIZE(payload.size) + sizeof back);
    CHECK(text != NULL);
    memcpy(text, front, sizeof front - 1);
    base64_encode(payload, text + sizeof front - 1);
    memcpy(text + strlen(text), back, sizeof back);
    return text;
}

static char *as_message(struct bytes payload)
{
    if (payload.size == 0)
        return copy_text(bytes_of("null"));
    if (json_check((const char *)payload.data, payload.size))
        return copy_text(payload);
    return topic_is_text(payload) ? as_string(payload) : as_base64(payload);
}

enum status payload_to_bus(enum map_form form, struct bytes payload, char **message_out, char **headers_out)
{
    struct envelope envelope;
    if (form != MAP_ENVELOPE) {
        *message_out = as_message(payload);
        *headers_out = NULL;
        return BB_OK;
    }
    if (envelope_parse(payload, &envelope) != BB_OK)
        return BB_MALFORMED;
    char *message = envelope_member(&envelope, "message"), *headers = envelope_member(&envelope, "headers");
    envelope_free(&envelope);
    if (message == NULL) {
        free(headers);
        return BB_MALFORMED;
    }
    *message_out = message;
    *headers_out = headers;
    return BB_OK;
}

enum status payload_headers(const char *brought, const char *agent, const char *topic, bool retained,
                            char **out)
{
    json_t *headers = brought == NULL ? json_object() : json_loads(brought, JSON_REJECT_DUPLICATES, NULL);
    json_t *name = json_string(topic);
    char *text = NULL;
    if (json_is_object(headers) && name != NULL) {
        json_object_set_new(headers, PAYLOAD_MARK, json_string(agent));
        json_object_set(headers, "mqtt-topic", name);
        json_object_set_new(headers, "mqtt-retained", json_boolean(retained));
        text = json_dumps(headers, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(17));
    }
    json_decref(name);
    json_decref(headers);
    if (text == NULL)
        return BB_MALFORMED;
    *out = text;
    return BB_OK;
}

bool payload_is_marked(const char *headers)
{
    struct envelope envelope;
    if (strstr(headers, PAYLOAD_MARK) == NULL || envelope_parse(bytes_of(headers), &envelope) != BB_OK)
        return false;
    char *mark = envelope_member(&envelope, PAYLOAD_MARK);
    bool marked = mark != NULL;
    free(mark);
    envelope_free(&envelope);
    return marked;
}
