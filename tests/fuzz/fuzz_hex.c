/* Hostile hexadecimal texts and addresses: refused, or what is formatted from them reads the same again. */
#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"

#include <busbar/check.h>
#include <strings.h>

#define CAPACITY 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_hex(const char *text)
{
    uint8_t bytes[CAPACITY], exact[CAPACITY];
    char again[2 * CAPACITY + 3];
    size_t found = SIZE_MAX;
    enum status status = hex_parse_some(text, bytes, sizeof bytes, &found);
    CHECK(status == BB_OK || found == SIZE_MAX);
    if (status != BB_OK)
        return;
    CHECK(found <= CAPACITY && hex_parse(text, exact, found) == BB_OK);
    CHECK(bytes_equal((struct bytes){bytes, found}, (struct bytes){exact, found}));
    hex_format((struct bytes){bytes, found}, again);
    CHECK(strcasecmp(text, again) == 0);
}

static void check_address(const char *text)
{
    struct address address, again;
    char formatted[ADDRESS_TEXT];
    if (address_parse(text, &address) != BB_OK)
        return;
    address_format(&address, formatted);
    CHECK(strcasecmp(text, formatted) == 0);
    CHECK(address_parse(formatted, &again) == BB_OK && address_equal(&address, &again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[512];
    size_t length = size < sizeof text ? size : sizeof text - 1;
    if (length > 0)
        memcpy(text, data, length);
    text[length] = '\0';
    check_hex(text);
    check_address(text);
    return 0;
}
