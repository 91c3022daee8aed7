#include "agents/historian/aggregate.h"

#include <stdlib.h>
#include <strings.h>

#define SECOND INT64_C(1000000)

const int64_t AGGREGATE_PERIOD_US[AGGREGATE_PERIODS] = {60 * SECOND, 900 * SECOND, 3600 * SECOND,
                                                        86400 * SECOND};
static const char *const PERIOD_WORDS[AGGREGATE_PERIODS] = {"1m", "15m", "1h", "1d"};
static const char *const KIND_WORDS[AGGREGATE_KINDS] = {"avg", "min", "max", "sum", "count", "first", "last"};

int64_t aggregate_start(int64_t us, int64_t period_us)
{
    return us - us % period_us;
}

bool aggregate_number(const struct value *value, double *out)
{
    if (value->kind == VALUE_TEXT)
        return false;
    *out = value->kind == VALUE_REAL ? value->real : (double)value->integer;
    return true;
}

void aggregate_add(struct aggregate *a, double number)
{
    if (a->count++ == 0)
        a->min = a->max = a->first = number;
    a->sum += number;
    a->last = number;
    if (number < a->min)
        a->min = number;
    if (number > a->max)
        a->max = number;
}

double aggregate_of(const struct aggregate *a, enum aggregate_kind kind)
{
    switch (kind) {
    case AGGREGATE_AVG:
        return a->sum / (double)a->count;
    case AGGREGATE_MIN:
        return a->min;
    case AGGREGATE_MAX:
        return a->max;
    case AGGREGATE_SUM:
        return a->sum;
    case AGGREGATE_COUNT:
        return (double)a->count;
    case AGGREGATE_FIRST:
        return a->first;
    case AGGREGATE_LAST:
    case AGGREGATE_KINDS:
        break;
    }
    return a->last;
}

bool aggregate_kind_parse(const char *text, enum aggregate_kind *out)
{
    for (int i = 0; i < AGGREGATE_KINDS; i++)
        if (strcasecmp(text, KIND_WORDS[i]) == 0) {
            *out = (enum aggregate_kind)i;
            return true;
        }
    *out = AGGREGATE_AVG;
    return strcasecmp(text, "average") == 0 || strcasecmp(text, "mean") == 0;
}

const char *aggregate_kind_word(enum aggregate_kind kind)
{
    return KIND_WORDS[kind];
}

bool aggregate_span_parse(const char *text, int64_t *us_out)
{
    static const struct {
        const char *word;
        int64_t seconds;
    } units[] = {{"s", 1},       {"sec", 1},   {"m", 60},      {"min", 60},   {"minute", 60},  {"h", 3600},
                 {"hour", 3600}, {"d", 86400}, {"day", 86400}, {"w", 604800}, {"week", 604800}};
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long count = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        uint64_t seconds;
        if (strcasecmp(end, units[i].word) != 0)
            continue;
        if (__builtin_mul_overflow(count, (uint64_t)units[i].seconds, &seconds) || seconds < 1 ||
            seconds > UINT64_C(36525) * 86400)
            return false;
        *us_out = (int64_t)seconds * SECOND;
        return true;
    }
    return false;
}

int aggregate_period_index(int64_t period_us)
{
    for (int i = 0; i < AGGREGATE_PERIODS; i++)
        if (AGGREGATE_PERIOD_US[i] == period_us)
            return i;
    return -1;
}

const char *aggregate_period_word(int index)
{
    return PERIOD_WORDS[index];
}
