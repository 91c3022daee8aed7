/* busbar agent list, show, start, stop, restart, enable, disable, configure, remove, stats: what
 * busbar-agentd hosts. */
#include "agents/cli/agentd.h"
#include "agents/cli/json.h"
#include "agents/cli/listing.h"
#include "agents/cli/verbs.h"
#include "agents/views/stamp.h"

#include <string.h>

static json_t *named(const struct call *call)
{
    return json_pack("{s:s}", "name", call->args[0]);
}

/* A name that cannot be one is not asked for: json_pack gives NULL for a text that is no UTF-8. */
static enum exit_code act(const struct call *call, const char *method, json_t *params)
{
    json_t *result = NULL;
    if (params == NULL)
        return call_fail(call, EXIT_USAGE, "NAME: is no UTF-8");
    enum exit_code code = agentd_act(call, method, params, &result);
    if (code == EXIT_DONE)
        agentd_print(call, result);
    return code;
}

enum exit_code verb_agent_start(const struct call *call)
{
    return act(call, "agent.start", named(call));
}
enum exit_code verb_agent_stop(const struct call *call)
{
    return act(call, "agent.stop", named(call));
}
enum exit_code verb_agent_restart(const struct call *call)
{
    return act(call, "agent.restart", named(call));
}
enum exit_code verb_agent_enable(const struct call *call)
{
    return act(call, "agent.enable", named(call));
}
enum exit_code verb_agent_disable(const struct call *call)
{
    return act(call, "agent.disable", named(call));
}

enum exit_code verb_agent_configure(const struct call *call)
{
    json_error_t error;
    const char *path = call->args[1];
    json_t *config = strcmp(path, "-") == 0 ? json_loadf(stdin, JSON_REJECT_DUPLICATES, &error)
                                            : json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(config)) {
        bool none = config == NULL;
        json_decref(config);
        return none ? call_fail(call, EXIT_USAGE, "%s:%d: %s", path, error.line > 0 ? error.line : 1,
                                error.text)
                    : call_fail(call, EXIT_USAGE, "%s: expected a JSON object", path);
    }
    return act(call, "agent.configure", json_pack("{s:s,s:o}", "name", call->args[0], "config", config));
}

enum exit_code verb_agent_remove(const struct call *call)
{
    char question[256];
    json_t *result = NULL;
    bool keep = call_flag(call, "keep-state");
    snprintf(question, sizeof question, "remove %.100s and the state that it has saved?", call->args[0]);
    enum exit_code code = keep ? EXIT_DONE : agentd_agree(call, question);
    json_t *params =
        code == EXIT_DONE ? json_pack("{s:s,s:b}", "name", call->args[0], "keep_state", keep) : NULL;
    if (code == EXIT_DONE)
        code = params != NULL ? agentd_act(call, "agent.remove", params, &result)
                              : call_fail(call, EXIT_USAGE, "NAME: is no UTF-8");
    if (code != EXIT_DONE)
        return code;
    json_decref(result);
    if (call_flag(call, "json"))
        agentd_print_json(json_pack("{s:s}", "removed", call->args[0]));
    else
        printf("%s: removed\n", call->args[0]);
    return EXIT_DONE;
}

/* Asks for a list and prints it in the format that the call names. */
static enum exit_code ask_list(const struct call *call, const char *method, json_t *params,
                               void (*print)(enum format format, const json_t *result))
{
    enum format format;
    struct bb_reason reason = {""};
    json_t *result = NULL;
    if (params == NULL)
        return call_fail(call, EXIT_USAGE, "NAME: is no UTF-8");
    if (format_of(call, &reason, &format) != BB_OK) {
        json_decref(params);
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    }
    enum exit_code code = agentd_ask(call, method, params, &result);
    if (code != EXIT_DONE)
        return code;
    if (format == FORMAT_JSON) {
        agentd_print_json(result);
        return EXIT_DONE;
    }
    print(format, result);
    json_decref(result);
    return EXIT_DONE;
}

static void print_agents(enum format format, const json_t *result)
{
    agentd_print_list(format, json_object_get(result, "agents"));
}

enum exit_code verb_agent_list(const struct call *call)
{
    return ask_list(call, "agent.list", json_object(), print_agents);
}

/* Bytes as MB with a decimal for people, as they are in CSV. */
static void put_number(enum format format, const json_t *row, const char *member, double scale, int decimals,
                       char text[32])
{
    const json_t *value = json_object_get(row, member);
    text[0] = '\0';
    if (json_is_number(value) && format == FORMAT_PEOPLE)
        snprintf(text, 32, "%.*f", decimals, json_number_value(value) / scale);
    else if (json_is_integer(value))
        snprintf(text, 32, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
    else if (json_is_real(value))
        snprintf(text, 32, "%.3f", json_real_value(value));
}

static void print_stats(enum format format, const json_t *result)
{
    static const struct table_column columns[] = {{"agent", "agent", false},
                                                  {"pid", "pid", true},
                                                  {"cpu %", "cpu_percent", true},
                                                  {"cpu s", "cpu_s", true},
                                                  {"memory MB", "memory_bytes", true},
                                                  {"processes", "processes", true},
                                                  {"files", "files", true},
                                                  {"messages", "messages", true},
                                                  {"uptime s", "uptime_s", true},
                                                  {"restarts", "restarts", true}};
    static const struct {
        const char *member;
        double scale;
        int decimals;
    } cells[] = {{"pid", 1, 0},       {"cpu_percent", 1, 1}, {"cpu_s", 1, 2},    {"memory_bytes", 1048576, 1},
                 {"processes", 1, 0}, {"files", 1, 0},       {"messages", 1, 0}, {"uptime_s", 1, 0},
                 {"restarts", 1, 0}};
    enum { COLUMNS = sizeof columns / sizeof *columns };
    struct table table = table_of(columns, COLUMNS);
    const json_t *row;
    size_t i;
    json_array_foreach(json_object_get(result, "agents"), i, row)
    {
        char name[LISTING_TEXT_MAX], texts[COLUMNS][32];
        const char *line[COLUMNS] = {agentd_text(row, "name", name)};
        for (size_t k = 1; k < COLUMNS; k++) {
            put_number(format, row, cells[k - 1].member, cells[k - 1].scale, cells[k - 1].decimals, texts[k]);
            line[k] = texts[k];
        }
        table_add(&table, line);
    }
    format_table(format, &table);
    table_free(&table);
    char limits[LISTING_TEXT_MAX];
    if (format == FORMAT_PEOPLE && *agentd_text(result, "limits", limits) != '\0')
        printf("limits are kept by %s\n", strcmp(limits, "cgroup") == 0
                                              ? "cgroups"
                                              : "rlimits alone: busbar doctor says what that means");
}

enum exit_code verb_agent_stats(const struct call *call)
{
    return ask_list(call, "agent.stats", call->arg_count > 0 ? named(call) : json_object(), print_stats);
}

static void print_json_part(const char *title, const json_t *part)
{
    if (part == NULL)
        return;
    printf("\n%s ", title);
    json_dumpf(part, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15) | JSON_ENSURE_ASCII);
    putchar('\n');
}

static void print_agent(enum format format, const json_t *result)
{
    static const struct {
        const char *label, *member;
        enum listing_kind kind;
    } lines[] = {{"agent", "name", LISTING_TEXT},         {"release", "release", LISTING_TEXT},
                 {"identity", "identity", LISTING_TEXT},  {"digest", "digest", LISTING_TEXT},
                 {"signed by", "signer", LISTING_TEXT},   {"state", "state", LISTING_TEXT},
                 {"enabled", "enabled", LISTING_YES},     {"priority", "priority", LISTING_COUNT},
                 {"pid", "pid", LISTING_COUNT},           {"since", "since_ms", LISTING_TIME_MS},
                 {"restarts", "restarts", LISTING_COUNT}, {"last exit", "last_exit", LISTING_TEXT},
                 {"trouble", "trouble", LISTING_TEXT}};
    const json_t *agent = json_object_get(result, "agent");
    char text[LISTING_TEXT_MAX];
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        if (*listing_text(agent, lines[i].member, lines[i].kind, format, text) != '\0')
            printf("%-12s %s\n", lines[i].label, text);
    print_json_part("manifest", json_object_get(result, "manifest"));
    print_json_part("config", json_object_get(result, "config"));
}

enum exit_code verb_agent_show(const struct call *call)
{
    return ask_list(call, "agent.show", named(call), print_agent);
}
