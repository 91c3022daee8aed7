#include "agents/modbus/registry.h"

#include "agents/modbus/csv.h"
#include "agents/modbus/format.h"
#include "agents/modbus/value.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum column {
    COLUMN_NAME,
    COLUMN_FORM,
    COLUMN_ADDRESS,
    COLUMN_UNITS,
    COLUMN_WRITABLE,
    COLUMN_PRESET,
    COLUMN_MIXED,
    COLUMN_TRANSFORM,
    COLUMN_TABLE,
    COLUMN_OTHER,
    COLUMNS = COLUMN_OTHER
};

static const struct {
    const char *name;
    enum column column;
} columns[] = {
    {"Volttron Point Name", COLUMN_NAME},
    {"Point Name", COLUMN_NAME},
    {"Modbus Register", COLUMN_FORM},
    {"Type", COLUMN_FORM},
    {"Point Address", COLUMN_ADDRESS},
    {"Address", COLUMN_ADDRESS},
    {"Units", COLUMN_UNITS},
    {"Writable", COLUMN_WRITABLE},
    {"Default Value", COLUMN_PRESET},
    {"Default", COLUMN_PRESET},
    {"Starting Value", COLUMN_PRESET},
    {"Mixed Endian", COLUMN_MIXED},
    {"Transform", COLUMN_TRANSFORM},
    {"Table", COLUMN_TABLE},
    {"Reference Point Name", COLUMN_OTHER},
    {"Register Name", COLUMN_OTHER},
    {"Units Details", COLUMN_OTHER},
    {"Unit Details", COLUMN_OTHER},
    {"Notes", COLUMN_OTHER},
    {"Description", COLUMN_OTHER},
    {"", COLUMN_OTHER},
};

static const struct {
    const char *word;
    enum point_table table;
} tables[] = {
    {"coils", TABLE_COIL},        {"discrete_output_coils", TABLE_COIL},
    {"discrete", TABLE_DISCRETE}, {"discrete_input_contacts", TABLE_DISCRETE},
    {"input", TABLE_INPUT},       {"analog_input_registers", TABLE_INPUT},
    {"holding", TABLE_HOLDING},   {"analog_output_holding_registers", TABLE_HOLDING},
};

/* A registry on its way. */
struct reading {
    struct csv csv;
    int place[COLUMNS]; /* of a column in the row; -1: there is none */
    struct points points;
    size_t capacity;
    char (*powers)[POINT_NAME_MAX + 1]; /* the name that scale_reg_pow_10 gave, beside each point */
    struct bb_reason *reason;
};

static const char *field(const struct reading *r, enum column column)
{
    int place = r->place[column];
    return place < 0 || (size_t)place >= r->csv.count ? "" : r->csv.field[place];
}

#define REFUSE(r, status, ...) (bb_reason_say((r)->reason, "%d: " __VA_ARGS__), (status))

/* -- the first row ----------------------------------------------------------------------------------------
 */

static enum status read_name(struct reading *r, size_t place)
{
    const char *name = r->csv.field[place];
    if (name[0] == '#')
        return BB_OK;
    for (size_t i = 0; i < sizeof columns / sizeof *columns; i++) {
        if (strcasecmp(name, columns[i].name) != 0)
            continue;
        if (columns[i].column == COLUMN_OTHER)
            return BB_OK;
        if (r->place[columns[i].column] >= 0)
            return REFUSE(r, BB_MALFORMED, "the column \"%.100s\" says what another one says already",
                          r->csv.row_line, name);
        r->place[columns[i].column] = (int)place;
        return BB_OK;
    }
    return REFUSE(r, BB_MALFORMED, "no column is called \"%.100s\"; what is for people begins with #",
                  r->csv.row_line, name);
}

static enum status read_names(struct reading *r)
{
    static const char *const needed[] = {"Volttron Point Name", "Modbus Register", "Point Address"};
    enum status status = csv_next(&r->csv, r->reason);
    for (size_t i = 0; i < COLUMNS; i++)
        r->place[i] = -1;
    if (status == BB_CLOSED)
        return bb_reason_say(r->reason, "1: there is no first row with the columns' names"), BB_MALFORMED;
    for (size_t i = 0; i < r->csv.count && status == BB_OK; i++)
        status = read_name(r, i);
    for (size_t i = 0; i < 3 && status == BB_OK; i++)
        if (r->place[COLUMN_NAME + i] < 0)
            status = REFUSE(r, BB_MALFORMED, "there is no column \"%s\"", r->csv.row_line, needed[i]);
    return status;
}

/* -- a point ----------------------------------------------------------------------------------------------
 */

static enum status read_texts(struct reading *r, struct point *p)
{
    const char *name = field(r, COLUMN_NAME), *units = field(r, COLUMN_UNITS);
    for (const char *at = name; *at != '\0'; at++)
        if ((unsigned char)*at < 0x20 || (unsigned char)*at > 0x7e)
            return REFUSE(r, BB_MALFORMED, "the name of a point is of ASCII's letters and signs", p->line);
    if (strlen(name) > POINT_NAME_MAX)
        return REFUSE(r, BB_RANGE, "the name of a point is longer than %d", p->line, POINT_NAME_MAX);
    if (strlen(units) > POINT_UNITS_MAX)
        return REFUSE(r, BB_RANGE, "units are longer than %d", p->line, POINT_UNITS_MAX);
    strncpy(p->name, name, POINT_NAME_MAX);
    strncpy(p->units, units, POINT_UNITS_MAX);
    return BB_OK;
}

static enum status read_switch(struct reading *r, enum column column, const char *what, int line, bool *out)
{
    const char *text = field(r, column);
    static const char *const on[] = {"true", "yes", "1"}, *const off[] = {"false", "no", "0", ""};
    for (size_t i = 0; i < 3; i++)
        if (strcasecmp(text, on[i]) == 0)
            return *out = true, BB_OK;
    for (size_t i = 0; i < 4; i++)
        if (strcasecmp(text, off[i]) == 0)
            return *out = false, BB_OK;
    return REFUSE(r, BB_MALFORMED, "%s is TRUE or FALSE, not \"%.60s\"", line, what, text);
}

static enum status read_table(struct reading *r, struct point *p)
{
    const char *text = field(r, COLUMN_TABLE);
    bool bit = p->kind == POINT_TRUTH;
    if (*text == '\0') {
        if (bit)
            p->table = p->writable ? TABLE_COIL : TABLE_DISCRETE;
        else
            p->table = p->writable ? TABLE_HOLDING : TABLE_INPUT;
        return BB_OK;
    }
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        if (strcasecmp(text, tables[i].word) != 0)
            continue;
        p->table = tables[i].table;
        if (bit != (p->table == TABLE_COIL || p->table == TABLE_DISCRETE))
            return REFUSE(r, BB_MALFORMED, "%s is no table of %s", p->line, text, bit ? "bits" : "registers");
        if (p->writable && p->table != TABLE_COIL && p->table != TABLE_HOLDING)
            return REFUSE(r, BB_MALFORMED, "what is in %s cannot be writable", p->line, text);
        return BB_OK;
    }
    return REFUSE(r, BB_MALFORMED, "a table is coils, discrete, input or holding, not \"%.60s\"", p->line,
                  text);
}

static enum status read_address(struct reading *r, struct point *p)
{
    const char *text = field(r, COLUMN_ADDRESS);
    char *end = NULL;
    bool hexadecimal = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
    long address = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, hexadecimal ? 16 : 10) : -1;
    if (address < 0 || *end != '\0' || end == text)
        return REFUSE(r, BB_MALFORMED, "an address is a number from 0, not \"%.60s\"", p->line, text);
    if (address > 65536 - p->count)
        return REFUSE(r, BB_RANGE, "\"%.60s\" reaches beyond register 65535", p->line, p->name);
    if (p->writable && p->count > WRITE_MAX)
        return REFUSE(r, BB_RANGE, "\"%.60s\" has more than %d registers: it cannot be written", p->line,
                      p->name, WRITE_MAX);
    p->address = (uint16_t)address;
    return BB_OK;
}

static enum status read_factor(struct reading *r, const char *text, struct point *p)
{
    struct decimal factor;
    if (decimal_read(text, &factor) != BB_OK || factor.digits == 0 || factor.digits > UINT64_C(1000000000) ||
        factor.exponent > 12 || factor.exponent < -12)
        return REFUSE(r, BB_RANGE, "\"%.60s\" is no factor of at most nine digits", p->line, text);
    if (p->kind == POINT_TRUTH || p->kind == POINT_TEXT)
        return REFUSE(r, BB_MALFORMED, "only a number can be scaled", p->line);
    p->factor = factor;
    return BB_OK;
}

static enum status read_transform(struct reading *r, struct point *p, char *power)
{
    static const char *const kinds[] = {"scale(", "scale_int(", "scale_reg_pow_10("};
    const char *text = field(r, COLUMN_TRANSFORM);
    size_t size = strlen(text);
    char inner[POINT_NAME_MAX + 1] = "";
    if (size == 0)
        return BB_OK;
    for (size_t i = 0; i < 3; i++) {
        size_t start = strlen(kinds[i]);
        if (strncmp(text, kinds[i], start) != 0 || text[size - 1] != ')' || size - start > POINT_NAME_MAX)
            continue;
        memcpy(inner, text + start, size - start - 1);
        if (i < 2)
            return read_factor(r, inner, p);
        if (p->kind == POINT_TRUTH || p->kind == POINT_TEXT)
            return REFUSE(r, BB_MALFORMED, "only a number can be scaled", p->line);
        memcpy(power, inner, sizeof inner);
        return BB_OK;
    }
    return REFUSE(r, BB_MALFORMED,
                  "\"%.60s\" is none of scale(0.1), scale_int(0.1) and scale_reg_pow_10(point)", p->line,
                  text);
}

static enum status read_preset(struct reading *r, struct point *p)
{
    const char *text = field(r, COLUMN_PRESET);
    struct value value;
    uint16_t registers[READ_MAX];
    struct bb_reason why = {""};
    if (*text == '\0')
        return BB_OK;
    if (strlen(text) > POINT_PRESET_MAX || value_read(p, text, &value) != BB_OK)
        return REFUSE(r, BB_MALFORMED, "\"%.60s\" is no value of \"%.60s\"", p->line, text, p->name);
    enum status status = value_encode(p, &value, 0, &why, registers);
    if (status != BB_OK)
        return REFUSE(r, status, "the default value: %.300s", p->line, why.text);
    p->has_preset = true;
    strncpy(p->preset, text, POINT_PRESET_MAX);
    return BB_OK;
}

static enum status read_form(struct reading *r, struct point *p)
{
    enum status status = format_read(field(r, COLUMN_FORM), p);
    if (status == BB_RANGE)
        return REFUSE(r, status, "\"%.60s\" does not fill whole registers, at most %d", p->line,
                      field(r, COLUMN_FORM), READ_MAX);
    if (status != BB_OK)
        return REFUSE(r, status, "\"%.60s\" is no form of a register: >f, >H, uint16, BOOL …", p->line,
                      field(r, COLUMN_FORM));
    return BB_OK;
}

static enum status read_point(struct reading *r, struct point *p, char *power)
{
    enum status status = read_texts(r, p);
    if (status == BB_OK)
        status = read_form(r, p);
    if (status == BB_OK)
        status = read_switch(r, COLUMN_WRITABLE, "Writable", p->line, &p->writable);
    if (status == BB_OK)
        status = read_switch(r, COLUMN_MIXED, "Mixed Endian", p->line, &p->mixed);
    if (status == BB_OK)
        status = read_table(r, p);
    if (status == BB_OK)
        status = read_address(r, p);
    if (status == BB_OK)
        status = read_transform(r, p, power);
    return status == BB_OK ? read_preset(r, p) : status;
}

/* -- all of it --------------------------------------------------------------------------------------------
 */

static enum status make_room(struct reading *r)
{
    if (r->points.count < r->capacity)
        return BB_OK;
    if (r->points.count == POINTS_MAX)
        return REFUSE(r, BB_FULL, "more than %d points", r->csv.row_line, POINTS_MAX);
    size_t capacity = r->capacity == 0 ? 64 : r->capacity * 2;
    struct point *list = realloc(r->points.list, capacity * sizeof *list);
    r->points.list = list == NULL ? r->points.list : list;
    char(*powers)[POINT_NAME_MAX + 1] = realloc(r->powers, capacity * sizeof *powers);
    r->powers = powers == NULL ? r->powers : powers;
    if (list == NULL || powers == NULL)
        return REFUSE(r, BB_FULL, "there is no memory for its points", r->csv.row_line);
    r->capacity = capacity;
    return BB_OK;
}

static enum status read_row(struct reading *r)
{
    if (*field(r, COLUMN_NAME) == '\0')
        return BB_OK;
    enum status status = make_room(r);
    if (status != BB_OK)
        return status;
    struct point *p = &r->points.list[r->points.count];
    *p = (struct point){.factor = {false, 1, 0}, .power_at = -1, .line = r->csv.row_line};
    memset(r->powers[r->points.count], 0, sizeof *r->powers);
    status = read_point(r, p, r->powers[r->points.count]);
    if (status != BB_OK)
        return status;
    int twin = registry_find(&r->points, p->name);
    if (twin >= 0)
        return REFUSE(r, BB_EXISTS, "\"%.60s\" stands in line %d already", p->line, p->name,
                      r->points.list[twin].line);
    r->points.count++;
    return BB_OK;
}

static enum status find_powers(struct reading *r)
{
    for (size_t i = 0; i < r->points.count; i++) {
        struct point *p = &r->points.list[i];
        if (r->powers[i][0] == '\0')
            continue;
        int at = registry_find(&r->points, r->powers[i]);
        if (at < 0 || r->points.list[at].kind != POINT_SIGNED || r->points.list[at].count != 1)
            return REFUSE(r, BB_NOT_FOUND, "\"%.60s\" is no point with a signed 16-bit power of ten", p->line,
                          r->powers[i]);
        p->power_at = at;
        r->points.list[at].hidden = true;
    }
    return BB_OK;
}

int registry_find(const struct points *points, const char *name)
{
    for (size_t i = 0; i < points->count; i++)
        if (strcmp(points->list[i].name, name) == 0)
            return (int)i;
    return -1;
}

enum status registry_read(const char *text, struct bb_reason *reason, struct points *points_out)
{
    struct reading *r = calloc(1, sizeof *r);
    if (r == NULL)
        return BB_FULL;
    r->reason = reason;
    csv_begin(&r->csv, text);
    enum status status = read_names(r);
    while (status == BB_OK) {
        status = csv_next(&r->csv, reason);
        if (status == BB_OK)
            status = read_row(r);
    }
    if (status == BB_CLOSED)
        status = find_powers(r);
    if (status == BB_OK && r->points.count == 0) {
        bb_reason_say(reason, "%d: there is no point", r->csv.line);
        status = BB_MALFORMED;
    }
    if (status == BB_OK)
        *points_out = r->points;
    else
        free(r->points.list);
    free(r->powers);
    free(r);
    return status;
}

/* The text of a file, malloc'd. */
static enum status load(const char *path, struct bb_reason *reason, char **out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        bb_reason_say(reason, "%.300s: %s", path, strerror(errno));
        return errno == ENOENT ? BB_NOT_FOUND : BB_IO;
    }
    char *text = malloc(REGISTRY_BYTES_MAX + 2);
    size_t size = 0;
    ssize_t got = text == NULL ? -1 : 1;
    while (got > 0 && size <= REGISTRY_BYTES_MAX) {
        got = read(fd, text + size, REGISTRY_BYTES_MAX + 1 - size);
        size += got > 0 ? (size_t)got : 0;
    }
    close(fd);
    bool whole = got == 0 && memchr(text, '\0', size) == NULL;
    if (!whole) {
        bb_reason_say(reason, "%.300s: %s", path,
                      got < 0 ? "it cannot be read" : "it is larger than 1 MiB, or no text");
        free(text);
        return got < 0 ? BB_IO : BB_FULL;
    }
    text[size] = '\0';
    *out = text;
    return BB_OK;
}

enum status registry_load(const char *path, struct bb_reason *reason, struct points *points_out)
{
    char *text = NULL;
    struct bb_reason why = {""};
    enum status status = load(path, reason, &text);
    if (status != BB_OK)
        return status;
    status = registry_read(text, &why, points_out);
    if (status != BB_OK)
        bb_reason_say(reason, "%.200s:%.300s", path, why.text);
    free(text);
    return status;
}
