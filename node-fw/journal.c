#include "node-fw/journal.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BURST     20
#define REFILL_MS 200

static bool may_say(struct mono now)
{
    static int64_t tokens = BURST;
    static struct mono filled;
    int64_t fresh = mono_since(now, filled) / REFILL_MS;
    if (fresh > 0) {
        tokens = tokens + fresh > BURST ? BURST : tokens + fresh;
        filled = now;
    }
    if (tokens == 0)
        return false;
    tokens--;
    return true;
}

static size_t bounded(int size, size_t room)
{
    return size < 0 ? 0 : (size_t)size < room ? (size_t)size : room - 1;
}

static void (*line_sink)(void *context, const char *line);
static void *line_context;

void journal_to(void (*sink)(void *context, const char *line), void *context)
{
    line_sink = sink;
    line_context = context;
}

void journal_print(const char *line)
{
    char text[600];
    size_t size = bounded(snprintf(text, sizeof text, "%s\n", line), sizeof text);
    if (write(STDERR_FILENO, text, size) < 0)
        return; /* nobody reads: nothing better to do */
}

void journal_say(struct mono now, const char *event, const char *format, ...)
{
    static unsigned dropped;
    if (!may_say(now)) {
        dropped++;
        return;
    }
    char line[512];
    size_t room = sizeof line - 1;
    size_t size = bounded(snprintf(line, room, "event=%s ", event), room);
    va_list arguments;
    va_start(arguments, format);
    size += bounded(vsnprintf(line + size, room - size, format, arguments), room - size);
    va_end(arguments);
    if (dropped > 0)
        bounded(snprintf(line + size, room - size, " dropped_lines=%u", dropped), room - size);
    dropped = 0;
    if (line_sink)
        line_sink(line_context, line);
    else
        journal_print(line);
}
