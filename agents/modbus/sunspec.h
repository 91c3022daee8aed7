/* SunSpec: devices that say themselves what is in their registers. Behind the letters "SunS" stand models,
 * each with its number and length; those in sunspec_models.c become points by name.
 * Source: SunSpec Alliance, Information Model Specification; the models' definitions (sunspec/models). */
#ifndef AGENTS_MODBUS_SUNSPEC_H
#define AGENTS_MODBUS_SUNSPEC_H

#include "agents/modbus/point.h"

#define SUNSPEC_MODELS_MAX 64

/* The forms of SunSpec's points. */
enum sunspec_form {
    SUNSPEC_INT16,
    SUNSPEC_UINT16,
    SUNSPEC_ENUM16,
    SUNSPEC_ACC32,
    SUNSPEC_BITS32,
    SUNSPEC_FLOAT32,
    SUNSPEC_POWER, /* a scale factor (sunssf) */
    SUNSPEC_PAD,
    SUNSPEC_STRING8, /* of 8 registers */
    SUNSPEC_STRING16 /* of 16 */
};

struct sunspec_point {
    const char *name, *units; /* units may be NULL */
    const char *power;        /* the scale factor's name; NULL: none */
    enum sunspec_form form;
    bool writable;
};

struct sunspec_model {
    uint16_t first, last; /* the numbers that share this layout */
    const char *name;     /* in front of the points' names: inverter.W */
    const struct sunspec_point *points;
    size_t count;
};

/* The models that are known. */
extern const struct sunspec_model sunspec_models[];
extern const size_t sunspec_model_count;

struct sunspec_found {
    uint16_t model, length, address;   /* of its first point; the header stands two registers before */
    const struct sunspec_model *known; /* NULL: it is passed over */
};

/* A walk over a device's models; the caller reads what it wants and feeds it. */
struct sunspec_walk {
    int base; /* which place "SunS" is looked for at; ≥ 3: nowhere */
    bool found, over;
    uint32_t address; /* of the next two registers */
    struct sunspec_found models[SUNSPEC_MODELS_MAX];
    size_t count;
};

/* Starts at the first place that "SunS" can be at. */
void sunspec_begin(struct sunspec_walk *walk);

/* Which two holding registers are wanted; false when the walk is over. */
bool sunspec_next(const struct sunspec_walk *walk, uint16_t *address_out);

/* Takes them; NULL: the device refused. The walk is over at the end of the models, where they leave the
 * registers, or at the third place without "SunS" (then walk->found is false). */
void sunspec_feed(struct sunspec_walk *walk, const uint16_t registers[2]);

/* The points of the models that are known: "inverter.W"; the second model of a kind is "inverter2". Free
 * out->list. BB_NOT_FOUND: none is known; BB_FULL. */
BB_MUST_CHECK enum status sunspec_points(const struct sunspec_walk *walk, struct points *out);

#endif
