/* `busbar-bench market`: the contract alone. */
#ifndef TESTS_BENCH_MARKET_H
#define TESTS_BENCH_MARKET_H

/* Prints one JSON object on standard output; 0, or 2 for a wrong argument. */
int market_bench(int argc, char **argv);

#endif
