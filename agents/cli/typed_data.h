/* A transaction as the document that a wallet is asked to sign, with nothing hidden: eth_signTypedData_v4.
 * Source: EIP-712. */
#ifndef AGENTS_CLI_TYPED_DATA_H
#define AGENTS_CLI_TYPED_DATA_H

#include "ledger/core/transaction.h"

#include <jansson.h>

/* {"types","primaryType","domain","message"}, to be decref'd; integers of 64 bits are decimal strings. */
json_t *typed_data(const struct transaction *transaction, const struct eip712_domain *domain);

#endif
