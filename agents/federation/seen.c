#include "agents/federation/seen.h"

#include <stdio.h>
#include <string.h>

static struct seen_platform *find(struct seen *seen, const char *platform)
{
    for (size_t i = 0; i < SEEN_PLATFORMS; i++)
        if (seen->platforms[i].used > 0 && strcmp(seen->platforms[i].name, platform) == 0)
            return &seen->platforms[i];
    return NULL;
}

/* A free place, or that of the platform that was quiet for longest. */
static struct seen_platform *make(struct seen *seen, const char *platform)
{
    struct seen_platform *place = &seen->platforms[0];
    for (size_t i = 1; i < SEEN_PLATFORMS; i++)
        if (seen->platforms[i].used < place->used)
            place = &seen->platforms[i];
    memset(place, 0, sizeof *place);
    snprintf(place->name, sizeof place->name, "%s", platform);
    return place;
}

static struct seen_window *window_of(struct seen_platform *p, uint64_t incarnation)
{
    for (size_t i = 0; i < 2; i++)
        if (p->windows[i].incarnation == incarnation)
            return &p->windows[i];
    return NULL;
}

/* The window of an incarnation, which may be new; NULL: it is older than the two that are kept. */
static struct seen_window *open_window(struct seen_platform *p, uint64_t incarnation)
{
    struct seen_window *known = window_of(p, incarnation);
    if (known != NULL)
        return known;
    struct seen_window *older = &p->windows[p->windows[0].incarnation > p->windows[1].incarnation];
    if (incarnation < older->incarnation)
        return NULL;
    memset(older, 0, sizeof *older);
    older->incarnation = incarnation;
    return older;
}

static bool is_set(const struct seen_window *w, uint64_t number)
{
    return (w->bits[number % SEEN_WINDOW / 64] >> number % 64 & 1) != 0;
}

static void put(struct seen_window *w, uint64_t number, bool value)
{
    uint64_t bit = (uint64_t)1 << number % 64;
    uint64_t *word = &w->bits[number % SEEN_WINDOW / 64];
    *word = value ? *word | bit : *word & ~bit;
}

/* Moves the window so that `number` is its newest; the numbers that it passes over have not been seen. */
static void advance(struct seen_window *w, uint64_t number)
{
    if (number - w->newest >= SEEN_WINDOW)
        memset(w->bits, 0, sizeof w->bits);
    else
        for (uint64_t at = w->newest + 1; at <= number; at++)
            put(w, at, false);
    w->newest = number;
}

enum seen_verdict seen_take(struct seen *seen, const char *platform, uint64_t incarnation, uint64_t number)
{
    struct seen_platform *p = find(seen, platform);
    if (p == NULL)
        p = make(seen, platform);
    p->used = ++seen->used;
    struct seen_window *w = open_window(p, incarnation);
    if (w == NULL || (w->newest >= SEEN_WINDOW && number <= w->newest - SEEN_WINDOW))
        return SEEN_LATE;
    if (number > w->newest)
        advance(w, number);
    else if (is_set(w, number))
        return SEEN_AGAIN;
    put(w, number, true);
    return SEEN_NEW;
}
