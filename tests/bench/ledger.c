#include "tests/bench/ledger.h"

#include "ledger/audit.h"
#include "tests/bench/ledger_site.h"
#include "tests/bench/recover.h"

#include <busbar/check.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define ROUNDS_MAX 64
#define WINDOW     16384
#define SLICES     10
#define TAIL       15000 /* transactions */
#define LIMIT_FOR  0.7   /* seconds of one measurement of the limit */

struct plan {
    uint32_t rounds, orders, singles, accounts, growth;
    unsigned threads;
    const char *only;
};

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The value below which `part` of them lie; sorts them. */
static double quantile(double *values, size_t count, double part)
{
    qsort(values, count, sizeof *values, by_value);
    return values[(size_t)((double)(count - 1) * part + 0.5)];
}

static json_t *spread(double *values, size_t count)
{
    double median = quantile(values, count, 0.5); /* sorts */
    return json_pack("{s:f,s:f,s:f}", "median", median, "least", values[0], "most", values[count - 1]);
}

/* Rounds of ingest, each held against the limit as it was before and after. */
static json_t *ingest(const struct plan *plan)
{
    struct ledger_site site;
    double rate[ROUNDS_MAX], limit[ROUNDS_MAX], ratio[ROUNDS_MAX], cpu[ROUNDS_MAX];
    ledger_site_make(&site, 1000, 0);
    ledger_site_open(&site);
    for (uint32_t i = 0; i < plan->rounds; i++) {
        ledger_site_sign(&site, plan->orders);
        double before = bench_recover_rate(plan->threads, LIMIT_FOR), used = ledger_site_cpu();
        double took = ledger_site_send(&site, WINDOW);
        cpu[i] = (ledger_site_cpu() - used) / plan->orders * 1e6;
        limit[i] = (before + bench_recover_rate(plan->threads, LIMIT_FOR)) / 2;
        rate[i] = plan->orders / took;
        ratio[i] = rate[i] / limit[i];
        fprintf(stderr, "ingest: %.0f/s of %.0f/s = %.2f, %.1f us of processor time each\n", rate[i],
                limit[i], ratio[i], cpu[i]);
    }
    struct pipeline_stats stats;
    pipeline_stats(site.pipeline, &stats);
    CHECK(site.refused == 0 && stats.taken == (uint64_t)plan->rounds * plan->orders);
    ledger_site_close(&site);
    json_t *result =
        json_pack("{s:o,s:o,s:o,s:o,s:f,s:f}", "per_s", spread(rate, plan->rounds), "limit_per_s",
                  spread(limit, plan->rounds), "ratio", spread(ratio, plan->rounds), "cpu_us",
                  spread(cpu, plan->rounds), "orders_a_block", (double)stats.taken / (double)stats.blocks,
                  "database_bytes_per_million", (double)ledger_site_bytes(&site) / (double)stats.taken * 1e6);
    ledger_site_remove(&site);
    return result;
}

/* One order at a time, from the bytes to the durable receipt. */
static json_t *latency(const struct plan *plan)
{
    struct ledger_site site;
    ledger_site_make(&site, 1000, 0);
    ledger_site_open(&site);
    ledger_site_sign(&site, plan->singles);
    site.latencies = calloc(plan->singles, sizeof *site.latencies);
    CHECK(site.latencies != NULL);
    ledger_site_send(&site, 1);
    ledger_site_close(&site);
    double p50 = quantile(site.latencies, plan->singles, 0.5);
    double p90 = quantile(site.latencies, plan->singles, 0.9);
    double p99 = quantile(site.latencies, plan->singles, 0.99);
    json_t *result = json_pack("{s:f,s:f,s:f,s:f}", "p50", p50, "p90", p90, "p99", p99, "most",
                               site.latencies[plan->singles - 1]);
    free(site.latencies);
    ledger_site_remove(&site);
    return result;
}

/* Microseconds and processor time of an order: medians over ten slices of `count`. */
static void slices(struct ledger_site *site, uint64_t count, double *us_out, double *cpu_out)
{
    double us[SLICES], cpu[SLICES];
    for (int i = 0; i < SLICES; i++) {
        double start = ledger_site_now(), used = ledger_site_cpu();
        ledger_site_bare(site, count / SLICES);
        us[i] = (ledger_site_now() - start) / (double)(count / SLICES) * 1e6;
        cpu[i] = (ledger_site_cpu() - used) / (double)(count / SLICES) * 1e6;
    }
    *us_out = quantile(us, SLICES, 0.5);
    *cpu_out = quantile(cpu, SLICES, 0.5);
}

/* What an order costs as the chain grows, beside its signature: executed, sealed, appended, indexed. The
 * first 10^4, and the last tenth of each power of ten. */
static json_t *growth(const struct plan *plan)
{
    struct ledger_site site;
    json_t *all = json_array();
    uint64_t done = 0;
    ledger_site_make(&site, 1000, 0);
    ledger_site_bare_open(&site);
    for (uint64_t until = 10000; until <= plan->growth; until *= 10) {
        uint64_t measured = until == 10000 ? 10000 : until / 10;
        double us, cpu;
        if (done < until - measured)
            ledger_site_bare(&site, until - measured - done);
        slices(&site, measured, &us, &cpu);
        done = until;
        fprintf(stderr, "growth: at %llu: %.1f us, %.1f us of processor time\n", (unsigned long long)until,
                us, cpu);
        json_array_append_new(
            all, json_pack("{s:I,s:f,s:f}", "transactions", (json_int_t)until, "us", us, "cpu_us", cpu));
    }
    ledger_site_bare_close(&site);
    json_t *result = json_pack("{s:o,s:f}", "cost_without_signature", all, "database_bytes_per_million",
                               (double)ledger_site_bytes(&site) / (double)done * 1e6);
    ledger_site_remove(&site);
    return result;
}

static json_t *restart(const struct plan *plan)
{
    struct ledger_site site;
    ledger_site_make(&site, 1000, plan->accounts);
    double first = ledger_site_open(&site);
    ledger_site_sign(&site, 2000);
    ledger_site_send(&site, 500);
    ledger_site_sign(&site, 100);
    for (uint32_t i = 0; i < site.orders.count; i++) /* left open, so that closing makes a checkpoint */
        pipeline_submit(site.pipeline, (struct bytes){site.orders.bytes[i], site.orders.sizes[i]}, i);
    double start = ledger_site_now();
    ledger_site_close(&site);
    double closing = ledger_site_now() - start, used = ledger_site_cpu();
    double again = ledger_site_open(&site);
    used = ledger_site_cpu() - used;
    struct pipeline_stats stats;
    pipeline_stats(site.pipeline, &stats);
    fprintf(stderr, "restart: %s\n", stats.opened);
    ledger_site_sign(&site, TAIL); /* fewer than would make a checkpoint, and nothing is open at the end */
    ledger_site_send(&site, WINDOW);
    ledger_site_close(&site);
    double with_tail = ledger_site_open(&site);
    ledger_site_close(&site);
    json_t *result =
        json_pack("{s:i,s:f,s:f,s:f,s:f,s:f,s:f}", "accounts", (int)plan->accounts, "from_genesis_s", first,
                  "closing_with_checkpoint_s", closing, "restart_s", again, "restart_cpu_s", used,
                  "restart_s_per_million_accounts", again / (plan->accounts + 1000) * 1e6,
                  "us_a_transaction_behind_the_checkpoint", (with_tail - again) / TAIL * 1e6);
    ledger_site_remove(&site);
    return result;
}

static json_t *verify(const struct plan *plan)
{
    struct ledger_site site;
    double rate[ROUNDS_MAX], ratio[ROUNDS_MAX];
    ledger_site_make(&site, 1000, 0);
    ledger_site_open(&site);
    ledger_site_sign(&site, plan->orders);
    ledger_site_send(&site, WINDOW);
    ledger_site_close(&site);
    for (uint32_t i = 0; i < plan->rounds; i++) {
        struct bb_reason reason = {""};
        struct audit_report report;
        CHECK(store_open(site.path, STORE_READ, (struct bytes){NULL, 0}, &reason, &site.store) == BB_OK);
        double limit = bench_recover_rate(plan->threads, LIMIT_FOR);
        CHECK(audit_run(site.store, 0, NULL, NULL, &reason, &report) == BB_OK);
        limit = (limit + bench_recover_rate(plan->threads, LIMIT_FOR)) / 2;
        store_close(site.store);
        rate[i] = (double)report.transactions / report.seconds;
        ratio[i] = rate[i] / limit;
        fprintf(stderr, "verify: %.0f/s of %.0f/s = %.2f\n", rate[i], limit, ratio[i]);
    }
    ledger_site_remove(&site);
    return json_pack("{s:o,s:o}", "per_s", spread(rate, plan->rounds), "ratio", spread(ratio, plan->rounds));
}

static const struct {
    const char *name;
    json_t *(*run)(const struct plan *plan);
} PARTS[] = {{"ingest", ingest},
             {"latency_ms", latency},
             {"growth", growth},
             {"restart", restart},
             {"verify", verify}};

static const char USAGE[] =
    "usage: busbar-bench ledger [--rounds N] [--orders N] [--singles N] [--accounts N] [--growth N]\n"
    "                           [--only ingest|latency_ms|growth|restart|verify]\n";

static bool read_plan(int argc, char **argv, struct plan *plan)
{
    static const struct option OPTIONS[] = {{"rounds", required_argument, NULL, 'r'},
                                            {"orders", required_argument, NULL, 'o'},
                                            {"singles", required_argument, NULL, 's'},
                                            {"accounts", required_argument, NULL, 'a'},
                                            {"growth", required_argument, NULL, 'g'},
                                            {"only", required_argument, NULL, 'y'},
                                            {NULL, 0, NULL, 0}};
    for (int c = getopt_long(argc, argv, "", OPTIONS, NULL); c != -1;
         c = getopt_long(argc, argv, "", OPTIONS, NULL)) {
        uint32_t *numbers[] = {['r'] = &plan->rounds,
                               ['o'] = &plan->orders,
                               ['s'] = &plan->singles,
                               ['a'] = &plan->accounts,
                               ['g'] = &plan->growth};
        if (c == 'y')
            plan->only = optarg;
        else if (c == '?')
            return false;
        else
            *numbers[c] = (uint32_t)strtoul(optarg, NULL, 10);
    }
    return optind == argc && plan->rounds > 0 && plan->rounds <= ROUNDS_MAX && plan->orders > 0 &&
           plan->singles > 0 && plan->growth >= 10000 && plan->growth <= 100000000;
}

int ledger_bench(int argc, char **argv)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    struct plan plan = {5, 100000, 2000, 1000000, 1000000, cores < 1 ? 1 : cores > 64 ? 64 : (unsigned)cores,
                        ""};
    if (!read_plan(argc, argv, &plan)) {
        fputs(USAGE, stderr);
        return 2;
    }
    json_t *result = json_pack("{s:i,s:f}", "threads", (int)plan.threads,
                               "libsecp256k1_recover_per_s_1_thread", bench_recover_rate(1, LIMIT_FOR));
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++)
        if (plan.only[0] == '\0' || strcmp(plan.only, PARTS[i].name) == 0)
            json_object_set_new(result, PARTS[i].name, PARTS[i].run(&plan));
    json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(4));
    putchar('\n');
    json_decref(result);
    return 0;
}
