#include "agents/cli/nodes.h"

#include "agents/cli/boards.h"
#include "agents/cli/home.h"
#include "agents/cli/listing.h"
#include "bus/client/turn.h"

#include <stdlib.h>
#include <string.h>

enum exit_code nodes_fetch(const struct call *call, struct session *session, json_t **out)
{
    json_t *peers = NULL;
    enum exit_code code = session_peers(call, session, &peers);
    if (code == EXIT_DONE)
        code = boards_ask(call, session, peers, "nodes", out);
    json_decref(peers);
    return code;
}

json_t *nodes_peek(struct session *session, const char *agent)
{
    char *text = NULL;
    enum status status = bb_call(session->client, agent, "nodes", NULL, session->timeout_ms, &text);
    json_t *nodes = status == BB_OK && text != NULL ? json_loads(text, 0, NULL) : NULL;
    free(text);
    if (json_is_array(nodes))
        return nodes;
    json_decref(nodes);
    return NULL;
}

const char *nodes_text(const json_t *node, const char *member)
{
    const char *text = json_string_value(json_object_get(node, member));
    return text != NULL ? text : "";
}

const json_t *nodes_find(const json_t *nodes, const char *name)
{
    const json_t *node;
    size_t i;
    json_array_foreach(nodes, i, node)
    {
        bool enrolled = json_is_true(json_object_get(node, "enrolled"));
        if (*name != '\0' && strcmp(nodes_text(node, enrolled ? "name" : "port"), name) == 0)
            return node;
    }
    return NULL;
}

enum exit_code nodes_missing(const struct call *call, const struct session *session, const char *name)
{
    json_t *site = home_site(session->home);
    const json_t *board;
    enum exit_code code = EXIT_MISSING;
    size_t i;
    json_array_foreach(json_object_get(site, "boards"), i, board)
    {
        if (code == EXIT_MISSING && strcmp(nodes_text(board, "name"), name) == 0)
            code = call_fail(call, EXIT_UNREACHABLE, "%s, which serves %s, is not on the bus",
                             nodes_text(board, "agent"), name);
    }
    json_decref(site);
    return code == EXIT_MISSING
               ? call_fail(call, code, "no board is named \"%s\"; busbar node list shows them", name)
               : code;
}

enum exit_code nodes_named(const struct call *call, struct session *session, const char *name, json_t **out)
{
    json_t *nodes = NULL;
    enum exit_code code = nodes_fetch(call, session, &nodes);
    if (code != EXIT_DONE)
        return code;
    const json_t *node = nodes_find(nodes, name);
    if (node == NULL)
        code = nodes_missing(call, session, name);
    else
        *out = json_deep_copy(node);
    json_decref(nodes);
    return code;
}

void nodes_be_patient(const struct call *call, struct session *session, uint32_t ms)
{
    if (call_value(call, "timeout") == NULL)
        session->timeout_ms = ms;
}

bool nodes_pause(struct session *session, uint32_t ms)
{
    for (int64_t end = bb_loop_mono_ms() + ms, left; (left = end - bb_loop_mono_ms()) > 0;)
        if (bb_loop_turn(session->loop, left) == BB_INTERRUPTED)
            return false;
    return true;
}

/* "sending 43 %", "done". */
static json_t *update_text(const json_t *node)
{
    const json_t *update = json_object_get(node, "update");
    double total = json_number_value(json_object_get(update, "total"));
    const char *phase = nodes_text(update, "phase");
    if (strcmp(phase, "sending") != 0 || total <= 0)
        return json_string(phase);
    return json_sprintf("%s %d %%", phase,
                        (int)(json_number_value(json_object_get(update, "received")) * 100 / total));
}

void nodes_print(enum format format, const json_t *nodes)
{
    static const struct listing_column columns[] = {{"board", "board", "name", LISTING_TEXT},
                                                    {"id", "id", "id", LISTING_COUNT},
                                                    {"kind", "kind", "kind", LISTING_TEXT},
                                                    {"online", "online", "online", LISTING_YES},
                                                    {"enrolled", "enrolled", "enrolled", LISTING_YES},
                                                    {"firmware", "firmware", "firmware", LISTING_TEXT},
                                                    {"running", "running", "running", LISTING_TEXT},
                                                    {"state", "state", "state", LISTING_TEXT},
                                                    {"boots", "boots", "boots", LISTING_COUNT},
                                                    {"last start", "cause", "cause", LISTING_TEXT},
                                                    {"uptime s", "uptime_s", "uptime_s", LISTING_COUNT},
                                                    {"bad frames", "bad_frames", "bad_frames", LISTING_COUNT},
                                                    {"update", "update", "update_text", LISTING_TEXT},
                                                    {"agent", "agent", "agent", LISTING_TEXT},
                                                    {"port", "port", "port", LISTING_TEXT}};
    json_t *rows = json_deep_copy(nodes), *row;
    size_t i;
    json_array_foreach(rows, i, row)
    {
        json_object_set_new(row, "update_text", update_text(row));
    }
    listing_print(format, columns, sizeof columns / sizeof *columns, rows);
    json_decref(rows);
}

static void print_fact(const json_t *object, const char *label, const char *member, enum listing_kind kind)
{
    char text[LISTING_TEXT_MAX];
    if (*listing_text(object, member, kind, FORMAT_CSV, text) != '\0')
        printf("%-11s %s\n", label, text);
}

static void print_features(const json_t *features)
{
    if (json_array_size(features) == 0)
        return;
    printf("%-11s", "can do");
    for (size_t i = 0; i < json_array_size(features); i++)
        if (json_is_string(json_array_get(features, i)))
            printf(" %.32s", json_string_value(json_array_get(features, i)));
    putchar('\n');
}

void nodes_print_one(const json_t *node)
{
    static const struct {
        const char *label, *member;
        enum listing_kind kind;
    } facts[] = {{"board", "name", LISTING_TEXT},         {"id", "id", LISTING_COUNT},
                 {"kind", "kind", LISTING_TEXT},          {"agent", "agent", LISTING_TEXT},
                 {"port", "port", LISTING_TEXT},          {"online", "online", LISTING_YES},
                 {"enrolled", "enrolled", LISTING_YES},   {"firmware", "firmware", LISTING_TEXT},
                 {"running", "running", LISTING_TEXT},    {"state", "state", LISTING_TEXT},
                 {"boots", "boots", LISTING_COUNT},       {"last start", "cause", LISTING_TEXT},
                 {"uptime s", "uptime_s", LISTING_COUNT}, {"bad frames", "bad_frames", LISTING_COUNT},
                 {"refused", "refusal", LISTING_TEXT}};
    const json_t *versions = json_object_get(node, "versions"), *update = json_object_get(node, "update");
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++)
        print_fact(node, facts[i].label, facts[i].member, facts[i].kind);
    print_features(json_object_get(node, "features"));
    print_fact(versions, "built in", "built in", LISTING_TEXT);
    print_fact(versions, "slot A", "A", LISTING_TEXT);
    print_fact(versions, "slot B", "B", LISTING_TEXT);
    if (!json_is_object(update))
        return;
    print_fact(update, "update", "phase", LISTING_TEXT);
    printf("%-11s %lld of %lld bytes\n", "",
           (long long)json_integer_value(json_object_get(update, "received")),
           (long long)json_integer_value(json_object_get(update, "total")));
    print_fact(update, "", "text", LISTING_TEXT);
}
