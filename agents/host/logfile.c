#include "agents/host/logfile.h"

#include <busbar/check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The longest file that is read: one that was turned over, and the lines that were held then. */
#define READ_MAX (LOGFILE_TURN + 65536)
/* Room for a line's numbers. */
#define FRONT_MAX 64

struct row {
    int64_t n, time_ms;
    bool error;
    const char *text;
    size_t size;
};

/* The whole file, NUL-terminated, malloc'd; empty when it is not there. */
static char *load(const char *path, size_t *size_out)
{
    char *text = malloc(READ_MAX + 1);
    CHECK(text != NULL);
    size_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    for (ssize_t got = 1; fd >= 0 && got > 0 && size<READ_MAX; size += got> 0 ? (size_t)got : 0)
        got = read(fd, text + size, READ_MAX - size);
    if (fd >= 0)
        close(fd);
    text[size] = '\0';
    *size_out = size;
    return text;
}

/* The line at *at, which moves behind it; false at the end. What is no line of ours has n = −1. */
static bool next_row(const char **at, const char *end, struct row *out)
{
    const char *line = *at;
    const char *stop = line < end ? memchr(line, '\n', (size_t)(end - line)) : NULL;
    if (stop == NULL)
        return false;
    char *text;
    *at = stop + 1;
    *out = (struct row){.n = -1};
    long long n = strtoll(line, &text, 10);
    if (text == line || *text != ' ')
        return true;
    const char *time = text + 1;
    long long time_ms = strtoll(time, &text, 10);
    if (text == time || text + 3 > stop || text[0] != ' ' || (text[1] != 'o' && text[1] != 'e') ||
        text[2] != ' ')
        return true;
    *out = (struct row){n, time_ms, text[1] == 'e', text + 3, (size_t)(stop - text - 3)};
    return true;
}

static int64_t last_number(const char *path)
{
    size_t size;
    char *text = load(path, &size);
    const char *at = text;
    int64_t last = 0;
    struct row row;
    while (next_row(&at, text + size, &row))
        last = row.n > last ? row.n : last;
    free(text);
    return last;
}

void logfile_init(struct logfile *log, const char *path, const char *old)
{
    *log = (struct logfile){.fd = -1};
    snprintf(log->path, sizeof log->path, "%s", path);
    snprintf(log->old, sizeof log->old, "%s", old);
    int64_t last = last_number(path);
    log->next = (uint64_t)(last > 0 ? last : last_number(old)) + 1;
}

uint64_t logfile_append(struct logfile *log, int64_t wall_ms, bool error, const char *text, size_t size)
{
    if (log->held_size + size + FRONT_MAX > sizeof log->held)
        (void)!logfile_flush(log);
    if (size > sizeof log->held - FRONT_MAX)
        size = sizeof log->held - FRONT_MAX;
    log->held_size += (size_t)snprintf(log->held + log->held_size, FRONT_MAX, "%llu %lld %c ",
                                       (unsigned long long)log->next, (long long)wall_ms, error ? 'e' : 'o');
    memcpy(log->held + log->held_size, text, size);
    log->held_size += size;
    log->held[log->held_size++] = '\n';
    return log->next++;
}

static bool open_file(struct logfile *log)
{
    struct stat about;
    log->fd = open(log->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0640);
    log->size = log->fd >= 0 && fstat(log->fd, &about) == 0 ? (size_t)about.st_size : 0;
    return log->fd >= 0;
}

bool logfile_flush(struct logfile *log)
{
    size_t size = log->held_size;
    log->held_size = 0;
    if (size == 0)
        return true;
    if (log->fd < 0 && !open_file(log))
        return false;
    if (log->size > 0 && log->size + size > LOGFILE_TURN) {
        close(log->fd);
        (void)!rename(log->path, log->old);
        if (!open_file(log))
            return false;
    }
    ssize_t written = write(log->fd, log->held, size);
    if (written > 0)
        log->size += (size_t)written;
    return written == (ssize_t)size;
}

void logfile_close(struct logfile *log)
{
    (void)!logfile_flush(log);
    if (log->fd >= 0)
        close(log->fd);
    log->fd = -1;
}

struct page {
    json_t *lines;
    int64_t after, next;
    size_t most, bytes;
};

/* Adds the lines of one file; false when the page is full. */
static bool add_file(struct page *page, const char *path)
{
    size_t size;
    char *text = load(path, &size);
    const char *at = text;
    struct row row;
    bool room = true;
    while (room && next_row(&at, text + size, &row)) {
        if (row.n <= page->after)
            continue;
        room = json_array_size(page->lines) < page->most && page->bytes < LOGFILE_PAGE_BYTES;
        json_t *line =
            room ? json_pack("{s:I,s:I,s:s,s:s%}", "n", (json_int_t)row.n, "time_ms", (json_int_t)row.time_ms,
                             "stream", row.error ? "err" : "out", "text", row.text, row.size)
                 : NULL;
        if (line == NULL)
            continue;
        json_array_append_new(page->lines, line);
        page->next = row.n;
        page->bytes += row.size + FRONT_MAX;
    }
    free(text);
    return room;
}

json_t *logfile_page(struct logfile *log, int64_t after, size_t most)
{
    (void)!logfile_flush(log);
    CHECK(most > 0 && most <= LOGFILE_PAGE_MAX);
    if (after < 0)
        after = (int64_t)log->next - 1 - (int64_t)most;
    struct page page = {.lines = json_array(), .after = after, .next = after < 0 ? 0 : after, .most = most};
    if (add_file(&page, log->old))
        (void)!add_file(&page, log->path);
    return json_pack("{s:o,s:I}", "lines", page.lines, "next", (json_int_t)page.next);
}
