/* What an agent prints: read from its pipes, cut into lines, kept in its log and published. A flood of it is
 * dropped and counted; the agent's pipe is always read on, at most OUTPUT_LOOK_BYTES between two looks. */
#ifndef AGENTS_HOST_OUTPUT_H
#define AGENTS_HOST_OUTPUT_H

#include "agents/host/allowance.h"
#include "agents/host/ears.h"
#include "agents/host/host.h"
#include "agents/host/line.h"
#include "agents/host/logfile.h"

/* Bytes read from an agent between two looks (supervisor.h: a quarter of a second). */
#define OUTPUT_LOOK_BYTES (256 * 1024)
/* Kept in the file: bytes a second, and at once. */
#define OUTPUT_FILE_PER_S 262144.0
#define OUTPUT_FILE_BURST 1048576.0
/* Published: lines a second, and at once. */
#define OUTPUT_TOPIC_PER_S 50.0
#define OUTPUT_TOPIC_BURST 200.0

struct output {
    struct hosted *agent;
    struct ears *ears;
    struct stream {
        struct output *output;
        struct ear ear;
        struct line line;
        bool paused;
    } streams[2];  /* standard output and error */
    size_t budget; /* bytes that may be read until the next look */
    struct allowance file, topic;
    uint64_t told; /* of the lines dropped, how many were told in the log */
    int64_t alerted_ms;
    struct logfile log;
};

/* Never NULL. Aborts without memory. */
struct output *output_open(struct hosted *agent, struct ears *ears);

/* Accepts NULL. */
void output_close(struct output *output);

/* New pipes for an agent that is started: ends_out[2], to be given to it as its standard output and error and
 * closed. BB_IO. */
BB_MUST_CHECK enum status output_pipes(struct output *output, int ends_out[2]);

/* A look: reads on, writes what is held, tells what was dropped. */
void output_look(struct output *output);

/* Adds a line of busbar-agentd's own, about the agent. */
void output_say(struct output *output, const char *text);

#endif
