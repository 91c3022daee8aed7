/* A curve in a terminal: the size of an error over the exchanges, on a logarithmic axis. */
#ifndef AGENTS_CLI_PLOT_H
#define AGENTS_CLI_PLOT_H

#include <stddef.h>
#include <stdio.h>

/* Draws values[count] (≥ 0; count ≥ 1) as columns from left to right, one or several values a column (the
 * largest counts), `height` ≥ 2 lines high between the largest value and the larger of `floor` > 0 and the
 * smallest; smaller ones stand on the axis. `title` and `unit` say what it is; xs are counted from 0. */
void plot_log(FILE *to, const char *title, const char *unit, const double *values, size_t count, double floor,
              size_t width, size_t height);

#endif
