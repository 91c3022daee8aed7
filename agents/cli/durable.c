#include "agents/cli/durable.h"

#include "agents/cli/message.h"
#include "agents/cli/moment.h"

#include <busbar/durable.h>
#include <stdlib.h>
#include <string.h>

struct following {
    struct session *session;
    bool jsonl, colour, timed_out, failed;
    int64_t left;
};

static enum status on_message(void *context, const struct bb_durable_message *m)
{
    struct following *f = context;
    if (f->left == 0 || f->failed)
        return BB_INTERRUPTED;
    const struct message message = {m->time_ms, m->topic, m->sender, m->headers,
                                    m->message, false,    m->offset};
    if (!message_print(&message, f->jsonl, f->colour)) {
        f->failed = true;
        bb_loop_stop(f->session->loop);
        return BB_IO;
    }
    if (f->left > 0 && --f->left == 0)
        bb_loop_stop(f->session->loop);
    return BB_OK;
}

static void on_timeout(void *context)
{
    struct following *f = context;
    f->timed_out = true;
    bb_loop_stop(f->session->loop);
}

/* Reads --from into JSON, malloc'd; NULL with the reason: it is nothing of the kind. */
static char *from_of(const char *text, struct bb_reason *reason)
{
    char *end, *json = NULL;
    uint64_t seconds = 0;
    int64_t now_s = bb_loop_wall_ms() / 1000;
    bool word = strcmp(text, "start") == 0 || strcmp(text, "now") == 0;
    unsigned long long offset = strtoull(text, &end, 10);
    enum status status = BB_OK;
    if (word)
        return asprintf(&json, "\"%s\"", text) < 0 ? NULL : json;
    if (*text >= '0' && *text <= '9' && *end == '\0' && offset <= INT64_MAX)
        return asprintf(&json, "%llu", offset) < 0 ? NULL : json;
    if (*text == '-') {
        char later[32];
        snprintf(later, sizeof later, "+%.30s", text + 1);
        status = moment_parse("--from", later, 0, reason, &seconds);
        seconds = seconds > (uint64_t)now_s ? 0 : (uint64_t)now_s - seconds;
    } else {
        status = moment_parse("--from", text, now_s, reason, &seconds);
    }
    if (status != BB_OK || seconds > INT64_MAX / 1000) {
        bb_reason_say(reason,
                      "--from: \"%.60s\" is none of: an offset, start, now, 2026-11-28T18:00Z, -15m, -2h",
                      text);
        return NULL;
    }
    return asprintf(&json, "{\"time_ms\":%lld}", (long long)seconds * 1000) < 0 ? NULL : json;
}

static enum exit_code follow(const struct call *call, struct following *f, struct bb_durable *durable)
{
    int timer;
    enum status status = BB_OK;
    if (call_flag(call, "timeout"))
        status = bb_loop_after(f->session->loop, f->session->timeout_ms, on_timeout, f, &timer);
    if (status == BB_OK)
        status = bb_loop_run(f->session->loop);
    uint64_t lost = bb_durable_lost(durable);
    bb_durable_close(durable);
    if (lost > 0)
        fprintf(stderr,
                "busbar sub: %s has lost %llu messages, which were let go before it acknowledged them\n",
                call_value(call, "durable"), (unsigned long long)lost);
    if (f->failed)
        return call_fail(call, EXIT_FAILED, "standard output does not take what is printed");
    if (status == BB_INTERRUPTED)
        return EXIT_INTERRUPTED;
    if (status != BB_OK)
        return session_fail(call, f->session, status);
    if (f->timed_out && f->left > 0)
        return call_fail(call, EXIT_TIMEOUT, "time is up; messages that did not come: %lld",
                         (long long)f->left);
    return EXIT_DONE;
}

enum exit_code durable_run(const struct call *call, struct session *session, bool jsonl, bool colour,
                           int64_t left)
{
    static const char *const ALL[] = {""};
    struct following f = {.session = session, .jsonl = jsonl, .colour = colour, .left = left};
    struct bb_durable *durable = NULL;
    struct bb_reason reason = {""};
    const char *where = call_value(call, "from");
    char *from = where == NULL ? NULL : from_of(where, &reason);
    if (where != NULL && from == NULL)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    const struct bb_durable_options options = {.name = call_value(call, "durable"),
                                               .prefixes = call->arg_count == 0 ? ALL : call->args,
                                               .prefix_count = call->arg_count == 0 ? 1 : call->arg_count,
                                               .from = from,
                                               .seek = from != NULL,
                                               .reason = &reason};
    enum status status = bb_durable_open(session->client, &options, on_message, &f, &durable);
    free(from);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s",
                         *reason.text == '\0' ? bb_status_text(status) : reason.text);
    return follow(call, &f, durable);
}
