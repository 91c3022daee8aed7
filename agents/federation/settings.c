#include "agents/federation/settings.h"

#include "bus/client/json_line.h"
#include "bus/client/vip_address.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

/* A file on its way into the settings. */
struct reading {
    struct json_text text;
    struct settings *out;
    struct bb_reason *reason;
    size_t link; /* which one is read */
};

struct number {
    const char *key;
    size_t offset;
    int64_t low, high, preset;
};

static const struct number NUMBERS[] = {
    {"queue_messages", offsetof(struct settings, queue_messages), 1, 1000000, 10000},
    {"queue_bytes", offsetof(struct settings, queue_bytes), 65536, 1 << 30, 64 * 1024 * 1024},
    {"hops", offsetof(struct settings, hops), 1, RULES_HOPS_MAX, 8},
    {"call_ms", offsetof(struct settings, call_ms), 100, 3600000, 30000},
    {"hello_ms", offsetof(struct settings, hello_ms), 50, 60000, 1000},
};
#define NUMBER_COUNT (sizeof NUMBERS / sizeof *NUMBERS)

static enum status wrong(const struct reading *r, const char *key, size_t nth, const char *what)
{
    bb_reason_say(r->reason, "%s:%d: \"%s\" %s", r->text.file, json_line_of(&r->text, key, nth), key, what);
    return BB_MALFORMED;
}

static bool is_prefix(const char *text)
{
    return strlen(text) <= BB_TOPIC_MAX;
}

static enum status read_list(const struct reading *r, const char *key, const json_t *value,
                             bool (*is_good)(const char *text), struct rules_list *out)
{
    const json_t *item;
    size_t i;
    if (!json_is_array(value) || json_array_size(value) > SETTINGS_LIST_MAX)
        return wrong(r, key, r->link, "is to be a list of at most 256 texts");
    out->items = calloc(json_array_size(value) + 1, sizeof *out->items);
    CHECK(out->items != NULL);
    json_array_foreach(value, i, item)
    {
        const char *text = json_string_value(item);
        if (text == NULL || !is_good(text))
            return wrong(r, key, r->link,
                         is_good == is_prefix ? "holds something that is no topic"
                                              : "holds something that is not PEER/METHOD");
        out->items[out->count] = strdup(text);
        CHECK(out->items[out->count] != NULL);
        out->count++;
    }
    return BB_OK;
}

static enum status read_platform(const struct reading *r, const json_t *value, size_t nth, char *out)
{
    const char *name = json_string_value(value);
    if (name == NULL || !rules_is_platform(name))
        return wrong(r, "platform", nth, "is to be a name of 1 to 63 letters, digits, _ . - and no number");
    memcpy(out, name, strlen(name) + 1);
    return BB_OK;
}

static enum status read_address(const struct reading *r, const json_t *value, struct settings_link *link)
{
    struct vip_address address;
    const char *text = json_string_value(value);
    if (text == NULL || vip_address_parse(text, &address, r->reason) != BB_OK)
        return wrong(r, "address", r->link, "is no address: tcp://HOST:PORT?serverkey=KEY");
    bool keyed = address.plain || address.server_key[0] != '\0';
    vip_address_wipe(&address);
    if (!keyed)
        return wrong(r, "address", r->link, "needs ?serverkey=, the other broker's keys/busbard.pub");
    link->address = strdup(text);
    CHECK(link->address != NULL);
    return BB_OK;
}

static enum status read_link(struct reading *r, const json_t *object)
{
    struct settings_link *link = &r->out->links[r->link];
    enum status status = BB_OK;
    const char *key;
    json_t *value;
    r->out->link_count = r->link + 1;
    json_object_foreach((json_t *)object, key, value)
    {
        if (status != BB_OK)
            break;
        if (strcmp(key, "platform") == 0)
            status = read_platform(r, value, r->link + 1, link->platform);
        else if (strcmp(key, "address") == 0)
            status = read_address(r, value, link);
        else if (strcmp(key, "export") == 0)
            status = read_list(r, key, value, is_prefix, &link->exports);
        else if (strcmp(key, "import") == 0)
            status = read_list(r, key, value, is_prefix, &link->imports);
        else if (strcmp(key, "durable") == 0)
            status = read_list(r, key, value, is_prefix, &link->durable);
        else if (strcmp(key, "calls") == 0)
            status = read_list(r, key, value, rules_is_call, &link->calls);
        else if (strcmp(key, "relay") == 0 && json_is_boolean(value))
            link->relay = json_is_true(value);
        else
            status = wrong(r, key, 0, "is unknown here, or of another type");
    }
    if (status == BB_OK && link->platform[0] == '\0')
        return wrong(r, "links", 0, "holds a link without \"platform\"");
    if (status == BB_OK && link->durable.count > SETTINGS_DURABLE_MAX)
        return wrong(r, "durable", r->link, "is to be a list of at most 32 beginnings of topics");
    if (status == BB_OK && link->durable.count > 0 && strlen(link->platform) > SETTINGS_DURABLE_NAME_MAX)
        return wrong(r, "durable", r->link, "needs a platform whose name has at most 53 characters");
    return status;
}

static enum status check_names(const struct reading *r)
{
    const struct settings *s = r->out;
    if (s->platform[0] == '\0')
        return wrong(r, "platform", 0, "is missing");
    for (size_t i = 0; i < s->link_count; i++) {
        if (strcmp(s->links[i].platform, s->platform) == 0)
            return wrong(r, "platform", i + 1, "is this platform's own name");
        for (size_t k = 0; k < i; k++)
            if (strcmp(s->links[i].platform, s->links[k].platform) == 0)
                return wrong(r, "platform", i + 1, "stands there twice");
    }
    return BB_OK;
}

static enum status read_links(struct reading *r, const json_t *value)
{
    enum status status = BB_OK;
    if (!json_is_array(value) || json_array_size(value) > SETTINGS_LINKS_MAX)
        return wrong(r, "links", 0, "is to be a list of at most 16 objects");
    for (r->link = 0; r->link < json_array_size(value) && status == BB_OK; r->link++) {
        const json_t *item = json_array_get(value, r->link);
        status =
            json_is_object(item) ? read_link(r, item) : wrong(r, "links", 0, "is to be a list of objects");
        if (status != BB_OK)
            break;
    }
    return status;
}

static enum status read_number(const struct reading *r, const char *key, const json_t *value)
{
    for (size_t i = 0; i < NUMBER_COUNT; i++) {
        const struct number *n = &NUMBERS[i];
        if (strcmp(key, n->key) != 0)
            continue;
        int64_t number = json_integer_value(value);
        if (!json_is_integer(value) || number < n->low || number > n->high) {
            bb_reason_say(r->reason, "%s:%d: \"%s\" is to be a whole number from %lld to %lld", r->text.file,
                          json_line_of(&r->text, key, 0), key, (long long)n->low, (long long)n->high);
            return BB_RANGE;
        }
        memcpy((char *)r->out + n->offset, &number, sizeof number);
        return BB_OK;
    }
    return wrong(r, key, 0, "is unknown here");
}

static enum status read_all(struct reading *r, const json_t *root)
{
    enum status status = json_is_object(root) ? BB_OK : wrong(r, "{", 0, "is missing: an object is expected");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)root, key, value)
    {
        if (status != BB_OK)
            break;
        if (strcmp(key, "platform") == 0)
            status = read_platform(r, value, 0, r->out->platform);
        else if (strcmp(key, "links") == 0)
            status = read_links(r, value);
        else
            status = read_number(r, key, value);
    }
    return status == BB_OK ? check_names(r) : status;
}

enum status settings_load(const char *path, struct settings *out, struct bb_reason *reason)
{
    struct reading r = {.out = out, .reason = reason};
    json_t *root = NULL;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < NUMBER_COUNT; i++)
        memcpy((char *)out + NUMBERS[i].offset, &NUMBERS[i].preset, sizeof NUMBERS[i].preset);
    enum status status = json_text_load(path, &r.text, &root, reason);
    if (status != BB_OK)
        return status;
    status = read_all(&r, root);
    json_decref(root);
    json_text_free(&r.text);
    return status;
}

static void free_list(struct rules_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    free(list->items);
}

void settings_free(struct settings *settings)
{
    for (size_t i = 0; i < settings->link_count; i++) {
        struct settings_link *link = &settings->links[i];
        free(link->address);
        free_list(&link->exports);
        free_list(&link->imports);
        free_list(&link->calls);
        free_list(&link->durable);
    }
    memset(settings, 0, sizeof *settings);
}
