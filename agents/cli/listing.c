#include "agents/cli/listing.h"

#include "agents/cli/amount.h"
#include "agents/views/stamp.h"

#include <busbar/check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

bool listing_int(const json_t *object, const char *member, int64_t *out)
{
    const json_t *value = json_object_get(object, member);
    const char *text = json_string_value(value);
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    if (text == NULL || *text == '\0' || *text == ' ')
        return false;
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (*end != '\0' || errno != 0)
        return false;
    *out = number;
    return true;
}

bool listing_uint(const json_t *object, const char *member, uint64_t *out)
{
    const json_t *value = json_object_get(object, member);
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *out = (uint64_t)json_integer_value(value);
        return true;
    }
    const char *text = json_string_value(value);
    return text != NULL && amount_uint_parse(text, out) == BB_OK;
}

/* The kinds that are unsigned numbers. */
static void put_unsigned(uint64_t value, enum listing_kind kind, enum format format, char *text)
{
    if (kind == LISTING_ORDER)
        amount_order_format(value, text);
    else if (kind == LISTING_COUNT || format != FORMAT_PEOPLE)
        snprintf(text, LISTING_TEXT_MAX, "%" PRIu64, value);
    else if (value > 0 && value < (uint64_t)INT64_MAX / 1000)
        stamp_format((int64_t)value * 1000, text);
}

/* C0, DEL, and C1 in its two bytes of UTF-8 (0xc2, 0x80 … 0x9f). */
static void blank_controls(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        bool c1 = at[0] == 0xc2 && at[1] >= 0x80 && at[1] <= 0x9f;
        if (*at < 0x20 || *at == 0x7f || c1)
            *at = '?';
        if (c1)
            at[1] = '?';
    }
}

static void put_text(const char *value, enum listing_kind kind, enum format format, char *text)
{
    /* Ten bytes of a hash tell any two apart that people will look at side by side. */
    bool cut = kind == LISTING_HASH && format == FORMAT_PEOPLE && strlen(value) > 26;
    snprintf(text, LISTING_TEXT_MAX, "%.*s%s", cut ? 22 : LISTING_TEXT_MAX - 4, value, cut ? "…" : "");
    blank_controls(text);
}

char *listing_text(const json_t *object, const char *member, enum listing_kind kind, enum format format,
                   char *text)
{
    int64_t value;
    uint64_t number;
    *text = '\0';
    switch (kind) {
    case LISTING_TEXT:
    case LISTING_HASH:
        if (json_is_string(json_object_get(object, member)))
            put_text(json_string_value(json_object_get(object, member)), kind, format, text);
        break;
    case LISTING_YES:
        if (json_is_boolean(json_object_get(object, member)))
            snprintf(text, LISTING_TEXT_MAX, "%s",
                     json_is_true(json_object_get(object, member)) ? "yes"
                     : format == FORMAT_PEOPLE                     ? ""
                                                                   : "no");
        break;
    case LISTING_KWH:
        if (listing_int(object, member, &value))
            amount_format(value, AMOUNT_KWH, text);
        break;
    case LISTING_CENTS_PER_KWH:
        if (listing_int(object, member, &value))
            amount_format(value, AMOUNT_CENTS_PER_KWH, text);
        break;
    case LISTING_CENTS:
        if (listing_int(object, member, &value))
            amount_format(value, AMOUNT_CENTS, text);
        break;
    case LISTING_TIME_MS:
        if (listing_int(object, member, &value))
            stamp_format(value, text);
        break;
    case LISTING_COUNT:
    case LISTING_ORDER:
    case LISTING_INTERVAL:
        if (listing_uint(object, member, &number))
            put_unsigned(number, kind, format, text);
        break;
    }
    return text;
}

void listing_print(enum format format, const struct listing_column *columns, size_t count, const json_t *rows)
{
    struct table_column heads[TABLE_COLUMNS_MAX];
    char texts[TABLE_COLUMNS_MAX][LISTING_TEXT_MAX];
    const char *cells[TABLE_COLUMNS_MAX];
    CHECK(count <= TABLE_COLUMNS_MAX);
    for (size_t i = 0; i < count; i++) {
        bool left = columns[i].kind == LISTING_TEXT || columns[i].kind == LISTING_HASH ||
                    columns[i].kind == LISTING_TIME_MS || columns[i].kind == LISTING_INTERVAL ||
                    columns[i].kind == LISTING_YES;
        heads[i] = (struct table_column){columns[i].title, columns[i].key, !left};
    }
    struct table table = table_of(heads, count);
    for (size_t row = 0; row < json_array_size(rows); row++) {
        for (size_t i = 0; i < count; i++)
            cells[i] =
                listing_text(json_array_get(rows, row), columns[i].member, columns[i].kind, format, texts[i]);
        table_add(&table, cells);
    }
    format_table(format, &table);
    table_free(&table);
}
