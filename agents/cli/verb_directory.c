/* busbar directory find, show: who offers what on this bus, or on that of another platform. */
#include "agents/cli/agentd.h"
#include "agents/cli/json.h"
#include "agents/cli/listing.h"
#include "agents/cli/verbs.h"

#include <string.h>

/* Asks this platform's agentd, or that of --platform; failures are told. */
static enum exit_code look_up(const struct call *call, const char *platform, json_t *params, json_t **out)
{
    struct session session;
    char peer[160];
    if (params == NULL || snprintf(peer, sizeof peer, AGENTD "%s%s", platform != NULL ? "@" : "",
                                   platform != NULL ? platform : "") >= (int)sizeof peer) {
        json_decref(params);
        return call_fail(call, EXIT_USAGE, "%s",
                         params == NULL ? "an argument is no UTF-8"
                                        : "--platform: no platform has such a name");
    }
    enum exit_code code = session_open(call, &session);
    if (code == EXIT_DONE) {
        code = platform == NULL
                   ? agentd_call(call, &session, "directory.lookup", json_incref(params), out)
                   : session_call(call, &session, peer, "directory.lookup", params, EXIT_REFUSED, out);
        session_close(&session);
    }
    json_decref(params);
    return code;
}

/* "read, set": the texts of a list, or the names of its objects. text[LISTING_TEXT_MAX]. */
static void join(const json_t *list, char *text)
{
    const json_t *item;
    size_t i, used = 0;
    text[0] = '\0';
    json_array_foreach(list, i, item)
    {
        const char *name = json_string_value(json_is_object(item) ? json_object_get(item, "name") : item);
        if (name != NULL && used < LISTING_TEXT_MAX)
            used +=
                (size_t)snprintf(text + used, LISTING_TEXT_MAX - used, "%s%s", used > 0 ? ", " : "", name);
    }
}

static void print_found(enum format format, const json_t *services)
{
    static const struct listing_column columns[] = {{"service", "service", "name", LISTING_TEXT},
                                                    {"version", "version", "version", LISTING_TEXT},
                                                    {"peer", "peer", "peer", LISTING_TEXT},
                                                    {"platform", "platform", "platform", LISTING_TEXT},
                                                    {"methods", "methods", "methods_text", LISTING_TEXT},
                                                    {"topics", "topics", "topics_text", LISTING_TEXT},
                                                    {"since", "since", "since_ms", LISTING_TIME_MS}};
    char text[LISTING_TEXT_MAX];
    json_t *service;
    size_t i;
    json_array_foreach(services, i, service)
    {
        join(json_object_get(service, "methods"), text);
        json_object_set_new(service, "methods_text", json_string(text));
        join(json_object_get(service, "topics"), text);
        json_object_set_new(service, "topics_text", json_string(text));
    }
    listing_print(format, columns, sizeof columns / sizeof *columns, services);
}

enum exit_code verb_directory_find(const struct call *call)
{
    static const char *const options[] = {"method", "peer"};
    enum format format;
    struct bb_reason reason = {""};
    json_t *params = json_object(), *result = NULL;
    if (format_of(call, &reason, &format) != BB_OK) {
        json_decref(params);
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    }
    bool good = call->arg_count == 0 || json_object_set_new(params, "name", json_string(call->args[0])) == 0;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        if (call_value(call, options[i]) != NULL)
            good = good &&
                   json_object_set_new(params, options[i], json_string(call_value(call, options[i]))) == 0;
    if (!good) {
        json_decref(params);
        params = NULL;
    }
    enum exit_code code = look_up(call, call_value(call, "platform"), params, &result);
    if (code != EXIT_DONE)
        return code;
    if (format == FORMAT_JSON) {
        agentd_print_json(result);
        return EXIT_DONE;
    }
    print_found(format, json_object_get(result, "services"));
    json_decref(result);
    return EXIT_DONE;
}

/* -- show ---------------------------------------------------------------------------------------------------
 */

/* JSON of somebody else's on one line, escaped. */
static void print_value(const char *label, const json_t *value)
{
    if (value == NULL)
        return;
    printf("%s", label);
    json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    putchar('\n');
}

static void print_service(const json_t *service)
{
    char text[LISTING_TEXT_MAX];
    const json_t *methods = json_object_get(service, "methods"), *topics = json_object_get(service, "topics"),
                 *properties = json_object_get(service, "properties"), *item;
    size_t i;
    printf("%s", agentd_text(service, "name", text));
    if (*agentd_text(service, "version", text) != '\0')
        printf(" %s", text);
    printf(" since %s\n", listing_text(service, "since_ms", LISTING_TIME_MS, FORMAT_PEOPLE, text));
    json_array_foreach(methods, i, item)
    {
        printf("  %s", agentd_text(item, "name", text));
        printf("%s%s\n", *agentd_text(item, "summary", text) != '\0' ? ": " : "", text);
        print_value("    params ", json_object_get(item, "params"));
        print_value("    result ", json_object_get(item, "result"));
    }
    if (json_array_size(topics) > 0)
        print_value("  topics ", topics);
    if (json_object_size(properties) > 0)
        print_value("  properties ", properties);
}

enum exit_code verb_directory_show(const struct call *call)
{
    json_t *result = NULL;
    enum exit_code code =
        look_up(call, call_value(call, "platform"), json_pack("{s:s}", "peer", call->args[0]), &result);
    if (code != EXIT_DONE)
        return code;
    const json_t *services = json_object_get(result, "services"), *service;
    size_t i;
    if (json_array_size(services) == 0) {
        code = call_fail(call, EXIT_MISSING, "%s has registered nothing", call->args[0]);
    } else if (call_flag(call, "json")) {
        agentd_print_json(json_incref(result));
    } else {
        json_array_foreach(services, i, service)
        {
            print_service(service);
        }
    }
    json_decref(result);
    return code;
}
