/* busbar status: the broker, who is on the bus, the boards. */
#include "agents/cli/boards.h"
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/verbs.h"
#include "agents/views/views.h"

#include <stdlib.h>
#include <string.h>

/* What the broker knows under `key`. */
static enum exit_code ask(const struct call *call, struct session *session, const char *key, json_t **out)
{
    char *text = NULL;
    enum status status = bb_query(session->client, key, session->timeout_ms, &text);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "query %s: %s", key, bb_status_text(status));
    *out = views_answer(text);
    free(text);
    return EXIT_DONE;
}

static enum exit_code gather(const struct call *call, struct session *session, json_t *document)
{
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < VIEWS_STATUS_KEYS && code == EXIT_DONE; i++) {
        json_t *value = NULL;
        code = ask(call, session, views_status_keys[i][0], &value);
        if (code == EXIT_DONE)
            json_object_set_new(document, views_status_keys[i][1], value);
    }
    json_t *peers = NULL;
    if (code == EXIT_DONE)
        code = session_peers(call, session, &peers);
    if (code == EXIT_DONE)
        json_object_set_new(document, "peers", peers);
    return code;
}

/* Why a newer access.json is not in force; asked only when there is one, and told only to who may know. */
static enum exit_code gather_access(const struct call *call, struct session *session, json_t *document)
{
    json_t *access = NULL;
    if (!views_access_held(document))
        return EXIT_DONE;
    enum exit_code code = ask(call, session, "busbar.access", &access);
    if (code == EXIT_DONE)
        json_object_set_new(document, "access", access);
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
    json_object_set_new(document, "boards", views_boards(boards));
    json_decref(boards);
    return EXIT_DONE;
}

/* A line "name: value" when the value is there. */
static void put_line(const char *name, const json_t *value)
{
    if (json_is_string(value) && json_string_length(value) > 0)
        printf("%-14s %s\n", name, json_string_value(value));
    else if (json_is_integer(value))
        printf("%-14s %" JSON_INTEGER_FORMAT "\n", name, json_integer_value(value));
}

static void print_access(const json_t *document)
{
    const json_t *access = json_object_get(json_object_get(document, "stats"), "access");
    const char *error = json_string_value(json_object_get(json_object_get(document, "access"), "error"));
    json_int_t pending = json_integer_value(json_object_get(access, "pending"));
    if (access == NULL)
        return;
    put_line("keys admitted", json_object_get(access, "entries"));
    if (pending > 0)
        printf("%-14s %" JSON_INTEGER_FORMAT ": busbar access pending\n", "pending", pending);
    if (json_is_true(json_object_get(access, "held")))
        printf("%-14s %s: the old rules hold\n", "access.json",
               error != NULL ? error : "the broker cannot read the present file");
}

/* What is wrong with an identity that the broker hosts. */
static void print_hosted(const json_t *hosted)
{
    size_t i;
    json_t *one;
    json_array_foreach(hosted, i, one)
    {
        const char *trouble = json_string_value(json_object_get(one, "trouble"));
        if (trouble != NULL && *trouble != '\0')
            printf("%-14s %s\n", json_string_value(json_object_get(one, "identity")), trouble);
    }
}

static void print_broker(const json_t *document)
{
    static const char *const counters[][2] = {
        {"up, s", "uptime_s"},      {"published", "published"},       {"delivered", "delivered"},
        {"forwarded", "forwarded"}, {"dropped", "dropped"},           {"refused", "refused"},
        {"malformed", "malformed"}, {"keys refused", "keys_refused"}, {"memory, bytes", "resident_bytes"}};
    const json_t *stats = json_object_get(document, "stats");
    put_line("broker", json_object_get(document, "broker"));
    put_line("instance", json_object_get(document, "instance"));
    put_line("address", json_object_get(document, "address"));
    put_line("security", json_object_get(stats, "security"));
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        put_line(counters[i][0], json_object_get(stats, counters[i][1]));
    const char *security = json_string_value(json_object_get(stats, "security"));
    if (security != NULL && strcmp(security, "none") == 0)
        puts("               (no encryption: everybody on this machine may do everything)");
    print_access(document);
    print_hosted(json_object_get(stats, "hosted"));
    const json_t *boards = json_object_get(document, "boards");
    printf("%-14s %" JSON_INTEGER_FORMAT " known, %" JSON_INTEGER_FORMAT " online, %" JSON_INTEGER_FORMAT
           " certified\n\n",
           "boards", json_integer_value(json_object_get(boards, "known")),
           json_integer_value(json_object_get(boards, "online")),
           json_integer_value(json_object_get(boards, "certified")));
}

/* The broker's own list of peers where it gives one, else the identities alone. */
static void print_peers(const json_t *document)
{
    static const struct table_column columns[] = {{"peer", "peer", false},
                                                  {"in", "in", true},
                                                  {"out", "out", true},
                                                  {"queued", "queued", true},
                                                  {"dropped", "dropped", true},
                                                  {"refused", "refused", true},
                                                  {"subscriptions", "subscriptions", true}};
    enum { COLUMNS = sizeof columns / sizeof *columns };
    const json_t *known = json_object_get(json_object_get(document, "stats"), "peers");
    struct table table = table_of(columns, json_is_array(known) ? COLUMNS : 1);
    const json_t *list = json_is_array(known) ? known : json_object_get(document, "peers");
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *peer = json_array_get(list, i);
        const char *cells[COLUMNS] = {
            json_string_value(json_is_string(peer) ? peer : json_object_get(peer, "identity"))};
        char numbers[COLUMNS][24];
        for (size_t k = 1; k < COLUMNS; k++) {
            snprintf(numbers[k], sizeof numbers[k], "%" JSON_INTEGER_FORMAT,
                     json_integer_value(json_object_get(peer, columns[k].key)));
            cells[k] = numbers[k];
        }
        table_add(&table, cells);
    }
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
        code = gather_access(call, &session, document);
    if (code == EXIT_DONE)
        code = gather_boards(call, &session, document);
    session_close(&session);
    if (code == EXIT_DONE && call_flag(call, "json"))
        json_print(stdout, json_incref(document));
    else if (code == EXIT_DONE) {
        print_broker(document);
        print_peers(document);
    }
    json_decref(document);
    return code;
}
