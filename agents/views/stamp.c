#include "agents/views/stamp.h"

#include <stdio.h>
#include <time.h>

char *stamp_format(int64_t unix_ms, char *text)
{
    time_t seconds = (time_t)(unix_ms / 1000);
    struct tm utc;
    char date[24];
    if (gmtime_r(&seconds, &utc) == NULL || strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &utc) == 0)
        *date = '\0';
    snprintf(text, STAMP_TEXT_MAX, "%s.%03dZ", date, (int)(unix_ms % 1000));
    return text;
}
