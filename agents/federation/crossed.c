#include "agents/federation/crossed.h"

#include <busbar/check.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define VERSION 1

static enum status read_marks(struct crossed *crossed, const json_t *links)
{
    const char *platform;
    const json_t *row;
    if (!json_is_object(links))
        return BB_MALFORMED;
    json_object_foreach((json_t *)links, platform, row)
    {
        int64_t stream = json_integer_value(json_object_get(row, "stream"));
        int64_t offset = json_integer_value(json_object_get(row, "offset"));
        int64_t time_ms = json_integer_value(json_object_get(row, "time_ms"));
        if (!rules_is_platform(platform) || stream < 1 || offset < 0 || time_ms < 0)
            return BB_MALFORMED;
        crossed_note(crossed_of(crossed, platform), stream, offset, time_ms);
    }
    return BB_OK;
}

enum status crossed_load(struct crossed *crossed, const char *path, struct bb_reason *reason)
{
    json_error_t error;
    *crossed = (struct crossed){.next = 0};
    snprintf(crossed->path, sizeof crossed->path, "%s", path);
    if (access(path, F_OK) != 0 && errno == ENOENT)
        return BB_OK;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL && json_error_code(&error) == json_error_cannot_open_file) {
        bb_reason_say(reason, "%s cannot be read", path);
        return BB_IO;
    }
    enum status status = json_integer_value(json_object_get(root, "version")) == VERSION
                             ? read_marks(crossed, json_object_get(root, "links"))
                             : BB_MALFORMED;
    json_decref(root);
    if (status != BB_OK) {
        memset(crossed->marks, 0, sizeof crossed->marks);
        bb_reason_say(reason, "%s is not what federation-agent writes", path);
    }
    return status;
}

static char *text_of(const struct crossed *crossed)
{
    json_t *links = json_object();
    for (size_t i = 0; i < CROSSED_MAX; i++) {
        const struct crossed_mark *mark = &crossed->marks[i];
        if (mark->platform[0] != '\0' && mark->stream > 0)
            json_object_set_new(links, mark->platform,
                                json_pack("{s:I,s:I,s:I}", "stream", (json_int_t)mark->stream, "offset",
                                          (json_int_t)mark->offset, "time_ms", (json_int_t)mark->time_ms));
    }
    json_t *root = json_pack("{s:i,s:o}", "version", VERSION, "links", links);
    char *text = json_dumps(root, JSON_INDENT(1));
    CHECK(text != NULL);
    json_decref(root);
    return text;
}

/* Written beside and renamed, so that there is always a whole one. */
enum status crossed_save(const struct crossed *crossed, struct bb_reason *reason)
{
    char draft[BB_PATH_MAX + 8];
    char *text = text_of(crossed);
    size_t size = strlen(text);
    snprintf(draft, sizeof draft, "%s.new", crossed->path);
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
    free(text);
    if (fd >= 0 && close(fd) != 0)
        done = false;
    if (done && rename(draft, crossed->path) == 0)
        return BB_OK;
    bb_reason_say(reason, "%s cannot be written: %s", crossed->path, strerror(errno));
    return BB_IO;
}

struct crossed_mark *crossed_of(struct crossed *crossed, const char *platform)
{
    struct crossed_mark *free_one = NULL;
    for (size_t i = 0; i < CROSSED_MAX; i++) {
        struct crossed_mark *mark = &crossed->marks[i];
        if (strcmp(mark->platform, platform) == 0)
            return mark;
        if (free_one == NULL && mark->platform[0] == '\0')
            free_one = mark;
    }
    if (free_one == NULL)
        free_one = &crossed->marks[crossed->next++ % CROSSED_MAX];
    *free_one = (struct crossed_mark){.stream = 0};
    snprintf(free_one->platform, sizeof free_one->platform, "%s", platform);
    return free_one;
}

bool crossed_knows(const struct crossed_mark *mark, int64_t stream, int64_t offset, int64_t time_ms)
{
    return mark->stream == stream && offset <= mark->offset && time_ms <= mark->time_ms;
}

void crossed_note(struct crossed_mark *mark, int64_t stream, int64_t offset, int64_t time_ms)
{
    bool goes_on = mark->stream == stream;
    mark->time_ms = goes_on && mark->time_ms > time_ms ? mark->time_ms : time_ms;
    mark->stream = stream;
    mark->offset = offset;
}
