/* `busbar-bench chain`: what the chain costs per transaction beside recovering its signer. */
#ifndef TESTS_BENCH_CHAIN_H
#define TESTS_BENCH_CHAIN_H

/* Measures and prints JSON. The exit status. */
int chain_bench(int argc, char **argv);

#endif
