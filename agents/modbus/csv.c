#include "agents/modbus/csv.h"

#include <stdbool.h>
#include <string.h>

void csv_begin(struct csv *csv, const char *text)
{
    csv->at = strncmp(text, "\xef\xbb\xbf", 3) == 0 ? text + 3 : text;
    csv->line = csv->row_line = 1;
    csv->count = 0;
}

static void trim(char *text)
{
    size_t start = strspn(text, " \t"), size = strlen(text);
    while (size > start && (text[size - 1] == ' ' || text[size - 1] == '\t'))
        size--;
    memmove(text, text + start, size - start);
    text[size - start] = '\0';
}

/* Takes one field up to its comma or the end of its row. */
static enum status take_field(struct csv *csv, char *field, struct bb_reason *reason)
{
    size_t size = 0;
    int began = csv->line;
    bool quoted = *csv->at == '"';
    csv->at += quoted ? 1 : 0;
    while (*csv->at != '\0' && (quoted || strchr(",\r\n", *csv->at) == NULL)) {
        if (quoted && *csv->at == '"' && csv->at[1] != '"') {
            quoted = false;
            csv->at++;
            continue;
        }
        csv->at += quoted && *csv->at == '"' ? 1 : 0;
        csv->line += *csv->at == '\n' ? 1 : 0;
        if (size == CSV_FIELD_MAX) {
            bb_reason_say(reason, "%d: a field is longer than %d bytes", began, CSV_FIELD_MAX);
            return BB_FULL;
        }
        field[size++] = *csv->at++;
    }
    if (quoted) {
        bb_reason_say(reason, "%d: a text between quotes does not end", began);
        return BB_MALFORMED;
    }
    field[size] = '\0';
    trim(field);
    return BB_OK;
}

static enum status take_row(struct csv *csv, struct bb_reason *reason)
{
    enum status status = BB_OK;
    bool more = true;
    csv->row_line = csv->line;
    csv->count = 0;
    while (more && status == BB_OK) {
        if (csv->count == CSV_FIELDS_MAX) {
            bb_reason_say(reason, "%d: more than %d fields", csv->row_line, CSV_FIELDS_MAX);
            return BB_FULL;
        }
        status = take_field(csv, csv->field[csv->count], reason);
        csv->count++;
        more = *csv->at == ',';
        csv->at += more ? 1 : 0;
    }
    csv->at += *csv->at == '\r' ? 1 : 0;
    csv->line += *csv->at == '\n' ? 1 : 0;
    csv->at += *csv->at == '\n' ? 1 : 0;
    return status;
}

static bool is_empty(const struct csv *csv)
{
    for (size_t i = 0; i < csv->count; i++)
        if (csv->field[i][0] != '\0')
            return false;
    return true;
}

enum status csv_next(struct csv *csv, struct bb_reason *reason)
{
    while (*csv->at != '\0') {
        enum status status = take_row(csv, reason);
        if (status != BB_OK || !is_empty(csv))
            return status;
    }
    return BB_CLOSED;
}
