/* busbar sub: what is on the bus, a line each. */
#include "agents/cli/durable.h"
#include "agents/cli/format.h"
#include "agents/cli/message.h"
#include "agents/cli/retained.h"
#include "agents/cli/session.h"
#include "agents/cli/verbs.h"

#include <stdlib.h>
#include <string.h>

struct subscription {
    const struct call *call;
    struct session session;
    struct retained retained;
    bool jsonl, colour, timed_out;
    int64_t left; /* messages to come; −1: no end */
};

static void show(void *context, const struct message *message)
{
    struct subscription *s = context;
    if (s->left == 0)
        return;
    (void)message_print(message, s->jsonl, s->colour);
    if (s->left > 0 && --s->left == 0)
        bb_loop_stop(s->session.loop);
}

static void on_message(void *context, const char *topic, const char *sender, const char *headers,
                       const char *message)
{
    struct subscription *s = context;
    const struct message m = {.time_ms = bb_loop_wall_ms(),
                              .topic = topic,
                              .sender = sender,
                              .headers = headers,
                              .message = message};
    retained_take(&s->retained, &m);
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
    struct retained *r = &s->retained;
    enum status status = BB_OK;
    for (size_t i = 0; i < call->arg_count; i++)
        if (!covered(call, i))
            r->prefixes[r->count++] = call->args[i];
    if (call->arg_count == 0)
        r->prefixes[r->count++] = "";
    for (size_t i = 0; i < r->count && status == BB_OK; i++)
        status = bb_subscribe(s->session.client, r->prefixes[i], on_message, s);
    int timer;
    if (status == BB_OK && call_flag(call, "timeout"))
        status = bb_loop_after(s->session.loop, s->session.timeout_ms, on_timeout, s, &timer);
    return status;
}

static enum exit_code run(struct subscription *s)
{
    s->retained.finished = !call_flag(s->call, "retained");
    enum status status = subscribe_all(s);
    if (status == BB_OK)
        status = bb_flush(s->session.client, s->session.timeout_ms);
    if (status == BB_OK && !s->retained.finished)
        status = retained_start(&s->retained);
    if (status == BB_OK && s->left != 0 && !s->timed_out)
        status = bb_loop_run(s->session.loop);
    if (status == BB_INTERRUPTED)
        return EXIT_INTERRUPTED;
    if (s->retained.error[0] != '\0')
        return call_fail(s->call, exit_of(s->retained.failed), "%s", s->retained.error);
    if (status == BB_OK)
        status = s->retained.failed;
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
    if (call_flag(call, "from") && !call_flag(call, "durable"))
        return call_fail(call, EXIT_USAGE, "--from goes with --durable NAME");
    if (call_flag(call, "retained") && call_flag(call, "durable"))
        return call_fail(call, EXIT_USAGE, "--retained and --durable exclude each other");
    enum exit_code code = session_open(call, &s.session);
    if (code != EXIT_DONE)
        return code;
    if (call_flag(call, "durable")) {
        code = durable_run(call, &s.session, s.jsonl, s.colour, s.left);
        session_close(&s.session);
        return code;
    }
    s.retained.session = &s.session;
    s.retained.show = show;
    s.retained.context = &s;
    code = run(&s);
    session_close(&s.session);
    retained_free(&s.retained);
    return code;
}
