/* A layer under SQLite that lets the n-th operation which changes a file fail, or kills the process there. */
#ifndef TESTS_LEDGER_STORE_SHIM_H
#define TESTS_LEDGER_STORE_SHIM_H

#include <stdbool.h>

enum shim_fault { SHIM_IO_ERROR, SHIM_SYNC_ERROR, SHIM_FULL, SHIM_KILL };

/* Puts it under every database that is opened from now on. */
void shim_install(void);

/* Lets operation number `n` (1, 2, …) from now on fail; `lasting`: and all that follow, until shim_calm. */
void shim_arm(enum shim_fault fault, long n, bool lasting);
void shim_calm(void);

/* Operations since shim_arm; whether the fault has happened. */
long shim_count(void);
bool shim_happened(void);

#endif
