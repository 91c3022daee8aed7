#include "agents/host/judge.h"

void judge_reset(struct judge *judge)
{
    *judge = (struct judge){.counted = false};
}

enum judge_verdict judge_size(const struct judge_limits *limits, uint64_t memory, unsigned processes)
{
    if ((int64_t)processes > limits->processes)
        return JUDGE_PROCESSES;
    return memory > limits->memory ? JUDGE_MEMORY : JUDGE_FINE;
}

enum judge_verdict judge_cpu(struct judge *judge, const struct judge_limits *limits, uint64_t ticks,
                             int64_t per_s, int64_t now_ms)
{
    int64_t passed = now_ms - judge->cpu_ms;
    uint64_t used = ticks > judge->ticks ? ticks - judge->ticks : 0;
    if (judge->counted && passed <= 0)
        return JUDGE_FINE;
    bool first = !judge->counted;
    judge->counted = true;
    judge->cpu_ms = now_ms;
    judge->ticks = ticks;
    judge->used_ticks += used;
    if (first)
        return JUDGE_FINE;
    judge->cpu_percent = 100.0 * (double)used * 1000.0 / (double)per_s / (double)passed;
    bool over = judge->cpu_percent > (double)limits->cpu_percent;
    judge->cpu_over_ms = over ? judge->cpu_over_ms + passed : 0;
    if (judge->yielded || judge->cpu_over_ms < JUDGE_PATIENCE_MS)
        return JUDGE_FINE;
    judge->yielded = true;
    return JUDGE_CPU;
}

enum judge_verdict judge_messages(struct judge *judge, const struct judge_limits *limits, uint64_t messages,
                                  int64_t now_ms)
{
    int64_t passed = now_ms - judge->messages_ms;
    if (judge->heard && passed <= 0)
        return JUDGE_FINE;
    bool first = !judge->heard;
    uint64_t sent = messages >= judge->messages ? messages - judge->messages : messages;
    judge->heard = true;
    judge->messages_ms = now_ms;
    judge->messages = messages;
    if (first)
        return JUDGE_FINE;
    judge->messages_per_s = (double)sent * 1000.0 / (double)passed;
    bool over = judge->messages_per_s > (double)limits->messages_per_s;
    judge->flood_over_ms = over ? judge->flood_over_ms + passed : 0;
    if (judge->flood_over_ms < JUDGE_PATIENCE_MS)
        return JUDGE_FINE;
    judge->flood_over_ms = 0;
    return JUDGE_FLOOD;
}
