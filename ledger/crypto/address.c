#include "ledger/crypto/address.h"

#include "ledger/crypto/hash.h"
#include "ledger/crypto/hex.h"

/* EIP-55: a letter is upper case where the same digit of keccak256(the forty lower-case digits) is ≥ 8. */
void address_format(const struct address *address, char out[ADDRESS_TEXT])
{
    hex_format((struct bytes){address->bytes, sizeof address->bytes}, out);
    struct hash hash = hash_keccak256((struct bytes){(const uint8_t *)out + 2, 40});
    for (size_t i = 0; i < 40; i++) {
        uint8_t nibble = i % 2 == 0 ? hash.bytes[i / 2] >> 4 : hash.bytes[i / 2] & 15;
        if (nibble >= 8 && out[2 + i] >= 'a')
            out[2 + i] = (char)(out[2 + i] - 'a' + 'A');
    }
}

enum status address_parse(const char *text, struct address *out)
{
    struct address address;
    if (hex_parse(text, address.bytes, sizeof address.bytes) != BB_OK)
        return BB_MALFORMED;
    bool lower = false, upper = false;
    for (const char *at = text + 2; *at != '\0'; at++) {
        lower = lower || *at >= 'a';
        upper = upper || (*at >= 'A' && *at <= 'F');
    }
    if (lower && upper) {
        char right[ADDRESS_TEXT];
        address_format(&address, right);
        if (memcmp(text, right, sizeof right) != 0)
            return BB_MALFORMED;
    }
    *out = address;
    return BB_OK;
}
