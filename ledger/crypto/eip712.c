#include "ledger/crypto/eip712.h"

#include "ledger/crypto/hash.h"

#include <busbar/check.h>

#define WORD sizeof(eip712_word)

struct hash eip712_type(const char *encode_type)
{
    return hash_keccak256(bytes_of(encode_type));
}

struct hash eip712_separator(const struct eip712_domain *domain)
{
    struct hash type = eip712_type("EIP712Domain(string name,string version,uint256 chainId,"
                                   "address verifyingContract,bytes32 salt)");
    eip712_word words[5];
    eip712_string(words[0], bytes_of(domain->name));
    eip712_string(words[1], bytes_of(domain->version));
    eip712_uint(words[2], domain->chain_id);
    eip712_address(words[3], &domain->contract);
    memcpy(words[4], domain->salt.bytes, WORD);
    return eip712_struct(&type, (const eip712_word *)words, 5);
}

struct hash eip712_struct(const struct hash *type, const eip712_word *words, size_t count)
{
    uint8_t message[17 * WORD];
    CHECK(count <= 16);
    memcpy(message, type->bytes, WORD);
    if (count > 0)
        memcpy(message + WORD, words, count * WORD);
    return hash_keccak256((struct bytes){message, (1 + count) * WORD});
}

struct hash eip712_digest(const struct hash *separator, const struct hash *structure)
{
    uint8_t message[2 + 2 * WORD] = {0x19, 0x01};
    memcpy(message + 2, separator->bytes, WORD);
    memcpy(message + 2 + WORD, structure->bytes, WORD);
    return hash_keccak256((struct bytes){message, sizeof message});
}

/* The low eight bytes big-endian, the others `fill`. */
static void put(eip712_word out, uint64_t value, uint8_t fill)
{
    memset(out, fill, WORD - 8);
    for (size_t i = 0; i < 8; i++)
        out[WORD - 1 - i] = (uint8_t)(value >> (8 * i));
}

static uint64_t take(const eip712_word word)
{
    uint64_t value = 0;
    for (size_t i = WORD - 8; i < WORD; i++)
        value = value << 8 | word[i];
    return value;
}

static bool filled(const eip712_word word, size_t size, uint8_t fill)
{
    for (size_t i = 0; i < size; i++)
        if (word[i] != fill)
            return false;
    return true;
}

void eip712_uint(eip712_word out, uint64_t value)
{
    put(out, value, 0);
}

void eip712_int(eip712_word out, int64_t value)
{
    put(out, (uint64_t)value, value < 0 ? 0xff : 0);
}

void eip712_address(eip712_word out, const struct address *address)
{
    memset(out, 0, WORD - sizeof address->bytes);
    memcpy(out + WORD - sizeof address->bytes, address->bytes, sizeof address->bytes);
}

void eip712_string(eip712_word out, struct bytes text)
{
    struct hash hash = hash_keccak256(text);
    memcpy(out, hash.bytes, WORD);
}

bool eip712_read_uint(const eip712_word word, uint64_t *out)
{
    if (!filled(word, WORD - 8, 0))
        return false;
    *out = take(word);
    return true;
}

bool eip712_read_int(const eip712_word word, int64_t *out)
{
    if (!filled(word, WORD - 8, word[WORD - 8] & 0x80 ? 0xff : 0))
        return false;
    *out = (int64_t)take(word);
    return true;
}

bool eip712_read_address(const eip712_word word, struct address *out)
{
    if (!filled(word, WORD - sizeof out->bytes, 0))
        return false;
    memcpy(out->bytes, word + WORD - sizeof out->bytes, sizeof out->bytes);
    return true;
}
