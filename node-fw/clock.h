/* The monotonic clock. */
#ifndef NODE_FW_CLOCK_H
#define NODE_FW_CLOCK_H

#include <busbar/units.h>

/* Milliseconds since some moment before the start. */
struct mono clock_mono(void);

#endif
