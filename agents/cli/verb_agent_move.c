/* busbar agent move: agents that move to other platforms. */
#include "agents/cli/agentd.h"
#include "agents/cli/listing.h"
#include "agents/cli/verbs.h"

#include <string.h>
#include <time.h>

/* How often it is looked how far a move is. */
#define LOOK_MS 200
/* agentd asks the other side before it believes the operator; that may take as long as a call over a link. */
#define RESOLVE_MS 45000

static const char *text_of(const json_t *move, const char *member)
{
    const char *text = json_string_value(json_object_get(move, member));
    return text != NULL ? text : "";
}

static bool is_phase(const json_t *move, const char *phase)
{
    return strcmp(text_of(move, "phase"), phase) == 0;
}

/* -- list -------------------------------------------------------------------------------------------------
 */

static enum exit_code list(const struct call *call)
{
    static const struct listing_column columns[] = {{"agent", "agent", "name", LISTING_TEXT},
                                                    {"from", "from", "from", LISTING_TEXT},
                                                    {"to", "to", "to", LISTING_TEXT},
                                                    {"phase", "phase", "phase", LISTING_TEXT},
                                                    {"undecided", "undecided", "undecided", LISTING_YES},
                                                    {"since", "since", "since_ms", LISTING_TIME_MS},
                                                    {"reason", "reason", "reason", LISTING_TEXT}};
    enum format format;
    struct bb_reason reason = {""};
    json_t *result = NULL;
    if (format_of(call, &reason, &format) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    enum exit_code code = agentd_ask(call, "move.list", NULL, &result);
    if (code != EXIT_DONE)
        return code;
    if (format == FORMAT_JSON) {
        agentd_print_json(result);
        return EXIT_DONE;
    }
    listing_print(format, columns, sizeof columns / sizeof *columns, json_object_get(result, "moves"));
    json_decref(result);
    return EXIT_DONE;
}

/* -- move ---------------------------------------------------------------------------------------------------
 */

/* A phase in words, on standard error. */
static void tell_phase(const json_t *move)
{
    static const struct {
        const char *phase, *text;
    } texts[] = {{"offering", "asks"},
                 {"stopping", "is taken; stops here"},
                 {"writing", "stopped; is sent"},
                 {"given", "is there and was checked; given away, waits for the word that it runs"}};
    char name[LISTING_TEXT_MAX], to[LISTING_TEXT_MAX];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (is_phase(move, texts[i].phase))
            fprintf(stderr, "%s to %s: %s\n", agentd_text(move, "name", name), agentd_text(move, "to", to),
                    texts[i].text);
}

/* The move of that id in the result of move.list; borrowed, NULL: none. */
static json_t *find(const json_t *result, const char *id)
{
    json_t *move;
    size_t i;
    json_array_foreach(json_object_get(result, "moves"), i, move)
    {
        if (strcmp(text_of(move, "id"), id) == 0)
            return move;
    }
    return NULL;
}

static bool is_settled(const json_t *move)
{
    return json_is_true(json_object_get(move, "over")) || json_is_true(json_object_get(move, "undecided"));
}

/* Looks again and again, until it is over or undecided; *move (owned) is then the last. */
static enum exit_code follow(const struct call *call, struct session *session, json_t **move)
{
    const struct timespec pause = {0, LOOK_MS * 1000000L};
    char phase[32] = "";
    for (;;) {
        json_t *result = NULL;
        if (strcmp(phase, text_of(*move, "phase")) != 0)
            tell_phase(*move);
        snprintf(phase, sizeof phase, "%s", text_of(*move, "phase"));
        if (is_settled(*move))
            return EXIT_DONE;
        nanosleep(&pause, NULL);
        enum exit_code code = agentd_call(call, session, "move.list", NULL, &result);
        if (code != EXIT_DONE) {
            fputs("the move goes on by itself: busbar agent move --list tells how far it is\n", stderr);
            return code;
        }
        json_t *next = json_incref(find(result, text_of(*move, "id")));
        json_decref(result);
        if (next == NULL)
            return call_fail(call, EXIT_FAILED, "agentd has forgotten the move");
        json_decref(*move);
        *move = next;
    }
}

/* Prints the move (owned) as a document; without --json the exit code is all. */
static void print(const struct call *call, json_t *move)
{
    if (call_flag(call, "json"))
        agentd_print_json(json_pack("{s:o}", "move", move));
    else
        json_decref(move);
}

static enum exit_code tell_end(const struct call *call, const json_t *move)
{
    char name[LISTING_TEXT_MAX], from[LISTING_TEXT_MAX], to[LISTING_TEXT_MAX], reason[LISTING_TEXT_MAX];
    agentd_text(move, "name", name);
    agentd_text(move, "from", from);
    agentd_text(move, "to", to);
    agentd_text(move, "reason", reason);
    if (is_phase(move, "moved")) {
        if (!call_flag(call, "json"))
            printf("%s: moved to %s\n", name, to);
        return EXIT_DONE;
    }
    if (json_is_true(json_object_get(move, "over")))
        return call_fail(call, EXIT_REFUSED, "%s stays on %s: %s", name, from, reason);
    return call_fail(
        call, EXIT_UNREACHABLE,
        "undecided: %s was given to %s, which does not answer (%s); it runs nowhere until %s answers, "
        "or --resolve here or there decides",
        name, to, reason, to);
}

static enum exit_code move(const struct call *call)
{
    struct session session;
    json_t *result = NULL, *params = json_pack("{s:s,s:s,s:b}", "name", call->args[0], "platform",
                                               call->args[1], "wait", false);
    if (params == NULL)
        return call_fail(call, EXIT_USAGE, "NAME, PLATFORM: are no UTF-8");
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE) {
        json_decref(params);
        return code;
    }
    code = agentd_call(call, &session, "move.start", params, &result);
    json_t *last = json_incref(json_object_get(result, "move"));
    json_decref(result);
    if (code == EXIT_DONE)
        code = follow(call, &session, &last);
    session_close(&session);
    if (code == EXIT_DONE) {
        code = tell_end(call, last);
        print(call, last);
    } else {
        json_decref(last);
    }
    return code;
}

/* -- resolve ------------------------------------------------------------------------------------------------
 */

/* Whether the phase is what was decided; the other side's word may have been another. */
static bool is_wanted(const json_t *move, bool here)
{
    static const char *const wanted[2][5] = {{"moved", "left", "dropped", NULL},
                                             {"ended", "kept", "owned", "taken", "settled"}};
    for (size_t i = 0; i < 5 && wanted[here][i] != NULL; i++)
        if (is_phase(move, wanted[here][i]))
            return true;
    return false;
}

static enum exit_code resolve(const struct call *call, bool here)
{
    struct session session;
    char name[LISTING_TEXT_MAX], phase[LISTING_TEXT_MAX], reason[LISTING_TEXT_MAX];
    json_t *result = NULL, *params = json_pack("{s:s,s:b}", "name", call->args[0], "here", here);
    if (params == NULL)
        return call_fail(call, EXIT_USAGE, "NAME: is no UTF-8");
    enum exit_code code = session_open(call, &session);
    if (code != EXIT_DONE) {
        json_decref(params);
        return code;
    }
    if (session.timeout_ms < RESOLVE_MS)
        session.timeout_ms = RESOLVE_MS;
    code = agentd_call(call, &session, "move.resolve", params, &result);
    session_close(&session);
    if (code != EXIT_DONE)
        return code;
    json_t *last = json_incref(json_object_get(result, "move"));
    json_decref(result);
    agentd_text(last, "name", name);
    agentd_text(last, "phase", phase);
    agentd_text(last, "reason", reason);
    if (!is_wanted(last, here))
        code = call_fail(call, EXIT_REFUSED, "%s: the move is %s%s%s", name, phase,
                         *reason != '\0' ? ": " : "", reason);
    else if (!call_flag(call, "json"))
        printf("%s: runs %s (the move is %s%s%s)\n", name, here ? "here" : "there", phase,
               *reason != '\0' ? ": " : "", reason);
    print(call, last);
    return code;
}

enum exit_code verb_agent_move(const struct call *call)
{
    const char *word = call_value(call, "resolve");
    bool lists = call_flag(call, "list");
    if (lists && (word != NULL || call->arg_count > 0))
        return call_fail(call, EXIT_USAGE, "--list goes without arguments and without --resolve");
    if (lists)
        return list(call);
    if (call_flag(call, "csv"))
        return call_fail(call, EXIT_USAGE, "--csv goes with --list");
    if (word != NULL && call->arg_count == 1)
        return resolve(call, strcmp(word, "here") == 0);
    if (word == NULL && call->arg_count == 2)
        return move(call);
    return call_fail(call, EXIT_USAGE, "expected NAME PLATFORM, NAME --resolve here or there, or --list");
}
