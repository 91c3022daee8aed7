#include "agents/uart/machine.h"

#include "agents/uart/agent.h"
#include "agents/uart/jobs.h"
#include "agents/uart/publisher.h"
#include "agents/uart/updates.h"

#include <jansson.h>
#include <stdio.h>
#include <string.h>

struct machine *machine_on(const struct line *line)
{
    return line->stranger;
}

void machine_up(struct agent *agent, struct machine *m, struct line *line, const struct link_hello *hello)
{
    jobs_hello(m, line, hello);
    m->line = line;
    m->seen = true;
    m->hello = *hello;
    m->has_slots = false;
    transfer_up(&m->transfer, hello->session, (struct mono){bb_loop_mono_ms()});
    updates_tell(agent, m);
}

void machine_down(struct machine *m)
{
    m->line = NULL;
    transfer_down(&m->transfer);
}

static void take_slots(struct agent *agent, struct machine *m, const struct link_message *message)
{
    m->slots = message->slots;
    m->has_slots = true;
    jobs_slots(m);
    transfer_slots(&m->transfer, &m->slots, (struct mono){bb_loop_mono_ms()});
    updates_tell(agent, m);
}

static void take_log(struct agent *agent, struct machine *m, const struct link_message *message)
{
    static const char *const severities[] = {"emergency", "alert",  "critical", "error",
                                             "warning",   "notice", "info",     "debug"};
    char topic[64];
    if (jobs_log(m, message->log.text) || m->name == NULL)
        return;
    snprintf(topic, sizeof topic, "boards/%s/log", m->name);
    json_t *line = json_pack("{s:s,s:s,s:s}", "name", m->name, "severity",
                             severities[message->log.severity & 7], "text", message->log.text);
    if (line != NULL)
        publisher_publish(agent, topic, line);
}

/* A board says whom it refuses only by its sentence; one that names FIRMWARE is about the image, another one
 * about the job, or the command, that waits for it. */
static void take_refuse(struct agent *agent, struct machine *m, const struct link_message *message)
{
    const char *text = message->refuse.text;
    bool image = strncmp(text, "FIRMWARE", 8) == 0;
    snprintf(m->refusal, sizeof m->refusal, "%s", text);
    if (image && transfer_active(&m->transfer)) {
        transfer_refuse(&m->transfer, text);
        updates_tell(agent, m);
        return;
    }
    if (m->awaited == 0 && jobs_refuse(m, text))
        return;
    m->refusals++;
}

void machine_take(struct agent *agent, struct machine *m, const struct link_message *message)
{
    if (message->type == LINK_SLOTS)
        take_slots(agent, m, message);
    else if (message->type == LINK_LOG)
        take_log(agent, m, message);
    else if (message->type == LINK_REFUSE)
        take_refuse(agent, m, message);
}

void machine_pump(struct agent *agent, struct machine *m, bool held)
{
    jobs_pump(m);
    updates_pump(agent, m, held || m->awaited > 0);
}

void machine_drop(struct machine *m)
{
    jobs_drop(m);
}

int64_t machine_due(const struct machine *m)
{
    int64_t job = jobs_due(m), transfer = m->image != NULL ? transfer_due(&m->transfer) : INT64_MAX;
    return job < transfer ? job : transfer;
}
