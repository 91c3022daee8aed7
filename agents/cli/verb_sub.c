/* busbar sub: what is on the bus, a line each. */
#include "agents/cli/format.h"
#include "agents/cli/json.h"
#include "agents/cli/session.h"
#include "agents/cli/stamp.h"
#include "agents/cli/verbs.h"

#include <stdlib.h>
#include <string.h>

struct subscription {
    const struct call *call;
    struct session session;
    bool jsonl, colour, timed_out;
    int64_t left; /* messages to come; −1: no end */
};

static json_t *parsed(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    /* VOLTTRON's agents write NaN, which is no JSON: then it is passed on as a text. */
    return value == NULL ? json_string(text) : value;
}

/* Prints a text that came from outside without the bytes that a terminal would obey. */
static void put_harmless(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        bool control = *at < 0x20 || *at == 0x7f || (*at == 0xc2 && at[1] >= 0x80 && at[1] < 0xa0);
        putchar(control ? '?' : *at);
    }
}

static void print_line(const struct subscription *s, const char *topic, const char *sender,
                       const char *message)
{
    char now[STAMP_TEXT_MAX];
    printf("%s ", stamp_format(bb_loop_wall_ms(), now));
    fputs(s->colour ? "\033[1m" : "", stdout);
    put_harmless(topic);
    fputs(s->colour ? "\033[0m " : " ", stdout);
    put_harmless(sender);
    putchar(' ');
    put_harmless(message);
    putchar('\n');
}

static void on_message(void *context, const char *topic, const char *sender, const char *headers,
                       const char *message)
{
    struct subscription *s = context;
    if (s->left == 0)
        return;
    if (s->jsonl) {
        char now[STAMP_TEXT_MAX];
        json_print_line(stdout,
                        json_pack("{s:s, s:s, s:s, s:o, s:o}", "time", stamp_format(bb_loop_wall_ms(), now),
                                  "topic", topic, "sender", sender, "headers",
                                  parsed(headers == NULL ? "{}" : headers), "message", parsed(message)));
    } else {
        print_line(s, topic, sender, message);
    }
    fflush(stdout);
    if (s->left > 0 && --s->left == 0)
        bb_loop_stop(s->session.loop);
}

static void on_timeout(void *context)
{
    struct subscription *s = context;
    s->timed_out = true;
    bb_loop_stop(s->session.loop);
}

/* True when another argument is a beginning of args[index]: its subscription brings these messages too. */
static bool covered(const struct call *call, size_t index)
{
    for (size_t i = 0; i < call->arg_count; i++) {
        size_t length = strlen(call->args[i]);
        bool shorter = length < strlen(call->args[index]) || i < index;
        if (i != index && shorter && strncmp(call->args[index], call->args[i], length) == 0)
            return true;
    }
    return false;
}

/* Subscribes to each argument, or to everything. */
static enum status subscribe_all(struct subscription *s)
{
    const struct call *call = s->call;
    enum status status = BB_OK;
    for (size_t i = 0; i < call->arg_count && status == BB_OK; i++)
        if (!covered(call, i))
            status = bb_subscribe(s->session.client, call->args[i], on_message, s);
    if (call->arg_count == 0)
        status = bb_subscribe(s->session.client, "", on_message, s);
    int timer;
    if (status == BB_OK && call_flag(call, "timeout"))
        status = bb_loop_after(s->session.loop, s->session.timeout_ms, on_timeout, s, &timer);
    return status;
}

static enum exit_code run(struct subscription *s)
{
    enum status status = subscribe_all(s);
    if (status == BB_OK)
        status = bb_flush(s->session.client, s->session.timeout_ms);
    if (status == BB_OK && s->left != 0 && !s->timed_out)
        status = bb_loop_run(s->session.loop);
    if (status == BB_INTERRUPTED)
        return EXIT_INTERRUPTED;
    if (status != BB_OK)
        return session_fail(s->call, &s->session, status);
    if (s->timed_out && s->left > 0)
        return call_fail(s->call, EXIT_TIMEOUT, "time is up; messages that did not come: %lld",
                         (long long)s->left);
    return EXIT_DONE;
}

enum exit_code verb_sub(const struct call *call)
{
    struct subscription s = {
        .call = call, .jsonl = call_flag(call, "jsonl"), .colour = format_colour(stdout)};
    struct bb_reason reason;
    if (call_integer(call, "count", 1, INT64_MAX, -1, &reason, &s.left) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    enum exit_code code = session_open(call, &s.session);
    if (code != EXIT_DONE)
        return code;
    code = run(&s);
    session_close(&s.session);
    return code;
}
