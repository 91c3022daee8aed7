/* `busbar-bench crypto`: signatures and hashes. */
#ifndef TESTS_BENCH_CRYPTO_H
#define TESTS_BENCH_CRYPTO_H

/* Prints one JSON object on standard output; 0, or 2 for a wrong argument. */
int crypto_bench(int argc, char **argv);

#endif
