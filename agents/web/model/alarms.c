#include "agents/web/model/alarms.h"

#include <string.h>

/* Copies a text and cuts it before a character that does not fit whole. */
static void put(char *to, size_t size, const char *text)
{
    size_t length = text == NULL ? 0 : strnlen(text, size);
    if (length >= size)
        for (length = size - 1; length > 0 && ((unsigned char)text[length] & 0xc0) == 0x80;)
            length--;
    if (length > 0)
        memcpy(to, text, length);
    to[length] = '\0';
}

/* True when `text`, cut as put cuts it, is what is kept. */
static bool same(const char *kept, size_t size, const char *text)
{
    char cut[ALARMS_TEXT_SIZE];
    put(cut, size, text);
    return strcmp(kept, cut) == 0;
}

/* The place of the alarm; a->count: there is none. */
static size_t place_of(const struct alarms *a, const char *topic, const char *alert)
{
    size_t i = 0;
    while (i < a->count && !(same(a->list[i].topic, ALARMS_TOPIC_SIZE, topic) &&
                             same(a->list[i].alert, ALARMS_WORD_SIZE, alert)))
        i++;
    return i;
}

static struct alarm *find(struct alarms *a, const char *topic, const char *alert)
{
    size_t place = place_of(a, topic, alert);
    return place < a->count ? &a->list[place] : NULL;
}

static struct alarm *find_id(struct alarms *a, uint32_t id)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->list[i].id == id)
            return &a->list[i];
    return NULL;
}

/* The place that a new alarm takes. */
static struct alarm *make_room(struct alarms *a)
{
    if (a->count < ALARMS_MAX)
        return &a->list[a->count++];
    struct alarm *oldest = &a->list[0];
    for (size_t i = 1; i < a->count; i++) {
        struct alarm *other = &a->list[i];
        bool cleared = other->state == ALARM_CLEARED, best = oldest->state == ALARM_CLEARED;
        if (cleared != best ? cleared : other->last_ms < oldest->last_ms)
            oldest = other;
    }
    a->forgotten++;
    a->pushed_out = oldest->id;
    return oldest;
}

static void activate(struct alarm *alarm, int64_t now_ms)
{
    alarm->state = ALARM_ACTIVE;
    alarm->since_ms = now_ms;
    alarm->by[0] = '\0';
    alarm->until_ms = 0;
    alarm->again = false;
}

static struct alarm *create(struct alarms *a, const struct alarm_event *event, int64_t now_ms)
{
    struct alarm *alarm = make_room(a);
    *alarm = (struct alarm){.id = ++a->last_id};
    put(alarm->topic, sizeof alarm->topic, event->topic);
    put(alarm->alert, sizeof alarm->alert, event->alert);
    activate(alarm, now_ms);
    return alarm;
}

const struct alarm *alarms_raise(struct alarms *a, const struct alarm_event *event, int64_t now_ms)
{
    struct alarm *alarm = find(a, event->topic, event->alert);
    bool told = alarm != NULL && alarm->standing && event->standing &&
                same(alarm->text, sizeof alarm->text, event->text);
    a->pushed_out = 0;
    if (alarm == NULL)
        alarm = create(a, event, now_ms);
    else if (alarm->state == ALARM_CLEARED)
        activate(alarm, now_ms);
    alarm->last_ms = now_ms;
    if (told)
        return alarm;
    put(alarm->name, sizeof alarm->name, event->name);
    put(alarm->text, sizeof alarm->text, event->text);
    alarm->count++;
    alarm->standing = event->standing || alarm->standing;
    alarm->again = alarm->state == ALARM_SHELVED;
    return alarm;
}

bool alarms_stands(const struct alarms *a, const char *topic, const char *alert)
{
    size_t place = place_of(a, topic, alert);
    return place < a->count && a->list[place].standing;
}

const struct alarm *alarms_clear(struct alarms *a, const char *topic, const char *alert, int64_t now_ms)
{
    struct alarm *alarm = find(a, topic, alert);
    if (alarm == NULL || !alarm->standing)
        return NULL;
    alarm->standing = false;
    alarm->last_ms = now_ms;
    if (alarm->state == ALARM_ACKNOWLEDGED)
        alarm->state = ALARM_CLEARED;
    return alarm;
}

enum alarms_verdict alarms_acknowledge(struct alarms *a, uint32_t id, const char *by, int64_t now_ms,
                                       const struct alarm **out)
{
    struct alarm *alarm = find_id(a, id);
    if (alarm == NULL)
        return ALARMS_UNKNOWN;
    if (alarm->state == ALARM_CLEARED)
        return ALARMS_OVER;
    alarm->state = alarm->standing ? ALARM_ACKNOWLEDGED : ALARM_CLEARED;
    alarm->last_ms = now_ms > alarm->last_ms ? now_ms : alarm->last_ms;
    alarm->until_ms = 0;
    alarm->again = false;
    put(alarm->by, sizeof alarm->by, by);
    *out = alarm;
    return ALARMS_DONE;
}

enum alarms_verdict alarms_shelve(struct alarms *a, uint32_t id, const char *by, int64_t minutes,
                                  int64_t now_ms, const struct alarm **out)
{
    struct alarm *alarm = find_id(a, id);
    if (alarm == NULL)
        return ALARMS_UNKNOWN;
    if (minutes < 1 || minutes > ALARMS_SHELF_MAX_MIN)
        return ALARMS_MINUTES;
    if (alarm->state == ALARM_CLEARED)
        return ALARMS_OVER;
    alarm->state = ALARM_SHELVED;
    alarm->again = false;
    alarm->until_ms = now_ms + minutes * 60000;
    put(alarm->by, sizeof alarm->by, by);
    *out = alarm;
    return ALARMS_DONE;
}

const struct alarm *alarms_tick(struct alarms *a, int64_t now_ms)
{
    for (size_t i = 0; i < a->count; i++) {
        struct alarm *alarm = &a->list[i];
        if (alarm->state != ALARM_SHELVED || now_ms < alarm->until_ms)
            continue;
        bool back = alarm->standing || alarm->again;
        if (back)
            activate(alarm, now_ms);
        else
            alarm->state = ALARM_CLEARED;
        alarm->until_ms = 0;
        return alarm;
    }
    return NULL;
}

size_t alarms_open(const struct alarms *a)
{
    size_t open = 0;
    for (size_t i = 0; i < a->count; i++)
        open += a->list[i].state == ALARM_ACTIVE || a->list[i].state == ALARM_ACKNOWLEDGED;
    return open;
}

const char *alarms_word(enum alarm_state state)
{
    static const char *const words[] = {"active", "acknowledged", "shelved", "cleared"};
    return words[state];
}
