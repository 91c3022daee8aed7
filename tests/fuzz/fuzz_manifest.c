/* A hostile manifest, and a configuration behind its first zero byte: refused with a line, or everything
 * within its bounds; a configuration that was filled in is one that needs nothing more. */
#include "agents/bundle/manifest.h"

#include <busbar/check.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_list(const struct manifest_list *list)
{
    CHECK(list->count <= MANIFEST_LIST_MAX);
    for (size_t i = 0; i < list->count; i++)
        CHECK(list->items[i] != NULL && strlen(list->items[i]) <= BB_TOPIC_MAX);
}

static void check_manifest(const struct manifest *m)
{
    CHECK(manifest_is_name(m->name) && m->release[0] != '\0' && m->identity[0] != '\0');
    CHECK(m->command_count > 0 && m->command_count <= MANIFEST_WORDS_MAX &&
          m->command[m->command_count] == NULL);
    CHECK(m->limits.memory_mb > 0 && m->limits.files >= 16 && m->limits.processes > 0 && m->stop_s > 0);
    check_list(&m->publish);
    check_list(&m->subscribe);
    check_list(&m->capabilities);
}

static void check_config(const struct manifest *m, struct bytes text)
{
    struct bb_reason reason = {""};
    json_t *config = json_loadb((const char *)text.data, text.size, JSON_DECODE_ANY, NULL), *filled, *again;
    if (config == NULL)
        return;
    if (manifest_configure(m, config, &reason, &filled) == BB_OK) {
        CHECK(manifest_configure(m, filled, &reason, &again) == BB_OK);
        CHECK(json_equal(filled, again));
        json_decref(filled);
        json_decref(again);
    } else {
        CHECK(strncmp(reason.text, "config: ", 8) == 0);
    }
    json_decref(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bb_reason reason = {""};
    struct manifest manifest;
    const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
    size_t length = end != NULL ? (size_t)(end - data) : size;
    if (manifest_read("manifest.json", (struct bytes){data, length}, &reason, &manifest) != BB_OK) {
        CHECK(strncmp(reason.text, "manifest.json:", 14) == 0);
        return 0;
    }
    check_manifest(&manifest);
    if (end != NULL)
        check_config(&manifest, (struct bytes){end + 1, size - length - 1});
    manifest_free(&manifest);
    return 0;
}
