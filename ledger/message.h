/* A signed transaction as wallets and scripts send it, and as people read it:
 *
 *   "0x…"                                                          its bytes (ledger/core/transaction.h)
 *   {"type":"SellOrder","message":{"seller":"0x…","nonce":"0",…},"signature":"0x…"}   the message it signs
 *
 * The message's members are those of its EIP-712 type, all of them and no others. */
#ifndef LEDGER_MESSAGE_H
#define LEDGER_MESSAGE_H

#include "ledger/core/transaction.h"
#include "ledger/json_writer.h"

#include <busbar/reason.h>

/* Reads one of the two forms (`json` is one JSON value, the rest space) to out[TRANSACTION_BYTES_MAX];
 * *size_out of them. BB_MALFORMED: the reason says what is wrong and where, beginning with `place`
 * ("transactions[3]"). Hexadecimal is not looked into further: the bytes may be no transaction. */
BB_MUST_CHECK enum status message_read(struct bytes json, const char *place, uint8_t *out, size_t *size_out,
                                       struct bb_reason *reason);

/* Writes "type", "message" and "signature" into an open object. */
void message_write(struct json_writer *w, const struct transaction *transaction);

#endif
