/* A small JSON-RPC of Ethereum, read-only, so that a wallet can add the chain and show a balance: the ledger
 * answers. Source: JSON-RPC 2.0; EIP-1474 for the methods and the codes of errors. */
#ifndef AGENTS_WEB_RPC_H
#define AGENTS_WEB_RPC_H

#include "agents/web/exchange.h"

#include <busbar/client.h>

/* Calls in one batch. */
#define RPC_BATCH_MAX 32

/* Answers a request, or a batch of them, once the ledger has. A balance is money in 10^-18 $, as a wallet
 * shows a currency of 18 decimals; an account that the ledger does not know has nothing. */
void rpc_handle(struct bb_client *client, struct exchange *exchange);

/* A decimal of nano-$ as hexadecimal of 10^-18 $, to text[RPC_QUANTITY_SIZE]. BB_MALFORMED, BB_RANGE (more
 * than 2^64 - 1 nano-$). */
#define RPC_QUANTITY_SIZE 40
BB_MUST_CHECK enum status rpc_balance(const char *nano, char *text);

/* A decimal as a quantity: "0x0", "0x1a". BB_MALFORMED, BB_RANGE (more than 2^64 - 1). */
BB_MUST_CHECK enum status rpc_quantity(const char *decimal, char *text);

#endif
