#include "agents/bundle/manifest.h"

#include "bus/client/json_line.h"
#include "bus/core/access.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    struct json_text text;
    struct bb_reason *reason;
    struct manifest *into;
};

static enum status wrong(const struct reading *r, enum status status, const char *key, const char *what)
{
    bb_reason_say(r->reason, "%s:%d: \"%s\" %s", r->text.file, json_line_of(&r->text, key, 0), key, what);
    return status;
}

static bool among(const char *c, const char *others)
{
    return (*c >= 'a' && *c <= 'z') || (*c >= '0' && *c <= '9') || strchr(others, *c) != NULL;
}

bool manifest_is_name(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length >= MANIFEST_NAME_ROOM || !among(text, ""))
        return false;
    while (*text != '\0' && among(text, ".-"))
        text++;
    return *text == '\0';
}

static bool is_release(const char *text)
{
    size_t length = strlen(text);
    if (length == 0 || length >= MANIFEST_RELEASE_ROOM)
        return false;
    while (*text != '\0' && (among(text, ".+~-") || (*text >= 'A' && *text <= 'Z')))
        text++;
    return *text == '\0';
}

/* What a terminal acts on, or that turns the direction of what stands beside it: C0, DEL; C1, U+200E, U+200F,
 * U+202A … U+202E, U+2066 … U+2069 in UTF-8. It is shown to who is asked whether to install an agent. */
static bool is_control(const unsigned char *c)
{
    if (c[0] < ' ' || c[0] == 127)
        return true;
    if (c[0] == 0xc2)
        return c[1] < 0xa0;
    if (c[0] != 0xe2 || c[1] == '\0')
        return false;
    return (c[1] == 0x80 && (c[2] == 0x8e || c[2] == 0x8f || (c[2] >= 0xaa && c[2] <= 0xae))) ||
           (c[1] == 0x81 && c[2] >= 0xa6 && c[2] <= 0xa9);
}

static bool is_plain(const char *text)
{
    while (*text != '\0' && !is_control((const unsigned char *)text))
        text++;
    return *text == '\0';
}

static bool is_identity(const char *text)
{
    return access_is_identity(bytes_of(text));
}

static bool is_summary(const char *text)
{
    return strlen(text) < MANIFEST_SUMMARY_ROOM && is_plain(text);
}

static bool is_topic(const char *text)
{
    return strlen(text) <= BB_TOPIC_MAX && is_plain(text) && strchr(text, '*') == NULL;
}

static bool is_capability(const char *text)
{
    return *text != '\0' && strlen(text) <= 255 && is_plain(text) && strchr(text, '=') == NULL &&
           strchr(text, ' ') == NULL;
}

static bool is_word(const char *text)
{
    return strlen(text) <= BB_PATH_MAX && is_plain(text);
}

/* Texts of one line. */
static enum status take_text(const struct reading *r, const char *key, bool (*fits)(const char *),
                             const char *what, bool needed, char *out)
{
    const json_t *value = json_object_get(r->into->root, key);
    if (value == NULL)
        return needed ? wrong(r, BB_MALFORMED, key, "is needed") : BB_OK;
    if (!json_is_string(value) || !fits(json_string_value(value)))
        return wrong(r, json_is_string(value) ? BB_RANGE : BB_MALFORMED, key, what);
    memcpy(out, json_string_value(value), json_string_length(value) + 1);
    return BB_OK;
}

/* A list of at most `max` texts, borrowed. */
static enum status take_list(const struct reading *r, const char *key, bool (*fits)(const char *),
                             const char *what, size_t max, const char **items, size_t *count)
{
    const json_t *value = json_object_get(r->into->root, key);
    if (value != NULL && (!json_is_array(value) || json_array_size(value) > max))
        return wrong(r, json_is_array(value) ? BB_RANGE : BB_MALFORMED, key, what);
    *count = json_array_size(value);
    for (size_t i = 0; i < *count; i++) {
        items[i] = json_string_value(json_array_get(value, i));
        if (items[i] == NULL || !fits(items[i]))
            return wrong(r, items[i] != NULL ? BB_RANGE : BB_MALFORMED, key, what);
    }
    return BB_OK;
}

static enum status take_command(const struct reading *r)
{
    struct manifest *m = r->into;
    enum status status = take_list(r, "command", is_word, "expects a list of at most 64 words",
                                   MANIFEST_WORDS_MAX, m->command, &m->command_count);
    if (status != BB_OK)
        return status;
    if (m->command_count == 0)
        return wrong(r, BB_MALFORMED, "command", "is needed: the program and its arguments");
    const char *program = m->command[0];
    if (program[0] != '/' && (strncmp(program, "./", 2) != 0 || program[2] == '\0'))
        return wrong(r, BB_RANGE, "command", "begins with a file of the bundle (./…) or an absolute path");
    return BB_OK;
}

static enum status take_integer(const struct reading *r, const json_t *from, const char *key, int64_t low,
                                int64_t high, int64_t *out)
{
    const json_t *value = json_object_get(from, key);
    char what[96];
    if (value == NULL)
        return BB_OK;
    snprintf(what, sizeof what, "expects an integer from %lld to %lld", (long long)low, (long long)high);
    if (!json_is_integer(value))
        return wrong(r, BB_MALFORMED, key, what);
    if (json_integer_value(value) < low || json_integer_value(value) > high)
        return wrong(r, BB_RANGE, key, what);
    *out = json_integer_value(value);
    return BB_OK;
}

/* Refuses keys that nobody would look at. */
static enum status known(const struct reading *r, const json_t *object, const char *const *names)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        size_t i = 0;
        while (names[i] != NULL && strcmp(names[i], key) != 0)
            i++;
        if (names[i] == NULL) {
            bb_reason_say(r->reason, "%s:%d: unknown key \"%.64s\"", r->text.file,
                          json_line_of(&r->text, key, 0), is_plain(key) ? key : "?");
            return BB_MALFORMED;
        }
    }
    return BB_OK;
}

static enum status take_limits(const struct reading *r)
{
    struct manifest_limits *l = &r->into->limits;
    const struct {
        const char *key;
        int64_t low, high, preset, *out;
    } table[] = {{"memory_mb", 1, 65536, 256, &l->memory_mb},
                 {"cpu_percent", 1, 6400, 100, &l->cpu_percent},
                 {"files", 16, 65536, 256, &l->files},
                 {"processes", 1, 4096, 16, &l->processes},
                 {"messages_per_s", 1, 1000000, 1000, &l->messages_per_s}};
    static const char *const names[] = {"memory_mb", "cpu_percent",    "files",
                                        "processes", "messages_per_s", NULL};
    const json_t *limits = json_object_get(r->into->root, "limits");
    if (limits != NULL && !json_is_object(limits))
        return wrong(r, BB_MALFORMED, "limits", "expects an object");
    enum status status = known(r, limits, names);
    for (size_t i = 0; i < sizeof table / sizeof *table && status == BB_OK; i++) {
        *table[i].out = table[i].preset;
        status = take_integer(r, limits, table[i].key, table[i].low, table[i].high, table[i].out);
    }
    return status;
}

static enum status take_config(const struct reading *r)
{
    struct schema_fault fault;
    struct bb_reason sentence;
    const json_t *schema = json_object_get(r->into->root, "config");
    if (schema == NULL)
        return BB_OK;
    r->into->config = schema;
    const json_t *type = json_object_get(schema, "type");
    if (!json_is_string(type) || strcmp(json_string_value(type), "object") != 0)
        return wrong(r, BB_MALFORMED, "config", "expects a schema whose \"type\" is \"object\"");
    enum status status = schema_check(schema, &fault);
    if (status != BB_OK) {
        schema_tell(&fault, "config", &sentence);
        bb_reason_say(r->reason, "%s:%d: %.400s", r->text.file,
                      json_line_of(&r->text, fault.key[0] != '\0' ? fault.key : "config", 0), sentence.text);
    }
    return status;
}

static enum status take_lists(const struct reading *r)
{
    const struct {
        const char *key, *what;
        bool (*fits)(const char *);
        struct manifest_list *out;
    } table[] = {
        {"publish", "expects a list of at most 64 topic prefixes, without *", is_topic, &r->into->publish},
        {"subscribe", "expects a list of at most 64 topic prefixes, without *", is_topic,
         &r->into->subscribe},
        {"capabilities", "expects a list of at most 64 names of capabilities", is_capability,
         &r->into->capabilities}};
    enum status status = BB_OK;
    for (size_t i = 0; i < sizeof table / sizeof *table && status == BB_OK; i++)
        status = take_list(r, table[i].key, table[i].fits, table[i].what, MANIFEST_LIST_MAX,
                           table[i].out->items, &table[i].out->count);
    return status;
}

static enum status take_numbers(const struct reading *r)
{
    int64_t version = 0, priority = 50, stop = 5;
    const json_t *once = json_object_get(r->into->root, "once");
    enum status status = take_integer(r, r->into->root, "version", 1, 1, &version);
    if (status == BB_RANGE)
        return wrong(r, BB_VERSION, "version", "is not 1: this program knows no other");
    if (status == BB_OK && version == 0)
        return wrong(r, BB_MALFORMED, "version", "is needed, and is 1");
    if (status == BB_OK)
        status = take_integer(r, r->into->root, "priority", 0, 100, &priority);
    if (status == BB_OK)
        status = take_integer(r, r->into->root, "stop_s", 1, 600, &stop);
    if (status == BB_OK && once != NULL && !json_is_boolean(once))
        return wrong(r, BB_MALFORMED, "once", "expects true or false");
    r->into->priority = (int)priority;
    r->into->stop_s = (int)stop;
    r->into->once = json_is_true(once);
    return status;
}

static enum status take_all(const struct reading *r)
{
    static const char *const names[] = {"version",  "name",    "release",   "summary",      "identity",
                                        "command",  "publish", "subscribe", "capabilities", "limits",
                                        "priority", "stop_s",  "once",      "config",       NULL};
    struct manifest *m = r->into;
    if (!json_is_object(m->root)) {
        bb_reason_say(r->reason, "%s:1: expected an object", r->text.file);
        return BB_MALFORMED;
    }
    enum status status = known(r, m->root, names);
    if (status == BB_OK)
        status = take_numbers(r);
    if (status == BB_OK)
        status = take_text(r, "name", manifest_is_name,
                           "expects 1 to 63 of a-z 0-9 . -, a letter or digit first", true, m->name);
    if (status == BB_OK)
        status =
            take_text(r, "release", is_release, "expects 1 to 32 of A-Z a-z 0-9 . + ~ -", true, m->release);
    if (status == BB_OK) {
        memcpy(m->identity, m->name, sizeof m->name);
        status = take_text(r, "identity", is_identity, "expects an identity: letters, digits, . _ and -",
                           false, m->identity);
    }
    if (status == BB_OK)
        status =
            take_text(r, "summary", is_summary, "expects a line of at most 256 bytes", false, m->summary);
    if (status == BB_OK)
        status = take_command(r);
    if (status == BB_OK)
        status = take_lists(r);
    if (status == BB_OK)
        status = take_limits(r);
    return status == BB_OK ? take_config(r) : status;
}

enum status manifest_read(const char *file, struct bytes text, struct bb_reason *reason, struct manifest *out)
{
    json_error_t error;
    struct manifest read = {0};
    struct reading r = {.text = {.file = file, .size = text.size}, .reason = reason, .into = &read};
    if (text.size > MANIFEST_SIZE_MAX) {
        bb_reason_say(reason, "%s: larger than %d bytes", file, MANIFEST_SIZE_MAX);
        return BB_FULL;
    }
    r.text.text = malloc(text.size + 1);
    if (r.text.text == NULL) {
        bb_reason_say(reason, "%s: no memory", file);
        return BB_FULL;
    }
    if (text.size > 0)
        memcpy(r.text.text, text.data, text.size);
    r.text.text[text.size] = '\0';
    read.root = json_loadb(r.text.text, text.size, JSON_REJECT_DUPLICATES, &error);
    enum status status = BB_MALFORMED;
    if (read.root != NULL)
        status = take_all(&r);
    else
        bb_reason_say(reason, "%s:%d: %s", file, error.line > 0 ? error.line : 1, error.text);
    json_text_free(&r.text);
    if (status == BB_OK)
        *out = read;
    else
        json_decref(read.root);
    return status;
}

void manifest_free(struct manifest *manifest)
{
    json_decref(manifest->root);
    memset(manifest, 0, sizeof *manifest);
}

enum status manifest_configure(const struct manifest *manifest, const json_t *config,
                               struct bb_reason *reason, json_t **filled_out)
{
    struct schema_fault fault;
    json_t *none = json_object();
    enum status status = schema_fill(manifest->config, config != NULL ? config : none, &fault, filled_out);
    if (status != BB_OK)
        schema_tell(&fault, "config", reason);
    json_decref(none);
    return status;
}
