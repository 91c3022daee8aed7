/* Whatever a broker or a peer puts into an envelope: parsed or refused, and its members are texts of the
 * input. */
#include "bus/client/envelope.h"

#include <busbar/check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const keys[] = {"sender", "headers", "message", "id", "params", "result", ""};
    struct envelope envelope;
    if (envelope_parse((struct bytes){data, size}, &envelope) != BB_OK)
        return 0;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        char *member = envelope_member(&envelope, keys[i]);
        const json_t *parsed = json_object_get(envelope.root, keys[i]);
        if (member != NULL && parsed != NULL) {
            /* The slice is the very value that the parser saw. */
            json_t *again = json_loads(member, JSON_DECODE_ANY, NULL);
            CHECK(again != NULL && json_equal(again, (json_t *)(uintptr_t)parsed));
            json_decref(again);
        }
        free(member);
    }
    envelope_free(&envelope);
    return 0;
}
