/* Logging of a process: one logfmt line on standard error for each event, with a stable event name.
 *
 *   log_warning("port-closed", LOG_TEXT("port", path), LOG_INT("boards", 3));
 *   → time=2026-01-02T03:04:05.678Z level=warning program=busbard event=port-closed port=/dev/ttyUSB0
 * boards=3
 *
 * BUSBAR_LOG (error, warning, info, debug; info by default) sets the level. When standard error is the
 * journal (JOURNAL_STREAM names it), lines begin with syslog's <N> and have no time. Only shells log, never
 * libraries. */
#ifndef BUS_CLIENT_LOG_H
#define BUS_CLIENT_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* syslog's numbers. */
enum log_level { LOG_LEVEL_ERROR = 3, LOG_LEVEL_WARNING = 4, LOG_LEVEL_INFO = 6, LOG_LEVEL_DEBUG = 7 };

enum log_kind { LOG_KIND_TEXT, LOG_KIND_INT, LOG_KIND_REAL };

struct log_field {
    const char *key;
    enum log_kind kind;
    const char *text; /* NULL prints nothing at all for this field */
    int64_t number;
    double real;
};

#define LOG_TEXT(name, value) ((struct log_field){.key = (name), .kind = LOG_KIND_TEXT, .text = (value)})
#define LOG_INT(name, value)                                                                                 \
    ((struct log_field){.key = (name), .kind = LOG_KIND_INT, .number = (int64_t)(value)})
#define LOG_REAL(name, value) ((struct log_field){.key = (name), .kind = LOG_KIND_REAL, .real = (value)})

#define log_event(level, ...)                                                                                \
    log_write(level, (const struct log_field[]){__VA_ARGS__},                                                \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
#define log_error(event, ...)   log_event(LOG_LEVEL_ERROR, LOG_TEXT("event", event), ##__VA_ARGS__)
#define log_warning(event, ...) log_event(LOG_LEVEL_WARNING, LOG_TEXT("event", event), ##__VA_ARGS__)
#define log_info(event, ...)    log_event(LOG_LEVEL_INFO, LOG_TEXT("event", event), ##__VA_ARGS__)
#define log_debug(event, ...)   log_event(LOG_LEVEL_DEBUG, LOG_TEXT("event", event), ##__VA_ARGS__)

/* Names the program in every line (borrowed for ever) and reads BUSBAR_LOG and JOURNAL_STREAM. Call it once,
 * first.
 */
void log_open(const char *program);

/* True when lines of `level` are written: saves the work of preparing fields. */
bool log_wants(enum log_level level);

/* Writes one line of `count` fields, the first being the event, with one write(2); at most 4096 bytes, longer
 * lines are cut. Use the macros. */
void log_write(enum log_level level, const struct log_field *fields, size_t count);

#endif
