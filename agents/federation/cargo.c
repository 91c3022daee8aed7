#include "agents/federation/cargo.h"

#include <busbar/check.h>
#include <busbar/limits.h>
#include <stdlib.h>
#include <string.h>

#define VIA    "Busbar-Via"
#define ORIGIN "Busbar-Origin"

static json_t *way_json(const struct rules_way *way)
{
    json_t *list = json_array();
    for (size_t i = 0; i < way->count; i++)
        json_array_append_new(list, json_string(way->names[i]));
    return list;
}

json_t *cargo_json(const struct cargo *cargo)
{
    return json_pack("{s:o,s:I,s:I,s:s,s:s,s:s,s:s}", "way", way_json(&cargo->way), "incarnation",
                     (json_int_t)cargo->incarnation, "number", (json_int_t)cargo->number, "topic",
                     cargo->topic, "sender", cargo->sender, "headers", cargo->headers, "message",
                     cargo->message);
}

static bool read_way(const json_t *list, size_t hops, struct rules_way *out)
{
    const json_t *item;
    size_t i;
    *out = (struct rules_way){.count = 0};
    json_array_foreach(list, i, item) if (!json_is_string(item) ||
                                          !rules_pass(out, json_string_value(item), hops)) return false;
    return out->count > 0;
}

/* The way of an arriving message: the platform that it comes from first, the other side last, not this one.
 */
static bool is_from(const struct link *link, const json_t *list, struct rules_way *out)
{
    return read_way(list, (size_t)link->agent->settings->hops, out) &&
           strcmp(out->names[out->count - 1], link->set->platform) == 0;
}

struct cargo *cargo_read(const struct link *link, const json_t *item)
{
    struct rules_way way;
    char peer[BB_IDENTITY_MAX + 1], platform[RULES_NAME_SIZE];
    const char *topic = json_string_value(json_object_get(item, "topic"));
    const char *sender = json_string_value(json_object_get(item, "sender"));
    const char *headers = json_string_value(json_object_get(item, "headers"));
    const char *message = json_string_value(json_object_get(item, "message"));
    json_int_t incarnation = json_integer_value(json_object_get(item, "incarnation"));
    json_int_t number = json_integer_value(json_object_get(item, "number"));
    if (topic == NULL || sender == NULL || headers == NULL || message == NULL || incarnation < 1 ||
        number < 0 || !is_from(link, json_object_get(item, "way"), &way) ||
        !rules_split(sender, peer, sizeof peer, platform) || strcmp(platform, way.names[0]) != 0)
        return NULL;
    struct cargo *cargo = queue_cargo(topic, sender, headers, message);
    snprintf(cargo->origin, sizeof cargo->origin, "%s", platform);
    cargo->incarnation = (uint64_t)incarnation;
    cargo->number = (uint64_t)number;
    cargo->way = way;
    return cargo;
}

/* True when a member called ORIGIN may stand in the headers, in whatever spelling. */
static bool says_origin(const char *headers)
{
    return strstr(headers, ORIGIN) != NULL || strstr(headers, "\\u") != NULL;
}

/* Of two members with one name the last counts, so that one that was there before says nothing. */
char *cargo_headers(const struct cargo *cargo, bool origin)
{
    size_t size = strlen(cargo->headers);
    char more[96] = "";
    if (size < 2 || cargo->headers[0] != '{' || cargo->headers[size - 1] != '}')
        return NULL;
    if (origin && cargo->number > 0)
        snprintf(more, sizeof more, ",\"" ORIGIN "\":[%llu,%llu]", (unsigned long long)cargo->number,
                 (unsigned long long)cargo->incarnation);
    else if (says_origin(cargo->headers))
        snprintf(more, sizeof more, ",\"" ORIGIN "\":null");
    json_t *list = way_json(&cargo->way);
    char *text = NULL, *way = json_dumps(list, JSON_COMPACT);
    bool empty = strspn(cargo->headers + 1, " \t\r\n") == size - 2;
    CHECK(way != NULL && asprintf(&text, "%.*s%s\"" VIA "\":%s%s}", (int)size - 1, cargo->headers,
                                  empty ? "" : ",", way, more) > 0);
    free(way);
    json_decref(list);
    return text;
}

bool cargo_trace(const char *headers, size_t hops, struct rules_way *way_out, uint64_t *offset_out,
                 int64_t *time_ms_out)
{
    json_t *root = json_loads(headers, 0, NULL);
    const json_t *origin = json_object_get(root, ORIGIN);
    json_int_t offset = json_integer_value(json_array_get(origin, 0));
    json_int_t time_ms = json_integer_value(json_array_get(origin, 1));
    bool known = offset > 0 && time_ms > 0;
    bool found = read_way(json_object_get(root, VIA), hops, way_out);
    *offset_out = known ? (uint64_t)offset : 0;
    *time_ms_out = known ? time_ms : 0;
    json_decref(root);
    return found;
}
