/* A hostile genesis.json: refused with a reason, or canonical bytes that read back. */
#include "ledger/genesis_file.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bb_reason reason = {""};
    struct genesis genesis;
    uint8_t *bytes = NULL, *again = NULL;
    size_t count = 0, count_again = 0;
    if (genesis_file_read((struct bytes){data, size}, &reason, &bytes, &count) != BB_OK) {
        CHECK(reason.text[0] != '\0');
        return 0;
    }
    CHECK(genesis_decode((struct bytes){bytes, count}, &genesis) == BB_OK);
    CHECK(genesis_encode(&genesis, &reason, &again, &count_again) == BB_OK);
    CHECK(count_again == count && memcmp(again, bytes, count) == 0);
    genesis_free(&genesis);
    free(again);
    free(bytes);
    return 0;
}
