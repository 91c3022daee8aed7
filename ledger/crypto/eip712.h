/* EIP-712: typed structured data as wallets show and sign it. A value of each type is 32-byte words already
 * encoded: uintN big-endian left-padded, intN sign-extended, address left-padded, string its keccak256,
 * bytes32 as it is. Source: EIP-712. */
#ifndef LEDGER_CRYPTO_EIP712_H
#define LEDGER_CRYPTO_EIP712_H

#include <busbar/address.h>
#include <busbar/bytes.h>

/* The domain of a deployment. */
struct eip712_domain {
    const char *name, *version;
    uint64_t chain_id;
    struct address contract;
    struct hash salt;
};

typedef uint8_t eip712_word[32];

/* keccak256 of "Name(type member,…)". */
struct hash eip712_type(const char *encode_type);

/* keccak256 of the domain's type and its five words. */
struct hash eip712_separator(const struct eip712_domain *domain);

/* keccak256(type ‖ words[count]); count ≤ 16. */
struct hash eip712_struct(const struct hash *type, const eip712_word *words, size_t count);

/* keccak256(0x1901 ‖ separator ‖ struct): what is signed. */
struct hash eip712_digest(const struct hash *separator, const struct hash *structure);

/* One word each. */
void eip712_uint(eip712_word out, uint64_t value);
void eip712_int(eip712_word out, int64_t value);
void eip712_address(eip712_word out, const struct address *address);
void eip712_string(eip712_word out, struct bytes text);

/* The value of a word that is canonical; false when it is not (a bit outside the type). */
bool eip712_read_uint(const eip712_word word, uint64_t *out);
bool eip712_read_int(const eip712_word word, int64_t *out);
bool eip712_read_address(const eip712_word word, struct address *out);

#endif
