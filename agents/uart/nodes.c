#include "agents/uart/nodes.h"

#include "agents/uart/jobs.h"
#include "agents/uart/updates.h"
#include "bus/client/base64.h"
#include "bus/client/log.h"
#include "node-fw/node/settings.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* -- who is meant -- */

/* The machine with this name, or on this port when it is not enrolled, and BB_OK; NULL and why not. */
static struct machine *find(struct agent *agent, const json_t *params, struct bb_reason *reason,
                            enum status *status_out)
{
    const char *name = json_string_value(json_object_get(params, "name"));
    struct board *board = name != NULL ? agent_board_by_name(agent, name) : NULL;
    const struct site_board *other = name != NULL ? site_by_name(&agent->site, name) : NULL;
    struct machine *m = board != NULL ? &board->machine : NULL;
    for (size_t i = 0; name != NULL && m == NULL && i < agent->line_count; i++)
        if (strcmp(agent->lines[i]->spec, name) == 0)
            m = machine_on(agent->lines[i]);
    *status_out = BB_NOT_FOUND;
    if (name == NULL) {
        *status_out = BB_RANGE;
        bb_reason_say(reason, "\"name\" must be a board's name");
    } else if (m == NULL && other != NULL) {
        bb_reason_say(reason, "%s is served by %s", name, other->agent);
    } else if (m == NULL) {
        bb_reason_say(reason, "there is no board \"%.64s\"", name);
    } else if (m->line == NULL) {
        *status_out = BB_UNREACHABLE;
        bb_reason_say(reason, "%.64s is offline", name);
        m = NULL;
    } else {
        *status_out = BB_OK;
    }
    return m;
}

/* -- node.update -- */

struct piece {
    uint32_t total, crc32, offset;
    uint8_t *data; /* malloc'd */
    size_t size;
};

static enum status take_u32(const json_t *params, const char *key, uint32_t *out, struct bb_reason *reason)
{
    const json_t *value = json_object_get(params, key);
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > UINT32_MAX) {
        bb_reason_say(reason, "\"%s\" must be an integer from 0 to %" PRIu32, key, UINT32_MAX);
        return BB_RANGE;
    }
    *out = (uint32_t)json_integer_value(value);
    return BB_OK;
}

static enum status take_piece(const json_t *params, struct piece *p, struct bb_reason *reason)
{
    const char *text = json_string_value(json_object_get(params, "data"));
    size_t length = json_string_length(json_object_get(params, "data"));
    enum status status = take_u32(params, "total", &p->total, reason);
    if (status == BB_OK)
        status = take_u32(params, "crc32", &p->crc32, reason);
    if (status == BB_OK)
        status = take_u32(params, "offset", &p->offset, reason);
    if (status != BB_OK)
        return status;
    if (text == NULL || length >= BASE64_SIZE(IMAGES_PIECE_MAX) ||
        base64_decode(text, length, p->data, IMAGES_PIECE_MAX, &p->size) != BB_OK) {
        bb_reason_say(reason, "\"data\" must be at most %u bytes in base64", IMAGES_PIECE_MAX);
        return BB_RANGE;
    }
    return BB_OK;
}

static enum status check_target(const struct machine *m, const struct piece *p, struct bb_reason *reason)
{
    const struct transfer *t = &m->transfer;
    bool same = t->total == p->total && t->crc32 == p->crc32;
    if ((m->hello.features & LINK_FEATURE_FIRMWARE) == 0) {
        bb_reason_say(reason, "the board takes no firmware over the link");
        return BB_RANGE;
    }
    if (transfer_active(t) && !same) {
        bb_reason_say(reason, "the board is being sent another image: %s, %" PRIu32 " of %" PRIu32 " bytes",
                      transfer_word(t->phase), t->offset, t->total);
        return BB_EXISTS;
    }
    return BB_OK;
}

static enum status update(struct agent *agent, const json_t *params, struct bb_reason *reason,
                          uint32_t *received_out)
{
    struct piece p = {.data = malloc(IMAGES_PIECE_MAX)};
    struct image *image = NULL;
    enum status status;
    struct machine *m = find(agent, params, reason, &status);
    CHECK(p.data != NULL);
    if (status == BB_OK)
        status = take_piece(params, &p, reason);
    if (status == BB_OK)
        status = check_target(m, &p, reason);
    if (status == BB_OK)
        status = images_take(&agent->images, p.total, p.crc32, p.offset, (struct bytes){p.data, p.size},
                             bb_loop_mono_ms(), reason, &image);
    free(p.data);
    if (status != BB_OK)
        return status;
    *received_out = image->received;
    if (image->received == image->total && !transfer_active(&m->transfer))
        updates_start(agent, m, image);
    return BB_OK;
}

static enum status on_update(void *context, const char *caller, const char *params, char **out)
{
    struct agent *agent = context;
    struct bb_reason reason = {""};
    uint32_t received = 0;
    json_t *root = json_loads(params, 0, NULL);
    json_t *offset = json_object_get(root, "offset");
    if (json_is_integer(offset) && json_integer_value(offset) == 0)
        log_info("command", LOG_TEXT("method", "node.update"), LOG_TEXT("caller", caller),
                 LOG_TEXT("board", json_string_value(json_object_get(root, "name"))));
    enum status status = update(agent, root, &reason, &received);
    json_decref(root);
    if (status == BB_OK ? asprintf(out, "{\"received\":%" PRIu32 "}", received) < 0
                        : asprintf(out, "%s", reason.text) < 0)
        *out = NULL;
    agent_settle(agent);
    return status;
}

/* -- what is answered later -- */

static void begin(struct agent *agent, struct machine *m, struct bb_pending *pending, struct job *job,
                  enum status status, const struct bb_reason *reason)
{
    if (status != BB_OK) {
        free(job->text);
        bb_answer(pending, status, reason->text);
    } else {
        jobs_start(m, pending, job);
    }
    agent_settle(agent);
}

static void on_reset(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    static const char *const words[] = {"restart", "other-slot", "forget"};
    struct agent *agent = context;
    struct bb_reason reason = {""};
    enum status status;
    json_t *root = json_loads(params, 0, NULL);
    const char *what = json_string_value(json_object_get(root, "what"));
    struct machine *m = find(agent, root, &reason, &status);
    struct job job = {.kind = JOB_RESET};
    log_info("command", LOG_TEXT("method", "node.reset"), LOG_TEXT("caller", caller),
             LOG_TEXT("params", params));
    while (job.what < 3 && (what == NULL || strcmp(what, words[job.what]) != 0))
        job.what++;
    if (m != NULL)
        job.expects = job.what == LINK_RESET_FORGET ? LINK_BOARD_NEW : m->hello.board;
    if (status == BB_OK && job.what == 3) {
        status = BB_RANGE;
        bb_reason_say(&reason, "\"what\" must be \"restart\", \"other-slot\" or \"forget\"");
    }
    json_decref(root);
    begin(agent, m, pending, &job, status, &reason);
}

static enum status take_settings(const json_t *params, struct job *job, struct bb_reason *reason)
{
    const char *text = json_string_value(json_object_get(params, "settings"));
    job->kind = JOB_SETTINGS;
    job->size = json_string_length(json_object_get(params, "settings"));
    if (text == NULL || job->size == 0 || job->size > LINK_SETTINGS_MAX || strlen(text) != job->size) {
        bb_reason_say(reason, "\"settings\" must be the text of a board's own file, at most %d bytes",
                      LINK_SETTINGS_MAX);
        return BB_RANGE;
    }
    job->text = strdup(text);
    return job->text != NULL ? BB_OK : BB_FULL;
}

/* The board keeps its place: with another id it would come back as a stranger, whom nobody reaches over the
 * link. */
static enum status check_place(const struct agent *agent, const struct machine *m, const struct job *job,
                               struct bb_reason *reason)
{
    const struct site_board *site = site_by_name(&agent->site, m->hello.name);
    struct bytes text = {(const uint8_t *)job->text, job->size};
    char id[8];
    if (m->hello.board == LINK_BOARD_NEW || site == NULL) {
        bb_reason_say(reason, "the board is not enrolled: node.enroll gives it its file");
        return BB_RANGE;
    }
    const char *kind = site->kind == SITE_CONSUMER ? "consumer" : "generator";
    snprintf(id, sizeof id, "%u", m->hello.board);
    if (settings_agree(text, "id", id) && settings_agree(text, "name", m->hello.name) &&
        settings_agree(text, "kind", kind))
        return BB_OK;
    bb_reason_say(reason,
                  "id %s, name %s and kind %s stay: for another place reset it with --forget, and enroll it",
                  id, m->hello.name, kind);
    return BB_RANGE;
}

static void on_configure(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    struct agent *agent = context;
    struct bb_reason reason = {""};
    enum status status;
    json_t *root = json_loads(params, 0, NULL);
    struct machine *m = find(agent, root, &reason, &status);
    struct job job = {.kind = JOB_SETTINGS};
    /* Not the params: they are the board's own. */
    log_info("command", LOG_TEXT("method", "node.configure"), LOG_TEXT("caller", caller),
             LOG_TEXT("board", json_string_value(json_object_get(root, "name"))));
    if (m != NULL) {
        job.expects = m->hello.board;
        status = take_settings(root, &job, &reason);
    }
    if (status == BB_OK)
        status = check_place(agent, m, &job, &reason);
    json_decref(root);
    begin(agent, m, pending, &job, status, &reason);
}

/* The file is one that the board called `name` may have. */
static enum status check_enrolment(const struct agent *agent, const char *name, struct job *job,
                                   struct bb_reason *reason)
{
    struct settings_error error = {0};
    struct settings settings;
    const struct site_board *site = site_by_name(&agent->site, name);
    enum status status =
        settings_parse((struct bytes){(const uint8_t *)job->text, job->size}, &error, &settings);
    if (status != BB_OK) {
        bb_reason_say(reason, "the board's file, line %u: %s", error.line, error.text);
        return status;
    }
    bool consumer = settings.parameters.kind == CURVE_CONSUMER;
    if (site == NULL)
        bb_reason_say(reason, "the site file has no board \"%.32s\"", name);
    else if (strcmp(settings.name, name) != 0)
        bb_reason_say(reason, "the board's file is that of %s, not of %s", settings.name, name);
    else if (settings.id != site->id)
        bb_reason_say(reason, "the board's file has the id %u; in the site file %s is %u", settings.id, name,
                      site->id);
    else if (consumer != (site->kind == SITE_CONSUMER))
        bb_reason_say(reason, "the board's file is a %s's; in the site file %s is a %s",
                      consumer ? "consumer" : "generator", name, consumer ? "generator" : "consumer");
    else
        job->expects = site->id;
    return job->expects != 0 ? BB_OK : site == NULL ? BB_NOT_FOUND : BB_RANGE;
}

static struct machine *find_stranger(struct agent *agent, const char *port, struct bb_reason *reason)
{
    for (size_t i = 0; port != NULL && i < agent->line_count; i++) {
        const struct line *line = agent->lines[i];
        const struct board *board = line->peer;
        if (strcmp(line->spec, port) != 0)
            continue;
        if (machine_on(line) != NULL && machine_on(line)->line != NULL)
            return machine_on(line);
        bb_reason_say(reason, "on %.128s is %s", port,
                      board != NULL ? board->site->name : "no board that is not enrolled");
        return NULL;
    }
    bb_reason_say(reason, "%s has no port \"%.128s\"", agent->settings->identity, port != NULL ? port : "");
    return NULL;
}

static void on_enroll(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    struct agent *agent = context;
    struct bb_reason reason = {""};
    json_t *root = json_loads(params, 0, NULL);
    const char *name = json_string_value(json_object_get(root, "name"));
    const char *port = json_string_value(json_object_get(root, "port"));
    struct job job = {.kind = JOB_SETTINGS};
    struct machine *m = find_stranger(agent, port, &reason);
    struct board *board = name != NULL ? agent_board_by_name(agent, name) : NULL;
    enum status status = m != NULL ? take_settings(root, &job, &reason) : BB_NOT_FOUND;
    log_info("command", LOG_TEXT("method", "node.enroll"), LOG_TEXT("caller", caller), LOG_TEXT("port", port),
             LOG_TEXT("board", name));
    if (status == BB_OK)
        status = check_enrolment(agent, name != NULL ? name : "", &job, &reason);
    if (status == BB_OK && board != NULL && board->online) {
        bb_reason_say(&reason, "%s is online already, on %.128s", name, board->line->spec);
        status = BB_EXISTS;
    }
    json_decref(root);
    begin(agent, m, pending, &job, status, &reason);
}

static void on_log(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    (void)caller;
    struct agent *agent = context;
    struct bb_reason reason = {""};
    enum status status;
    json_t *root = json_loads(params, 0, NULL);
    const json_t *lines = json_object_get(root, "lines");
    struct machine *m = find(agent, root, &reason, &status);
    json_int_t wanted = lines != NULL ? json_integer_value(lines) : LINK_LOG_LINES_MAX;
    struct job job = {.kind = JOB_LOG, .wanted = (uint8_t)wanted};
    if (status == BB_OK && (wanted < 1 || wanted > LINK_LOG_LINES_MAX)) {
        bb_reason_say(&reason, "\"lines\" must be from 1 to %d", LINK_LOG_LINES_MAX);
        status = BB_RANGE;
    }
    json_decref(root);
    begin(agent, m, pending, &job, status, &reason);
}

static enum status on_nodes(void *context, const char *caller, const char *params, char **out)
{
    (void)caller, (void)params;
    json_t *list = nodes_list(context);
    *out = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    return BB_OK;
}

enum status nodes_start(struct agent *agent)
{
    static const struct {
        const char *method;
        bb_on_call_later *on_call;
    } later[] = {{"node.reset", on_reset},
                 {"node.configure", on_configure},
                 {"node.enroll", on_enroll},
                 {"node.log", on_log}};
    enum status status = bb_serve(agent->client, "nodes", on_nodes, agent);
    if (status == BB_OK)
        status = bb_serve(agent->client, "node.update", on_update, agent);
    for (size_t i = 0; i < sizeof later / sizeof *later && status == BB_OK; i++)
        status = bb_serve_later(agent->client, later[i].method, later[i].on_call, agent);
    return status;
}
