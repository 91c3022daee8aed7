#include "agents/mqtt/map.h"

#include <stdio.h>
#include <string.h>

#define ARROW "=>"

/* A word of the line, between blanks; empty at its end. */
static struct bytes next_word(const char **at)
{
    *at += strspn(*at, " \t");
    struct bytes word = {(const uint8_t *)*at, strcspn(*at, " \t")};
    *at += word.size;
    return word;
}

static bool word_is(struct bytes word, const char *text)
{
    return bytes_equal(word, bytes_of(text));
}

static enum status complain(struct bb_reason *reason, const char *line, enum status status, const char *what)
{
    bb_reason_say(reason, "\"%.200s\": %s", line, what);
    return status;
}

/* The words on one side of the arrow: at most one. */
static enum status take_prefix(const char *line, struct bytes word, bool *given, char *prefix, size_t *size,
                               struct bb_reason *reason)
{
    if (*given)
        return complain(reason, line, BB_MALFORMED,
                        "one beginning of topics on each side of =>, without blanks, then options");
    if (word.size > MAP_PREFIX_MAX || (word.size > 0 && topic_check_bus(word) != TOPIC_FINE))
        return complain(reason, line, BB_RANGE,
                        "a beginning of topics is UTF-8, without control characters, at most 512 bytes");
    memcpy(prefix, word.data, word.size);
    prefix[word.size] = '\0';
    *size = word.size;
    *given = true;
    return BB_OK;
}

struct option {
    const char *word;
    size_t offset;
    int value;
    enum { SETS_QOS, SETS_FORM, SETS_FLAG } sets;
    bool to_mqtt, to_bus;
};

static const struct option options[] = {
    {"qos0", 0, 0, SETS_QOS, true, true},
    {"qos1", 0, 1, SETS_QOS, true, true},
    {"message", 0, MAP_MESSAGE, SETS_FORM, true, true},
    {"envelope", 0, MAP_ENVELOPE, SETS_FORM, true, true},
    {"plain", 0, MAP_PLAIN, SETS_FORM, true, false},
    {"exact", offsetof(struct map, exact), 1, SETS_FLAG, true, true},
    {"retain", offsetof(struct map, retain), 1, SETS_FLAG, true, false},
    {"fresh", offsetof(struct map, fresh), 1, SETS_FLAG, false, true},
};

static bool take_option(struct bytes word, struct map *map)
{
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        const struct option *o = &options[i];
        if (!word_is(word, o->word) || !(map->way == MAP_TO_MQTT ? o->to_mqtt : o->to_bus))
            continue;
        if (o->sets == SETS_QOS)
            map->qos = (uint8_t)o->value;
        else if (o->sets == SETS_FORM)
            map->form = (enum map_form)o->value;
        else
            *(bool *)((char *)map + o->offset) = true;
        return true;
    }
    return false;
}

/* The MQTT side's own rules for a beginning, or for a whole topic when `exact`. */
static const char *mqtt_fault(const struct map *map)
{
    bool reads = map->way == MAP_TO_BUS;
    const char *prefix = reads ? map->from : map->to;
    size_t size = reads ? map->from_size : map->to_size;
    if (strpbrk(prefix, "+#") != NULL)
        return "+ and # have no place in it: a beginning of topics takes all below it";
    if (prefix[0] == '$' && !(reads && strncmp(prefix, "$SYS/", 5) == 0))
        return "MQTT topics that begin with $ belong to the broker (only $SYS/ may be read)";
    if (reads && !map->exact && size > 0 && prefix[size - 1] != '/')
        return "a beginning of MQTT topics ends with / (or say exact for this one topic)";
    return NULL;
}

static const char *fault_of(const struct map *map, bool arrow)
{
    if (!arrow)
        return "expected FROM => TO";
    if (map->exact && (map->from_size == 0 || map->to_size == 0))
        return "exact wants a topic on both sides";
    return mqtt_fault(map);
}

enum status map_parse(enum map_way way, const char *line, struct bb_reason *reason, struct map *out)
{
    struct map map = {.way = way};
    bool arrow = false, from = false, to = false;
    enum status status = BB_OK;
    const char *at = line;
    for (struct bytes word = next_word(&at); word.size > 0 && status == BB_OK; word = next_word(&at)) {
        if (!arrow && word_is(word, ARROW))
            arrow = true;
        else if (!arrow)
            status = take_prefix(line, word, &from, map.from, &map.from_size, reason);
        else if (!take_option(word, &map))
            status = take_prefix(line, word, &to, map.to, &map.to_size, reason);
    }
    if (status != BB_OK)
        return status;
    const char *fault = fault_of(&map, arrow);
    if (fault != NULL)
        return complain(reason, line, BB_MALFORMED, fault);
    *out = map;
    return BB_OK;
}

void map_format(const struct map *map, char *text_out)
{
    static const char *const forms[] = {"message", "envelope", "plain"};
    snprintf(text_out, MAP_TEXT_MAX, "%s%s=>%s%s qos%u %s%s%s%s", map->from, map->from_size > 0 ? " " : "",
             map->to_size > 0 ? " " : "", map->to, map->qos, forms[map->form], map->exact ? " exact" : "",
             map->retain ? " retain" : "", map->fresh ? " fresh" : "");
}

static bool begins(struct bytes topic, const char *prefix, size_t size)
{
    return topic.size >= size && memcmp(topic.data, prefix, size) == 0;
}

static bool takes(const struct map *map, struct bytes topic)
{
    if (!begins(topic, map->from, map->from_size))
        return false;
    /* A filter of MQTT that begins with a wildcard leaves out what begins with $. */
    if (map->way == MAP_TO_BUS && map->from_size == 0 && topic.size > 0 && topic.data[0] == '$')
        return false;
    return !map->exact || topic.size == map->from_size;
}

const struct map *map_find(const struct map *maps, size_t count, struct bytes topic)
{
    const struct map *best = NULL;
    for (size_t i = 0; i < count; i++) {
        const struct map *map = &maps[i];
        bool better = best == NULL || map->from_size > best->from_size ||
                      (map->from_size == best->from_size && map->exact && !best->exact);
        if (better && takes(map, topic))
            best = map;
    }
    return best;
}

enum topic_fault map_translate(const struct map *map, struct bytes topic, char *topic_out)
{
    uint8_t text[MAP_PREFIX_MAX + TOPIC_MAX];
    size_t rest = topic.size - map->from_size;
    if (topic.size > TOPIC_MAX)
        return TOPIC_LONG;
    memcpy(text, map->to, map->to_size);
    memcpy(text + map->to_size, topic.data + map->from_size, rest);
    struct bytes whole = {text, map->to_size + rest};
    enum topic_fault fault = map->way == MAP_TO_MQTT ? topic_check_mqtt(whole) : topic_check_bus(whole);
    if (fault != TOPIC_FINE)
        return fault;
    memcpy(topic_out, text, whole.size);
    topic_out[whole.size] = '\0';
    return TOPIC_FINE;
}

bool map_covers(const struct map *wide, const struct map *narrow)
{
    struct bytes from = {(const uint8_t *)narrow->from, narrow->from_size};
    if (wide->exact)
        return narrow->exact && strcmp(wide->from, narrow->from) == 0;
    /* a/# brings a, too. */
    if (narrow->exact && from.size + 1 == wide->from_size && memcmp(wide->from, narrow->from, from.size) == 0)
        return wide->from[from.size] == '/';
    return takes(wide, from);
}

bool map_listens(const struct map *maps, size_t count, size_t at)
{
    struct bytes from = {(const uint8_t *)maps[at].from, maps[at].from_size};
    for (size_t i = 0; i < count; i++)
        if (i != at && begins(from, maps[i].from, maps[i].from_size) &&
            (maps[i].from_size < from.size || i < at))
            return false;
    return true;
}

bool map_subscribes(const struct map *maps, size_t count, size_t at, uint8_t *qos_out)
{
    uint8_t qos = maps[at].qos;
    for (size_t i = 0; i < count; i++) {
        /* Of two that cover each other the first one subscribes. */
        if (i != at && map_covers(&maps[i], &maps[at]) && !(i > at && map_covers(&maps[at], &maps[i])))
            return false;
        if (map_covers(&maps[at], &maps[i]) && maps[i].qos > qos)
            qos = maps[i].qos;
    }
    *qos_out = qos;
    return true;
}

void map_filter(const struct map *map, char *filter_out)
{
    snprintf(filter_out, MAP_PREFIX_MAX + 2, "%s%s", map->from, map->exact ? "" : "#");
}

bool map_meet(const struct map *out, const struct map *in)
{
    size_t shared = out->to_size < in->from_size ? out->to_size : in->from_size;
    if (memcmp(out->to, in->from, shared) != 0)
        return false;
    if (out->exact && out->to_size < in->from_size)
        return false;
    return !(in->exact && in->from_size < out->to_size);
}
