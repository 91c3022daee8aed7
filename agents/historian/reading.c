#include "agents/historian/reading.h"

#include "agents/historian/iso.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* A message under way. */
struct extraction {
    reading_emit *emit;
    void *context;
    struct reading_outcome outcome;
    int64_t time_us;
    char series[READING_SERIES_MAX + 1];
    size_t base; /* of the series' name: what all points of the message share, with the last slash */
};

static bool starts(const char *text, const char *beginning)
{
    return strncmp(text, beginning, strlen(beginning)) == 0;
}

/* The point's name behind the base; 0: it does not fit. */
static size_t name_point(struct extraction *x, const char *point)
{
    size_t size = strlen(point);
    if (size == 0 || x->base + size > READING_SERIES_MAX)
        return 0;
    memcpy(x->series + x->base, point, size);
    return x->base + size;
}

static bool value_of(const json_t *json, size_t text_max, struct value *out)
{
    *out = (struct value){.kind = VALUE_INTEGER};
    if (json_is_integer(json)) {
        out->integer = json_integer_value(json);
    } else if (json_is_real(json)) {
        out->kind = VALUE_REAL;
        out->real = json_real_value(json);
    } else if (json_is_boolean(json)) {
        out->kind = VALUE_BOOLEAN;
        out->integer = json_is_true(json);
    } else if (json_is_string(json)) {
        out->kind = VALUE_TEXT;
        out->text = (struct bytes){(const uint8_t *)json_string_value(json), json_string_length(json)};
    } else {
        return false;
    }
    return out->kind == VALUE_REAL ? isfinite(out->real) : out->text.size <= text_max;
}

static void put(struct extraction *x, size_t series_size, int64_t time_us, const struct value *value,
                const char *meta)
{
    size_t meta_size = meta == NULL ? 0 : strlen(meta);
    if (series_size == 0 || x->outcome.readings == READINGS_MAX) {
        x->outcome.left_out++;
        return;
    }
    const struct reading reading = {
        .series = {(const uint8_t *)x->series, series_size},
        .meta = {(const uint8_t *)meta, meta_size <= READING_META_MAX ? meta_size : 0},
        .time_us = time_us,
        .value = *value};
    x->outcome.readings++;
    x->emit(x->context, &reading);
}

static void put_json(struct extraction *x, size_t series_size, int64_t time_us, const json_t *json,
                     const char *meta)
{
    struct value value;
    if (value_of(json, READING_TEXT_MAX, &value))
        put(x, series_size, time_us, &value, meta);
    else
        x->outcome.left_out++;
}

/* {"point":value,…}, with what `about` (may be NULL) says of each. */
static void put_points(struct extraction *x, const json_t *points, const json_t *about)
{
    const char *point;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)points, point, value)
    {
        const json_t *meta = json_object_get(about, point);
        char *text = json_is_object(meta) ? json_dumps(meta, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
        put_json(x, name_point(x, point), x->time_us, value, text);
        free(text);
    }
}

/* -- VOLTTRON's shapes ---------------------------------------------------------------------------------- */

static void take_device(struct extraction *x, const json_t *message)
{
    const json_t *points = json_is_array(message) ? json_array_get(message, 0) : message;
    const json_t *about = json_is_array(message) ? json_array_get(message, 1) : NULL;
    if (!json_is_object(points))
        x->outcome.fault = "neither [{point: value}, {point: metadata}] nor {point: value}";
    else
        put_points(x, points, about);
}

/* One [time, value] of a logger's list. */
static void put_logged(struct extraction *x, size_t series_size, const json_t *pair, const char *meta)
{
    const char *time = json_string_value(json_array_get(pair, 0));
    int64_t time_us = 0;
    if (json_array_size(pair) == 2 && time != NULL && iso_parse(time, &time_us))
        put_json(x, series_size, time_us, json_array_get(pair, 1), meta);
    else
        x->outcome.left_out++;
}

static char *logger_meta(const json_t *item)
{
    json_t *meta = json_object();
    const json_t *units = json_object_get(item, "Units"), *type = json_object_get(item, "data_type"),
                 *tz = json_object_get(item, "tz");
    if (json_is_string(units))
        json_object_set(meta, "units", (json_t *)(uintptr_t)units);
    if (json_is_string(type))
        json_object_set(meta, "type", (json_t *)(uintptr_t)type);
    if (json_is_string(tz))
        json_object_set(meta, "tz", (json_t *)(uintptr_t)tz);
    char *text = json_dumps(meta, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(meta);
    return text;
}

static void take_log(struct extraction *x, const json_t *message)
{
    const char *point;
    json_t *item;
    size_t i;
    if (!json_is_object(message)) {
        x->outcome.fault = "no {point: {\"Readings\": …}}";
        return;
    }
    json_object_foreach((json_t *)(uintptr_t)message, point, item)
    {
        const json_t *readings = json_object_get(item, "Readings");
        size_t size = name_point(x, point);
        const json_t *pair;
        char *meta = logger_meta(item);
        if (readings == NULL)
            x->outcome.left_out++;
        else if (!json_is_array(readings))
            put_json(x, size, x->time_us, readings, meta);
        else
            json_array_foreach(readings, i, pair) put_logged(x, size, pair, meta);
        free(meta);
    }
}

static void take_record(struct extraction *x, const char *message)
{
    const struct value value = {.kind = VALUE_TEXT, .text = bytes_of(message)};
    if (value.text.size > READING_RECORD_MAX)
        x->outcome.fault = "a record longer than 64 KiB";
    else
        put(x, x->base, x->time_us, &value, NULL);
}

/* -- the message ---------------------------------------------------------------------------------------- */

static void find_time(struct extraction *x, const struct reading_source *source)
{
    json_t *headers = json_loads(source->headers, 0, NULL);
    const json_t *time = json_object_get(headers, "TimeStamp");
    x->time_us = source->arrival_us;
    if (time == NULL)
        time = json_object_get(headers, "Date");
    if (time != NULL)
        x->outcome.undated = !json_is_string(time) || !iso_parse(json_string_value(time), &x->time_us);
    json_decref(headers);
}

/* Makes `text` the base of the names; false: it is empty, too long or no UTF-8. */
static bool set_base(struct extraction *x, const char *text, size_t size, bool slash)
{
    if (size == 0 || size + slash > READING_SERIES_MAX)
        return false;
    json_t *utf8 = json_stringn(text, size);
    json_decref(utf8);
    if (utf8 == NULL)
        return false;
    memcpy(x->series, text, size);
    if (slash)
        x->series[size] = '/';
    x->base = size + slash;
    return true;
}

/* devices/a/b/all → a/b/. */
static bool device_base(struct extraction *x, const char *topic, bool needs_all)
{
    const char *from = strchr(topic, '/') + 1;
    size_t size = strlen(from);
    bool all = size >= 4 && strcmp(from + size - 4, "/all") == 0;
    if (all)
        size -= 4;
    else if (needs_all) {
        x->outcome.skipped = true;
        return false;
    }
    while (size > 0 && from[size - 1] == '/')
        size--;
    if (!set_base(x, from, size, true))
        x->outcome.fault = "a topic without a device";
    return x->outcome.fault == NULL;
}

static void take(struct extraction *x, const struct reading_source *source, const json_t *message)
{
    const char *topic = source->topic;
    bool device = starts(topic, "devices/"), analysis = starts(topic, "analysis/");
    if (device || analysis) {
        if (device_base(x, topic, device))
            take_device(x, message);
        return;
    }
    bool record = starts(topic, "record/");
    bool fields = !record && (json_is_object(message) || starts(topic, "datalogger/"));
    if (!set_base(x, topic, strlen(topic), fields))
        x->outcome.fault = "a topic that is empty, too long or no UTF-8";
    else if (record)
        take_record(x, source->message);
    else if (starts(topic, "datalogger/"))
        take_log(x, message);
    else if (fields)
        put_points(x, message, NULL);
    else if (json_is_array(message))
        x->outcome.fault = "a list, of which nothing is known";
    else
        put_json(x, x->base, x->time_us, message, NULL);
}

struct reading_outcome reading_extract(const struct reading_source *source, reading_emit *emit, void *context)
{
    struct extraction x = {.emit = emit, .context = context};
    json_t *message = json_loads(source->message, JSON_DECODE_ANY, NULL);
    if (message == NULL) {
        x.outcome.fault = "no JSON, a number beyond all range, or nested too deeply";
        return x.outcome;
    }
    find_time(&x, source);
    take(&x, source, message);
    json_decref(message);
    return x.outcome;
}
