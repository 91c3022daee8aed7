/* busbar peers, busbar topic stats: what the broker counts about who is on the bus and what is published. */
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/session.h"
#include "agents/cli/verbs.h"
#include "agents/views/stamp.h"
#include "agents/views/views.h"

#define BROKER "busbar.broker"

/* How a column's cell follows from its member. */
enum cell_kind { CELL_TEXT, CELL_INTEGER, CELL_REAL, CELL_MOMENT };

struct cell {
    const char *member;
    enum cell_kind kind;
};

static void write_cell(const json_t *row, const struct cell *cell, char *text, size_t size)
{
    const json_t *value = json_object_get(row, cell->member);
    switch (cell->kind) {
    case CELL_TEXT:
        snprintf(text, size, "%s", json_is_string(value) ? json_string_value(value) : "");
        break;
    case CELL_INTEGER:
        snprintf(text, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case CELL_REAL:
        snprintf(text, size, "%.3f", json_number_value(value));
        break;
    case CELL_MOMENT:
        stamp_format(json_integer_value(value), text);
        break;
    }
}

/* Reads all pages of a list into one document: `list` holds the rows, the rest stays as the last page has it.
 */
static enum exit_code read_pages(const struct call *call, struct session *session, const char *method,
                                 const char *list, json_t *params, json_t **out)
{
    json_t *rows = json_array(), *page = NULL;
    enum exit_code code = EXIT_DONE;
    for (bool more = true; more && code == EXIT_DONE;) {
        json_decref(page);
        page = NULL;
        code = session_call(call, session, BROKER, method, params, EXIT_FAILED, &page);
        json_array_extend(rows, json_object_get(page, list));
        json_t *next = json_object_get(page, "next");
        more = next != NULL && !json_is_null(next);
        if (more)
            json_object_set(params, "after", next);
    }
    json_decref(params);
    if (code != EXIT_DONE) {
        json_decref(rows);
        json_decref(page);
        return code;
    }
    *out = views_pages(page, list, rows);
    json_decref(page);
    json_decref(rows);
    return EXIT_DONE;
}

static void print_table(const struct table_column *columns, const struct cell *cells, size_t count,
                        const json_t *rows)
{
    struct table table = table_of(columns, count);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        char texts[TABLE_COLUMNS_MAX][1100];
        const char *row[TABLE_COLUMNS_MAX];
        for (size_t k = 0; k < count; k++) {
            write_cell(json_array_get(rows, i), &cells[k], texts[k], sizeof texts[k]);
            row[k] = texts[k];
        }
        table_add(&table, row);
    }
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
}

static void print_peers(const json_t *document)
{
    static const struct table_column columns[] = {
        {"peer", "peer", false},          {"user", "user", false},
        {"address", "address", false},    {"since", "since", false},
        {"heard", "heard", false},        {"received", "received", true},
        {"delivered", "delivered", true}, {"queued", "queued", true},
        {"dropped", "dropped", true},     {"returned", "returned", true},
        {"refused", "refused", true},     {"subscriptions", "subscriptions", true}};
    static const struct cell cells[] = {
        {"identity", CELL_TEXT},       {"user", CELL_TEXT},       {"address", CELL_TEXT},
        {"connected_ms", CELL_MOMENT}, {"heard_ms", CELL_MOMENT}, {"received", CELL_INTEGER},
        {"delivered", CELL_INTEGER},   {"queued", CELL_INTEGER},  {"dropped", CELL_INTEGER},
        {"returned", CELL_INTEGER},    {"refused", CELL_INTEGER}, {"subscriptions", CELL_INTEGER}};
    print_table(columns, cells, sizeof cells / sizeof *cells, json_object_get(document, "peers"));
}

static void print_topics(const json_t *document)
{
    static const struct table_column columns[] = {{"topic", "topic", false}, {"messages", "messages", true},
                                                  {"bytes", "bytes", true},  {"per second", "rate", true},
                                                  {"last", "last", false},   {"sender", "sender", false}};
    static const struct cell cells[] = {{"topic", CELL_TEXT},     {"messages", CELL_INTEGER},
                                        {"bytes", CELL_INTEGER},  {"rate", CELL_REAL},
                                        {"last_ms", CELL_MOMENT}, {"sender", CELL_TEXT}};
    print_table(columns, cells, sizeof cells / sizeof *cells, json_object_get(document, "topics"));
}

static enum exit_code run(const struct call *call, const char *method, json_t *params,
                          void (*print)(const json_t *document))
{
    struct session session;
    json_t *document = NULL;
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE) {
        json_decref(params);
        return code;
    }
    code = read_pages(call, &session, method, method, params, &document);
    session_close(&session);
    if (code == EXIT_DONE && call_flag(call, "json"))
        json_print(stdout, json_incref(document));
    else if (code == EXIT_DONE)
        print(document);
    json_decref(document);
    return code;
}

enum exit_code verb_peers(const struct call *call)
{
    return run(call, "peers", json_object(), print_peers);
}

enum exit_code verb_topic_stats(const struct call *call)
{
    json_t *params = json_pack("{s:s}", "prefix", call->arg_count == 0 ? "" : call->args[0]);
    if (params == NULL)
        return call_fail(call, EXIT_USAGE, "PREFIX: is no UTF-8");
    return run(call, "topics", params, print_topics);
}
