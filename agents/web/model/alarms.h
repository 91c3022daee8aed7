/* The alarms of a neighbourhood, as operators know them: raised, acknowledged, shelved for a time, cleared.
 * Pure: (state, event, now) -> the alarm that changed. Times are milliseconds since 1970.
 *
 * An alarm is known by its topic and its word (`alert`). A condition *stands* until it is cleared; an
 * occurrence (most alerts on the bus are) is over as soon as it has been told. What the states mean:
 *
 *   active        nobody has acknowledged it; it stands, or stood
 *   acknowledged  somebody has, and it stands still
 *   shelved       out of sight until a time; then as if it were raised anew, when it stands or came again
 *   cleared       acknowledged and over, or over when its shelf time ended
 *
 * An alarm that is cleared and raised again is the same one, active again: its count grows.
 * Source: the words are those of ISA-18.2. */
#ifndef AGENTS_WEB_MODEL_ALARMS_H
#define AGENTS_WEB_MODEL_ALARMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ALARMS_MAX           1000
#define ALARMS_SHELF_MAX_MIN (7 * 24 * 60)
#define ALARMS_TOPIC_SIZE    160
#define ALARMS_WORD_SIZE     64
#define ALARMS_TEXT_SIZE     320

enum alarm_state { ALARM_ACTIVE, ALARM_ACKNOWLEDGED, ALARM_SHELVED, ALARM_CLEARED };

/* Texts are UTF-8, cut between characters where they do not fit. */
struct alarm {
    uint32_t id; /* from 1, never used again */
    char topic[ALARMS_TOPIC_SIZE], name[ALARMS_WORD_SIZE], alert[ALARMS_WORD_SIZE], text[ALARMS_TEXT_SIZE];
    int64_t since_ms, last_ms; /* of the first and the last event since it became active */
    uint32_t count;            /* events, of all its time */
    enum alarm_state state;
    bool standing;
    bool again;                /* raised while it was shelved */
    char by[ALARMS_WORD_SIZE]; /* who acknowledged or shelved it; "" */
    int64_t until_ms;          /* end of the shelf time; 0 */
};

struct alarms {
    struct alarm list[ALARMS_MAX];
    size_t count;
    uint32_t last_id;
    uint64_t forgotten;  /* pushed out by newer ones */
    uint32_t pushed_out; /* the id of the one that the last alarms_raise pushed out; 0: none */
};

/* What is said of something that happened. Borrowed. */
struct alarm_event {
    const char *topic, *name, *alert, *text;
    bool standing; /* a condition, that alarms_clear ends */
};

/* What an order may come to. */
enum alarms_verdict {
    ALARMS_DONE,
    ALARMS_UNKNOWN, /* there is no alarm with this id */
    ALARMS_OVER,    /* it is cleared: there is nothing to be ordered */
    ALARMS_MINUTES  /* shelved for 1 to ALARMS_SHELF_MAX_MIN minutes, no other */
};

/* It happened. The alarm that it is, changed; a condition that stands already and is told again in the same
 * words only gets its last_ms, and is returned all the same. When all places are taken, the oldest cleared
 * alarm makes room, without one the oldest. */
const struct alarm *alarms_raise(struct alarms *alarms, const struct alarm_event *event, int64_t now_ms);

/* True when this condition stands. */
bool alarms_stands(const struct alarms *alarms, const char *topic, const char *alert);

/* The condition has ended. The alarm, or NULL when there was none standing. */
const struct alarm *alarms_clear(struct alarms *alarms, const char *topic, const char *alert, int64_t now_ms);

/* Somebody has seen it. *out is the alarm, untouched unless ALARMS_DONE. */
enum alarms_verdict alarms_acknowledge(struct alarms *alarms, uint32_t id, const char *by, int64_t now_ms,
                                       const struct alarm **out);

/* Out of sight for a time. *out as above. */
enum alarms_verdict alarms_shelve(struct alarms *alarms, uint32_t id, const char *by, int64_t minutes,
                                  int64_t now_ms, const struct alarm **out);

/* The next alarm whose shelf time has ended, changed; NULL when there is none (more). */
const struct alarm *alarms_tick(struct alarms *alarms, int64_t now_ms);

/* How many want attention: active ones, and acknowledged ones. */
size_t alarms_open(const struct alarms *alarms);

/* "active", "acknowledged", "shelved", "cleared". */
const char *alarms_word(enum alarm_state state);

#endif
