#include "bus/configs/csv_text.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* The text on its way; `field` has room for all of it. */
struct csv {
    const char *at;
    char *field;
    size_t size;
    bool unended; /* the text between quotes does not end */
};

/* Takes a text between quotes, behind the first one, where two quotes stand for one. */
static void take_quoted(struct csv *csv)
{
    while (*csv->at != '\0' && (*csv->at != '"' || csv->at[1] == '"')) {
        csv->at += *csv->at == '"' ? 1 : 0;
        csv->field[csv->size++] = *csv->at++;
    }
    csv->unended = *csv->at == '\0';
    csv->at += csv->unended ? 0 : 1;
}

/* Takes one field up to the comma or the end of the row; NULL: not UTF-8. */
static json_t *take_field(struct csv *csv)
{
    csv->size = 0;
    if (*csv->at == '"') {
        csv->at++;
        take_quoted(csv);
    }
    while (*csv->at != '\0' && strchr(",\r\n", *csv->at) == NULL)
        csv->field[csv->size++] = *csv->at++;
    return json_stringn(csv->field, csv->size);
}

/* Takes one row as a list of texts, empty for an empty one; NULL: not UTF-8, or not ended. */
static json_t *take_row(struct csv *csv)
{
    json_t *row = json_array();
    bool more = *csv->at != '\r' && *csv->at != '\n';
    while (more) {
        if (json_array_append_new(row, take_field(csv)) != 0 || csv->unended) {
            json_decref(row);
            return NULL;
        }
        more = *csv->at == ',';
        csv->at += more ? 1 : 0;
    }
    csv->at += *csv->at == '\r' ? 1 : 0;
    csv->at += *csv->at == '\n' ? 1 : 0;
    return row;
}

static json_t *named(json_t *names, json_t *row)
{
    json_t *object = json_object();
    size_t i, count = json_array_size(names);
    json_t *name;
    json_array_foreach(names, i, name)
    {
        json_t *value = json_array_get(row, i);
        json_object_set_new(object, json_string_value(name),
                            value == NULL ? json_null() : json_incref(value));
    }
    json_t *rest = json_array();
    for (i = count; i < json_array_size(row); i++)
        json_array_append(rest, json_array_get(row, i));
    if (json_array_size(rest) > 0)
        json_object_set(object, "null", rest);
    json_decref(rest);
    return object;
}

enum status csv_text_parse(const char *text, json_t **out, struct bb_reason *reason)
{
    struct csv csv = {text, malloc(strlen(text) + 1), 0, false};
    json_t *names = NULL, *row = NULL, *rows = json_array();
    size_t number = 0;
    enum status status = csv.field == NULL ? BB_FULL : BB_OK;
    while (status == BB_OK && *csv.at != '\0') {
        number++;
        row = take_row(&csv);
        if (row == NULL) {
            bb_reason_say(reason, "row %zu: %s", number,
                          csv.unended ? "a text between quotes does not end" : "the text is not UTF-8");
            status = BB_MALFORMED;
        } else if (json_array_size(row) > 0 && names == NULL) {
            names = json_incref(row);
        } else if (json_array_size(row) > 0) {
            json_array_append_new(rows, named(names, row));
        }
        json_decref(row);
    }
    if (status == BB_OK && names == NULL) {
        bb_reason_say(reason, "there is no first row with the names");
        status = BB_MALFORMED;
    }
    if (status == BB_OK)
        *out = json_incref(rows);
    free(csv.field);
    json_decref(names);
    json_decref(rows);
    return status;
}
