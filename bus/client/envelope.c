#include "bus/client/envelope.h"

#include "bus/client/json_check.h"

#include <busbar/check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static char *copy_bytes(const char *data, size_t size)
{
    char *copy = malloc(size + 1);
    CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    copy[size] = '\0';
    return copy;
}

static size_t nan_at(const char *text)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strncmp(text, words[i], strlen(words[i])) == 0)
            return strlen(words[i]);
    return 0;
}

/* A copy in which NaN, Infinity and -Infinity outside of quotes are null. `text` ends in a NUL. */
static char *without_nan(const char *text, size_t size)
{
    char *out = malloc(2 * size + 1); /* NaN → null grows by a third */
    CHECK(out != NULL);
    size_t used = 0;
    bool quoted = false;
    for (size_t i = 0; i < size;) {
        size_t skip = quoted ? 0 : nan_at(text + i);
        if (skip > 0) {
            memcpy(out + used, "null", 4);
            used += 4;
            i += skip;
            continue;
        }
        if (quoted && text[i] == '\\' && i + 1 < size)
            out[used++] = text[i++];
        else if (text[i] == '"')
            quoted = !quoted;
        out[used++] = text[i++];
    }
    out[used] = '\0';
    return out;
}

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* The end of the value at `at`, in a text that is JSON: the next comma or closing bracket on its own level.
 */
static const char *after_value(const char *at)
{
    int depth = 0;
    while (*at != '\0') {
        if (*at == '"') {
            at = json_check_string_end(at);
            continue;
        }
        bool closes = *at == '}' || *at == ']';
        if (depth == 0 && (closes || *at == ','))
            break;
        depth += (*at == '{' || *at == '[') - closes;
        at++;
    }
    return at;
}

/* Notes where each member of the object stands. */
static void find_members(struct envelope *envelope)
{
    size_t capacity = 0;
    const char *at = skip_space(skip_space(envelope->text) + 1);
    while (*at == '"') {
        if (envelope->count == capacity) {
            capacity = 2 * capacity + 8;
            envelope->members = realloc(envelope->members, capacity * sizeof *envelope->members);
            CHECK(envelope->members != NULL);
        }
        struct envelope_part *member = &envelope->members[envelope->count++];
        const char *name_end = json_check_string_end(at);
        member->name = (struct bytes){(const uint8_t *)at + 1, (size_t)(name_end - at) - 2};
        const char *value = skip_space(skip_space(name_end) + 1), *end = after_value(value);
        member->value = (struct bytes){(const uint8_t *)value, (size_t)(end - value)};
        while (member->value.size > 0 &&
               strchr(" \t\r\n", member->value.data[member->value.size - 1]) != NULL)
            member->value.size--;
        at = skip_space(*end == ',' ? end + 1 : end);
    }
}

static bool is_object(const char *text, size_t size)
{
    return *skip_space(text) == '{' && json_check(text, size);
}

enum status envelope_parse(struct bytes from, struct envelope *out)
{
    /* No NUL is part of JSON; the scanners end at one. */
    if (from.size == 0 || memchr(from.data, '\0', from.size) != NULL)
        return BB_MALFORMED;
    struct envelope envelope = {.text = copy_bytes((const char *)from.data, from.size)};
    if (!is_object(envelope.text, from.size)) {
        char *cleaned = without_nan(envelope.text, from.size);
        free(envelope.text);
        envelope.text = cleaned;
        if (!is_object(cleaned, strlen(cleaned))) {
            free(cleaned);
            return BB_MALFORMED;
        }
    }
    find_members(&envelope);
    *out = envelope;
    return BB_OK;
}

void envelope_free(struct envelope *envelope)
{
    free(envelope->members);
    free(envelope->text);
    *envelope = (struct envelope){.text = NULL};
}

/* A name may be written with escapes, "mess\u0061ge": then jansson reads it. */
static bool is_key(struct bytes name, const char *key)
{
    if (name.size == 0 || memchr(name.data, '\\', name.size) == NULL)
        return bytes_equal(name, bytes_of(key));
    json_t *plain = json_loadb((const char *)name.data - 1, name.size + 2, JSON_DECODE_ANY, NULL);
    const char *text = json_string_value(plain);
    bool same = text != NULL && strcmp(text, key) == 0;
    json_decref(plain);
    return same;
}

/* Of two members with one name the last counts, as for jansson. */
static struct bytes find_member(const struct envelope *envelope, const char *key)
{
    for (size_t i = envelope->count; i > 0; i--)
        if (is_key(envelope->members[i - 1].name, key))
            return envelope->members[i - 1].value;
    return (struct bytes){NULL, 0};
}

char *envelope_member(const struct envelope *envelope, const char *key)
{
    struct bytes value = find_member(envelope, key);
    return value.data != NULL ? copy_bytes((const char *)value.data, value.size) : NULL;
}

json_t *envelope_value(const struct envelope *envelope, const char *key)
{
    struct bytes value = find_member(envelope, key);
    return value.data != NULL ? json_loadb((const char *)value.data, value.size, JSON_DECODE_ANY, NULL)
                              : NULL;
}

bool envelope_valid(const char *text, bool object)
{
    size_t size = strlen(text);
    return object ? is_object(text, size) : json_check(text, size);
}

static void time_text(int64_t wall_ms, char *out, size_t size)
{
    time_t seconds = wall_ms / 1000;
    struct tm utc;
    char date[32];
    gmtime_r(&seconds, &utc);
    strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(out, size, "%s.%06d+00:00", date, (int)(wall_ms % 1000) * 1000);
}

static char *printed(const char *format, ...) __attribute__((format(printf, 1, 2)));
static char *printed(const char *format, ...)
{
    char *text = NULL;
    va_list values;
    va_start(values, format);
    int size = vasprintf(&text, format, values);
    va_end(values);
    CHECK(size >= 0);
    return text;
}

static char *headers_text(const char *given, const char *now)
{
    static const char *const versions[][2] = {{"min_compatible_version", "3.0"},
                                              {"max_compatible_version", ""}};
    json_t *headers = json_loads(given, 0, NULL);
    if (!json_is_object(headers)) {
        json_decref(headers);
        return NULL;
    }
    for (size_t i = 0; i < 2; i++)
        if (json_object_get(headers, versions[i][0]) == NULL)
            json_object_set_new(headers, versions[i][0], json_string(versions[i][1]));
    if (json_object_get(headers, "Date") == NULL)
        json_object_set_new(headers, "Date", json_string(now));
    if (json_object_get(headers, "TimeStamp") == NULL)
        json_object_set_new(headers, "TimeStamp", json_string(now));
    char *text = json_dumps(headers, JSON_COMPACT);
    json_decref(headers);
    return text;
}

char *envelope_publish(const char *headers, const char *message, int64_t wall_ms)
{
    char now[64];
    time_text(wall_ms, now, sizeof now);
    if (headers == NULL)
        return printed(
            "{\"bus\":\"\",\"headers\":{\"Date\":\"%s\",\"TimeStamp\":\"%s\",\"min_compatible_version\":"
            "\"3.0\",\"max_compatible_version\":\"\"},\"message\":%s}",
            now, now, message);
    char *merged = headers_text(headers, now);
    char *text =
        merged != NULL ? printed("{\"bus\":\"\",\"headers\":%s,\"message\":%s}", merged, message) : NULL;
    free(merged);
    return text;
}

char *envelope_plain(const char *headers, const char *message)
{
    return printed("{\"bus\":\"\",\"headers\":%s,\"message\":%s}", headers, message);
}

char *envelope_raw_error(const char *id, const char *error)
{
    return printed("{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":%s}", id, error);
}

char *envelope_request(const char *method, const char *params, const char *id)
{
    json_t *name = json_string(method);
    char *quoted = name != NULL ? json_dumps(name, JSON_ENCODE_ANY) : NULL;
    char *text = quoted != NULL ? printed("{\"jsonrpc\":\"2.0\",\"method\":%s,%s%s%s\"id\":\"%s\"}", quoted,
                                          params != NULL ? "\"params\":" : "", params != NULL ? params : "",
                                          params != NULL ? "," : "", id)
                                : NULL;
    free(quoted);
    json_decref(name);
    return text;
}

char *envelope_result(const char *id, const char *result)
{
    return printed("{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}", id, result);
}

char *envelope_error(const char *id, int code, const char *message, const char *word)
{
    json_t *text = json_string(message);
    json_t *error = json_pack("{s:i,s:o,s:{s:s}}", "code", code, "message",
                              text != NULL ? text : json_string("?"), "data", "status", word);
    char *dumped = error != NULL ? json_dumps(error, JSON_COMPACT) : NULL;
    char *out = printed("{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":%s}", id, dumped != NULL ? dumped : "{}");
    free(dumped);
    json_decref(error);
    return out;
}
