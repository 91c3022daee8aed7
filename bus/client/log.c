#include "bus/client/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096

static struct {
    const char *program;
    enum log_level level;
    bool journal;
} out = {"busbar", LOG_LEVEL_INFO, false};

static const struct {
    const char *word;
    enum log_level level;
} levels[] = {{"error", LOG_LEVEL_ERROR},
              {"warning", LOG_LEVEL_WARNING},
              {"info", LOG_LEVEL_INFO},
              {"debug", LOG_LEVEL_DEBUG}};

static const char *word_of(enum log_level level)
{
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (levels[i].level == level)
            return levels[i].word;
    return "info";
}

/* JOURNAL_STREAM is inherited by everything below a service; it counts only if it names our standard error.
 */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat about;
    char own[64];
    if (stream == NULL || fstat(STDERR_FILENO, &about) != 0)
        return false;
    snprintf(own, sizeof own, "%llu:%llu", (unsigned long long)about.st_dev,
             (unsigned long long)about.st_ino);
    return strcmp(stream, own) == 0;
}

void log_open(const char *program)
{
    out.program = program;
    out.level = LOG_LEVEL_INFO;
    out.journal = stderr_is_journal();
    const char *word = getenv("BUSBAR_LOG");
    for (size_t i = 0; word != NULL && i < sizeof levels / sizeof *levels; i++)
        if (strcmp(levels[i].word, word) == 0)
            out.level = levels[i].level;
}

bool log_wants(enum log_level level)
{
    return level <= out.level;
}

struct line {
    char text[LINE_MAX_BYTES];
    size_t size;
};

static void put(struct line *line, char c)
{
    if (line->size < sizeof line->text - 1) /* the last byte is kept for the newline */
        line->text[line->size++] = c;
}

static void put_text(struct line *line, const char *text)
{
    while (*text != '\0')
        put(line, *text++);
}

/* Quoted when it is empty or holds a space, a quote, an equals sign or a control character. */
static void put_value(struct line *line, const char *text)
{
    bool plain = *text != '\0';
    for (const char *c = text; *c != '\0'; c++)
        plain = plain && (unsigned char)*c > ' ' && *c != '"' && *c != '=' && *c != '\\' && *c != 0x7f;
    if (plain) {
        put_text(line, text);
        return;
    }
    put(line, '"');
    for (const char *c = text; *c != '\0'; c++) {
        char escape[5];
        if (*c == '"' || *c == '\\') {
            put(line, '\\');
            put(line, *c);
        } else if ((unsigned char)*c < ' ' || *c == 0x7f) {
            snprintf(escape, sizeof escape, "\\x%02x", (unsigned char)*c);
            put_text(line, escape);
        } else {
            put(line, *c);
        }
    }
    put(line, '"');
}

static void put_field(struct line *line, const struct log_field *field)
{
    char number[40] = "";
    const char *value = number;
    switch (field->kind) {
    case LOG_KIND_TEXT:
        value = field->text;
        break;
    case LOG_KIND_INT:
        snprintf(number, sizeof number, "%lld", (long long)field->number);
        break;
    case LOG_KIND_REAL:
        snprintf(number, sizeof number, "%.9g", field->real);
        break;
    }
    if (value == NULL)
        return;
    put(line, ' ');
    put_text(line, field->key);
    put(line, '=');
    put_value(line, value);
}

static void put_start(struct line *line, enum log_level level)
{
    char text[64];
    if (out.journal) {
        snprintf(text, sizeof text, "<%d>", (int)level);
        put_text(line, text);
    } else {
        struct timespec now;
        struct tm utc;
        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &utc);
        size_t size = strftime(text, sizeof text, "time=%Y-%m-%dT%H:%M:%S", &utc);
        snprintf(text + size, sizeof text - size, ".%03ldZ ", now.tv_nsec / 1000000);
        put_text(line, text);
    }
    put_text(line, "level=");
    put_text(line, word_of(level));
    put_text(line, " program=");
    put_value(line, out.program);
}

void log_write(enum log_level level, const struct log_field *fields, size_t count)
{
    if (!log_wants(level))
        return;
    struct line line = {.size = 0};
    put_start(&line, level);
    for (size_t i = 0; i < count; i++)
        put_field(&line, &fields[i]);
    line.text[line.size++] = '\n';
    ssize_t wrote = write(STDERR_FILENO, line.text, line.size);
    (void)wrote; /* a log that cannot be written has nowhere to be complained about */
}
