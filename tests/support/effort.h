/* How much of its random cases a test goes through: all of them, or the share that BUSBAR_EFFORT gives. */
#ifndef TESTS_SUPPORT_EFFORT_H
#define TESTS_SUPPORT_EFFORT_H

#include <stdio.h>
#include <stdlib.h>

/* `usual` cases, or as many percent of them as BUSBAR_EFFORT says (1 … 100, which a slow, emulated processor
 * is given), at least one; a smaller number is printed. */
static inline int effort(int usual)
{
    const char *text = getenv("BUSBAR_EFFORT");
    long percent = text != NULL ? strtol(text, NULL, 10) : 100;
    if (percent < 1 || percent >= 100)
        return usual;
    int cases = (int)(usual * percent / 100);
    cases = cases > 0 ? cases : 1;
    printf("%d of %d random cases (BUSBAR_EFFORT %ld)\n", cases, usual, percent);
    return cases;
}

#endif
