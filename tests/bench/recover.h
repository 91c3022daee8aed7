/* The machine's own limit: how many signers libsecp256k1 recovers a second. What verifies signed transactions
 * can hardly be faster, so that its figures are ratios to this one, measured in the same run. */
#ifndef TESTS_BENCH_RECOVER_H
#define TESTS_BENCH_RECOVER_H

/* Public keys recovered a second by libsecp256k1 alone (parse, recover), over `threads` threads (1 … 64)
 * together, for about `seconds`. Distinct signatures, made before the clock starts. */
double bench_recover_rate(unsigned threads, double seconds);

#endif
