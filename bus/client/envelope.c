#include "bus/client/envelope.h"

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

enum status envelope_parse(struct bytes from, struct envelope *out)
{
    /* No NUL is part of JSON, but jansson passes over some; the scanners below end at one. */
    if (from.size == 0 || memchr(from.data, '\0', from.size) != NULL)
        return BB_MALFORMED;
    char *text = copy_bytes((const char *)from.data, from.size);
    json_t *root = json_loadb(text, from.size, 0, NULL);
    if (root == NULL) /* an integer beyond 64 bits: whoever reads that member is to say so */
        root = json_loadb(text, from.size, JSON_DECODE_INT_AS_REAL, NULL);
    if (root == NULL) {
        char *cleaned = without_nan(text, from.size);
        free(text);
        text = cleaned;
        root = json_loads(text, 0, NULL);
    }
    if (!json_is_object(root)) {
        json_decref(root);
        free(text);
        return BB_MALFORMED;
    }
    *out = (struct envelope){root, text};
    return BB_OK;
}

void envelope_free(struct envelope *envelope)
{
    json_decref(envelope->root);
    free(envelope->text);
    *envelope = (struct envelope){NULL, NULL};
}

/* The scanners below walk a text that jansson has accepted, so that quotes and brackets are known to match.
 */

static const char *after_string(const char *at)
{
    for (at++; *at != '"' && *at != '\0'; at++)
        if (*at == '\\' && at[1] != '\0')
            at++;
    return *at == '"' ? at + 1 : at;
}

/* The end of the value at `at`: the next comma or closing bracket on its own level. */
static const char *after_value(const char *at)
{
    int depth = 0;
    while (*at != '\0') {
        if (*at == '"') {
            at = after_string(at);
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

static const char *skip_space(const char *at)
{
    return at + strspn(at, " \t\r\n");
}

/* A name may be written with escapes, "mess\u0061ge": then jansson reads it. */
static bool is_key(const char *name, size_t length, const char *key)
{
    if (length == 0 || memchr(name, '\\', length) == NULL)
        return length == strlen(key) && memcmp(name, key, length) == 0;
    json_t *plain = json_loadb(name - 1, length + 2, JSON_DECODE_ANY, NULL);
    const char *text = json_string_value(plain);
    bool same = text != NULL && strcmp(text, key) == 0;
    json_decref(plain);
    return same;
}

char *envelope_member(const struct envelope *envelope, const char *key)
{
    char *found = NULL;
    const char *at = skip_space(skip_space(envelope->text) + 1);
    while (*at == '"') {
        const char *name = at + 1, *name_end = after_string(at) - 1;
        const char *value = skip_space(name_end + 1);
        value = skip_space(*value == ':' ? value + 1 : value);
        const char *end = after_value(value);
        if (is_key(name, (size_t)(name_end - name), key)) {
            size_t size = (size_t)(end - value);
            while (size > 0 && strchr(" \t\r\n", value[size - 1]) != NULL)
                size--;
            free(found); /* of two members with one name the last counts, as for jansson */
            found = copy_bytes(value, size);
        }
        at = skip_space(*end == ',' ? end + 1 : end);
    }
    return found;
}

bool envelope_valid(const char *text, bool object)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    bool valid = value != NULL && (!object || json_is_object(value));
    json_decref(value);
    return valid;
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
