/* The JSON texts of VIP: pub/sub envelopes and JSON-RPC, taken apart and put together without re-formatting
 * what they carry: a number in a message leaves as it came. Source: VOLTTRON pubsub; JSON-RPC 2.0. */
#ifndef BUS_CLIENT_ENVELOPE_H
#define BUS_CLIENT_ENVELOPE_H

#include <busbar/bytes.h>
#include <busbar/status.h>
#include <jansson.h>
#include <stdbool.h>

/* A member of an object: its name as it is written, without quotes, and its value's text. */
struct envelope_part {
    struct bytes name, value;
};

/* A text that is a JSON object, and where its members stand; nothing is parsed before somebody asks. Python's
 * NaN and Infinity, which JSON does not have, read as null. */
struct envelope {
    char *text;
    struct envelope_part *members;
    size_t count;
};

/* Parses an object. BB_MALFORMED. */
BB_MUST_CHECK enum status envelope_parse(struct bytes from, struct envelope *out);

/* Frees what it holds. */
void envelope_free(struct envelope *envelope);

/* The text of the member `key` as it stands, NUL-terminated and malloc'd; NULL when there is none. */
char *envelope_member(const struct envelope *envelope, const char *key);

/* The value of the member `key`, parsed, for json_decref; NULL when there is none, or a number in it is too
 * large. */
json_t *envelope_value(const struct envelope *envelope, const char *key);

/* True when `text` is one JSON value (an object when `object`). */
bool envelope_valid(const char *text, bool object);

/* `{"bus":"","headers":{…},"message":…}`, malloc'd. headers: an object's text or NULL; Date, TimeStamp
 * (wall_ms, ISO 8601 UTC) and VOLTTRON's versions are added where they are missing. NULL when headers is no
 * JSON object. */
char *envelope_publish(const char *headers, const char *message, int64_t wall_ms);

/* The same without adding anything to `headers`, which is an object's text; malloc'd. */
char *envelope_plain(const char *headers, const char *message);

/* A JSON-RPC error whose error object is given as text, malloc'd. */
char *envelope_raw_error(const char *id, const char *error);

/* A JSON-RPC request, malloc'd; params may be NULL. */
char *envelope_request(const char *method, const char *params, const char *id);

/* A JSON-RPC result, malloc'd; `id` is its JSON text. */
char *envelope_result(const char *id, const char *result);

/* A JSON-RPC error, malloc'd, with {"status": word} as its data. */
char *envelope_error(const char *id, int code, const char *message, const char *word);

#endif
