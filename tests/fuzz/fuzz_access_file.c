/* A hostile access.json: refused with a reason that names the file and a line, or rules that grant nothing
 * beyond what they list. */
#include "bus/rules/rules.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Every grant is what its kind allows, and is found again by the question that the broker asks. */
static void check_entry(const struct access *rules, uint32_t entry)
{
    for (int kind = 0; kind < ACCESS_KINDS; kind++) {
        uint32_t at = 0;
        struct bytes text;
        while (access_next(rules, entry, (enum access_kind)kind, &at, &text)) {
            CHECK(text.size <= 1024);
            if (kind != ACCESS_IDENTITY || access_is_identity(text))
                CHECK(access_allows(rules, entry, (enum access_kind)kind, text));
        }
    }
    CHECK(access_is_identity(access_name(rules, entry)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct access *rules;
    struct bb_reason reason = {""};
    uint32_t found;
    if (rules == NULL)
        rules = calloc(1, sizeof *rules);
    char *text = malloc(size + 1);
    CHECK(rules != NULL && text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    enum status status = rules_parse("access.json", text, size, rules, &reason);
    CHECK(rules_digest(text, size) != 0);
    free(text);
    if (status != BB_OK) {
        CHECK(strncmp(reason.text, "access.json:", 12) == 0);
        return 0;
    }
    for (uint32_t i = 0; i < rules->entry_count; i++) {
        CHECK(access_find(rules, bytes_of(rules->entries[i].key), &found) == BB_OK && found == i);
        check_entry(rules, i);
    }
    return 0;
}
