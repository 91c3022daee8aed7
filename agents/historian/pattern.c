#include "agents/historian/pattern.h"

#include <ctype.h>
#include <string.h>

static char folded(char c)
{
    return (char)tolower((unsigned char)c);
}

enum status pattern_parse(const char *text, struct bb_reason *reason, struct pattern *out)
{
    struct pattern p = {.count = 0};
    if (strlen(text) > PATTERN_MAX) {
        bb_reason_say(reason, "a pattern has at most %d bytes", PATTERN_MAX);
        return BB_MALFORMED;
    }
    if (*text == '^') {
        p.from_start = true;
        text++;
    }
    for (; *text != '\0'; text++) {
        if (*text == '$' && text[1] == '\0') {
            p.to_end = true;
        } else if (*text == '*' && p.count > 0) {
            p.steps[p.count - 1].many = true;
        } else if (strchr("()[]{}|+?*", *text) != NULL) {
            bb_reason_say(reason, "a pattern knows . * ^ $ and \\, but no \"%c\" at this place", *text);
            return BB_MALFORMED;
        } else {
            bool plain = *text == '\\' && text[1] != '\0';
            text += plain;
            p.steps[p.count].any = *text == '.' && !plain;
            p.steps[p.count++].c = folded(*text);
        }
    }
    *out = p;
    return BB_OK;
}

/* Where the pattern may stand: places[i] is true when its first i steps are done. What may be left out is
 * left out, too. */
static void spread(const struct pattern *p, bool *places)
{
    for (size_t i = 0; i < p->count; i++)
        if (places[i] && p->steps[i].many)
            places[i + 1] = true;
}

static void advance(const struct pattern *p, const bool *places, char c, bool *next)
{
    memset(next, 0, PATTERN_MAX + 1);
    for (size_t i = 0; i < p->count; i++)
        if (places[i] && (p->steps[i].any || p->steps[i].c == c)) {
            next[i + 1] = true;
            next[i] = next[i] || p->steps[i].many;
        }
}

bool pattern_matches(const struct pattern *p, const char *text)
{
    bool places[PATTERN_MAX + 1] = {true}, next[PATTERN_MAX + 1];
    spread(p, places);
    for (; *text != '\0'; text++) {
        if (places[p->count] && !p->to_end)
            return true;
        advance(p, places, folded(*text), next);
        memcpy(places, next, sizeof next);
        places[0] = places[0] || !p->from_start;
        spread(p, places);
    }
    return places[p->count];
}
