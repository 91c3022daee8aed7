/* busbar durable: the named subscribers of durable topics. */
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/session.h"
#include "agents/cli/verbs.h"

#include <inttypes.h>
#include <stdlib.h>

#define BROKER "busbar.broker"

static const char *text_of(const json_t *row, const char *key, char *buffer, size_t size)
{
    const json_t *value = json_object_get(row, key);
    if (json_is_string(value))
        return json_string_value(value);
    snprintf(buffer, size, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    return buffer;
}

/* Prints rows[…] with the members that the columns name. */
static void print_rows(const struct table_column *columns, size_t count, const json_t *rows)
{
    struct table table = table_of(columns, count);
    for (size_t i = 0; i < json_array_size(rows); i++) {
        char buffers[TABLE_COLUMNS_MAX][24];
        const char *cells[TABLE_COLUMNS_MAX];
        for (size_t k = 0; k < count; k++)
            cells[k] = text_of(json_array_get(rows, i), columns[k].key, buffers[k], sizeof buffers[k]);
        table_add(&table, cells);
    }
    format_table(FORMAT_PEOPLE, &table);
    table_free(&table);
}

static void print_list(const json_t *document)
{
    static const struct table_column names[] = {{"name", "name", false},
                                                {"acknowledged", "acknowledged", true},
                                                {"behind", "behind", true},
                                                {"lost", "lost", true}};
    static const struct table_column streams[] = {{"topics", "prefix", false},
                                                  {"messages", "messages", true},
                                                  {"bytes", "bytes", true},
                                                  {"let go", "trimmed", true}};
    print_rows(names, sizeof names / sizeof *names, json_object_get(document, "names"));
    putchar('\n');
    print_rows(streams, sizeof streams / sizeof *streams, json_object_get(document, "streams"));
}

/* Calls the method; a refusal in the result is told like an error. */
static enum exit_code ask(const struct call *call, const char *method, const json_t *params, json_t **out)
{
    struct session session;
    json_t *result = NULL;
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE)
        return code;
    code = session_call(call, &session, BROKER, method, params, EXIT_FAILED, &result);
    session_close(&session);
    const char *refused = json_string_value(json_object_get(result, "refused"));
    if (refused != NULL)
        code = call_fail(call, EXIT_FAILED, "%s", refused);
    if (code != EXIT_DONE) {
        json_decref(result);
        return code;
    }
    *out = json_document();
    json_object_update(*out, result);
    json_decref(result);
    return EXIT_DONE;
}

enum exit_code verb_durable_list(const struct call *call)
{
    json_t *document = NULL;
    enum exit_code code = ask(call, "durable.list", NULL, &document);
    if (code == EXIT_DONE && call_flag(call, "json"))
        json_print(stdout, json_incref(document));
    else if (code == EXIT_DONE)
        print_list(document);
    json_decref(document);
    return code;
}

enum exit_code verb_durable_drop(const struct call *call)
{
    json_t *document = NULL, *params = json_pack("{s:s}", "name", call->args[0]);
    enum exit_code code = params == NULL ? call_fail(call, EXIT_USAGE, "NAME: is no UTF-8")
                                         : ask(call, "durable.drop", params, &document);
    if (code == EXIT_DONE && call_flag(call, "json"))
        json_print(stdout, json_incref(document));
    else if (code == EXIT_DONE)
        printf("%s is forgotten\n", call->args[0]);
    json_decref(params);
    json_decref(document);
    return code;
}
