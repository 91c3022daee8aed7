/* Whatever a broker or a peer puts into an envelope: parsed or refused as jansson does, and its members are
 * texts of the input, the very values that jansson sees. */
#include "bus/client/envelope.h"

#include <busbar/check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same_members(const struct envelope *envelope, json_t *root)
{
    const char *key;
    json_t *value;
    json_object_foreach(root, key, value)
    {
        json_t *ours = envelope_value(envelope, key);
        CHECK(ours != NULL && json_equal(ours, value));
        json_decref(ours);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct envelope envelope;
    struct bytes text = {data, size};
    json_t *root = memchr(data, '\0', size) == NULL ? json_loadb((const char *)data, size, 0, NULL) : NULL;
    if (envelope_parse(text, &envelope) != BB_OK) {
        CHECK(!json_is_object(root));
    } else {
        if (json_is_object(root))
            same_members(&envelope, root);
        envelope_free(&envelope);
    }
    json_decref(root);
    return 0;
}
