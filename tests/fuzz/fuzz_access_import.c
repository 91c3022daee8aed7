/* Hostile files of VOLTTRON, several in one input, a zero byte between them: refused with a reason, or
 * translated into a document that the broker takes, in which nobody looks after the bus by them. */
#include "bus/rules/import.h"
#include "bus/rules/rules.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_document(const struct edit *edit)
{
    static struct access *rules;
    struct bb_reason reason = {""};
    if (rules == NULL)
        rules = calloc(1, sizeof *rules);
    char *text = json_dumps(edit->document, 0);
    CHECK(rules != NULL && text != NULL);
    enum status status = rules_parse("access.json", text, strlen(text), rules, &reason);
    CHECK(status == BB_OK || status == BB_FULL);
    for (uint32_t i = 0; status == BB_OK && i < rules->entry_count; i++)
        CHECK(!access_allows(rules, i, ACCESS_CAPABILITY, bytes_of(ACCESS_ADMIN)));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const EVERYTHING[] = {""};
    struct edit edit = {.lock = -1, .document = json_pack("{s:i, s:[]}", "version", 1, "entries")};
    const struct import_options options = {
        .publish = EVERYTHING, .publish_count = 1, .subscribe = EVERYTHING, .subscribe_count = 1};
    struct import import;
    struct bb_reason reason = {""};
    bool good = true;
    import_open(&edit, &options, &import);
    while (size > 0 && good) {
        const uint8_t *end = memchr(data, 0, size);
        size_t part = end == NULL ? size : (size_t)(end - data);
        good = import_read(&import, "agents/file.json", (const char *)data, part, &reason) == BB_OK;
        CHECK(good || reason.text[0] != '\0');
        data += end == NULL ? part : part + 1;
        size -= end == NULL ? part : part + 1;
    }
    if (good) {
        import_apply(&import);
        check_document(&edit);
    }
    import_close(&import);
    edit_close(&edit);
    return 0;
}
