#include "agents/web/house.h"

#include "agents/web/exchange_state.h"
#include "agents/web/metrics.h"
#include "agents/web/rpc.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define CLOCK_MS 1000
#define LOOK_MS  100

static void health(void *context, struct exchange *exchange)
{
    (void)context;
    exchange_text(exchange, 200, "text/plain; charset=utf-8", strdup("alive\n"));
}

/* Ready: it can show what there is. */
static void ready(void *context, struct exchange *exchange)
{
    const struct house *house = context;
    const struct server_counts counts = server_counts(house->server);
    json_t *reasons = json_array();
    if (!api_state(house->api).bus)
        json_array_append_new(reasons, json_string("the broker is not connected"));
    if (counts.open * 10 > house->connections * 9)
        json_array_append_new(reasons, json_string("nearly all connections are taken"));
    bool fine = json_array_size(reasons) == 0;
    json_t *document = json_pack("{s:b,s:o}", "ready", fine, "reasons", reasons);
    exchange_json(exchange, fine ? 200 : 503, json_dumps(document, JSON_COMPACT));
    json_decref(document);
}

static int64_t resident_bytes(void)
{
    long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file == NULL)
        return 0;
    if (fscanf(file, "%*d %ld", &pages) != 1)
        pages = 0;
    fclose(file);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

static double cpu_s(void)
{
    struct rusage used;
    memset(&used, 0, sizeof used);
    (void)!getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

static void metrics(void *context, struct exchange *exchange)
{
    const struct house *house = context;
    const struct metrics m = {.server = server_counts(house->server),
                              .stream = stream_counts(house->hub),
                              .overview = api_overview(house->api),
                              .uptime_s = (double)(bb_loop_mono_ms() - house->started_ms) / 1e3,
                              .cpu_s = cpu_s(),
                              .resident_bytes = resident_bytes()};
    exchange_text(exchange, 200, METRICS_TYPE, metrics_text(&m));
}

static void rpc(void *context, struct exchange *exchange)
{
    struct house *house = context;
    rpc_handle(house->client, exchange);
}

static void events(void *context, struct exchange *exchange)
{
    struct house *house = context;
    events_handle(house->events, exchange);
}

static void ticket(void *context, struct exchange *exchange)
{
    struct house *house = context;
    char text[GATE_TICKET_SIZE], json[GATE_TICKET_SIZE + 64];
    if (gate_ticket(house->gate, exchange->user, exchange->role, bb_loop_mono_ms(), text) != BB_OK) {
        exchange_fail(exchange, 500, "randomness", "the system gives no random bytes");
        return;
    }
    snprintf(json, sizeof json, "{\"ticket\":\"%s\",\"valid_s\":60}", text);
    exchange_json(exchange, 200, strdup(json));
}

const struct route house_routes[] = {
    {"GET", "/healthz", ROLE_NONE, health, "200 while the process serves"},
    {"GET", "/readyz", ROLE_NONE, ready,
     "200 when the broker is connected and connections are left, else 503 with the reasons"},
    {"GET", "/metrics", ROLE_VIEWER, metrics, "for Prometheus, as OpenMetrics"},
    {"POST", "/rpc", ROLE_VIEWER, rpc,
     "JSON-RPC for wallets, read-only: eth_chainId, net_version, eth_blockNumber, eth_getBalance, "
     "eth_getTransactionCount"},
    {"GET", "/api/v1/events", ROLE_VIEWER, events,
     "Server-Sent Events of channels=a,b,…; filter=PREFIX for the channel bus; ticket=… where looking takes "
     "a token"},
    {"POST", "/api/v1/ticket", ROLE_VIEWER, ticket,
     "a ticket for one stream of events, within a minute: EventSource sends no Authorization"},
};
const size_t house_route_count = sizeof house_routes / sizeof *house_routes;

/* So that a page knows by itself when what it shows is old. */
static void tell_time(struct house *house, struct api_state state)
{
    char json[96];
    snprintf(json, sizeof json, "{\"time_ms\":%lld,\"bus\":\"%s\",\"ledger\":\"%s\"}",
             (long long)bb_loop_wall_ms(), state.bus ? "up" : "down", state.ledger ? "up" : "down");
    stream_publish(house->hub, STREAM_CLOCK, "", json);
    house->told = state;
    house->told_ms = bb_loop_mono_ms();
}

/* Once a second, and at once when the bus or the ledger comes or goes. */
static void look(void *context)
{
    struct house *house = context;
    struct api_state state = api_state(house->api);
    bool news = state.bus != house->told.bus || state.ledger != house->told.ledger;
    if (news || bb_loop_mono_ms() - house->told_ms >= CLOCK_MS - LOOK_MS / 2)
        tell_time(house, state);
}

enum status house_open(struct house *house)
{
    house->started_ms = bb_loop_mono_ms();
    tell_time(house, api_state(house->api));
    return bb_loop_every(house->loop, LOOK_MS, look, house, &house->clock);
}

void house_close(struct house *house)
{
    bb_loop_cancel(house->loop, house->clock);
}
