/* `busbar-bench historian`: the historian's store by itself. */
#ifndef TESTS_BENCH_HISTORIAN_H
#define TESTS_BENCH_HISTORIAN_H

/* Prints one JSON object on standard output; 0, or 2 for a wrong argument. */
int historian_bench(int argc, char **argv);

#endif
