#include "tests/bench/ledger_bus.h"

#include "ledger/core/transaction.h"
#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"
#include "tests/bench/child.h"
#include "tests/bench/recover.h"
#include "tests/support/broker.h"

#include <busbar/check.h>
#include <busbar/client.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SELLERS       20
#define WAIT_MS       60000
#define LIMIT_SECONDS 2.0
#define HEX_OF_ONE    (2 * TRANSACTION_BYTES_MAX + 4)
#define NAMES(list)   (list), sizeof(list) / sizeof *(list)

/* One measurement: who sells, and the calls that are under way. */
struct bench {
    uint32_t transactions, batch, window, singles;
    struct broker broker;
    pid_t ledger;
    struct bb_loop *loop;
    struct bb_client *client;
    struct signer *signer;
    struct secret secrets[SELLERS];
    struct address sellers[SELLERS];
    uint64_t nonces[SELLERS];
    struct hash separator;
    char **calls; /* params, made before the clock starts */
    uint32_t call_count, sent, answered, wrong;
};

/* What it found: rates a second, processor time in µs a transaction, milliseconds from a call to its answer.
 */
struct result {
    double limit, recover_us, rate, ledger_us, broker_us, load_us, median, late;
};

static double now(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void make_people(struct bench *b)
{
    CHECK(signer_open(&b->signer) == BB_OK);
    for (unsigned i = 0; i < SELLERS; i++) {
        memset(&b->secrets[i], 0x20 + (int)i, sizeof b->secrets[i]);
        b->sellers[i] = signer_address(b->signer, &b->secrets[i]);
    }
}

static void write_file(const struct bench *b, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/ledger/%s", b->broker.home, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
}

/* Seller 0 seals; the operator and the distribution company never act. */
static void write_genesis(const struct bench *b)
{
    char address[ADDRESS_TEXT], key[80] = "", path[128];
    json_t *people =
        json_pack("[{ssssss},{ssssss}]", "name", "operator", "address",
                  "0x0000000000000000000000000000000000000001", "role", "operator", "name", "edc", "address",
                  "0x0000000000000000000000000000000000000002", "role", "distribution");
    for (unsigned i = 0; i < SELLERS; i++) {
        char name[16];
        address_format(&b->sellers[i], address);
        snprintf(name, sizeof name, "p%u", i);
        json_array_append_new(people, json_pack("{ssssssss}", "name", name, "address", address, "role",
                                                "prosumer", "energy", "1000000000000"));
    }
    address_format(&b->sellers[0], address);
    json_t *genesis = json_pack("{ssssso s{ss}}", "chain_id", "1337", "sealer", address, "participants",
                                people, "limits", "orders", "2000000");
    char *text = json_dumps(genesis, JSON_COMPACT);
    snprintf(path, sizeof path, "%s/ledger", b->broker.home);
    CHECK(text != NULL && mkdir(path, 0700) == 0);
    write_file(b, "genesis.json", text);
    for (unsigned i = 0; i < sizeof b->secrets[0].bytes; i++)
        snprintf(key + 2 * i, 3, "%02x", b->secrets[0].bytes[i]);
    write_file(b, "sealer.key", key);
    json_decref(genesis);
    free(text);
}

static void start(struct bench *b)
{
    static const char *const identities[] = {"ledger", "load"};
    CHECK(broker_start(&b->broker, BUSBAR_BINARY_DIR "/bin", NAMES(identities)) == 0);
    write_genesis(b);
    b->ledger = fork();
    if (b->ledger == 0) {
        execl(BUSBAR_BINARY_DIR "/bin/busbar-ledgerd", "busbar-ledgerd", "--home", b->broker.home,
              (char *)NULL);
        _exit(127);
    }
    struct bb_client_options options = {.identity = "load", .home = b->broker.home, .connect_ms = WAIT_MS};
    CHECK(bb_loop_open(&b->loop) == BB_OK && bb_client_open(b->loop, &options, &b->client) == BB_OK);
}

static void read_separator(struct bench *b)
{
    char *text = NULL;
    for (int i = 0; i < 500 && bb_call(b->client, "ledger", "parameters", NULL, WAIT_MS, &text) != BB_OK;
         i++) {
        free(text);
        text = NULL;
        usleep(20000);
    }
    CHECK(text != NULL);
    json_t *parameters = json_loads(text, 0, NULL);
    const char *separator = json_string_value(json_object_get(parameters, "separator"));
    CHECK(separator != NULL && hex_parse(separator, b->separator.bytes, sizeof b->separator.bytes) == BB_OK);
    json_decref(parameters);
    free(text);
}

/* The next seller's next order, in hexadecimal to text_out[HEX_OF_ONE]. */
static void next_order(struct bench *b, uint32_t number, char *text_out)
{
    unsigned who = number % SELLERS;
    uint8_t bytes[TRANSACTION_BYTES_MAX];
    struct transaction transaction;
    struct action action = {.type = ACTION_SELL, .actor = b->sellers[who]};
    action.sell.energy.wh = 100;
    action.sell.price.micro_per_kwh = 90000 + number % 10000;
    CHECK(transaction_make(&action, b->nonces[who]++, 0, &transaction) == BB_OK);
    struct hash id = transaction_id(&transaction, &b->separator);
    signer_sign(b->signer, &b->secrets[who], &id, transaction.signature);
    hex_format((struct bytes){bytes, transaction_encode(&transaction, bytes)}, text_out);
}

static char *make_call(struct bench *b, uint32_t first, uint32_t count)
{
    char *text = malloc((size_t)count * (HEX_OF_ONE + 3) + 64);
    CHECK(text != NULL);
    memcpy(text, "{\"transactions\":[", 17);
    char *at = text + 17;
    for (uint32_t i = 0; i < count; i++) {
        *at++ = i == 0 ? '"' : ',';
        if (i > 0)
            *at++ = '"';
        next_order(b, first + i, at);
        at += strlen(at);
        *at++ = '"';
    }
    memcpy(at, "]}", 3);
    return text;
}

static void send_more(struct bench *b);

static void on_reply(void *context, enum status status, const char *json)
{
    struct bench *b = context;
    b->answered++;
    if (status != BB_OK || strstr(json, "\"refused\"") != NULL)
        b->wrong++;
    send_more(b);
    if (b->answered == b->call_count)
        bb_loop_stop(b->loop);
}

static void send_more(struct bench *b)
{
    for (; b->sent < b->call_count && b->sent - b->answered < b->window; b->sent++)
        CHECK(bb_request(b->client, "ledger", "submit", b->calls[b->sent], WAIT_MS, on_reply, b) == BB_OK);
}

/* Sends what `calls` holds, `window` calls at a time; the seconds it took. */
static double run(struct bench *b, uint32_t window)
{
    double begin = now();
    b->sent = b->answered = 0;
    b->window = window;
    send_more(b);
    CHECK(bb_loop_run(b->loop) == BB_OK);
    return now() - begin;
}

static void make_calls(struct bench *b, uint32_t transactions, uint32_t batch)
{
    static uint32_t number;
    b->call_count = transactions / batch;
    b->calls = calloc(b->call_count, sizeof *b->calls);
    CHECK(b->calls != NULL);
    for (uint32_t i = 0; i < b->call_count; i++, number += batch)
        b->calls[i] = make_call(b, number, batch);
}

static void free_calls(struct bench *b)
{
    for (uint32_t i = 0; i < b->call_count; i++)
        free(b->calls[i]);
    free(b->calls);
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

/* One order after the other, each to its receipt: the milliseconds of the median and of the 99th percentile.
 */
static void measure_latency(struct bench *b, double *median_out, double *late_out)
{
    uint32_t count = b->singles;
    double *took = calloc(count, sizeof *took);
    CHECK(took != NULL);
    for (uint32_t i = 0; i < count; i++) {
        make_calls(b, 1, 1);
        took[i] = run(b, 1) * 1000;
        free_calls(b);
    }
    qsort(took, count, sizeof *took, by_size);
    *median_out = took[count / 2];
    *late_out = took[count * 99 / 100];
    free(took);
}

/* Processor time of this process so far, in µs. */
static double own_cpu_us(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) == 0);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

/* The machine's limit, and what one recovery costs of a processor: other work on the machine moves the first,
 * and hardly the second. */
static double measure_limit(double *cpu_us_out)
{
    double before = own_cpu_us(),
           rate = bench_recover_rate((unsigned)sysconf(_SC_NPROCESSORS_ONLN), LIMIT_SECONDS);
    *cpu_us_out = (own_cpu_us() - before) / (rate * LIMIT_SECONDS);
    return rate;
}

static void report(const struct bench *b, const struct result *r)
{
    double all = r->ledger_us + r->broker_us + r->load_us;
    printf(
        "{\"recover_per_second\":%.0f,\"recover_cpu_us\":%.1f,\"transactions\":%" PRIu32 ",\"batch\":%" PRIu32
        ",\"window\":%" PRIu32 ",\"refused_calls\":%" PRIu32 ",\n \"bus_per_second\":%.0f,\"bus_ratio\":%.3f,"
        "\"ledgerd_cpu_us\":%.1f,\"busbard_cpu_us\":%.1f,\"load_cpu_us\":%.1f,\"cpu_ratio\":%.3f,\n "
        "\"singles\":%" PRIu32 ",\"latency_ms_p50\":%.2f,\"latency_ms_p99\":%.2f}\n",
        r->limit, r->recover_us, b->transactions, b->batch, b->window, b->wrong, r->rate, r->rate / r->limit,
        r->ledger_us, r->broker_us, r->load_us, r->recover_us / all, b->singles, r->median, r->late);
}

static void finish(struct bench *b)
{
    bb_client_close(b->client);
    bb_loop_close(b->loop);
    kill(b->ledger, SIGTERM);
    waitpid(b->ledger, NULL, 0);
    broker_end(&b->broker);
    signer_close(b->signer);
}

/* The limit is measured before and after, since the machine may be shared. */
static void measure_ingest(struct bench *b, uint32_t window, struct result *r)
{
    double after, after_us;
    r->limit = measure_limit(&r->recover_us);
    double ledger = child_cpu_us(b->ledger), broker = child_cpu_us(b->broker.pid), own = own_cpu_us();
    double seconds = run(b, window), count = (double)b->call_count * b->batch;
    r->rate = count / seconds;
    r->ledger_us = (child_cpu_us(b->ledger) - ledger) / count;
    r->broker_us = (child_cpu_us(b->broker.pid) - broker) / count;
    r->load_us = (own_cpu_us() - own) / count;
    after = measure_limit(&after_us);
    r->limit = (r->limit + after) / 2;
    r->recover_us = (r->recover_us + after_us) / 2;
}

/* "--name N" to *out. */
static int flag(int argc, char **argv, int i, const char *name, uint32_t *out)
{
    char *end = NULL;
    if (strcmp(argv[i], name) != 0 || i + 1 == argc)
        return 0;
    *out = (uint32_t)strtoul(argv[i + 1], &end, 10);
    return *end == '\0' && *out > 0;
}

int ledger_bus_bench(int argc, char **argv)
{
    struct bench b = {.transactions = 40000, .batch = 500, .window = 8, .singles = 500};
    struct result r = {0};
    for (int i = 1; i < argc; i += 2)
        if (!flag(argc, argv, i, "--transactions", &b.transactions) &&
            !flag(argc, argv, i, "--batch", &b.batch) && !flag(argc, argv, i, "--window", &b.window) &&
            !flag(argc, argv, i, "--singles", &b.singles)) {
            fputs("usage: busbar-bench ledger-bus [--transactions N] [--batch N] [--window CALLS] [--singles "
                  "N]\n",
                  stderr);
            return 2;
        }
    uint32_t window = b.window;
    make_people(&b);
    start(&b);
    read_separator(&b);
    measure_latency(&b, &r.median, &r.late);
    make_calls(&b, b.transactions, b.batch);
    measure_ingest(&b, window, &r);
    report(&b, &r);
    free_calls(&b);
    finish(&b);
    return b.wrong == 0 ? 0 : 1;
}
