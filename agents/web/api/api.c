#include "agents/web/api.h"

#include "agents/web/api/handlers.h"
#include "agents/web/api/hear.h"
#include "agents/web/api/watch.h"

#include <busbar/check.h>
#include <busbar/traffic.h>
#include <stdlib.h>

#define V ROLE_VIEWER
#define O ROLE_OPERATOR

const struct route api_routes[] = {
    {"GET", "/api/v1/status", V, on_status, "the broker, who is on the bus, the boards: `busbar status`"},
    {"GET", "/api/v1/overview", V, on_overview, "the neighbourhood in a dozen numbers"},
    {"GET", "/api/v1/nodes", V, on_nodes, "the boards as machines: `busbar node list`"},
    {"GET", "/api/v1/dispatch", V, on_dispatch, "every board and the totals: `busbar dispatch show`"},
    {"GET", "/api/v1/dispatch/site", V, on_site, "the boards in their order, and who is whose neighbour"},
    {"GET", "/api/v1/dispatch/runs", V, on_runs, "the recorded runs, the newest first"},
    {"GET", "/api/v1/dispatch/runs/{id}", V, on_run, "a recorded run, frame by frame"},
    {"POST", "/api/v1/dispatch/{board}/hold", O, on_order, "`busbar dispatch hold`; `all` for every board"},
    {"POST", "/api/v1/dispatch/{board}/release", O, on_order,
     "`busbar dispatch release`; `all` for every board"},
    {"POST", "/api/v1/dispatch/{board}/stop", O, on_order, "`busbar dispatch stop`; `all` for every board"},
    {"POST", "/api/v1/dispatch/{board}/override", O, on_order, "`busbar dispatch override`"},
    {"POST", "/api/v1/dispatch/{board}/parameter", O, on_order, "`busbar dispatch parameter`"},
    {"GET", "/api/v1/market/book", V, on_book, "what is for sale and wanted: `busbar market book`"},
    {"GET", "/api/v1/market/trades", V, on_trades,
     "what was traded, the newest first: `busbar market trades`"},
    {"GET", "/api/v1/market/policy", V, on_policy,
     "what the distribution company has set: `busbar market policy`"},
    {"GET", "/api/v1/lines", V, on_lines, "the lines with a limit, and how much of it is used"},
    {"GET", "/api/v1/accounts", V, on_accounts, "every participant: `busbar account list`"},
    {"GET", "/api/v1/accounts/{name}", V, on_account,
     "a participant and its open orders: `busbar account show`"},
    {"GET", "/api/v1/accounts/{name}/statement", V, on_statement, "its balances: `busbar account statement`"},
    {"GET", "/api/v1/accounts/{name}/orders", V, on_orders, "its open orders"},
    {"GET", "/api/v1/chain/status", V, on_chain_status, "the chain: `busbar chain status`"},
    {"GET", "/api/v1/chain/blocks", V, on_blocks, "the last blocks: `busbar chain log`"},
    {"GET", "/api/v1/chain/blocks/{height}", V, on_block, "a block: `busbar chain block`"},
    {"GET", "/api/v1/chain/raw", V, on_raw, "blocks as their bytes, to be verified"},
    {"GET", "/api/v1/chain/transactions/{id}", V, on_transaction, "a transaction: `busbar chain tx`"},
    {"GET", "/api/v1/chain/transactions/{id}/receipt", V, on_receipt,
     "its receipt: `busbar chain receipt --json`"},
    {"GET", "/api/v1/chain/genesis", V, on_genesis, "the genesis: `busbar chain genesis --json`"},
    {"GET", "/api/v1/chain/proof", V, on_proof, "that one block's history is the beginning of another's"},
    {"POST", "/api/v1/ledger/submit", V, on_submit, "gives signed transactions to the ledger, unchanged"},
    {"GET", "/api/v1/bus/peers", V, on_bus_peers, "who is on the bus: `busbar peers`"},
    {"GET", "/api/v1/bus/topics", V, on_bus_topics, "what is published: `busbar topic stats`"},
    {"GET", "/api/v1/bus/retained", V, on_bus_retained, "the last message of each topic, in pages"},
    {"GET", "/api/v1/agents", V, on_agents, "the hosted agents: `busbar agent list`"},
    {"GET", "/api/v1/agent-stats", V, on_agent_stats, "what they use: `busbar agent stats`"},
    {"GET", "/api/v1/agents/{name}", V, on_agent, "one of them: `busbar agent show`"},
    {"GET", "/api/v1/agents/{name}/logs", V, on_agent_logs, "what it has printed: `busbar agent logs`"},
    {"POST", "/api/v1/agents/{name}/start", O, on_agent_act, "`busbar agent start`"},
    {"POST", "/api/v1/agents/{name}/stop", O, on_agent_act, "`busbar agent stop`"},
    {"POST", "/api/v1/agents/{name}/restart", O, on_agent_act, "`busbar agent restart`"},
    {"GET", "/api/v1/alarms", V, on_alarms, "the alarms, the newest first"},
    {"POST", "/api/v1/alarms/{id}/acknowledge", O, on_acknowledge, "somebody has seen it"},
    {"POST", "/api/v1/alarms/{id}/shelve", O, on_shelve, "out of sight for a time"},
};
const size_t api_route_count = sizeof api_routes / sizeof *api_routes;

enum status api_open(const struct api_options *options, struct api **out)
{
    struct api *api = calloc(1, sizeof *api);
    CHECK(api != NULL);
    api->with = *options;
    api->relay = relay_open(options->client);
    api->present = json_object();
    api->started_mono = bb_loop_mono_ms();
    api->price_micro = -1;
    enum status status = hear_start(api);
    if (status == BB_OK)
        status = bb_loop_every(options->loop, WATCH_MS, watch_tick, api, &api->timer);
    if (status != BB_OK) {
        api_close(api);
        return status;
    }
    *out = api;
    return BB_OK;
}

void api_close(struct api *api)
{
    if (api == NULL)
        return;
    bb_loop_cancel(api->with.loop, api->timer);
    stream_on_interest(api->with.hub, NULL, NULL);
    for (size_t i = 0; i < api->board_count; i++)
        json_decref(api->boards[i].object);
    json_decref(api->present);
    relay_close(api->relay);
    free(api);
}

struct api_state api_state(const struct api *api)
{
    struct bb_traffic traffic;
    bb_traffic(api->with.client, &traffic);
    return (struct api_state){traffic.connected,
                              traffic.connected && json_object_get(api->present, "ledger") != NULL};
}

struct overview api_overview(const struct api *api)
{
    return watch_overview(api);
}
