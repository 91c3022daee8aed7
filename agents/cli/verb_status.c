/* busbar status: the broker, who is on the bus, the boards. */
#include "agents/cli/boards.h"
#include "agents/cli/decimal.h"
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/verbs.h"

#include <stdlib.h>
#include <string.h>

/* What the broker knows under `key`: JSON where it is JSON, else a text; null when it is empty. */
static enum exit_code ask(const struct call *call, struct session *session, const char *key, json_t **out)
{
    char *text = NULL;
    enum status status = bb_query(session->client, key, session->timeout_ms, &text);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "query %s: %s", key, bb_status_text(status));
    json_t *value = *text == '\0' ? json_null() : json_loads(text, JSON_DECODE_ANY, NULL);
    *out = value == NULL ? json_string(text) : value;
    free(text);
    return EXIT_DONE;
}

static enum exit_code gather(const struct call *call, struct session *session, json_t *document)
{
    static const char *const keys[][2] = {{"platform-version", "broker"},
                                          {"instance-name", "instance"},
                                          {"addresses", "addresses"},
                                          {"busbar.stats", "stats"}};
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < sizeof keys / sizeof *keys && code == EXIT_DONE; i++) {
        json_t *value = NULL;
        code = ask(call, session, keys[i][0], &value);
        if (code == EXIT_DONE)
            json_object_set_new(document, keys[i][1], value);
    }
    json_t *peers = NULL;
    if (code == EXIT_DONE)
        code = session_peers(call, session, &peers);
    if (code == EXIT_DONE)
        json_object_set_new(document, "peers", peers);
    return code;
}

/* How many boards the uart agents know; none without an agent. */
static enum exit_code gather_boards(const struct call *call, struct session *session, json_t *document)
{
    json_t *boards = NULL;
    const json_t *peers = json_object_get(document, "peers");
    bool any = boards_served(session, peers);
    enum exit_code code = any ? boards_fetch(call, session, peers, &boards) : EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    struct board_totals totals = boards_total(boards);
    json_decref(boards);
    json_object_set_new(document, "boards",
                        json_pack("{s:I, s:I, s:I}", "known", (json_int_t)totals.boards, "online",
                                  (json_int_t)totals.online, "certified", (json_int_t)totals.certified));
    return EXIT_DONE;
}

static void add_value(struct table *table, const char *name, const json_t *value)
{
    char *text = json_is_string(value) ? strdup(json_string_value(value))
                                       : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(15));
    table_add(table, (const char *[]){name, text});
    free(text);
}

/* Objects become one line for each member, lists one for each item. */
static void add_lines(struct table *table, const char *name, const json_t *value)
{
    char label[96];
    const char *key;
    json_t *item;
    size_t index;
    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, key, item)
        {
            snprintf(label, sizeof label, "%s %s", name, key);
            add_value(table, label, item);
        }
    } else if (json_is_array(value)) {
        json_array_foreach(value, index, item) add_value(table, index == 0 ? name : "", item);
    } else if (!json_is_null(value)) {
        add_value(table, name, value);
    }
}

static void print_people(const json_t *document)
{
    static const struct table_column columns[] = {{"what", "what", false}, {"value", "value", false}};
    struct table table = table_of(columns, 2);
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)document, key, value) if (strcmp(key, "version") != 0)
        add_lines(&table, key, value);
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
}

enum exit_code verb_status(const struct call *call)
{
    struct session session;
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE)
        return code;
    json_t *document = json_document();
    code = gather(call, &session, document);
    if (code == EXIT_DONE)
        code = gather_boards(call, &session, document);
    session_close(&session);
    if (code == EXIT_DONE && call_flag(call, "json"))
        json_print(stdout, json_incref(document));
    else if (code == EXIT_DONE)
        print_people(document);
    json_decref(document);
    return code;
}
