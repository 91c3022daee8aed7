/* Quantities as types: one-member structs, so that kilowatts cannot be added to kilowatt-hours, nor a
 * monotonic time to a wall-clock time, without the compiler's objection. Arithmetic that can overflow returns
 * false and leaves its output untouched.
 *
 *   energy   Wh          int64   exact
 *   price    µ$/kWh      int64   9.82 cent/kWh = 98 200
 *   money    nano-$      int64   1 cent = 10 000 000; Wh × µ$/kWh = nano-$, exactly
 *   power    mW          int64   the dispatch's fixed point
 *   time     ms          int64   monotonic and wall clock are different types */
#ifndef BUSBAR_UNITS_H
#define BUSBAR_UNITS_H

#include <stdbool.h>
#include <stdint.h>

struct energy {
    int64_t wh;
};
struct price {
    int64_t micro_per_kwh;
};
struct money {
    int64_t nano;
};
struct power {
    int64_t mw;
};
struct mono {
    int64_t ms;
};
struct wall {
    int64_t ms;
};

/* a + b; false on overflow. */
static inline bool energy_add(struct energy a, struct energy b, struct energy *out)
{
    int64_t sum;
    bool fits = !__builtin_add_overflow(a.wh, b.wh, &sum);
    if (fits)
        out->wh = sum;
    return fits;
}

/* a − b; false on overflow. */
static inline bool energy_sub(struct energy a, struct energy b, struct energy *out)
{
    int64_t difference;
    bool fits = !__builtin_sub_overflow(a.wh, b.wh, &difference);
    if (fits)
        out->wh = difference;
    return fits;
}

/* a + b; false on overflow. */
static inline bool money_add(struct money a, struct money b, struct money *out)
{
    int64_t sum;
    bool fits = !__builtin_add_overflow(a.nano, b.nano, &sum);
    if (fits)
        out->nano = sum;
    return fits;
}

/* a − b; false on overflow. */
static inline bool money_sub(struct money a, struct money b, struct money *out)
{
    int64_t difference;
    bool fits = !__builtin_sub_overflow(a.nano, b.nano, &difference);
    if (fits)
        out->nano = difference;
    return fits;
}

/* What `energy` costs at `price`: Wh × µ$/kWh = nano-$, exactly; false on overflow. */
static inline bool money_of(struct energy energy, struct price price, struct money *out)
{
    int64_t product;
    bool fits = !__builtin_mul_overflow(energy.wh, price.micro_per_kwh, &product);
    if (fits)
        out->nano = product;
    return fits;
}

/* a + b; false on overflow. */
static inline bool power_add(struct power a, struct power b, struct power *out)
{
    int64_t sum;
    bool fits = !__builtin_add_overflow(a.mw, b.mw, &sum);
    if (fits)
        out->mw = sum;
    return fits;
}

/* Kilowatts of a power, for printing only. */
static inline double power_kw(struct power power)
{
    return (double)power.mw / 1e6;
}

/* Milliseconds from `earlier` to `later`; negative if they are the other way round. */
static inline int64_t mono_since(struct mono later, struct mono earlier)
{
    return later.ms - earlier.ms;
}

/* `ms` after `time`. */
static inline struct mono mono_after(struct mono time, int64_t ms)
{
    return (struct mono){time.ms + ms};
}

#endif
