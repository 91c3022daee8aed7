#include "agents/modbus/fake.h"

#include "agents/modbus/sunspec.h"
#include "agents/modbus/value.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REGISTERS  65536
#define PERIOD_S   120.0
#define BASE       10.0
#define SUNSPEC_AT 40000

struct fake {
    struct points points;
    uint32_t seed;
    uint16_t tables[4][REGISTERS];
};

/* -- a SunSpec device -------------------------------------------------------------------------------------
 */

static const struct {
    uint16_t model, length;
} models[] = {{1, 66}, {103, 50}, {120, 26}, {123, 24}, {203, 105}};

static const struct {
    const char *name, *value;
} starts[] = {
    {"common.Mn", "Busbar"},        {"common.Md", "fake inverter"}, {"common.Vr", BUSBAR_VERSION},
    {"common.SN", "0001"},          {"inverter.W", "4200"},         {"inverter.A", "18"},
    {"inverter.PhVphA", "231"},     {"inverter.Hz", "50"},          {"inverter.WH", "1200000"},
    {"inverter.TmpCab", "38"},      {"inverter.St", "4"},           {"nameplate.WRtg", "5000"},
    {"controls.WMaxLimPct", "100"}, {"controls.Conn", "1"},         {"controls.WMaxLim_Ena", "0"},
    {"meter.W", "-3100"},           {"meter.PhV", "230"},           {"meter.TotWhExp", "900000"},
    {"meter.TotWhImp", "350000"},
};

/* Of a power of ten: tenths for voltages, currents, frequency and percent, whole numbers else. */
static uint16_t power_of(const char *name)
{
    static const char *const tenths[] = {".A_SF", ".V_SF", ".Hz_SF", ".WMaxLimPct_SF", ".Tmp_SF"};
    for (size_t i = 0; i < sizeof tenths / sizeof *tenths; i++)
        if (strstr(name, tenths[i]) != NULL)
            return (uint16_t)-1;
    return 0;
}

static void start_sunspec(struct fake *f, struct point *p)
{
    p->has_preset = false;
    if (p->hidden) {
        p->has_preset = snprintf(p->preset, sizeof p->preset, "%d", (int16_t)power_of(p->name)) > 0;
        return;
    }
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++)
        if (strcmp(starts[i].name, p->name) == 0)
            p->has_preset = snprintf(p->preset, sizeof p->preset, "%s", starts[i].value) > 0;
    /* What has no value is not implemented. */
    for (unsigned i = 0; i < p->count && !p->has_preset; i++)
        f->tables[p->table][p->address + i] = p->absent == ABSENT_LOWEST ? 0x8000
                                              : p->absent == ABSENT_ZERO ? 0
                                                                         : 0xffff;
}

static bool make_sunspec(struct fake *f)
{
    struct sunspec_walk walk;
    uint16_t *at = &f->tables[TABLE_HOLDING][SUNSPEC_AT];
    sunspec_begin(&walk);
    memcpy(at, (const uint16_t[]){0x5375, 0x6e53}, 4);
    sunspec_feed(&walk, at);
    at += 2;
    for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
        at[0] = models[i].model;
        at[1] = models[i].length;
        sunspec_feed(&walk, at);
        at += 2 + models[i].length;
    }
    at[0] = 0xffff;
    sunspec_feed(&walk, at);
    if (sunspec_points(&walk, &f->points) != BB_OK)
        return false;
    for (size_t i = 0; i < f->points.count; i++)
        start_sunspec(f, &f->points.list[i]);
    return true;
}

/* -- values -----------------------------------------------------------------------------------------------
 */

static double noise(uint32_t seed, size_t point, int64_t moment)
{
    uint64_t x =
        seed + UINT64_C(0x9e3779b97f4a7c15) * (point + 1) + (uint64_t)moment * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return (double)((x ^ x >> 31) >> 11) / 9007199254740992.0;
}

static int power_at(const struct fake *f, const struct point *p)
{
    int power = 0;
    if (p->power_at >= 0) {
        const struct point *at = &f->points.list[p->power_at];
        (void)value_power(f->tables[at->table][at->address], &power);
    }
    return power;
}

static void put(struct fake *f, const struct point *p, const struct value *value)
{
    uint16_t registers[READ_MAX];
    if (value_encode(p, value, power_at(f, p), NULL, registers) == BB_OK)
        memcpy(&f->tables[p->table][p->address], registers, p->count * sizeof *registers);
}

/* A point's value when it begins. */
static void start(struct fake *f, const struct point *p)
{
    struct value value;
    if (p->has_preset && value_read(p, p->preset, &value) == BB_OK)
        put(f, p, &value);
}

static bool moves(const struct fake *f, const struct point *p)
{
    bool is_number = p->kind != POINT_TRUTH && p->kind != POINT_TEXT;
    bool is_state = p->units[0] == '\0' && p->absent != ABSENT_NEVER;
    return !p->writable && !p->hidden && is_number && !is_state &&
           (p->has_preset || p->absent == ABSENT_NEVER) && strncmp(p->name, "nameplate.", 10) != 0 &&
           f->points.list != NULL;
}

static void move(struct fake *f, size_t at, int64_t now_ms)
{
    const struct point *p = &f->points.list[at];
    double base = p->has_preset ? strtod(p->preset, NULL) : BASE;
    double seconds = (double)now_ms / 1000.0, phase = noise(f->seed, at, -1) * 2 * M_PI;
    double swing =
        0.08 * sin(2 * M_PI * seconds / PERIOD_S + phase) + 0.02 * (noise(f->seed, at, now_ms / 1000) - 0.5);
    if (strcmp(p->units, "Hz") == 0 || strcmp(p->units, "V") == 0)
        swing /= 20;
    struct value value = {VALUE_NUMBER, false, ""};
    bool energy = strstr(p->units, "Wh") != NULL || strstr(p->units, "Ah") != NULL;
    snprintf(value.text, sizeof value.text, "%.3f",
             energy ? base + fmod(seconds, 86400.0 * 365) / (p->units[0] == 'k' ? 3600.0 : 3.6)
                    : base * (1 + swing));
    put(f, p, &value);
}

struct fake *fake_new(const struct points *points, uint32_t seed)
{
    struct fake *f = calloc(1, sizeof *f);
    if (f == NULL)
        return NULL;
    f->seed = seed;
    if (points == NULL) {
        if (!make_sunspec(f)) {
            fake_free(f);
            return NULL;
        }
    } else {
        f->points.list = malloc((points->count + 1) * sizeof *points->list);
        f->points.count = f->points.list == NULL ? 0 : points->count;
        if (f->points.list != NULL)
            memcpy(f->points.list, points->list, points->count * sizeof *points->list);
    }
    for (int pass = 0; pass < 2; pass++) /* powers first: the others stand on them */
        for (size_t i = 0; i < f->points.count; i++)
            if (f->points.list[i].hidden == (pass == 0))
                start(f, &f->points.list[i]);
    return f;
}

void fake_free(struct fake *fake)
{
    if (fake == NULL)
        return;
    free(fake->points.list);
    free(fake);
}

void fake_step(struct fake *f, struct job *job, struct step *step, int64_t now_ms)
{
    uint16_t *at = &f->tables[step->table][step->address];
    size_t size = step->count * sizeof *at;
    if (step->address + step->count > REGISTERS) {
        step->result = STEP_REFUSED;
        step->exception = 2;
        snprintf(job->text, sizeof job->text, "there is no register %d", step->address);
        return;
    }
    if (step->kind == STEP_WRITE)
        memcpy(at, step->data, size);
    for (size_t i = 0; i < f->points.count && step->kind == STEP_READ; i++) {
        const struct point *p = &f->points.list[i];
        if (p->table == step->table && p->address >= step->address &&
            p->address < step->address + step->count && moves(f, p))
            move(f, i, now_ms);
    }
    if (step->kind == STEP_READ)
        memcpy(step->data, at, size);
    step->result = STEP_DONE;
}
