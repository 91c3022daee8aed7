/* `busbar-bench ledger`: from signed bytes to durable receipts, against libsecp256k1 alone. */
#ifndef TESTS_BENCH_LEDGER_H
#define TESTS_BENCH_LEDGER_H

/* Prints one JSON object on standard output; 0, or 2 for a wrong argument. */
int ledger_bench(int argc, char **argv);

#endif
