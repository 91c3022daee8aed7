#include "agents/modbus/moment.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* Exactly `count` digits; -1 when they are not there. */
static int take(const char **at, int count)
{
    int value = 0;
    for (int i = 0; i < count; i++, (*at)++) {
        if (**at < '0' || **at > '9')
            return -1;
        value = value * 10 + (**at - '0');
    }
    return value;
}

static bool skip(const char **at, const char *letters)
{
    if (**at == '\0' || strchr(letters, **at) == NULL)
        return false;
    (*at)++;
    return true;
}

static bool take_date(const char **at, struct tm *tm)
{
    int year = take(at, 4);
    bool fine = year >= 1970 && skip(at, "-");
    tm->tm_year = year - 1900;
    tm->tm_mon = fine ? take(at, 2) - 1 : -1;
    fine = fine && skip(at, "-");
    tm->tm_mday = fine ? take(at, 2) : -1;
    return fine && tm->tm_mon >= 0 && tm->tm_mon < 12 && tm->tm_mday >= 1 && tm->tm_mday <= 31;
}

static bool take_time(const char **at, struct tm *tm, int *ms)
{
    tm->tm_hour = take(at, 2);
    bool fine = tm->tm_hour >= 0 && tm->tm_hour < 24 && skip(at, ":");
    tm->tm_min = fine ? take(at, 2) : -1;
    fine = fine && tm->tm_min >= 0 && tm->tm_min < 60;
    if (!fine || !skip(at, ":"))
        return fine;
    tm->tm_sec = take(at, 2);
    if (tm->tm_sec < 0 || tm->tm_sec > 60)
        return false;
    if (!skip(at, ".,"))
        return true;
    int digits = 0;
    for (; **at >= '0' && **at <= '9' && digits < 9; digits++, (*at)++)
        *ms = digits < 3 ? *ms * 10 + (**at - '0') : *ms;
    for (int i = digits; i < 3; i++)
        *ms *= 10;
    return digits > 0;
}

/* The zone's distance from UTC; false when what is left is no zone. */
static bool take_zone(const char *at, bool *local, int *minutes)
{
    *local = *at == '\0';
    if (*local || strcmp(at, "Z") == 0 || strcmp(at, " UTC") == 0)
        return true;
    int sign = *at == '-' ? -1 : 1;
    if (!skip(&at, "+-"))
        return false;
    int hours = take(&at, 2);
    (void)skip(&at, ":");
    int rest = take(&at, 2);
    *minutes = sign * (hours * 60 + rest);
    return hours >= 0 && hours < 24 && rest >= 0 && rest < 60 && *at == '\0';
}

enum status moment_read(const char *text, int64_t *ms_out)
{
    struct tm tm = {.tm_isdst = -1};
    int ms = 0, minutes = 0;
    bool local = false;
    if (!take_date(&text, &tm) || !skip(&text, " T") || !take_time(&text, &tm, &ms) ||
        !take_zone(text, &local, &minutes))
        return BB_MALFORMED;
    int day = tm.tm_mday;
    time_t seconds = local ? mktime(&tm) : timegm(&tm);
    /* A 31st of February comes back as another day. */
    if (tm.tm_mday != day && tm.tm_sec != 60)
        return BB_MALFORMED;
    *ms_out = ((int64_t)seconds - (int64_t)minutes * 60) * 1000 + ms;
    return BB_OK;
}

void moment_text(int64_t ms, char *text_out, size_t size)
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm = {0};
    char date[24] = "";
    (void)gmtime_r(&seconds, &tm);
    (void)strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm);
    snprintf(text_out, size, "%s.%03d000+00:00", date, (int)(ms % 1000));
}
