/* Hostile params of `submit`: each element becomes bytes or is refused with its place; a message that is
 * taken is a transaction, and written again and read again it is the same one. */
#include "ledger/elements.h"
#include "ledger/message.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

#define MOST 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void comes_back(const uint8_t *bytes, size_t size)
{
    struct transaction transaction;
    struct json_writer w = {0};
    uint8_t again[TRANSACTION_BYTES_MAX];
    size_t size_again = 0;
    CHECK(transaction_decode((struct bytes){bytes, size}, &transaction) == BB_OK);
    json_writer_open(&w, NULL, '{');
    message_write(&w, &transaction);
    json_writer_close(&w, '}');
    CHECK(message_read(bytes_of(w.text), "again", again, &size_again, NULL) == BB_OK);
    CHECK(size_again == size && memcmp(again, bytes, size) == 0);
    free(w.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes elements[MOST];
    size_t count = 0;
    char *text = strndup(size > 0 ? (const char *)data : "", size);
    CHECK(text != NULL);
    if (elements_find(text, elements, MOST, &count))
        CHECK(count >= 1 && count <= MOST);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[TRANSACTION_BYTES_MAX];
        size_t taken = 0;
        struct bb_reason reason = {""};
        if (message_read(elements[i], "transactions[0]", bytes, &taken, &reason) != BB_OK)
            CHECK(strncmp(reason.text, "transactions[0]", 15) == 0);
        else if (elements[i].data[0] == '{')
            comes_back(bytes, taken);
    }
    free(text);
    return 0;
}
