/* A device that is not there, for demonstrations: registers in memory. What is not writable moves: a slow
 * wave with a little noise around its default value, the same for the same seed and moment; energies grow. */
#ifndef AGENTS_MODBUS_FAKE_H
#define AGENTS_MODBUS_FAKE_H

#include "agents/modbus/job.h"

struct fake;

/* A device with `points` (copied), of which writable ones start at their default value. NULL points: a
 * SunSpec inverter with a meter. NULL: no memory. */
struct fake *fake_new(const struct points *points, uint32_t seed);

/* Accepts NULL. */
void fake_free(struct fake *fake);

/* Does one step at a moment (milliseconds). */
void fake_step(struct fake *fake, struct job *job, struct step *step, int64_t now_ms);

#endif
