#include "agents/modbus/hold.h"

#include "agents/modbus/agent.h"
#include "agents/modbus/change.h"
#include "agents/modbus/registry.h"
#include "bus/client/json_line.h"
#include "bus/client/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define AGAIN_MS 10000

enum status hold_add(struct device *d, size_t point, const char *owner, const uint16_t *before)
{
    struct hold *hold = calloc(1, sizeof *hold);
    if (hold == NULL)
        return BB_FULL;
    memcpy(hold->before, before, d->points.list[point].count * sizeof *before);
    snprintf(hold->owner, sizeof hold->owner, "%s", owner);
    free(d->holds[point]);
    d->holds[point] = hold;
    d->agent->unsaved = true;
    return BB_OK;
}

void hold_drop(struct device *d, size_t point)
{
    free(d->holds[point]);
    d->holds[point] = NULL;
    d->agent->unsaved = true;
}

void hold_forget(struct device *d)
{
    for (size_t i = 0; i < d->points.count; i++) {
        free(d->holds[i]);
        d->holds[i] = NULL;
    }
}

size_t hold_count(const struct device *d)
{
    size_t count = 0;
    for (size_t i = 0; i < d->points.count; i++)
        count += d->holds[i] != NULL ? 1 : 0;
    return count;
}

/* -- the state file ---------------------------------------------------------------------------------------
 */

static json_t *held_as_json(const struct device *d, size_t point)
{
    const struct point *p = &d->points.list[point];
    json_t *registers = json_array();
    for (size_t i = 0; i < p->count; i++)
        json_array_append_new(registers, json_integer(d->holds[point]->before[i]));
    return json_pack("{s:s,s:s,s:i,s:i,s:o}", "device", d->settings->name, "point", p->name, "table",
                     (int)p->table, "address", (int)p->address, "registers", registers);
}

static json_t *all_as_json(const struct agent *agent)
{
    json_t *held = agent->leftover != NULL ? json_copy(agent->leftover) : json_array();
    for (size_t i = 0; i < agent->device_count; i++)
        for (size_t k = 0; k < agent->devices[i].points.count; k++)
            if (agent->devices[i].holds[k] != NULL)
                json_array_append_new(held, held_as_json(&agent->devices[i], k));
    return held;
}

static bool write_whole(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t got = write(fd, text, left);
        if (got < 0 && errno != EINTR)
            return false;
        text += got > 0 ? got : 0;
        left -= got > 0 ? (size_t)got : 0;
    }
    return fsync(fd) == 0;
}

static enum status replace(const char *path, const char *text)
{
    char fresh[BB_PATH_MAX];
    if ((size_t)snprintf(fresh, sizeof fresh, "%s.new", path) >= sizeof fresh)
        return BB_IO;
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool fine = fd >= 0 && write_whole(fd, text);
    fine = fd >= 0 && close(fd) == 0 && fine;
    return fine && rename(fresh, path) == 0 ? BB_OK : BB_IO;
}

enum status hold_save(struct agent *agent)
{
    if (!agent->unsaved)
        return BB_OK;
    json_t *held = all_as_json(agent);
    json_t *root = json_pack("{s:i,s:o}", "version", 1, "held", held);
    char *text = json_dumps(root, JSON_COMPACT);
    enum status status = BB_IO;
    if (json_array_size(held) == 0)
        status = unlink(agent->state) == 0 || errno == ENOENT ? BB_OK : BB_IO;
    else if (text != NULL)
        status = replace(agent->state, text);
    if (status != BB_OK)
        log_error("state-not-written", LOG_TEXT("file", agent->state), LOG_TEXT("reason", strerror(errno)));
    agent->unsaved = status != BB_OK;
    free(text);
    json_decref(root);
    return status;
}

enum status hold_load(struct agent *agent, struct bb_reason *reason)
{
    struct json_text text;
    json_t *root = NULL;
    enum status status = json_text_load(agent->state, &text, &root, reason);
    if (status == BB_NOT_FOUND)
        return BB_OK;
    if (status != BB_OK)
        return status;
    json_t *held = json_object_get(root, "held");
    if (json_integer_value(json_object_get(root, "version")) != 1 || !json_is_array(held)) {
        bb_reason_say(reason, "%.300s: it is no state of this modbus-agent; look at it and move it away",
                      agent->state);
        status = BB_MALFORMED;
    } else {
        agent->leftover = json_incref(held);
    }
    json_decref(root);
    json_text_free(&text);
    return status;
}

/* The place of the point that an entry is of; -1: it is not of this device, or the point is another now. */
static int find_point(const struct device *d, json_t *entry)
{
    const char *device = json_string_value(json_object_get(entry, "device"));
    const char *name = json_string_value(json_object_get(entry, "point"));
    int at = device == NULL || name == NULL || strcmp(device, d->settings->name) != 0
                 ? -1
                 : registry_find(&d->points, name);
    if (at < 0)
        return -1;
    const struct point *p = &d->points.list[at];
    bool same = json_integer_value(json_object_get(entry, "table")) == (json_int_t)p->table &&
                json_integer_value(json_object_get(entry, "address")) == p->address &&
                json_array_size(json_object_get(entry, "registers")) == p->count;
    return same ? at : -1;
}

void hold_adopt(struct device *d)
{
    for (size_t i = json_array_size(d->agent->leftover); i > 0; i--) {
        json_t *entry = json_array_get(d->agent->leftover, i - 1);
        const json_t *registers = json_object_get(entry, "registers");
        int at = find_point(d, entry);
        uint16_t before[READ_MAX] = {0};
        for (size_t k = 0; at >= 0 && k < d->points.list[at].count; k++)
            before[k] = (uint16_t)json_integer_value(json_array_get(registers, k));
        if (at < 0 || d->holds[at] != NULL || hold_add(d, (size_t)at, "", before) != BB_OK)
            continue;
        d->holds[at]->due = true;
        json_array_remove(d->agent->leftover, i - 1);
        log_info("left-set", LOG_TEXT("device", d->settings->name),
                 LOG_TEXT("point", d->points.list[at].name));
    }
}

/* -- putting back -----------------------------------------------------------------------------------------
 */

static void put_back(struct device *d, const char *owner, bool due_only)
{
    struct change *change = change_new(d, CHANGE_REVERT, "", NULL);
    for (size_t i = 0; i < d->points.count && change != NULL; i++) {
        struct hold *hold = d->holds[i];
        if (hold == NULL || (owner != NULL && strcmp(hold->owner, owner) != 0) || (due_only && !hold->due))
            continue;
        hold->due = true;
        if (!change_add(change, i, NULL))
            break;
    }
    d->reverted_ms = bb_loop_mono_ms();
    change_start(change);
}

void hold_put_back(struct device *d, const char *owner)
{
    put_back(d, owner, false);
}

void hold_put_back_due(struct device *d)
{
    bool any = false;
    for (size_t i = 0; i < d->points.count && !any; i++)
        any = d->holds[i] != NULL && d->holds[i]->due;
    if (any && (d->reverted_ms == 0 || bb_loop_mono_ms() - d->reverted_ms >= AGAIN_MS))
        put_back(d, NULL, true);
}
