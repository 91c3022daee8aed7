#include "agents/uart/jobs.h"

#include "agents/uart/version.h"
#include "node-fw/link/crc.h"

#include <busbar/check.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A restart: the worker's, with room for a slow card and a poor line; another image has its trial besides. */
#define RESTART_MS 20000
#define TRIAL_MS   60000
#define LOG_MS     5000
/* From a board's HELLO to its SLOTS. */
#define SLOTS_MS 2000
/* A log's lines follow each other; after such a pause there are no more. */
#define LOG_QUIET_MS 700
/* Bytes of the file in one SETTINGS: its payload without total, offset and crc32. */
#define SETTINGS_PIECE (BB_LINK_PAYLOAD_MAX - 8)

void jobs_drop(struct machine *m)
{
    free(m->job.text);
    json_decref(m->job.lines);
    m->job = (struct job){.kind = JOB_NONE};
}

__attribute__((format(printf, 3, 4))) static void fail(struct machine *m, enum status status,
                                                       const char *format, ...)
{
    char text[LINK_TEXT_MAX + 64];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    bb_answer(m->job.pending, status, text);
    jobs_drop(m);
}

static void succeed(struct machine *m, json_t *result)
{
    char *text = json_dumps(result, JSON_COMPACT);
    CHECK(text != NULL);
    bb_answer(m->job.pending, BB_OK, text);
    free(text);
    json_decref(result);
    jobs_drop(m);
}

static bool is_of_slot(const struct job *job)
{
    return job->kind == JOB_RESET && job->what == LINK_RESET_OTHER_SLOT;
}

static int64_t patience_of(const struct job *job)
{
    return job->kind == JOB_LOG ? LOG_MS : is_of_slot(job) ? TRIAL_MS : RESTART_MS;
}

void jobs_start(struct machine *m, struct bb_pending *pending, const struct job *job)
{
    const char *trouble = m->job.kind != JOB_NONE ? "the board is still at what it was told before; try again"
                          : (m->hello.features & LINK_FEATURE_CARD) == 0
                              ? "the board has no card: it is set up and started where it runs"
                              : NULL;
    if (trouble != NULL) {
        free(job->text);
        bb_answer(pending, m->job.kind != JOB_NONE ? BB_EXISTS : BB_RANGE, trouble);
        return;
    }
    m->job = *job;
    m->job.pending = pending;
    m->job.line = m->line;
    m->job.session = m->hello.session;
    m->job.running = m->slots.running;
    m->job.deadline_ms = bb_loop_mono_ms() + patience_of(job);
    m->job.quiet_ms = m->job.deadline_ms;
    m->job.lines = job->kind == JOB_LOG ? json_array() : NULL;
    jobs_pump(m);
}

static void is_back(struct machine *m, const struct link_hello *hello)
{
    succeed(m, json_pack("{s:s,s:i}", "name", hello->name, "id", hello->board));
}

static bool send_reset(struct machine *m)
{
    struct link_message message = {.type = LINK_RESET, .reset.what = m->job.what};
    return line_send(m->line, &message) == BB_OK;
}

static bool send_ask(struct machine *m)
{
    struct link_message message = {.type = LINK_ASK, .ask = {.what = LINK_ASK_LOG, .lines = m->job.wanted}};
    return line_send(m->line, &message) == BB_OK;
}

static bool send_settings(struct machine *m)
{
    struct job *job = &m->job;
    struct link_message message = {.type = LINK_SETTINGS};
    message.board_file.total = (uint16_t)job->size;
    message.board_file.crc32 = crc_32(0, (struct bytes){(const uint8_t *)job->text, job->size});
    while (job->offset < job->size) {
        size_t left = job->size - job->offset, size = left < SETTINGS_PIECE ? left : SETTINGS_PIECE;
        message.board_file.offset = (uint16_t)job->offset;
        message.board_file.data = (struct bytes){(const uint8_t *)job->text + job->offset, size};
        if (line_send(m->line, &message) != BB_OK)
            return false;
        job->offset += size;
    }
    return true;
}

static void tell_late(struct machine *m)
{
    if (m->job.kind == JOB_LOG)
        fail(m, BB_TIMEOUT, "the board has not told its log within %d s", LOG_MS / 1000);
    else if (!m->job.sent)
        fail(m, BB_TIMEOUT, "the board has not taken it within %d s", (int)(patience_of(&m->job) / 1000));
    else
        fail(m, BB_TIMEOUT, "the board has taken it and was not back within %d s",
             (int)(patience_of(&m->job) / 1000));
}

void jobs_pump(struct machine *m)
{
    static bool (*const send[])(struct machine * m) = {
        [JOB_RESET] = send_reset, [JOB_SETTINGS] = send_settings, [JOB_LOG] = send_ask};
    struct job *job = &m->job;
    int64_t now = bb_loop_mono_ms();
    if (job->kind == JOB_NONE)
        return;
    if (!job->sent && m->line != NULL)
        job->sent = send[job->kind](m);
    bool quiet = now >= job->quiet_ms && job->quiet_ms < job->deadline_ms;
    if (quiet && job->kind == JOB_LOG)
        succeed(m, json_pack("{s:O}", "lines", job->lines));
    else if (quiet) /* its SLOTS was lost */
        is_back(m, &m->hello);
    else if (now >= job->deadline_ms)
        tell_late(m);
}

int64_t jobs_due(const struct machine *m)
{
    if (m->job.kind == JOB_NONE)
        return INT64_MAX;
    return m->job.quiet_ms < m->job.deadline_ms ? m->job.quiet_ms : m->job.deadline_ms;
}

void jobs_hello(struct machine *m, const struct line *line, const struct link_hello *hello)
{
    struct job *job = &m->job;
    bool ours = job->kind != JOB_NONE && (job->line == line || m->line == line);
    if (!ours || hello->session == job->session)
        return;
    if (job->kind == JOB_LOG || !job->sent) { /* it has restarted by itself: once more */
        job->session = hello->session;
        job->sent = false;
        job->offset = 0;
    } else if (hello->board != job->expects) {
        fail(m, BB_RANGE, "the board came back as %u (%.15s), not as %u", hello->board, hello->name,
             job->expects);
    } else if (hello->board == m->hello.board) { /* its slots come next: then all is known again */
        job->session = hello->session;
        job->restarted = true;
        job->quiet_ms = is_of_slot(job) ? job->deadline_ms : bb_loop_mono_ms() + SLOTS_MS;
    } else {
        is_back(m, hello);
    }
}

void jobs_slots(struct machine *m)
{
    const struct link_slots *s = &m->slots;
    if (m->job.kind == JOB_NONE || !m->job.restarted)
        return;
    if (!is_of_slot(&m->job))
        is_back(m, &m->hello);
    else if (s->running == m->job.running)
        fail(m, BB_RANGE, "the image of the other slot did not come up; the board runs from %s again",
             version_slot(s->running));
    else if (s->state == LINK_IMAGE_CONFIRMED)
        is_back(m, &m->hello);
}

bool jobs_refuse(struct machine *m, const char *sentence)
{
    if (m->job.kind == JOB_NONE)
        return false;
    fail(m, BB_RANGE, "%s", sentence);
    return true;
}

bool jobs_log(struct machine *m, const char *text)
{
    struct job *job = &m->job;
    if (job->kind != JOB_LOG || json_array_size(job->lines) >= job->wanted)
        return false;
    json_array_append_new(job->lines, json_string(text));
    int64_t now = bb_loop_mono_ms();
    job->quiet_ms = json_array_size(job->lines) >= job->wanted ? now : now + LOG_QUIET_MS;
    if (job->quiet_ms >= job->deadline_ms)
        job->quiet_ms = job->deadline_ms - 1;
    return true;
}
