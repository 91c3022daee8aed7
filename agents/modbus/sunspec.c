#include "agents/modbus/sunspec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASES     3
#define MODEL_END 0xffff

/* Where "SunS" may stand. */
static const uint16_t bases[BASES] = {40000, 50000, 0};

static const struct {
    enum point_kind kind;
    uint16_t registers;
    enum point_absent absent;
} forms[] = {
    [SUNSPEC_INT16] = {POINT_SIGNED, 1, ABSENT_LOWEST},
    [SUNSPEC_UINT16] = {POINT_NATURAL, 1, ABSENT_HIGHEST},
    [SUNSPEC_ENUM16] = {POINT_NATURAL, 1, ABSENT_HIGHEST},
    [SUNSPEC_ACC32] = {POINT_NATURAL, 2, ABSENT_ZERO},
    [SUNSPEC_BITS32] = {POINT_NATURAL, 2, ABSENT_HIGHEST},
    [SUNSPEC_FLOAT32] = {POINT_REAL, 2, ABSENT_NEVER},
    [SUNSPEC_POWER] = {POINT_SIGNED, 1, ABSENT_LOWEST},
    [SUNSPEC_PAD] = {POINT_SIGNED, 1, ABSENT_LOWEST},
    [SUNSPEC_STRING8] = {POINT_TEXT, 8, ABSENT_ZERO},
    [SUNSPEC_STRING16] = {POINT_TEXT, 16, ABSENT_ZERO},
};

void sunspec_begin(struct sunspec_walk *walk)
{
    memset(walk, 0, sizeof *walk);
    walk->address = bases[0];
}

bool sunspec_next(const struct sunspec_walk *walk, uint16_t *address_out)
{
    if (walk->over)
        return false;
    *address_out = (uint16_t)walk->address;
    return true;
}

static const struct sunspec_model *known(uint16_t number)
{
    for (size_t i = 0; i < sunspec_model_count; i++)
        if (number >= sunspec_models[i].first && number <= sunspec_models[i].last)
            return &sunspec_models[i];
    return NULL;
}

static void look_elsewhere(struct sunspec_walk *walk)
{
    walk->base++;
    walk->over = walk->base == BASES;
    walk->address = walk->over ? 0 : bases[walk->base];
}

void sunspec_feed(struct sunspec_walk *walk, const uint16_t registers[2])
{
    if (!walk->found) {
        walk->found = registers != NULL && registers[0] == 0x5375 && registers[1] == 0x6e53;
        if (walk->found)
            walk->address += 2;
        else
            look_elsewhere(walk);
        return;
    }
    uint32_t behind = registers == NULL ? 0 : walk->address + 2 + registers[1];
    if (registers == NULL || registers[0] == MODEL_END || behind > 65536 ||
        walk->count == SUNSPEC_MODELS_MAX) {
        walk->over = true;
        return;
    }
    walk->models[walk->count++] = (struct sunspec_found){registers[0], registers[1],
                                                         (uint16_t)(walk->address + 2), known(registers[0])};
    walk->address = behind;
    walk->over = behind > 65534;
}

/* -- points -----------------------------------------------------------------------------------------------
 */

/* Which model of its kind it is, from 1. */
static unsigned ordinal(const struct sunspec_walk *walk, size_t at)
{
    unsigned number = 1;
    for (size_t i = 0; i < at; i++)
        if (walk->models[i].known != NULL &&
            strcmp(walk->models[i].known->name, walk->models[at].known->name) == 0)
            number++;
    return number;
}

static struct point point_of(const struct sunspec_point *from, uint16_t address)
{
    struct point p = {.table = TABLE_HOLDING,
                      .kind = forms[from->form].kind,
                      .absent = forms[from->form].absent,
                      .address = address,
                      .count = forms[from->form].registers,
                      .writable = from->writable,
                      .hidden = from->form == SUNSPEC_POWER,
                      .factor = {false, 1, 0},
                      .power_at = -1};
    snprintf(p.units, sizeof p.units, "%s", from->units == NULL ? "" : from->units);
    return p;
}

/* Gives the points from `first` on the places of their powers. */
static void find_powers(const struct sunspec_model *model, struct points *points, size_t first)
{
    for (size_t i = first; i < points->count; i++) {
        const char *name = strrchr(points->list[i].name, '.') + 1, *power = NULL;
        for (size_t k = 0; k < model->count; k++)
            if (strcmp(model->points[k].name, name) == 0)
                power = model->points[k].power;
        for (size_t k = first; k < points->count && power != NULL; k++)
            if (strcmp(strrchr(points->list[k].name, '.') + 1, power) == 0)
                points->list[i].power_at = (int)k;
    }
}

static void add_model(const struct sunspec_walk *walk, size_t at, struct points *out)
{
    const struct sunspec_found *found = &walk->models[at];
    size_t first = out->count;
    unsigned offset = 0, number = ordinal(walk, at);
    char digits[12] = "";
    if (number > 1)
        snprintf(digits, sizeof digits, "%u", number);
    for (size_t i = 0; i < found->known->count; i++) {
        const struct sunspec_point *from = &found->known->points[i];
        unsigned size = forms[from->form].registers;
        if (offset + size > found->length)
            break;
        if (from->form != SUNSPEC_PAD) {
            struct point *p = &out->list[out->count++];
            *p = point_of(from, (uint16_t)(found->address + offset));
            snprintf(p->name, sizeof p->name, "%s%s.%s", found->known->name, digits, from->name);
        }
        offset += size;
    }
    find_powers(found->known, out, first);
}

enum status sunspec_points(const struct sunspec_walk *walk, struct points *out)
{
    size_t most = 0;
    for (size_t i = 0; i < walk->count; i++)
        most += walk->models[i].known == NULL ? 0 : walk->models[i].known->count;
    if (most == 0)
        return BB_NOT_FOUND;
    if (most > POINTS_MAX)
        return BB_FULL;
    struct points points = {calloc(most, sizeof *points.list), 0};
    if (points.list == NULL)
        return BB_FULL;
    for (size_t i = 0; i < walk->count; i++)
        if (walk->models[i].known != NULL)
            add_model(walk, i, &points);
    *out = points;
    return BB_OK;
}
