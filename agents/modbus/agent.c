#include "agents/modbus/agent.h"

#include "agents/modbus/hold.h"
#include "agents/modbus/reservations.h"
#include "bus/client/log.h"
#include "bus/client/turn.h"

#include <busbar/check.h>
#include <busbar/directory.h>
#include <stdlib.h>
#include <string.h>

#define FLUSH_MS 5000

/* -- which device -----------------------------------------------------------------------------------------
 */

/* Without slashes around and devices/ in front; its size. */
static const char *plain(const char *path, size_t *size)
{
    while (*path == '/')
        path++;
    path += strncmp(path, "devices/", 8) == 0 ? 8 : 0;
    *size = strlen(path);
    while (*size > 0 && path[*size - 1] == '/')
        (*size)--;
    return path;
}

struct device *agent_device(struct agent *agent, const char *path)
{
    size_t size;
    path = plain(path, &size);
    for (size_t i = 0; i < agent->device_count; i++) {
        const char *name = agent->devices[i].settings->name;
        if (strlen(name) == size && memcmp(name, path, size) == 0)
            return &agent->devices[i];
    }
    return NULL;
}

struct device *agent_topic(struct agent *agent, const char *topic, const char **point_out)
{
    struct device *best = NULL;
    size_t size, best_size = 0;
    topic = plain(topic, &size);
    for (size_t i = 0; i < agent->device_count; i++) {
        const char *name = agent->devices[i].settings->name;
        size_t length = strlen(name);
        if (length + 1 < size && length > best_size && memcmp(name, topic, length) == 0 &&
            topic[length] == '/') {
            best = &agent->devices[i];
            best_size = length;
        }
    }
    if (best != NULL)
        *point_out = topic + best_size + 1;
    return best;
}

void agent_alert(struct agent *agent, const struct device *d, const char *alert, const char *text)
{
    char topic[BB_TOPIC_MAX + 1];
    json_t *message = json_pack("{s:s,s:s,s:s}", "name", d->settings->name, "alert", alert, "text", text);
    char *body = message == NULL ? NULL : json_dumps(message, JSON_COMPACT);
    snprintf(topic, sizeof topic, "alerts/modbus/%s", d->settings->name);
    if (body != NULL && bb_publish(agent->client, topic, NULL, body) != BB_OK)
        log_warning("publish-refused", LOG_TEXT("topic", topic),
                    LOG_TEXT("reason", bb_client_reason(agent->client)));
    free(body);
    json_decref(message);
}

/* -- opening ----------------------------------------------------------------------------------------------
 */

/* The line of a device: one that is there already, or a new one. */
static enum status find_line(struct agent *agent, size_t at, struct line **out)
{
    const struct settings_device *s = &agent->settings->devices[at];
    for (size_t i = 0; i < at && !s->fake; i++)
        if (!agent->settings->devices[i].fake && port_same(&agent->settings->devices[i].place, &s->place)) {
            *out = agent->devices[i].line;
            return BB_OK;
        }
    struct device *d = &agent->devices[at];
    struct fake *fake = s->fake ? fake_new(s->sunspec ? NULL : &d->points, (uint32_t)s->seed) : NULL;
    enum status status = s->fake && fake == NULL ? BB_FULL : line_open(agent->harbour, &s->place, fake, out);
    if (status == BB_OK)
        agent->lines[agent->line_count++] = *out;
    return status;
}

static enum status open_devices(struct agent *agent, struct bb_reason *reason)
{
    const struct settings *s = agent->settings;
    enum status status = BB_OK;
    agent->devices = calloc(s->count, sizeof *agent->devices);
    agent->lines = calloc(s->count, sizeof(struct line *));
    CHECK(agent->devices != NULL && agent->lines != NULL);
    for (size_t i = 0; i < s->count && status == BB_OK; i++) {
        struct device *d = &agent->devices[i];
        *d = (struct device){.agent = agent, .index = i, .settings = &s->devices[i]};
        agent->device_count = i + 1;
        status = device_open(d, reason);
    }
    for (size_t i = 0; i < s->count && status == BB_OK; i++) {
        status = find_line(agent, i, &agent->devices[i].line);
        if (status != BB_OK)
            bb_reason_say(reason, "%.300s: its line cannot be made", s->devices[i].name);
    }
    return status;
}

static enum status open_bus(struct agent *agent, const struct agent_options *options, const char *identity,
                            struct bb_client **out, struct bb_reason *reason)
{
    struct bb_client_options client = {.identity = identity,
                                       .address = options->address,
                                       .home = options->home,
                                       .heartbeat_ms = options->heartbeat_ms,
                                       .reason = reason};
    enum status status = bb_client_open(agent->loop, &client, out);
    if (status == BB_OK)
        status = agent_serve(agent, *out);
    return status == BB_OK ? bb_flush(*out, FLUSH_MS) : status;
}

/* Tells the directory what it serves, and which devices. */
static enum status offer(struct agent *agent)
{
    json_t *devices = json_array();
    for (size_t i = 0; i < agent->device_count; i++)
        json_array_append_new(devices, json_string(agent->devices[i].settings->name));
    json_t *services =
        json_pack("[{s:s,s:s,s:[s,s,s,s,s,s,s,s,s],s:[s],s:{s:o}}]", "name", "modbus", "version",
                  BUSBAR_VERSION, "methods", "get_point", "set_point", "scrape_all", "get_multiple_points",
                  "set_multiple_points", "revert_point", "revert_device", "request_new_schedule",
                  "request_cancel_schedule", "topics", "devices/", "properties", "devices", devices);
    char *text = services == NULL ? NULL : json_dumps(services, JSON_COMPACT);
    enum status status = text == NULL ? BB_FULL : bb_offer(agent->client, text);
    free(text);
    json_decref(services);
    return status;
}

enum status agent_open(struct agent *agent, struct bb_loop *loop, const struct settings *settings,
                       const struct agent_options *options, struct bb_reason *reason)
{
    *agent = (struct agent){.loop = loop, .settings = settings, .state = options->state};
    enum status status = line_harbour_open(loop, &agent->harbour);
    if (status == BB_OK)
        status = open_devices(agent, reason);
    if (status == BB_OK)
        status = hold_load(agent, reason);
    if (status == BB_OK)
        status = open_bus(agent, options, options->identity, &agent->client, reason);
    if (status == BB_OK && options->actuator[0] != '\0')
        status = open_bus(agent, options, options->actuator, &agent->second, reason);
    if (status == BB_OK)
        status = reservations_open(agent);
    if (status == BB_OK)
        status = offer(agent);
    for (size_t i = 0; i < agent->device_count && status == BB_OK; i++) {
        if (!agent->devices[i].unknown)
            hold_adopt(&agent->devices[i]);
        device_start(&agent->devices[i]);
    }
    if (status == BB_OK && json_array_size(agent->leftover) > 0)
        log_info("left-set-elsewhere", LOG_INT("points", json_array_size(agent->leftover)),
                 LOG_TEXT("reason", "their devices are not known yet, or no longer"));
    return status;
}

/* -- closing ----------------------------------------------------------------------------------------------
 */

static size_t held(const struct agent *agent)
{
    size_t count = 0;
    for (size_t i = 0; i < agent->device_count; i++)
        count += agent->devices[i].state == DEVICE_LOST ? 0 : hold_count(&agent->devices[i]);
    return count;
}

static void put_all_back(struct agent *agent, uint32_t wait_ms)
{
    int64_t until = bb_loop_mono_ms() + wait_ms;
    for (size_t i = 0; i < agent->device_count; i++)
        if (hold_count(&agent->devices[i]) > 0)
            hold_put_back(&agent->devices[i], NULL);
    while (held(agent) > 0 && bb_loop_mono_ms() < until)
        (void)!bb_loop_turn(agent->loop, 20);
    for (size_t i = 0; i < agent->device_count; i++)
        if (hold_count(&agent->devices[i]) > 0)
            log_warning("left-set", LOG_TEXT("device", agent->devices[i].settings->name),
                        LOG_INT("points", hold_count(&agent->devices[i])));
}

void agent_close(struct agent *agent, uint32_t wait_ms)
{
    agent->stopping = true;
    for (size_t i = 0; i < agent->device_count; i++)
        device_stop(&agent->devices[i]);
    if (agent->client != NULL)
        put_all_back(agent, wait_ms);
    for (size_t i = 0; i < agent->line_count; i++)
        line_stop(agent->lines[i]);
    for (size_t i = 0; i < agent->line_count; i++)
        line_close(agent->lines[i]);
    line_harbour_close(agent->harbour);
    if (agent->client != NULL)
        (void)!bb_flush(agent->client, 200);
    bb_client_close(agent->second);
    bb_client_close(agent->client);
    for (size_t i = 0; i < agent->device_count; i++)
        device_close(&agent->devices[i]);
    reservations_close(agent);
    json_decref(agent->leftover);
    free(agent->devices);
    free(agent->lines);
}
