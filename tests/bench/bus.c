#include "tests/bench/bus.h"

#include "tests/bench/bare.h"
#include "tests/bench/crowd.h"
#include "tests/bench/load.h"
#include "tests/bench/race.h"

#include <busbar/check.h>
#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PAIRS_MAX RACE_ROUNDS_MAX
#define WINDOW    64
/* Calls under way. */
#define CALLS 32
#define CROWD 2000

/* What can be left out with --only. */
enum part { PART_VIP, PART_RPC, PART_PLAIN, PART_FLAT, PART_MEMORY, PART_BROKERS, PARTS };
static const char *const PART_NAMES[PARTS] = {"vip", "rpc", "plain", "flat", "memory", "brokers"};

struct plan {
    uint32_t pairs, messages;
    bool parts[PARTS];
    struct race race;
};

/* One comparison: what both sides run. */
struct contest {
    enum part part;
    bool secure;
    void (*bare)(const struct site *site);
    uint32_t subscribers; /* of the sub door */
};

static struct figure load(const struct plan *plan, const struct contest *contest, struct site *site,
                          pid_t pid, bool subject)
{
    uint32_t fan_out = contest->subscribers;
    if (contest->part == PART_VIP)
        return load_vip(site, pid, plan->messages, WINDOW);
    if (contest->part == PART_RPC)
        return load_rpc(site, pid, plan->messages, CALLS);
    return load_plain(site, pid, subject, fan_out > 10 ? plan->messages / 10 : plan->messages, fan_out);
}

static struct figure measure(const struct plan *plan, const struct contest *contest, bool subject)
{
    struct site site;
    child_site(&site, contest->secure);
    pid_t pid = subject ? child_busbard(&site, plan->race.busbard) : child_fork(&site, contest->bare);
    struct figure figure = load(plan, contest, &site, pid, subject);
    child_stop(pid);
    child_clear(&site);
    return figure;
}

/* The median with the least and the most. */
static json_t *spread(const double *values, uint32_t count)
{
    CHECK(count > 0);
    double least = values[0], most = values[0];
    for (uint32_t i = 1; i < count; i++) {
        least = values[i] < least ? values[i] : least;
        most = values[i] > most ? values[i] : most;
    }
    return json_pack("{s:f,s:f,s:f}", "median", race_median(values, count), "least", least, "most", most);
}

/* Pairs one after the other, yardstick and subject; medians of both and of the ratios of the pairs. */
static json_t *compare(const struct plan *plan, const struct contest *contest)
{
    double cpu[2][PAIRS_MAX], rate[2][PAIRS_MAX];
    double cpu_ratio[PAIRS_MAX] = {0}, rate_ratio[PAIRS_MAX] = {0};
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
    return json_pack("{s:{s:f,s:f},s:{s:f,s:f},s:o,s:o}", "bare", "cpu_us", race_median(cpu[0], n),
                     "per_second", race_median(rate[0], n), "busbard", "cpu_us", race_median(cpu[1], n),
                     "per_second", race_median(rate[1], n), "cpu_ratio", spread(cpu_ratio, n), "rate_ratio",
                     spread(rate_ratio, n));
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
        pid_t pid = child_busbard(&site, plan->race.busbard);
        struct idle *idle = load_idle_open(&site, COUNTS[i]);
        for (uint32_t k = 0; k < plan->pairs; k++)
            cpu[k] = load_vip(&site, pid, plan->messages, WINDOW).cpu_us;
        fprintf(stderr, "%u subscriptions: %.2f us\n", COUNTS[i], race_median(cpu, plan->pairs));
        json_array_append_new(all, json_pack("{s:i,s:f,s:i}", "subscriptions", (int)COUNTS[i], "cpu_us",
                                             race_median(cpu, plan->pairs), "resident_bytes",
                                             (int)child_resident_bytes(pid)));
        load_idle_close(idle);
        child_stop(pid);
        child_clear(&site);
    }
    return all;
}

/* Resident memory of the child, alone and with CROWD peers. */
static json_t *memory_of(const struct plan *plan, bool secure, bool subject)
{
    struct site site;
    child_site(&site, secure);
    pid_t pid = subject ? child_busbard(&site, plan->race.busbard) : child_fork(&site, bare_router);
    usleep(500000);
    json_int_t idle = (json_int_t)child_resident_bytes(pid);
    struct crowd *crowd = crowd_open(&site, CROWD, subject);
    usleep(500000);
    json_int_t crowded = (json_int_t)child_resident_bytes(pid);
    crowd_close(crowd);
    child_stop(pid);
    child_clear(&site);
    fprintf(stderr, "%s %s: %lld, %lld bytes\n", subject ? "busbard" : "bare", secure ? "curve" : "null",
            idle, crowded);
    return json_pack("{s:I,s:I}", "idle_bytes", idle, "crowd_bytes", crowded);
}

static json_t *memory(const struct plan *plan)
{
    json_t *all = json_pack("{s:i}", "peers", CROWD);
    for (int secure = 0; secure < 2; secure++) {
        json_t *bare = memory_of(plan, secure, false);
        json_object_set_new(all, secure ? "curve" : "null",
                            json_pack("{s:o,s:o}", "bare", bare, "busbard", memory_of(plan, secure, true)));
    }
    return all;
}

static json_t *run(const struct plan *plan)
{
    static const struct {
        const char *name;
        struct contest contest;
    } CONTESTS[] = {{"vip_null", {PART_VIP, false, bare_router, 1}},
                    {"vip_curve", {PART_VIP, true, bare_router, 1}},
                    {"rpc_null", {PART_RPC, false, bare_forward, 1}},
                    {"rpc_curve", {PART_RPC, true, bare_forward, 1}},
                    {"sub_1_null", {PART_PLAIN, false, bare_proxy, 1}},
                    {"sub_10_null", {PART_PLAIN, false, bare_proxy, 10}},
                    {"sub_100_null", {PART_PLAIN, false, bare_proxy, 100}},
                    {"sub_1_curve", {PART_PLAIN, true, bare_proxy, 1}},
                    {"sub_10_curve", {PART_PLAIN, true, bare_proxy, 10}},
                    {"sub_100_curve", {PART_PLAIN, true, bare_proxy, 100}}};
    json_t *result = json_pack("{s:i,s:i,s:i,s:i}", "pairs", (int)plan->pairs, "messages",
                               (int)plan->messages, "window", WINDOW, "calls", CALLS);
    for (size_t i = 0; i < sizeof CONTESTS / sizeof *CONTESTS; i++) {
        if (!plan->parts[CONTESTS[i].contest.part])
            continue;
        fprintf(stderr, "%s\n", CONTESTS[i].name);
        json_object_set_new(result, CONTESTS[i].name, compare(plan, &CONTESTS[i].contest));
    }
    if (plan->parts[PART_FLAT])
        json_object_set_new(result, "flatness", flatness(plan));
    if (plan->parts[PART_MEMORY])
        json_object_set_new(result, "memory", memory(plan));
    if (plan->parts[PART_BROKERS])
        json_object_set_new(result, "brokers", race_run(&plan->race));
    return result;
}

static const char USAGE[] =
    "usage: busbar-bench bus [--busbard PROGRAM] [--mosquitto PROGRAM] [--nats PROGRAM] [--pairs N]\n"
    "           [--messages N] [--rounds N] [--seconds S] [--only vip|rpc|plain|flat|memory|brokers]\n"
    "Pairs and messages are for the comparisons with libzmq, rounds and seconds for those with brokers.\n"
    "Pairs and rounds: 1 to 32; messages: 10 and more; seconds: 0.1 to 60.\n";

static bool only(struct plan *plan, const char *name)
{
    bool known = false;
    for (int i = 0; i < PARTS; i++) {
        plan->parts[i] = strcmp(PART_NAMES[i], name) == 0;
        known = known || plan->parts[i];
    }
    return known;
}

static bool take_option(struct plan *plan, int option, const char *value)
{
    switch (option) {
    case 'b':
        plan->race.busbard = value;
        return true;
    case 'q':
        plan->race.mosquitto = value;
        return true;
    case 'n':
        plan->race.nats = value;
        return true;
    case 'p':
        plan->pairs = (uint32_t)strtoul(value, NULL, 10);
        return plan->pairs > 0 && plan->pairs <= PAIRS_MAX;
    case 'm':
        plan->messages = (uint32_t)strtoul(value, NULL, 10);
        return plan->messages >= 10;
    case 'r':
        plan->race.rounds = (uint32_t)strtoul(value, NULL, 10);
        return plan->race.rounds > 0 && plan->race.rounds <= RACE_ROUNDS_MAX;
    case 's':
        plan->race.seconds = strtod(value, NULL);
        return plan->race.seconds >= RACE_SECONDS_MIN && plan->race.seconds <= RACE_SECONDS_MAX;
    case 'o':
        return only(plan, value);
    default:
        return false;
    }
}

int bus_bench(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"busbard", required_argument, NULL, 'b'},
                                            {"mosquitto", required_argument, NULL, 'q'},
                                            {"nats", required_argument, NULL, 'n'},
                                            {"pairs", required_argument, NULL, 'p'},
                                            {"messages", required_argument, NULL, 'm'},
                                            {"rounds", required_argument, NULL, 'r'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"only", required_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};
    struct plan plan = {
        .pairs = 5,
        .messages = 100000,
        .parts = {true, true, true, true, true, true},
        .race = {BUSBAR_BINARY_DIR "/bin/busbard", "/usr/sbin/mosquitto", "/usr/sbin/nats-server", 3, 1.0}};
    bool good = true;
    for (int c = getopt_long(argc, argv, "", OPTIONS, NULL); c != -1;
         c = getopt_long(argc, argv, "", OPTIONS, NULL))
        good = good && take_option(&plan, c, optarg);
    if (!good || optind < argc) {
        fputs(USAGE, stderr);
        return 2;
    }
    json_t *result = run(&plan);
    json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(4));
    putchar('\n');
    json_decref(result);
    return 0;
}
