#include "agents/historian/iso.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

/* A number of exactly `digits` digits at *at, which moves behind it; -1: there is none. */
static int take_number(const char **at, int digits)
{
    int number = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9')
            return -1;
        number = number * 10 + (c - '0');
    }
    *at += digits;
    return number;
}

static bool take_char(const char **at, char c)
{
    if (**at != c)
        return false;
    (*at)++;
    return true;
}

static bool take_date(const char **at, struct tm *out)
{
    int year = take_number(at, 4);
    if (year < 0 || !take_char(at, '-'))
        return false;
    int month = take_number(at, 2);
    if (month < 1 || month > 12 || !take_char(at, '-'))
        return false;
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    int day = take_number(at, 2), last = days[month - 1] + (leap && month == 2);
    *out = (struct tm){.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    return day >= 1 && day <= last;
}

/* The digits of a fraction; what is finer than a microsecond is cut. */
static bool take_fraction(const char **at, int64_t *us_out)
{
    int64_t us = 0, unit = 100000;
    const char *begin = *at;
    for (; **at >= '0' && **at <= '9' && *at - begin < 20; (*at)++) {
        us += (**at - '0') * unit;
        unit /= 10;
    }
    *us_out = us;
    return *at > begin;
}

static bool take_time(const char **at, struct tm *out, int64_t *us_out)
{
    out->tm_hour = take_number(at, 2);
    if (out->tm_hour < 0 || out->tm_hour > 23 || !take_char(at, ':'))
        return false;
    out->tm_min = take_number(at, 2);
    if (out->tm_min < 0 || out->tm_min > 59)
        return false;
    if (!take_char(at, ':'))
        return true;
    out->tm_sec = take_number(at, 2);
    if (out->tm_sec < 0 || out->tm_sec > 60)
        return false;
    return !(take_char(at, '.') || take_char(at, ',')) || take_fraction(at, us_out);
}

/* Z, +01:00, +0100, +01 or nothing. */
static bool take_offset(const char **at, int *seconds_out)
{
    if (take_char(at, 'Z') || **at == '\0')
        return true;
    int sign = **at == '-' ? -1 : 1;
    if (!take_char(at, '+') && !take_char(at, '-'))
        return false;
    int hours = take_number(at, 2), minutes = 0;
    if (hours < 0 || hours > 23)
        return false;
    if (**at != '\0') {
        (void)take_char(at, ':');
        minutes = take_number(at, 2);
    }
    *seconds_out = sign * (hours * 3600 + minutes * 60);
    return minutes >= 0 && minutes <= 59;
}

bool iso_parse(const char *text, int64_t *us_out)
{
    struct tm utc;
    int64_t fraction = 0;
    int offset = 0;
    const char *at = text;
    if (!take_date(&at, &utc))
        return false;
    if ((take_char(&at, 'T') || take_char(&at, ' ')) && !take_time(&at, &utc, &fraction))
        return false;
    if (!take_offset(&at, &offset) || *at != '\0')
        return false;
    time_t seconds = timegm(&utc);
    int64_t us = ((int64_t)seconds - offset) * 1000000 + fraction;
    if (us < ISO_US_MIN || us > ISO_US_MAX)
        return false;
    *us_out = us;
    return true;
}

char *iso_format(int64_t us, char *text)
{
    time_t seconds = (time_t)(us / 1000000);
    int64_t fraction = us % 1000000;
    struct tm utc;
    if (fraction < 0) {
        fraction += 1000000;
        seconds--;
    }
    if (gmtime_r(&seconds, &utc) == NULL)
        utc = (struct tm){.tm_year = 70, .tm_mday = 1};
    snprintf(text, ISO_TEXT_MAX, "%04u-%02u-%02uT%02u:%02u:%02u.%06u+00:00",
             (unsigned)(utc.tm_year + 1900) % 10000u, (unsigned)(utc.tm_mon + 1) % 100u,
             (unsigned)utc.tm_mday % 100u, (unsigned)utc.tm_hour % 100u, (unsigned)utc.tm_min % 100u,
             (unsigned)utc.tm_sec % 100u, (unsigned)fraction % 1000000u);
    return text;
}
