/* busbar-bench ledger-bus: signed orders through the broker to durable receipts. */
#ifndef TESTS_BENCH_LEDGER_BUS_H
#define TESTS_BENCH_LEDGER_BUS_H

/* Measures ingest and latency through busbard with CURVE, beside the limit of libsecp256k1; one JSON object
 * to standard output. The exit code. */
int ledger_bus_bench(int argc, char **argv);

#endif
