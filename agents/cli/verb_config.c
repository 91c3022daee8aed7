/* busbar config list, show, set, delete: the configurations that the broker keeps for agents. */
#include "agents/cli/input.h"
#include "agents/cli/json.h"
#include "agents/cli/session.h"
#include "agents/cli/verbs.h"

#include <string.h>
#include <unistd.h>

#define STORE "config.store"
/* As the store takes them. */
#define CONTENTS_MAX (1024 * 1024)

/* One call to the store; `params` is taken over. */
static enum exit_code ask(const struct call *call, const char *method, json_t *params, json_t **out)
{
    struct session session;
    enum exit_code code = session_open(call, &session);
    if (code == EXIT_DONE) {
        code = session_call(call, &session, STORE, method, params, EXIT_REFUSED, out);
        session_close(&session);
    }
    json_decref(params);
    return code;
}

/* Prints a text as it is, but for control characters on a terminal: somebody else wrote it. */
static void print_text(const char *text)
{
    bool guarded = isatty(STDOUT_FILENO) == 1;
    for (const char *at = text; *at != '\0'; at++) {
        bool control = ((unsigned char)*at < 0x20 && *at != '\n' && *at != '\t') || *at == 0x7f;
        putchar(guarded && control ? '?' : *at);
    }
}

static void print_json(const char *member, json_t *value)
{
    json_t *document = json_document();
    json_object_set_new(document, member, value);
    json_print(stdout, document);
}

enum exit_code verb_config_list(const struct call *call)
{
    bool of_one = call->arg_count == 1;
    json_t *names = NULL, *name;
    size_t i;
    enum exit_code code = ask(call, of_one ? "list_configs" : "list_stores",
                              of_one ? json_pack("[s]", call->args[0]) : NULL, &names);
    if (code != EXIT_DONE)
        return code;
    if (call_flag(call, "json")) {
        print_json(of_one ? "configurations" : "identities", names);
        return EXIT_DONE;
    }
    json_array_foreach(names, i, name)
    {
        print_text(json_string_value(name) == NULL ? "?" : json_string_value(name));
        putchar('\n');
    }
    json_decref(names);
    return EXIT_DONE;
}

/* The configuration with its links replaced. */
static enum exit_code show_resolved(const struct call *call)
{
    json_t *value = NULL;
    enum exit_code code =
        ask(call, "get_config", json_pack("[s,s,b,b]", call->args[0], call->args[1], 0, 1), &value);
    if (code != EXIT_DONE)
        return code;
    if (call_flag(call, "json")) {
        print_json("contents", value);
    } else if (json_is_string(value)) {
        print_text(json_string_value(value));
        json_decref(value);
    } else {
        json_dumpf(value, stdout, JSON_INDENT(2) | JSON_ENSURE_ASCII | JSON_REAL_PRECISION(15));
        putchar('\n');
        json_decref(value);
    }
    return EXIT_DONE;
}

enum exit_code verb_config_show(const struct call *call)
{
    json_t *about = NULL;
    if (call_flag(call, "resolve"))
        return show_resolved(call);
    enum exit_code code = ask(call, "get_metadata", json_pack("[s,s]", call->args[0], call->args[1]), &about);
    if (code != EXIT_DONE)
        return code;
    const char *text = json_string_value(json_object_get(about, "data"));
    if (text == NULL)
        code = call_fail(call, EXIT_FAILED, "the answer holds no text");
    else if (call_flag(call, "json"))
        print_json("configuration", json_incref(about));
    else
        print_text(text);
    json_decref(about);
    return code;
}

/* The type that --type, or else the end of the file's name, says. */
static const char *type_of(const struct call *call)
{
    static const char *const ENDINGS[][2] = {{".json", "json"}, {".config", "json"}, {".csv", "csv"}};
    const char *given = call_value(call, "type");
    const char *end = strrchr(call->args[2], '.');
    for (size_t i = 0; given == NULL && end != NULL && i < sizeof ENDINGS / sizeof *ENDINGS; i++)
        if (strcmp(end, ENDINGS[i][0]) == 0)
            given = ENDINGS[i][1];
    return given == NULL ? "raw" : given;
}

enum exit_code verb_config_set(const struct call *call)
{
    struct bb_reason reason;
    struct input input;
    json_t *result = NULL;
    enum status status = input_read(call->args[2], CONTENTS_MAX, &reason, &input);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s", reason.text);
    json_t *contents =
        memchr(input.text, '\0', input.size) == NULL ? json_stringn(input.text, input.size) : NULL;
    input_wipe(&input);
    if (contents == NULL)
        return call_fail(call, EXIT_USAGE, "%s: a configuration is text in UTF-8", call->args[2]);
    enum exit_code code =
        ask(call, "set_config", json_pack("[s,s,o,s]", call->args[0], call->args[1], contents, type_of(call)),
            &result);
    json_decref(result);
    return code;
}

enum exit_code verb_config_delete(const struct call *call)
{
    json_t *result = NULL;
    bool of_one = call->arg_count == 2;
    enum exit_code code;
    if (!of_one && !call_flag(call, "all"))
        return call_fail(call, EXIT_USAGE, "name the configuration, or say --all for everything of %s",
                         call->args[0]);
    if (of_one && call_flag(call, "all"))
        return call_fail(call, EXIT_USAGE, "--all takes no NAME");
    code = ask(call, of_one ? "delete_config" : "delete_store",
               of_one ? json_pack("[s,s]", call->args[0], call->args[1]) : json_pack("[s]", call->args[0]),
               &result);
    json_decref(result);
    return code;
}
