/* Readings out of a message of the bus: which series, when, what. Pure: the arrival is given, nothing is
 * kept.
 *
 * The shapes, by the beginning of the topic (Source: VOLTTRON, BaseHistorian):
 *   devices/a/b/all     [{"pt":v,…},{"pt":{"units":…,"tz":…,"type":…},…}] or {"pt":v,…} → a/b/pt; other
 *                       topics below devices/ say the same again and are skipped
 *   analysis/a/b[/all]  the same → a/b/pt
 *   datalogger/a        {"pt":{"Readings":v or [[time,v],…],"Units":…},…} → datalogger/a/pt
 *   record/a            anything → its JSON as text → record/a
 *   all others          {"field":v,…} → topic/field; a bare value → topic
 * A value is a number, true or false, or a text; null and what is nested deeper is left out. The time is the
 * header TimeStamp, else Date, else the arrival. */
#ifndef AGENTS_HISTORIAN_READING_H
#define AGENTS_HISTORIAN_READING_H

#include <busbar/bytes.h>
#include <busbar/limits.h>

/* The longest name of a series, without its NUL. */
#define READING_SERIES_MAX 1024
/* The longest text that is a value; record/ may have more. */
#define READING_TEXT_MAX   4096
#define READING_RECORD_MAX 65536
/* What is said of a series, as a JSON object. */
#define READING_META_MAX 1024
/* Readings of one message. */
#define READINGS_MAX 65536

enum value_kind { VALUE_INTEGER, VALUE_REAL, VALUE_BOOLEAN, VALUE_TEXT };

struct value {
    enum value_kind kind;
    int64_t integer;   /* VALUE_INTEGER; VALUE_BOOLEAN: 0 or 1 */
    double real;       /* VALUE_REAL: finite */
    struct bytes text; /* VALUE_TEXT: UTF-8 without NUL */
};

struct reading {
    struct bytes series; /* 1 … READING_SERIES_MAX bytes of UTF-8 */
    struct bytes meta;   /* a JSON object; empty: nothing is said */
    int64_t time_us;     /* since 1970 */
    struct value value;
};

struct reading_source {
    const char *topic, *headers, *message; /* JSON texts but for the topic */
    int64_t arrival_us;
};

/* What became of a message. */
struct reading_outcome {
    uint32_t readings;
    uint32_t left_out; /* values that are none, too long or too many */
    bool skipped;      /* a topic that repeats another */
    bool undated;      /* its time is no time: the arrival counts */
    const char *fault; /* NULL, or why nothing could be made of it */
};

/* Called for each reading, which is borrowed for the call. */
typedef void reading_emit(void *context, const struct reading *reading);

/* Calls `emit` for each reading of the message, in its order. */
struct reading_outcome reading_extract(const struct reading_source *source, reading_emit *emit,
                                       void *context);

#endif
