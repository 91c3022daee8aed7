#include "node-fw/wire/noise.h"

#include <busbar/check.h>

#define PPM 1000000u
#define PPB 1000000000u

/* Source: Steele, Lea, Flood 2014 (SplitMix64). */
static uint64_t roll(struct noise *n)
{
    uint64_t z = n->dice += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static bool chance(struct noise *n, uint32_t part, uint32_t whole)
{
    return roll(n) % whole < part;
}

void noise_init(struct noise *n, uint64_t seed)
{
    *n = (struct noise){.dice = seed};
}

void noise_faults(struct noise *n, uint32_t flip_ppm, uint32_t drop_ppm)
{
    n->flip_ppm = flip_ppm;
    n->drop_ppm = drop_ppm;
}

/* A burst of mean length F ends with chance 1/F; entered with chance e, the share of time in it is
 * e / (e + 1/F). */
void noise_bursts(struct noise *n, uint32_t share_ppm, uint32_t frames)
{
    CHECK(share_ppm <= NOISE_SHARE_MAX && frames >= 1 && frames <= NOISE_FRAMES_MAX);
    n->leave_ppb = PPB / frames;
    n->enter_ppb = (uint32_t)((uint64_t)n->leave_ppb * share_ppm / (PPM - share_ppm));
}

/* True when the byte falls into a burst. The zero that ends an eaten frame goes with it. */
static bool eat(struct noise *n, uint8_t byte)
{
    if (byte == 0) {
        bool eaten = n->inside && n->burst;
        n->inside = false;
        return eaten;
    }
    if (!n->inside) {
        n->inside = true;
        n->frames++;
        n->burst = n->burst ? !chance(n, n->leave_ppb, PPB) : chance(n, n->enter_ppb, PPB);
        n->eaten += n->burst;
    }
    return n->burst;
}

bool noise_pass(struct noise *n, uint8_t *byte)
{
    n->bytes++;
    if (eat(n, *byte))
        return false;
    if (chance(n, n->drop_ppm, PPM)) {
        n->dropped++;
        return false;
    }
    if (chance(n, n->flip_ppm, PPM)) {
        *byte ^= (uint8_t)(1u << (roll(n) & 7));
        n->flipped++;
    }
    return true;
}

uint8_t noise_byte(struct noise *n)
{
    return (uint8_t)(roll(n) >> 56);
}
