#include "agents/cli/plot.h"

#include <busbar/check.h>
#include <math.h>
#include <string.h>

/* Places between the axis and the end of the line. */
#define PLOT_WIDTH_MAX 200

/* The largest value of column `column` out of `columns`. */
static double column_value(const double *values, size_t count, size_t column, size_t columns)
{
    double largest = 0;
    for (size_t i = column * count / columns; i < (column + 1) * count / columns; i++)
        largest = values[i] > largest ? values[i] : largest;
    return largest;
}

/* The line (0: bottom) on which a value stands. */
static size_t line_of(double value, double low, double high, size_t height)
{
    if (value <= low || high <= low)
        return 0;
    double part = (log10(value) - log10(low)) / (log10(high) - log10(low));
    return (size_t)lround(part * (double)(height - 1));
}

void plot_log(FILE *to, const char *title, const char *unit, const double *values, size_t count, double floor,
              size_t width, size_t height)
{
    CHECK(count >= 1 && height >= 2 && width >= 1 && floor > 0);
    size_t columns = count < width ? count : width;
    columns = columns < PLOT_WIDTH_MAX ? columns : PLOT_WIDTH_MAX;
    /* Few columns are spread, at most six places apart. */
    size_t wide = width / columns < 6 ? (width / columns > 0 ? width / columns : 1) : 6;
    size_t lines[PLOT_WIDTH_MAX];
    double high = floor;
    for (size_t i = 0; i < count; i++)
        high = values[i] > high ? values[i] : high;
    for (size_t i = 0; i < columns; i++)
        lines[i] = line_of(column_value(values, count, i, columns), floor, high, height);
    fprintf(to, "%s, %s\n", title, unit);
    for (size_t line = height; line-- > 0;) {
        double label =
            pow(10, log10(floor) + (log10(high) - log10(floor)) * (double)line / (double)(height - 1));
        if (line % 2 == 1 || line == 0)
            fprintf(to, "%9.2g ┤", label);
        else
            fputs("          │", to);
        for (size_t i = 0; i < columns; i++)
            fprintf(to, "%s%*s", lines[i] == line ? "●" : lines[i] > line ? "·" : " ", (int)wide - 1, "");
        fputc('\n', to);
    }
    fprintf(to, "          └");
    for (size_t i = 0; i < columns * wide; i++)
        fputs("─", to);
    fprintf(to, "\n           0%*zu exchanges\n", columns > 2 ? (int)((columns - 1) * wide) : 2, count - 1);
}
