/* A signed transaction: type id, 32-byte words, signature; what is stored, hashed and sent. No JSON is ever
 * hashed.
 *
 *   bytes   u8 type ‖ 32 × members words ‖ 65 signature [‖ u16 length ‖ text, when the type has a string]
 *
 * The string's word is its keccak256, and must fit the text. The id is the EIP-712 digest: without the
 * signature, hence free of its malleability. Source: EIP-712; design: the table of types. */
#ifndef LEDGER_CORE_TRANSACTION_H
#define LEDGER_CORE_TRANSACTION_H

#include "ledger/crypto/eip712.h"
#include "ledger/crypto/signer.h"
#include "market/action.h"

#include <busbar/status.h>

#define TRANSACTION_MEMBERS_MAX 10
#define TRANSACTION_TEXT_MAX    MARKET_REASON_MAX
/* 1 + 10 × 32 + 65 + 2 + 255. */
#define TRANSACTION_BYTES_MAX 643

enum member_kind { MEMBER_ADDRESS, MEMBER_UINT64, MEMBER_INT64, MEMBER_UINT8, MEMBER_BYTES32, MEMBER_STRING };

/* One member of a type: "int64 energyWh". */
struct member {
    const char *name;
    enum member_kind kind;
    size_t at; /* where its value stands in struct action; of nonce and deadline: nowhere, SIZE_MAX */
};

/* A row of the table of types; members[0..2] are always the actor, nonce and deadline. */
struct transaction_type {
    enum action_type action;
    const char *name;        /* "SellOrder" */
    const char *encode_type; /* "SellOrder(address seller,uint64 nonce,…)" */
    const struct member *members;
    size_t count;
};

struct transaction {
    enum action_type type;
    eip712_word words[TRANSACTION_MEMBERS_MAX];
    uint8_t signature[SIGNATURE_SIZE];
    uint16_t text_size;
    char text[TRANSACTION_TEXT_MAX]; /* not terminated */
};

/* The type of that number, or of that name; NULL when there is none. */
const struct transaction_type *transaction_type(enum action_type action);
const struct transaction_type *transaction_type_named(const char *name);

/* The type's hash, computed once. */
const struct hash *transaction_type_hash(enum action_type action);

/* Reads one transaction that fills `bytes` entirely. BB_MALFORMED: an unknown type, a word that is not
 * canonical for its member, a text that is not UTF-8 (or holds a NUL), too long, or not what its word says;
 * trailing bytes. */
BB_MUST_CHECK enum status transaction_decode(struct bytes bytes, struct transaction *out);

/* Its bytes to out[TRANSACTION_BYTES_MAX]; the size. */
size_t transaction_encode(const struct transaction *transaction, uint8_t *out);

/* The words as the contract's action, with its nonce and deadline. `action` borrows the transaction's text.
 */
void transaction_action(const struct transaction *transaction, struct action *action_out, uint64_t *nonce_out,
                        uint64_t *deadline_out);

/* The other way: words from an action. BB_RANGE: no such type, or a text that transaction_decode would
 * refuse. The signature is zero. */
BB_MUST_CHECK enum status transaction_make(const struct action *action, uint64_t nonce, uint64_t deadline,
                                           struct transaction *out);

/* Its id: the EIP-712 digest under the domain separator. */
struct hash transaction_id(const struct transaction *transaction, const struct hash *separator);

#endif
