/* Whether an agent keeps within its limits: looks come in, verdicts go out. Pure. Source: docs/platform.md,
 * "Limits". */
#ifndef AGENTS_HOST_JUDGE_H
#define AGENTS_HOST_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

/* How long the processor or the bus may be used beyond the limit. */
#define JUDGE_PATIENCE_MS 10000

/* Of one agent, as its manifest has them. */
struct judge_limits {
    uint64_t memory; /* bytes */
    int64_t processes, cpu_percent, messages_per_s;
};

struct judge {
    bool counted, heard;                /* whether there is an earlier look to compare with */
    int64_t cpu_ms, messages_ms;        /* when it was */
    uint64_t ticks, messages;           /* and what it said */
    int64_t cpu_over_ms, flood_over_ms; /* for how long the limit is exceeded, up to that look */
    double cpu_percent, messages_per_s; /* between the last two looks */
    uint64_t used_ticks;                /* of the processor, since its start */
    bool yielded;                       /* was told off for the processor */
};

/* Verdicts. */
enum judge_verdict { JUDGE_FINE, JUDGE_MEMORY, JUDGE_PROCESSES, JUDGE_CPU, JUDGE_FLOOD };

/* A fresh start. */
void judge_reset(struct judge *judge);

/* What it has at this moment. JUDGE_MEMORY, JUDGE_PROCESSES: it is to be killed. */
enum judge_verdict judge_size(const struct judge_limits *limits, uint64_t memory, unsigned processes);

/* Ticks of the processor so far, `per_s` of them a second. JUDGE_CPU, once: it is to yield. A sum that gets
 * smaller, because a process has ended, counts as no use. */
enum judge_verdict judge_cpu(struct judge *judge, const struct judge_limits *limits, uint64_t ticks,
                             int64_t per_s, int64_t now_ms);

/* Messages that the broker took from it so far. JUDGE_FLOOD: it is to be stopped. A smaller count begins
 * anew: it has connected again. */
enum judge_verdict judge_messages(struct judge *judge, const struct judge_limits *limits, uint64_t messages,
                                  int64_t now_ms);

#endif
