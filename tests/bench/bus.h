/* `busbar-bench bus`: the broker against libzmq itself. */
#ifndef TESTS_BENCH_BUS_H
#define TESTS_BENCH_BUS_H

/* Prints one JSON object on standard output; 0, or 2 for a wrong argument. */
int bus_bench(int argc, char **argv);

#endif
