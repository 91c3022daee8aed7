/* busbar node update: an image to one board or to all, until each runs it or has said why not. */
#include "agents/cli/blob.h"
#include "agents/cli/json.h"
#include "agents/cli/listing.h"
#include "agents/cli/nodes.h"
#include "agents/cli/verbs.h"
#include "agents/views/views.h"
#include "bus/client/base64.h"
#include "node-fw/link/crc.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_MAX ((size_t)1024 * 1024)
#define PIECE     ((size_t)64 * 1024)
#define TARGETS   256
#define LOOK_MS   250
/* An agent, or a board without an update under way, may be away for so long. */
#define AWAY_MS 30000
#define LONG_MS 900000

struct target {
    char name[32], agent[64], before[24], phase[24], text[LISTING_TEXT_MAX];
    int64_t received;
    int64_t seen_ms; /* when its update was last known to be under way */
    bool ended;
    enum exit_code code;
};

struct updating {
    const struct call *call;
    struct session session;
    uint8_t *data;
    size_t size;
    uint32_t crc32;
    struct target *targets; /* TARGETS */
    size_t count;
    char *base64;
};

/* `phase`: NULL leaves it at what was seen last. */
static void end(struct target *t, enum exit_code code, const char *phase, const char *text)
{
    t->ended = true;
    t->code = code;
    if (phase != NULL)
        snprintf(t->phase, sizeof t->phase, "%s", phase);
    snprintf(t->text, sizeof t->text, "%s", text);
}

/* -- the image to the agent -- */

static json_t *piece_params(struct updating *u, const struct target *t, size_t at)
{
    size_t size = u->size - at < PIECE ? u->size - at : PIECE;
    base64_encode((struct bytes){u->data + at, size}, u->base64);
    return json_pack("{s:s,s:I,s:I,s:I,s:s}", "name", t->name, "total", (json_int_t)u->size, "crc32",
                     (json_int_t)u->crc32, "offset", (json_int_t)at, "data", u->base64);
}

/* What an error object says, to text[size]. */
static void remote_text(const char *json, char *text, size_t size)
{
    json_t *error = json != NULL ? json_loads(json, 0, NULL) : NULL;
    const char *message = json_string_value(json_object_get(error, "message"));
    snprintf(text, size, "%s", message != NULL ? message : "the agent answered with an error");
    json_decref(error);
}

/* Hands the image to the target's agent, which knows it already when another board is sent it. BB_OK: the
 * transfer goes on; BB_REMOTE: refused, with the agent's sentence in text[size]. */
static enum status hand_over(struct updating *u, const struct target *t, char *text, size_t size)
{
    enum status status = BB_OK;
    for (size_t at = 0; at < u->size && status == BB_OK;) {
        json_t *params = piece_params(u, t, at);
        char *words = json_dumps(params, JSON_COMPACT), *answer = NULL;
        status = bb_call(u->session.client, t->agent, "node.update", words, u->session.timeout_ms, &answer);
        json_t *result = status == BB_OK && answer != NULL ? json_loads(answer, 0, NULL) : NULL;
        json_int_t received = json_integer_value(json_object_get(result, "received"));
        if (status == BB_OK && (received <= (json_int_t)at || received > (json_int_t)u->size))
            status = BB_MALFORMED;
        if (status == BB_OK)
            at = (size_t)received;
        else if (status == BB_REMOTE)
            remote_text(answer, text, size);
        json_decref(result);
        json_decref(params);
        free(words);
        free(answer);
    }
    return status;
}

static void begin(struct updating *u, struct target *t)
{
    char text[LISTING_TEXT_MAX] = "";
    enum status status = hand_over(u, t, text, sizeof text);
    t->seen_ms = bb_loop_mono_ms();
    if (status == BB_REMOTE)
        end(t, EXIT_REFUSED, "refused", text);
    else if (status != BB_OK)
        end(t, exit_of(status), "not sent", bb_status_text(status));
}

/* -- what becomes of it -- */

static bool is_ours(const struct updating *u, const json_t *update)
{
    char crc32[9];
    snprintf(crc32, sizeof crc32, "%08" PRIx32, u->crc32);
    return json_is_object(update) && strcmp(nodes_text(update, "crc32"), crc32) == 0 &&
           json_integer_value(json_object_get(update, "total")) == (json_int_t)u->size;
}

static void take_phase(struct target *t, const json_t *update)
{
    static const struct {
        const char *phase;
        enum exit_code code;
    } ends[] = {{"done", EXIT_DONE},
                {"refused", EXIT_REFUSED},
                {"rolled back", EXIT_REFUSED},
                {"given up", EXIT_UNREACHABLE}};
    char text[LISTING_TEXT_MAX];
    listing_text(update, "phase", LISTING_TEXT, FORMAT_PEOPLE, text);
    snprintf(t->phase, sizeof t->phase, "%.20s", text);
    t->received = json_integer_value(json_object_get(update, "received"));
    t->seen_ms = bb_loop_mono_ms();
    listing_text(update, "text", LISTING_TEXT, FORMAT_PEOPLE, text);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (strcmp(t->phase, ends[i].phase) == 0)
            end(t, ends[i].code, ends[i].phase, text);
}

/* The agent knows nothing of the update: it has been started anew meanwhile, and is given the image again. */
static void begin_again(struct updating *u, struct target *t, const json_t *node)
{
    char text[LISTING_TEXT_MAX] = "";
    bool online = json_is_true(json_object_get(node, "online"));
    if (online && hand_over(u, t, text, sizeof text) == BB_OK)
        t->seen_ms = bb_loop_mono_ms();
    else if (bb_loop_mono_ms() - t->seen_ms >= AWAY_MS)
        end(t, EXIT_UNREACHABLE, "given up",
            *text != '\0' ? text : "the agent was started anew, and the board has not come back");
}

static void look_at(struct updating *u, struct target *t, const json_t *nodes)
{
    const json_t *node = nodes_find(nodes, t->name), *update = json_object_get(node, "update");
    if (nodes == NULL && bb_loop_mono_ms() - t->seen_ms >= AWAY_MS)
        end(t, EXIT_UNREACHABLE, "given up", "the agent is not on the bus any more");
    else if (is_ours(u, update))
        take_phase(t, update);
    else if (nodes != NULL)
        begin_again(u, t, node);
}

static void look(struct updating *u)
{
    for (size_t i = 0; i < u->count; i++) {
        if (u->targets[i].ended)
            continue;
        json_t *nodes = nodes_peek(&u->session, u->targets[i].agent);
        for (size_t k = i; k < u->count; k++)
            if (!u->targets[k].ended && strcmp(u->targets[k].agent, u->targets[i].agent) == 0)
                look_at(u, &u->targets[k], nodes);
        json_decref(nodes);
    }
}

static size_t show_progress(const struct updating *u)
{
    size_t done = 0, ended = 0;
    char note[64] = "";
    for (size_t i = 0; i < u->count; i++) {
        done += u->targets[i].ended ? u->size : (size_t)u->targets[i].received;
        ended += u->targets[i].ended;
    }
    if (u->count == 1)
        snprintf(note, sizeof note, "%.20s", u->targets[0].phase);
    else
        snprintf(note, sizeof note, "%zu of %zu boards", ended, u->count);
    size_t total = u->size * u->count;
    format_progress("update", done < total ? done : total, total, note);
    return u->count - ended;
}

/* Waits until every target has ended. */
static enum exit_code watch_all(struct updating *u, int64_t deadline_ms)
{
    enum exit_code code = EXIT_DONE;
    while (show_progress(u) > 0 && code == EXIT_DONE) {
        if (bb_loop_mono_ms() >= deadline_ms)
            code = EXIT_TIMEOUT;
        else if (!nodes_pause(&u->session, LOOK_MS))
            code = EXIT_INTERRUPTED;
        else
            look(u);
    }
    format_progress_end();
    for (size_t i = 0; i < u->count && code == EXIT_TIMEOUT; i++)
        if (!u->targets[i].ended)
            end(&u->targets[i], EXIT_TIMEOUT, NULL, "not ended yet; the agent goes on with it");
    return code == EXIT_TIMEOUT ? EXIT_DONE : code;
}

/* -- who -- */

static void add_target(struct updating *u, const json_t *node)
{
    struct target *t = &u->targets[u->count];
    if (u->count == TARGETS)
        return;
    *t = (struct target){.seen_ms = bb_loop_mono_ms()};
    char name[LISTING_TEXT_MAX]; /* may go to the terminal */
    snprintf(t->name, sizeof t->name, "%.31s", listing_text(node, "name", LISTING_TEXT, FORMAT_PEOPLE, name));
    snprintf(t->agent, sizeof t->agent, "%s", nodes_text(node, "agent"));
    snprintf(t->before, sizeof t->before, "%s", nodes_text(node, "firmware"));
    if (!json_is_true(json_object_get(node, "online")))
        end(t, EXIT_UNREACHABLE, "offline", "the board is offline");
    u->count++;
}

static enum exit_code find_targets(struct updating *u)
{
    const char *name = u->call->args[0];
    const json_t *node;
    size_t i;
    json_t *nodes = NULL;
    enum exit_code code = nodes_fetch(u->call, &u->session, &nodes);
    json_array_foreach(nodes, i, node)
    {
        bool named = json_is_true(json_object_get(node, "enrolled"));
        if (named && (strcmp(name, "all") == 0 || strcmp(name, nodes_text(node, "name")) == 0))
            add_target(u, node);
    }
    json_decref(nodes);
    if (code == EXIT_DONE && u->count == 0)
        code = nodes_missing(u->call, &u->session, name);
    return code;
}

/* -- the end -- */

/* Why a board gave an image up stands in its log: event=rolled-back image="A" reason="ended by signal 6". */
static void add_reason(struct target *t, const json_t *lines)
{
    const json_t *line;
    size_t i;
    char reason[160] = "";
    json_array_foreach(lines, i, line)
    {
        const char *text = json_is_string(line) ? json_string_value(line) : "";
        const char *at = strstr(text, "event=rolled-back ");
        at = at != NULL ? strstr(at, "reason=\"") : NULL;
        if (at != NULL)
            snprintf(reason, sizeof reason, "%.*s", (int)strcspn(at + 8, "\""), at + 8);
    }
    size_t used = strlen(t->text);
    if (*reason != '\0')
        snprintf(t->text + used, sizeof t->text - used, "; its log says: %s", reason);
}

static void ask_reasons(struct updating *u)
{
    for (size_t i = 0; i < u->count; i++) {
        struct target *t = &u->targets[i];
        char params[96], *answer = NULL;
        if (strcmp(t->phase, "rolled back") != 0)
            continue;
        snprintf(params, sizeof params, "{\"name\":\"%s\",\"lines\":64}", t->name);
        /* Without an answer the sentence of the agent is all that there is. */
        enum status status =
            bb_call(u->session.client, t->agent, "node.log", params, u->session.timeout_ms, &answer);
        json_t *result = status == BB_OK && answer != NULL ? json_loads(answer, 0, NULL) : NULL;
        add_reason(t, json_object_get(result, "lines"));
        json_decref(result);
        free(answer);
    }
}

static enum exit_code worst(const struct updating *u)
{
    static const enum exit_code order[] = {EXIT_REFUSED, EXIT_DENIED, EXIT_UNREACHABLE, EXIT_TIMEOUT};
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < u->count; i++)
        if (u->targets[i].code != EXIT_DONE)
            code = u->targets[i].code;
    for (size_t k = sizeof order / sizeof *order; k > 0; k--)
        for (size_t i = 0; i < u->count; i++)
            if (u->targets[i].code == order[k - 1])
                code = order[k - 1];
    return code;
}

static void print_json(const struct updating *u)
{
    char crc32[9];
    json_t *document = views_document(), *list = json_array();
    snprintf(crc32, sizeof crc32, "%08" PRIx32, u->crc32);
    json_object_set_new(
        document, "image",
        json_pack("{s:s,s:I,s:s}", "file", u->call->args[1], "size", (json_int_t)u->size, "crc32", crc32));
    for (size_t i = 0; i < u->count; i++) {
        const struct target *t = &u->targets[i];
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:s,s:s,s:i}", "name", t->name, "agent", t->agent,
                                              "before", t->before, "result", t->phase, "text", t->text,
                                              "exit", (int)t->code));
    }
    json_object_set_new(document, "nodes", list);
    json_print(stdout, document);
}

static void print_results(const struct updating *u)
{
    for (size_t i = 0; i < u->count; i++) {
        const struct target *t = &u->targets[i];
        if (t->code == EXIT_DONE)
            printf("%s: %s\n", t->name, t->text);
        else
            call_fail(u->call, t->code, "%s: %s: %s", t->name, t->phase, t->text);
    }
}

static enum exit_code run(struct updating *u)
{
    int64_t deadline_ms = bb_loop_mono_ms() + u->session.timeout_ms;
    if (u->session.timeout_ms > 10000)
        u->session.timeout_ms = 10000; /* of one call */
    enum exit_code code = find_targets(u);
    for (size_t i = 0; i < u->count && code == EXIT_DONE; i++)
        if (!u->targets[i].ended)
            begin(u, &u->targets[i]);
    if (code == EXIT_DONE)
        code = watch_all(u, deadline_ms);
    if (code != EXIT_DONE)
        return code;
    ask_reasons(u);
    if (call_flag(u->call, "json"))
        print_json(u);
    else
        print_results(u);
    return worst(u);
}

enum exit_code verb_node_update(const struct call *call)
{
    struct bb_reason reason;
    struct updating u = {.call = call};
    enum status status = blob_read(call->args[1], IMAGE_MAX, &reason, &u.data, &u.size);
    if (status != BB_OK)
        return call_fail(call, status == BB_RANGE ? EXIT_USAGE : exit_of(status), "%s", reason.text);
    u.crc32 = crc_32(0, (struct bytes){u.data, u.size});
    u.targets = calloc(TARGETS, sizeof *u.targets);
    u.base64 = malloc(BASE64_SIZE(PIECE));
    enum exit_code code = u.size == 0 ? call_fail(call, EXIT_USAGE, "%s is empty", call->args[1]) : EXIT_DONE;
    if (u.targets == NULL || u.base64 == NULL)
        code = call_fail(call, EXIT_FAILED, "no memory");
    if (code == EXIT_DONE)
        code = session_open(call, &u.session);
    if (code == EXIT_DONE) {
        nodes_be_patient(call, &u.session, LONG_MS);
        code = run(&u);
        session_close(&u.session);
    }
    free(u.targets);
    free(u.base64);
    free(u.data);
    return code;
}
