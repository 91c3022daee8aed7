#include "tests/bench/bus.h"

#include "tests/bench/bare.h"
#include "tests/bench/load.h"

#include <busbar/check.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAIRS_MAX 32
#define WINDOW    64

struct plan {
    const char *busbard;
    uint32_t pairs, messages;
    bool vip, plain, flat, memory;
};

/* One comparison: what both sides run. */
struct contest {
    bool secure;
    void (*bare)(const struct site *site);
    uint32_t subscribers; /* 0: the vip door */
};

static struct figure measure(const struct plan *plan, const struct contest *contest, bool subject)
{
    struct site site;
    child_site(&site, contest->secure);
    pid_t pid = subject ? child_busbard(&site, plan->busbard) : child_fork(&site, contest->bare);
    struct figure figure = contest->subscribers == 0
                               ? load_vip(&site, pid, plan->messages, WINDOW)
                               : load_plain(&site, pid, subject, plan->messages, contest->subscribers);
    child_stop(pid);
    child_clear(&site);
    return figure;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const double *values, uint32_t count)
{
    double sorted[PAIRS_MAX];
    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, by_value);
    return count % 2 == 1 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
}

/* Pairs one after the other, yardstick and subject; medians of both and of the ratios of the pairs. */
static json_t *compare(const struct plan *plan, const struct contest *contest)
{
    double cpu[2][PAIRS_MAX], rate[2][PAIRS_MAX], cpu_ratio[PAIRS_MAX], rate_ratio[PAIRS_MAX];
    for (uint32_t i = 0; i < plan->pairs; i++) {
        /* Who is first changes from pair to pair, so that a slow drift of the machine favours nobody. */
        for (uint32_t turn = 0; turn < 2; turn++) {
            uint32_t side = (i + turn) % 2;
            struct figure figure = measure(plan, contest, side == 1);
            cpu[side][i] = figure.cpu_us;
            rate[side][i] = figure.per_second;
        }
        cpu_ratio[i] = cpu[1][i] / cpu[0][i];
        rate_ratio[i] = rate[1][i] / rate[0][i];
        fprintf(stderr, "pair %u: cpu %.2f / %.2f us = %.2f, rate %.0f / %.0f = %.2f\n", i, cpu[1][i],
                cpu[0][i], cpu_ratio[i], rate[1][i], rate[0][i], rate_ratio[i]);
    }
    uint32_t n = plan->pairs;
    return json_pack("{s:{s:f,s:f},s:{s:f,s:f},s:f,s:f}", "bare", "cpu_us", median(cpu[0], n), "per_second",
                     median(rate[0], n), "busbard", "cpu_us", median(cpu[1], n), "per_second",
                     median(rate[1], n), "cpu_ratio", median(cpu_ratio, n), "rate_ratio",
                     median(rate_ratio, n));
}

/* Processor time per publish as subscriptions grow that do not match. */
static json_t *flatness(const struct plan *plan)
{
    static const uint32_t COUNTS[] = {10, 100, 1000, 10000, 100000};
    json_t *all = json_array();
    for (size_t i = 0; i < sizeof COUNTS / sizeof *COUNTS; i++) {
        double cpu[PAIRS_MAX];
        struct site site;
        child_site(&site, false);
        pid_t pid = child_busbard(&site, plan->busbard);
        struct idle *idle = load_idle_open(&site, COUNTS[i]);
        for (uint32_t k = 0; k < plan->pairs; k++)
            cpu[k] = load_vip(&site, pid, plan->messages, WINDOW).cpu_us;
        fprintf(stderr, "%u subscriptions: %.2f us\n", COUNTS[i], median(cpu, plan->pairs));
        json_array_append_new(all, json_pack("{s:i,s:f,s:i}", "subscriptions", (int)COUNTS[i], "cpu_us",
                                             median(cpu, plan->pairs), "resident_bytes",
                                             (int)child_resident_bytes(pid)));
        load_idle_close(idle);
        child_stop(pid);
        child_clear(&site);
    }
    return all;
}

static json_t *memory(const struct plan *plan)
{
    struct site site;
    child_site(&site, true);
    pid_t pid = child_busbard(&site, plan->busbard);
    usleep(500000);
    json_t *idle = json_integer((json_int_t)child_resident_bytes(pid));
    child_stop(pid);
    child_clear(&site);
    return idle;
}

static json_t *run(const struct plan *plan)
{
    static const struct {
        const char *name;
        struct contest contest;
    } CONTESTS[] = {{"vip_null", {false, bare_router, 0}},
                    {"vip_curve", {true, bare_router, 0}},
                    {"sub_1_null", {false, bare_proxy, 1}},
                    {"sub_10_null", {false, bare_proxy, 10}}};
    json_t *result = json_pack("{s:i,s:i,s:i}", "pairs", (int)plan->pairs, "messages", (int)plan->messages,
                               "window", WINDOW);
    for (size_t i = 0; i < sizeof CONTESTS / sizeof *CONTESTS; i++) {
        if (!(CONTESTS[i].contest.subscribers == 0 ? plan->vip : plan->plain))
            continue;
        fprintf(stderr, "%s\n", CONTESTS[i].name);
        json_object_set_new(result, CONTESTS[i].name, compare(plan, &CONTESTS[i].contest));
    }
    if (plan->flat)
        json_object_set_new(result, "flatness", flatness(plan));
    if (plan->memory)
        json_object_set_new(result, "idle_resident_bytes", memory(plan));
    return result;
}

static const char USAGE[] =
    "usage: busbar-bench bus [--busbard PROGRAM] [--pairs N] [--messages N] [--only vip|plain|flat|memory]\n";

int bus_bench(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"busbard", required_argument, NULL, 'b'},
                                            {"pairs", required_argument, NULL, 'p'},
                                            {"messages", required_argument, NULL, 'm'},
                                            {"only", required_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    struct plan plan = {BUSBAR_BINARY_DIR "/bin/busbard", 5, 100000, true, true, true, true};
    for (int c = getopt_long(argc, argv, "", OPTIONS, NULL); c != -1;
         c = getopt_long(argc, argv, "", OPTIONS, NULL)) {
        if (c == 'b')
            plan.busbard = optarg;
        else if (c == 'p')
            plan.pairs = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'm')
            plan.messages = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'o') {
            plan.vip = strcmp(optarg, "vip") == 0;
            plan.plain = strcmp(optarg, "plain") == 0;
            plan.flat = strcmp(optarg, "flat") == 0;
            plan.memory = strcmp(optarg, "memory") == 0;
        } else {
            fputs(USAGE, stderr);
            return 2;
        }
    }
    if (plan.pairs == 0 || plan.pairs > PAIRS_MAX || plan.messages == 0 || optind < argc) {
        fputs(USAGE, stderr);
        return 2;
    }
    json_t *result = run(&plan);
    json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(4));
    putchar('\n');
    json_decref(result);
    return 0;
}
