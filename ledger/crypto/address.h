/* Addresses as text, with the checksum that catches a mistyped digit. Source: EIP-55. */
#ifndef LEDGER_CRYPTO_ADDRESS_H
#define LEDGER_CRYPTO_ADDRESS_H

#include <busbar/address.h>
#include <busbar/status.h>

#define ADDRESS_TEXT 43 /* "0x", forty digits, NUL */

/* The address with its EIP-55 checksum, NUL-terminated. */
void address_format(const struct address *address, char out[ADDRESS_TEXT]);

/* Reads an address: 0x and forty digits, all lower case, all upper case, or mixed with a right checksum.
 * BB_MALFORMED otherwise (a wrong checksum too). Source: EIP-55. */
BB_MUST_CHECK enum status address_parse(const char *text, struct address *out);

#endif
