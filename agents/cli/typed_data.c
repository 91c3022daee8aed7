#include "agents/cli/typed_data.h"

#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdio.h>

static json_t *field(const char *name, const char *type)
{
    return json_pack("{s:s, s:s}", "name", name, "type", type);
}

static const char *type_word(enum member_kind kind)
{
    static const char *const words[] = {
        [MEMBER_ADDRESS] = "address", [MEMBER_UINT64] = "uint64",   [MEMBER_INT64] = "int64",
        [MEMBER_UINT8] = "uint8",     [MEMBER_BYTES32] = "bytes32", [MEMBER_STRING] = "string"};
    return words[kind];
}

static json_t *types_of(const struct transaction_type *type)
{
    json_t *members = json_array(), *types = json_object();
    for (size_t i = 0; i < type->count; i++)
        json_array_append_new(members, field(type->members[i].name, type_word(type->members[i].kind)));
    json_object_set_new(types, "EIP712Domain",
                        json_pack("[o, o, o, o, o]", field("name", "string"), field("version", "string"),
                                  field("chainId", "uint256"), field("verifyingContract", "address"),
                                  field("salt", "bytes32")));
    json_object_set_new(types, type->name, members);
    return types;
}

/* Member `index` as JSON; the words of a transaction that was made here are canonical. */
static json_t *member_value(const struct transaction *transaction, enum member_kind kind, size_t index)
{
    const uint8_t *word = transaction->words[index];
    char text[HEX_HASH];
    struct address address;
    uint64_t number;
    int64_t integer;
    switch (kind) {
    case MEMBER_ADDRESS:
        CHECK(eip712_read_address(word, &address));
        address_format(&address, text);
        break;
    case MEMBER_UINT64:
    case MEMBER_UINT8:
        CHECK(eip712_read_uint(word, &number));
        snprintf(text, sizeof text, "%" PRIu64, number);
        break;
    case MEMBER_INT64:
        CHECK(eip712_read_int(word, &integer));
        snprintf(text, sizeof text, "%" PRId64, integer);
        break;
    case MEMBER_BYTES32:
        hex_format((struct bytes){word, sizeof(eip712_word)}, text);
        break;
    case MEMBER_STRING:
        return json_stringn(transaction->text, transaction->text_size);
    }
    return json_string(text);
}

static json_t *domain_of(const struct eip712_domain *domain)
{
    char contract[ADDRESS_TEXT], salt[HEX_HASH];
    address_format(&domain->contract, contract);
    hex_format((struct bytes){domain->salt.bytes, sizeof domain->salt.bytes}, salt);
    return json_pack("{s:s, s:s, s:I, s:s, s:s}", "name", domain->name, "version", domain->version, "chainId",
                     (json_int_t)domain->chain_id, "verifyingContract", contract, "salt", salt);
}

json_t *typed_data(const struct transaction *transaction, const struct eip712_domain *domain)
{
    const struct transaction_type *type = transaction_type(transaction->type);
    CHECK(type != NULL);
    json_t *message = json_object();
    for (size_t i = 0; i < type->count; i++)
        json_object_set_new(message, type->members[i].name,
                            member_value(transaction, type->members[i].kind, i));
    json_t *document = json_pack("{s:o, s:s, s:o, s:o}", "types", types_of(type), "primaryType", type->name,
                                 "domain", domain_of(domain), "message", message);
    CHECK(document != NULL);
    return document;
}
