/* Assertions that stay on: CHECK(cond) aborts with its place when an invariant of the program is broken.
 * A bug only: never on outside input, which is answered with a status (status.h). */
#ifndef BUSBAR_CHECK_H
#define BUSBAR_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(cond) ((cond) ? (void)0 : bb_check_failed(__FILE__, __LINE__, #cond))

/* Prints the place and the broken condition on standard error and aborts. Never returns. */
static inline _Noreturn void bb_check_failed(const char *file, int line, const char *cond)
{
    fprintf(stderr, "%s:%d: CHECK(%s) failed: this is a bug in Busbar\n", file, line, cond);
    abort();
}

#endif
