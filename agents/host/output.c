#include "agents/host/output.h"

#include <busbar/check.h>
#include <busbar/gateway.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define PIECE          65536
#define ALERT_PAUSE_MS 60000
/* Descriptors 0 to 4 are the new process's own. */
#define FD_ABOVE 16

static void publish(struct output *output, uint64_t n, int64_t wall_ms, bool error, const char *text)
{
    char topic[MANIFEST_NAME_ROOM + 16];
    struct host *host = output->agent->host;
    if (!bb_client_is_up(host->client) || !allowance_take(&output->topic, 1, bb_loop_mono_ms()))
        return;
    json_t *line = json_pack("{s:I,s:I,s:s,s:s}", "n", (json_int_t)n, "time_ms", (json_int_t)wall_ms,
                             "stream", error ? "err" : "out", "text", text);
    char *message = line == NULL ? NULL : json_dumps(line, JSON_COMPACT);
    snprintf(topic, sizeof topic, "agents/log/%s", output->agent->row.name);
    if (message != NULL)
        (void)!bb_publish(host->client, topic, NULL, message);
    free(message);
    json_decref(line);
}

static void keep(struct output *output, bool error, const char *text, size_t size)
{
    int64_t wall_ms = bb_loop_wall_ms();
    publish(output, logfile_append(&output->log, wall_ms, error, text, size), wall_ms, error, text);
}

static void on_line(void *context, const char *text, size_t size)
{
    struct stream *stream = context;
    struct output *output = stream->output;
    if (allowance_take(&output->file, (double)size + 32, bb_loop_mono_ms()))
        keep(output, stream == &output->streams[1], text, size);
}

void output_say(struct output *output, const char *text)
{
    keep(output, true, text, strlen(text));
    (void)!logfile_flush(&output->log);
}

/* Reads a piece; false when there is none now, or no more at all. */
static bool read_piece(struct stream *stream)
{
    struct output *output = stream->output;
    char piece[PIECE];
    ssize_t size = read(stream->ear.fd, piece, sizeof piece);
    if (size == 0) {
        line_end(&stream->line, on_line, stream);
        ears_drop(output->ears, &stream->ear);
    }
    if (size <= 0)
        return false;
    output->budget = output->budget > (size_t)size ? output->budget - (size_t)size : 0;
    line_take(&stream->line, (struct bytes){(const uint8_t *)piece, (size_t)size}, on_line, stream);
    return true;
}

static void on_output(void *context)
{
    struct stream *stream = context;
    struct output *output = stream->output;
    (void)read_piece(stream);
    (void)!logfile_flush(&output->log);
    if (output->budget == 0 && stream->ear.fd >= 0) {
        ears_pause(output->ears, &stream->ear, true);
        stream->paused = true;
    }
}

struct output *output_open(struct hosted *agent, struct ears *ears)
{
    char path[BB_PATH_MAX], old[BB_PATH_MAX];
    int64_t now_ms = bb_loop_mono_ms();
    struct output *output = calloc(1, sizeof *output);
    CHECK(output != NULL);
    output->agent = agent;
    output->ears = ears;
    output->budget = OUTPUT_LOOK_BYTES;
    output->alerted_ms = INT64_MIN / 2;
    for (size_t i = 0; i < 2; i++) {
        output->streams[i].output = output;
        output->streams[i].ear = (struct ear){-1, on_output, &output->streams[i]};
    }
    allowance_init(&output->file, OUTPUT_FILE_PER_S, OUTPUT_FILE_BURST, now_ms);
    allowance_init(&output->topic, OUTPUT_TOPIC_PER_S, OUTPUT_TOPIC_BURST, now_ms);
    logfile_init(&output->log, paths_agent(&agent->host->paths, agent->row.name, PATH_LOG, path),
                 paths_agent(&agent->host->paths, agent->row.name, PATH_LOG_OLD, old));
    return output;
}

/* What is in the pipe of an agent that has ended, up to the budget. */
static void drain(struct stream *stream)
{
    if (stream->ear.fd < 0)
        return;
    while (stream->output->budget > 0 && stream->ear.fd >= 0 && read_piece(stream))
        ;
    line_end(&stream->line, on_line, stream);
    if (stream->ear.fd >= 0)
        ears_drop(stream->output->ears, &stream->ear);
    stream->paused = false;
}

void output_close(struct output *output)
{
    if (output == NULL)
        return;
    drain(&output->streams[0]);
    drain(&output->streams[1]);
    logfile_close(&output->log);
    free(output);
}

/* A pipe that is read here; the other end, above the descriptors of the new process. −1. */
static int open_pipe(struct stream *stream)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    int end = fcntl(ends[1], F_DUPFD_CLOEXEC, FD_ABOVE);
    close(ends[1]);
    stream->ear.fd = ends[0];
    if (end >= 0 && fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 &&
        ears_add(stream->output->ears, &stream->ear) == BB_OK)
        return end;
    ears_drop(stream->output->ears, &stream->ear);
    if (end >= 0)
        close(end);
    return -1;
}

enum status output_pipes(struct output *output, int ends_out[2])
{
    drain(&output->streams[0]);
    drain(&output->streams[1]);
    int first = open_pipe(&output->streams[0]);
    int second = first < 0 ? -1 : open_pipe(&output->streams[1]);
    if (second < 0) {
        if (first >= 0)
            close(first);
        ears_drop(output->ears, &output->streams[0].ear);
        return BB_IO;
    }
    ends_out[0] = first;
    ends_out[1] = second;
    return BB_OK;
}

/* Says in the log itself how many lines are missing, once it has calmed down or in every look. */
static void tell_dropped(struct output *output)
{
    char text[96];
    int64_t now_ms = bb_loop_mono_ms();
    uint64_t missing = output->file.refused - output->told;
    if (missing == 0 || !allowance_take(&output->file, 96, now_ms))
        return;
    output->told = output->file.refused;
    snprintf(text, sizeof text, "busbar-agentd: %llu lines dropped here", (unsigned long long)missing);
    output_say(output, text);
    if (now_ms - output->alerted_ms < ALERT_PAUSE_MS)
        return;
    output->alerted_ms = now_ms;
    host_alert(output->agent, "flood", "prints more than its log takes: %llu lines dropped so far",
               (unsigned long long)output->file.refused);
}

void output_look(struct output *output)
{
    output->budget = OUTPUT_LOOK_BYTES;
    for (size_t i = 0; i < 2; i++) {
        struct stream *stream = &output->streams[i];
        if (stream->paused && stream->ear.fd >= 0)
            ears_pause(output->ears, &stream->ear, false);
        stream->paused = false;
    }
    tell_dropped(output);
}
