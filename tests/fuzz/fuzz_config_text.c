/* A hostile configuration, its type in the first line: refused with a reason, or a value that can be written
 * and read again, and whose links can be followed. */
#include "bus/configs/config_text.h"

#include <busbar/check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every name leads to the configuration itself. */
static json_t *itself(void *context, const char *name)
{
    (void)name;
    return json_incref(context);
}

static void check_value(json_t *value)
{
    json_t *resolved = NULL;
    char *text = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
    CHECK(text != NULL);
    json_t *again = json_loads(text, JSON_DECODE_ANY, NULL);
    CHECK(json_equal(again, value));
    json_decref(again);
    free(text);
    (void)config_text_is_cyclic("n", value, itself, value);
    if (config_text_resolve(value, itself, value, &resolved) == BB_OK)
        json_decref(resolved);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bb_reason reason = {""};
    json_t *value = NULL;
    char name[CONFIG_NAME_MAX + 1];
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    text[size] = '\0';
    char *line = strchr(text, '\n');
    if (line != NULL) {
        *line++ = '\0';
        if (config_text_parse(text, line, &value, &reason) == BB_OK)
            check_value(value);
        else
            CHECK(reason.text[0] != '\0');
        if (config_text_name(line, name, &reason) == BB_OK)
            CHECK(name[0] != '\0' && strstr(line, name) != NULL);
        json_decref(value);
    }
    free(text);
    return 0;
}
