/* The handlers of the routes, one group for each area; the table in api.c says what each is for. Their
 * context is the struct api. */
#ifndef AGENTS_WEB_API_HANDLERS_H
#define AGENTS_WEB_API_HANDLERS_H

#include "agents/web/exchange.h"

/* status.c */
exchange_handler on_status, on_overview, on_nodes;

/* dispatch.c */
exchange_handler on_dispatch, on_site, on_runs, on_run, on_order;

/* market.c */
exchange_handler on_book, on_trades, on_policy, on_lines, on_accounts, on_account, on_statement, on_orders;

/* chain.c */
exchange_handler on_chain_status, on_blocks, on_block, on_raw, on_transaction, on_receipt, on_genesis,
    on_proof, on_submit;

/* bus.c */
exchange_handler on_bus_peers, on_bus_topics, on_bus_retained;

/* agents.c */
exchange_handler on_agents, on_agent, on_agent_logs, on_agent_stats, on_agent_act;

/* alarms.c */
exchange_handler on_alarms, on_acknowledge, on_shelve;

#endif
