/* busbar web token add, list, remove: who may act through the dashboard, web-tokens.json. */
#include "agents/cli/format.h"
#include "agents/cli/home.h"
#include "agents/cli/json.h"
#include "agents/cli/verbs.h"
#include "agents/tokens/tokens.h"
#include "agents/views/stamp.h"

#include <busbar/loop.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* The tokens of the call's home, and the file that they are in. The home is held until the process ends: two
 * that change the file at once would lose one of the changes. */
static enum exit_code open_tokens(const struct call *call, char path[600], struct tokens *tokens)
{
    char home[512];
    struct bb_reason reason = {""};
    enum status status = home_find(call_value(call, "home"), &reason, home, sizeof home);
    snprintf(path, 600, "%s/web-tokens.json", home);
    int lock = status == BB_OK ? open(home, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (lock >= 0 && flock(lock, LOCK_EX) != 0)
        close(lock);
    if (status == BB_OK)
        status = tokens_read(path, &reason, tokens);
    return status == BB_OK ? EXIT_DONE : call_fail(call, exit_of(status), "%s", reason.text);
}

static enum exit_code save(const struct call *call, const char *path, const struct tokens *tokens)
{
    struct bb_reason reason = {""};
    if (tokens_write(path, tokens, &reason) != BB_OK)
        return call_fail(call, EXIT_FAILED, "%s; busbar init makes a home", reason.text);
    return EXIT_DONE;
}

enum exit_code verb_web_token_add(const struct call *call)
{
    char path[600], secret[TOKENS_SECRET_SIZE];
    struct tokens tokens;
    const char *name = call->args[0], *role = call_value(call, "role");
    enum exit_code code = open_tokens(call, path, &tokens);
    if (code != EXIT_DONE)
        return code;
    enum status status =
        tokens_add(&tokens, name, tokens_role(role == NULL ? "viewer" : role), bb_loop_wall_ms(), secret);
    if (status == BB_RANGE)
        return call_fail(call, EXIT_USAGE, "%s: a name has 1 to %d letters, digits, and . _ -", name,
                         TOKENS_NAME_MAX);
    if (status == BB_EXISTS)
        return call_fail(call, EXIT_FAILED, "there is a token %s already; busbar web token remove %s", name,
                         name);
    if (status != BB_OK)
        return call_fail(call, EXIT_FAILED, "%s: %s", name, bb_status_text(status));
    code = save(call, path, &tokens);
    if (code == EXIT_DONE && call_flag(call, "json")) {
        json_t *document = json_document();
        json_object_set_new(document, "name", json_string(name));
        json_object_set_new(document, "role", json_string(role == NULL ? "viewer" : role));
        json_object_set_new(document, "token", json_string(secret));
        json_print(stdout, document);
    } else if (code == EXIT_DONE) {
        if (isatty(STDERR_FILENO))
            fputs("This is shown once; busbar-webd takes it within a second:\n", stderr);
        puts(secret);
    }
    explicit_bzero(secret, sizeof secret);
    return code;
}

static void print_table(enum format format, const struct tokens *tokens)
{
    static const struct table_column columns[] = {
        {"name", "name", false}, {"role", "role", false}, {"made", "created_utc", false}};
    struct table table = table_of(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < tokens->count; i++) {
        char made[STAMP_TEXT_MAX];
        const struct token *t = &tokens->list[i];
        table_add(&table,
                  (const char *[]){t->name, tokens_role_word(t->role), stamp_format(t->created_ms, made)});
    }
    format_table(format, &table);
    table_free(&table);
    if (format == FORMAT_PEOPLE && tokens->count == 0)
        puts("Nobody may act yet: busbar web token add NAME --role operator");
}

static void print_json(const struct tokens *tokens)
{
    json_t *document = json_document(), *list = json_array();
    for (size_t i = 0; i < tokens->count; i++) {
        const struct token *t = &tokens->list[i];
        json_array_append_new(list,
                              json_pack("{s:s,s:s,s:I}", "name", t->name, "role", tokens_role_word(t->role),
                                        "created_ms", (json_int_t)t->created_ms));
    }
    json_object_set_new(document, "tokens", list);
    json_print(stdout, document);
}

enum exit_code verb_web_token_list(const struct call *call)
{
    char path[600];
    struct tokens tokens;
    struct bb_reason reason = {""};
    enum format format;
    if (format_of(call, &reason, &format) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    enum exit_code code = open_tokens(call, path, &tokens);
    if (code != EXIT_DONE)
        return code;
    if (format == FORMAT_JSON)
        print_json(&tokens);
    else
        print_table(format, &tokens);
    return EXIT_DONE;
}

enum exit_code verb_web_token_remove(const struct call *call)
{
    char path[600];
    struct tokens tokens;
    enum exit_code code = open_tokens(call, path, &tokens);
    if (code != EXIT_DONE)
        return code;
    if (tokens_remove(&tokens, call->args[0]) != BB_OK)
        return call_fail(call, exit_of(BB_NOT_FOUND), "there is no token %s", call->args[0]);
    return save(call, path, &tokens);
}
