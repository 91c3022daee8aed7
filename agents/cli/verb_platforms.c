/* busbar platforms: the links to other platforms, as the federation agent sees them. */
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/session.h"
#include "agents/cli/verbs.h"

static void print_links(const json_t *links)
{
    static const struct table_column columns[] = {
        {"platform", "platform", false}, {"state", "state", false},      {"for, s", "since_s", true},
        {"sent", "sent", true},          {"received", "received", true}, {"queued", "queued", true},
        {"dropped", "dropped", true},    {"refused", "refused", true},   {"calls out", "calls_out", true},
        {"calls in", "calls_in", true},  {"cuts", "cuts", true},         {"why down", "reason", false}};
    enum { COLUMNS = sizeof columns / sizeof *columns };
    struct table table = table_of(columns, COLUMNS);
    const json_t *link;
    size_t i;
    json_array_foreach(links, i, link)
    {
        const char *cells[COLUMNS];
        char numbers[COLUMNS][24];
        for (size_t k = 0; k < COLUMNS; k++) {
            const json_t *value = json_object_get(link, columns[k].key);
            snprintf(numbers[k], sizeof numbers[k], "%" JSON_INTEGER_FORMAT, json_integer_value(value));
            cells[k] = json_is_string(value) ? json_string_value(value) : numbers[k];
        }
        table_add(&table, cells);
    }
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
}

static json_int_t count_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text != NULL ? text : "";
}

/* A line for each link over which durable topics go or came. */
static void print_durable(const json_t *links)
{
    const json_t *link;
    size_t i;
    json_array_foreach(links, i, link)
    {
        const json_t *out = json_object_get(link, "durable_out"), *in = json_object_get(link, "durable_in");
        if (json_is_object(out))
            printf("\ndurable to %s: %" JSON_INTEGER_FORMAT " sent, %" JSON_INTEGER_FORMAT
                   " lost, acknowledged up to offset %" JSON_INTEGER_FORMAT "%s%s",
                   text_of(link, "platform"), count_of(out, "sent"), count_of(out, "lost"),
                   count_of(out, "acknowledged"), text_of(out, "reason")[0] != '\0' ? "; waits: " : "",
                   text_of(out, "reason"));
        if (count_of(in, "received") > 0 || text_of(in, "reason")[0] != '\0')
            printf("\ndurable from %s: %" JSON_INTEGER_FORMAT " received, %" JSON_INTEGER_FORMAT
                   " came again%s%s",
                   text_of(link, "platform"), count_of(in, "received"), count_of(in, "again"),
                   text_of(in, "reason")[0] != '\0' ? "; refused: " : "", text_of(in, "reason"));
        if (json_is_object(out) || count_of(in, "received") > 0)
            putchar('\n');
    }
}

static void print_report(const json_t *report)
{
    const char *through, *name = json_string_value(json_object_get(report, "platform"));
    const json_t *via;
    printf("platform %s\n\n", name != NULL ? name : "");
    print_links(json_object_get(report, "links"));
    print_durable(json_object_get(report, "links"));
    json_object_foreach(json_object_get(report, "routes"), through, via)
        printf("\n%s is reached through %s", through, json_string_value(via));
    if (json_object_size(json_object_get(report, "routes")) > 0)
        putchar('\n');
}

enum exit_code verb_platforms(const struct call *call)
{
    struct session session;
    json_t *report = NULL;
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE)
        return code;
    code = session_call(call, &session, "federation", "platforms", NULL, EXIT_FAILED, &report);
    session_close(&session);
    if (code == EXIT_DONE && call_flag(call, "json")) {
        json_t *document = json_document();
        json_object_update(document, report);
        json_print(stdout, document);
    } else if (code == EXIT_DONE)
        print_report(report);
    json_decref(report);
    return code;
}
