#include "agents/uart/site.h"

#include "agents/uart/topology.h"
#include "bus/client/json_line.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* What is being read, for error texts. */
struct source {
    struct json_text text;
    struct bb_reason *reason;
};

__attribute__((format(printf, 4, 5))) static enum status refuse(const struct source *from, int line,
                                                                enum status status, const char *format, ...)
{
    char what[256];
    va_list values;
    va_start(values, format);
    vsnprintf(what, sizeof what, format, values);
    va_end(values);
    bb_reason_say(from->reason, "%s:%d: %s", from->text.file, line, what);
    return status;
}

static enum status unknown_keys(const struct source *from, const json_t *object, const char *const *known)
{
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], key) != 0)
            i++;
        if (known[i] == NULL)
            return refuse(from, json_line_of(&from->text, key, 0), BB_MALFORMED, "unknown key \"%.64s\"",
                          key);
    }
    return BB_OK;
}

/* A name, topic or identity: nothing that would need quoting anywhere. */
static enum status take_word(const struct source *from, const json_t *object, const char *key, int line,
                             char *out, size_t size)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-/";
    const char *text = json_string_value(json_object_get(object, key));
    if (text == NULL)
        return refuse(from, line, BB_MALFORMED, "\"%s\" must be a text", key);
    if (text[0] == '\0' || strlen(text) >= size || strspn(text, allowed) != strlen(text))
        return refuse(from, line, BB_RANGE, "\"%s\" must be 1 to %zu letters, digits, _ . - or /", key,
                      size - 1);
    memcpy(out, text, strlen(text) + 1);
    return BB_OK;
}

static enum status take_number(const struct source *from, const json_t *object, const char *key, int line,
                               int64_t low, int64_t high, uint16_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        return refuse(from, line, BB_MALFORMED, "\"%s\" must be an integer", key);
    if (json_integer_value(value) < low || json_integer_value(value) > high)
        return refuse(from, line, BB_RANGE, "\"%s\" must be from %d to %d", key, (int)low, (int)high);
    *out = (uint16_t)json_integer_value(value);
    return BB_OK;
}

/* The place of the member's text in words[]; words[0] when it is not given. */
static enum status take_choice(const struct source *from, const json_t *object, const char *key, int line,
                               const char *const *words, size_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL) {
        *out = 0;
        return BB_OK;
    }
    for (size_t i = 0; words[i] != NULL; i++)
        if (json_is_string(value) && strcmp(words[i], json_string_value(value)) == 0) {
            *out = i;
            return BB_OK;
        }
    return refuse(from, line, BB_RANGE, "\"%s\" must be \"%s\" or \"%s\"%s%s%s", key, words[0], words[1],
                  words[2] != NULL ? ", \"" : "", words[2] != NULL ? words[2] : "",
                  words[2] != NULL ? "\", …" : "");
}

static enum status check_unique(const struct source *from, const struct site *site,
                                const struct site_board *board, int line)
{
    for (size_t i = 0; i < site->count; i++) {
        const struct site_board *other = &site->boards[i];
        if (other->id == board->id)
            return refuse(from, line, BB_EXISTS, "board id %u is %s's already", board->id, other->name);
        if (strcmp(other->name, board->name) == 0)
            return refuse(from, line, BB_EXISTS, "two boards are named \"%s\"", board->name);
        if (strcmp(other->topic, board->topic) == 0)
            return refuse(from, line, BB_EXISTS, "two boards have the topic \"%s\"", board->topic);
    }
    return BB_OK;
}

static enum status take_board(const struct source *from, const json_t *object, size_t nth, struct site *site)
{
    static const char *const known[] = {"id", "name", "kind", "agent", "topic", "dispatch", NULL};
    static const char *const kinds[] = {"generator", "consumer", NULL}, *const runners[] = {"board", "agent",
                                                                                            NULL};
    struct site_board board = {.id = 0};
    size_t kind = 0, runner = 0;
    /* Every board before this one had an "id", so the nth "id" of the text is this one's. */
    int line = json_line_of(&from->text, "id", nth);
    if (!json_is_object(object))
        return refuse(from, line, BB_MALFORMED, "board %zu of the list is no object", nth + 1);
    enum status status = unknown_keys(from, object, known);
    if (status == BB_OK)
        status = take_number(from, object, "id", line, 1, UINT16_MAX - 1, &board.id);
    if (status == BB_OK)
        status = take_word(from, object, "name", line, board.name, sizeof board.name);
    if (status == BB_OK && json_object_get(object, "kind") == NULL)
        status = refuse(from, line, BB_MALFORMED, "\"kind\" is missing");
    if (status == BB_OK)
        status = take_choice(from, object, "kind", line, kinds, &kind);
    if (status == BB_OK)
        status = take_word(from, object, "agent", line, board.agent, sizeof board.agent);
    if (status == BB_OK)
        status = take_word(from, object, "topic", line, board.topic, sizeof board.topic);
    if (status == BB_OK)
        status = take_choice(from, object, "dispatch", line, runners, &runner);
    if (status == BB_OK)
        status = check_unique(from, site, &board, line);
    if (status != BB_OK)
        return status;
    board.kind = kind == 1 ? SITE_CONSUMER : SITE_GENERATOR;
    board.agent_runs = runner == 1;
    site->boards[site->count++] = board;
    return BB_OK;
}

static enum status take_boards(const struct source *from, const json_t *root, struct site *site)
{
    const json_t *list = json_object_get(root, "boards");
    int line = json_line_of(&from->text, "boards", 0);
    if (!json_is_array(list) || json_array_size(list) == 0)
        return refuse(from, line, BB_MALFORMED, "\"boards\" must be a list of boards");
    if (json_array_size(list) > BB_BOARDS_MAX)
        return refuse(from, line, BB_FULL, "at most %d boards", BB_BOARDS_MAX);
    enum status status = BB_OK;
    for (size_t i = 0; i < json_array_size(list) && status == BB_OK; i++)
        status = take_board(from, json_array_get(list, i), i, site);
    return status;
}

static enum status take_offsets(const struct source *from, const json_t *root, struct site *site)
{
    const json_t *list = json_object_get(root, "offsets");
    int line = json_line_of(&from->text, "offsets", 0);
    size_t offsets[BB_NEIGHBOURS_MAX], count = json_array_size(list);
    if (!json_is_array(list) || count == 0 || count > BB_NEIGHBOURS_MAX)
        return refuse(from, line, BB_MALFORMED, "a circulant needs \"offsets\": a list of 1 to %d integers",
                      BB_NEIGHBOURS_MAX);
    for (size_t i = 0; i < count; i++) {
        json_int_t offset = json_integer_value(json_array_get(list, i));
        if (offset < 1 || offset >= BB_BOARDS_MAX)
            return refuse(from, line, BB_RANGE, "an offset must be from 1 to %d", BB_BOARDS_MAX - 1);
        offsets[i] = (size_t)offset;
    }
    return topology_circulant(site, offsets, count);
}

static enum status take_links(const struct source *from, const json_t *root, struct site *site)
{
    const json_t *list = json_object_get(root, "links");
    int line = json_line_of(&from->text, "links", 0);
    if (!json_is_array(list))
        return refuse(from, line, BB_MALFORMED, "\"links\" must be a list of pairs of names");
    enum status status = BB_OK;
    for (size_t i = 0; i < json_array_size(list) && status == BB_OK; i++) {
        const json_t *pair = json_array_get(list, i);
        const struct site_board *ends[2] = {NULL, NULL};
        for (size_t j = 0; j < 2; j++) {
            const char *name = json_string_value(json_array_get(pair, j));
            ends[j] = name != NULL ? site_by_name(site, name) : NULL;
            if (ends[j] == NULL || json_array_size(pair) != 2)
                return refuse(from, name != NULL ? json_line_of_value(&from->text, name, line) : line,
                              BB_RANGE, "link %zu is no pair of boards' names", i + 1);
        }
        status = topology_link(site, (size_t)(ends[0] - site->boards), (size_t)(ends[1] - site->boards));
    }
    return status;
}

static enum status take_topology(const struct source *from, const json_t *root, struct site *site)
{
    static const char *const words[] = {"ring", "circulant", "complete", "links", NULL};
    int line = json_line_of(&from->text, "topology", 0);
    size_t choice = 0;
    enum status status = take_choice(from, root, "topology", line, words, &choice);
    if (status != BB_OK)
        return status;
    if (choice == 0)
        status = topology_circulant(site, (const size_t[]){1}, 1);
    else if (choice == 1)
        status = take_offsets(from, root, site);
    else if (choice == 2)
        status = topology_complete(site);
    else
        status = take_links(from, root, site);
    if (status == BB_FULL)
        return refuse(from, line, BB_FULL, "a board has more than %d neighbours", BB_NEIGHBOURS_MAX);
    topology_sort(site);
    return status;
}

static enum status take_times(const struct source *from, const json_t *root, struct site *site)
{
    const struct {
        const char *key;
        int64_t low;
        uint16_t preset, *out;
    } times[] = {{"exchange_ms", 10, 150, &site->exchange_ms},
                 {"heartbeat_ms", 50, 1000, &site->heartbeat_ms},
                 {"expiry_ms", 100, 4000, &site->expiry_ms}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
        *times[i].out = times[i].preset;
        if (json_object_get(root, times[i].key) == NULL)
            continue;
        enum status status = take_number(from, root, times[i].key, json_line_of(&from->text, times[i].key, 0),
                                         times[i].low, 60000, times[i].out);
        if (status != BB_OK)
            return status;
    }
    if (site->expiry_ms <= site->heartbeat_ms)
        return refuse(from, json_line_of(&from->text, "expiry_ms", 0), BB_RANGE,
                      "\"expiry_ms\" must be more than \"heartbeat_ms\"");
    return BB_OK;
}

static enum status take_site(const struct source *from, const json_t *root, struct site *site)
{
    static const char *const known[] = {"name",        "method",       "topology",  "offsets", "links",
                                        "exchange_ms", "heartbeat_ms", "expiry_ms", "boards",  NULL};
    static const char *const methods[] = {"curves", "incremental-cost", NULL};
    const char *name = json_string_value(json_object_get(root, "name"));
    size_t method = 0;
    if (!json_is_object(root))
        return refuse(from, 1, BB_MALFORMED, "must be a JSON object");
    enum status status = unknown_keys(from, root, known);
    if (status == BB_OK && (name == NULL || strlen(name) >= sizeof site->name))
        status = refuse(from, json_line_of(&from->text, "name", 0), BB_RANGE,
                        "\"name\" must be a text of at most %zu bytes", sizeof site->name - 1);
    if (status == BB_OK) {
        snprintf(site->name, sizeof site->name, "%s", name);
        status = take_choice(from, root, "method", json_line_of(&from->text, "method", 0), methods, &method);
        site->method = (uint8_t)method;
    }
    if (status == BB_OK)
        status = take_times(from, root, site);
    if (status == BB_OK)
        status = take_boards(from, root, site);
    return status == BB_OK ? take_topology(from, root, site) : status;
}

enum status site_load(const char *path, struct site *out, struct bb_reason *reason)
{
    struct source from = {.reason = reason};
    json_t *root = NULL;
    enum status status = json_text_load(path, &from.text, &root, reason);
    if (status != BB_OK)
        return status;
    struct site *site = calloc(1, sizeof *site);
    status = site != NULL ? take_site(&from, root, site) : BB_FULL;
    if (status == BB_OK)
        *out = *site;
    free(site);
    json_decref(root);
    json_text_free(&from.text);
    return status;
}

const struct site_board *site_by_id(const struct site *site, uint16_t id)
{
    for (size_t i = 0; i < site->count; i++)
        if (site->boards[i].id == id)
            return &site->boards[i];
    return NULL;
}

const struct site_board *site_by_name(const struct site *site, const char *name)
{
    for (size_t i = 0; i < site->count; i++)
        if (strcmp(site->boards[i].name, name) == 0)
            return &site->boards[i];
    return NULL;
}

bool site_are_neighbours(const struct site_board *board, uint16_t id)
{
    for (size_t i = 0; i < board->neighbour_count; i++)
        if (board->neighbours[i] == id)
            return true;
    return false;
}
