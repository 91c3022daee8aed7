#include "agents/web/house.h"

#include "agents/web/exchange_state.h"
#include "agents/web/stream_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CLOCK_MS 1000

static void health(void *context, struct exchange *exchange)
{
    (void)context;
    exchange_text(exchange, 200, "text/plain; charset=utf-8", strdup("alive\n"));
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
    {"GET", "/api/v1/events", ROLE_VIEWER, events,
     "Server-Sent Events of channels=a,b,…; filter=PREFIX for the channel bus; ticket=… where looking takes "
     "a token"},
    {"POST", "/api/v1/ticket", ROLE_VIEWER, ticket,
     "a ticket for one stream of events, within a minute: EventSource sends no Authorization"},
};
const size_t house_route_count = sizeof house_routes / sizeof *house_routes;

/* So that a page knows by itself when what it shows is old. */
static void tell_time(void *context)
{
    struct house *house = context;
    struct api_state state = api_state(house->api);
    char json[96];
    snprintf(json, sizeof json, "{\"time_ms\":%lld,\"bus\":\"%s\",\"ledger\":\"%s\"}",
             (long long)bb_loop_wall_ms(), state.bus ? "up" : "down", state.ledger ? "up" : "down");
    stream_publish(house->hub, STREAM_CLOCK, "", json);
}

enum status house_open(struct house *house)
{
    house->started_ms = bb_loop_mono_ms();
    tell_time(house);
    return bb_loop_every(house->loop, CLOCK_MS, tell_time, house, &house->clock);
}

void house_close(struct house *house)
{
    bb_loop_cancel(house->loop, house->clock);
}
