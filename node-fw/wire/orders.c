#include "node-fw/wire/orders.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WORDS_MAX 8

const char orders_help[] =
    "Commands on standard input, each answered with `ok` or `error ...`; A and B are ends:\n"
    "  unplug A [N]          A hangs up and its link goes; with N, when N bytes of a frame have arrived at "
    "it\n"
    "  replug A [NAME]       a new pty and link, under another name if given\n"
    "  swap A B              A is now where B was, and B where A was: two cables exchanged\n"
    "  faults FLIP DROP [A]  other chances, parts per million of the bytes; of what arrives at A, or "
    "anywhere\n"
    "  bursts SHARE N [A]    SHARE parts per million of the frames are lost, in bursts of N on average\n"
    "  echo A on|off         what A says also comes back to it\n"
    "  dead A on|off         nothing arrives at A; what A says still goes out\n"
    "  babble A on|off       random bytes fill the idle time towards A\n"
    "  stall A on|off        nobody takes what A says, until its port is full\n"
    "  garbage A N           N random bytes arrive at A at once\n"
    "  counters A            what has come towards A, and what became of it\n"
    "  quit\n";

/* What a command's words were read as. */
struct given {
    size_t end[2]; /* ENDS_MAX: not given */
    uint32_t number[2];
    bool on;
    const char *name; /* NULL: not given */
    int64_t now_ns;
};

/* `takes`, a letter a word: e an end, n a number, s on or off; E, N and F may be left out; F is a new name.
 */
struct order {
    const char *word, *takes;
    uint32_t least[2], most[2];
    const char *(*obey)(struct harness *h, const struct given *g, char *figures, size_t size);
};

struct end *wire_end(struct harness *h, size_t i)
{
    return &h->cables[i / 2].ends[i % 2];
}

size_t wire_find(const struct harness *h, const char *name)
{
    for (size_t i = 0; i < 2 * h->count; i++)
        if (strcmp(h->cables[i / 2].ends[i % 2].name, name) == 0)
            return i;
    return ENDS_MAX;
}

/* -- what they do: NULL, or why it was not done -- */

#define OBEY(name)                                                                                           \
    static const char *obey_##name(struct harness *h, const struct given *g, char *figures, size_t size)
#define UNUSED_FIGURES (void)figures, (void)size

OBEY(unplug)
{
    UNUSED_FIGURES;
    if (wire_end(h, g->end[0])->master < 0)
        return "is not plugged";
    if (g->number[0] > 0)
        line_light(&wire_end(h, g->end[0])->line, g->number[0]);
    else
        cable_unplug(&h->cables[g->end[0] / 2], (int)(g->end[0] % 2));
    return NULL;
}

OBEY(replug)
{
    UNUSED_FIGURES;
    struct end *e = wire_end(h, g->end[0]);
    char before[END_NAME_MAX];
    if (e->master >= 0)
        return "is plugged already";
    snprintf(before, sizeof before, "%s", e->name);
    if (g->name != NULL)
        snprintf(e->name, sizeof e->name, "%s", g->name);
    if (cable_plug(e) == BB_OK)
        return NULL;
    snprintf(e->name, sizeof e->name, "%s", before);
    return "cannot be made";
}

OBEY(swap)
{
    UNUSED_FIGURES;
    size_t a = g->end[0], b = g->end[1];
    if (a / 2 == b / 2)
        return "needs ends of two cables";
    cable_swap(&h->cables[a / 2], (int)(a % 2), &h->cables[b / 2], (int)(b % 2));
    return NULL;
}

/* The ends that are meant: the one that is named, or all. */
static bool meant(const struct given *g, size_t i)
{
    return g->end[0] == ENDS_MAX || g->end[0] == i;
}

OBEY(faults)
{
    UNUSED_FIGURES;
    for (size_t i = 0; i < 2 * h->count; i++)
        if (meant(g, i))
            noise_faults(&wire_end(h, i)->line.noise, g->number[0], g->number[1]);
    return NULL;
}

OBEY(bursts)
{
    UNUSED_FIGURES;
    for (size_t i = 0; i < 2 * h->count; i++)
        if (meant(g, i))
            noise_bursts(&wire_end(h, i)->line.noise, g->number[0], g->number[1]);
    return NULL;
}

OBEY(echo)
{
    UNUSED_FIGURES;
    wire_end(h, g->end[0])->echo = g->on;
    return NULL;
}

OBEY(dead)
{
    UNUSED_FIGURES;
    wire_end(h, g->end[0])->line.dead = g->on;
    return NULL;
}

OBEY(babble)
{
    UNUSED_FIGURES;
    line_babble(&wire_end(h, g->end[0])->line, g->on, g->now_ns);
    return NULL;
}

OBEY(stall)
{
    UNUSED_FIGURES;
    wire_end(h, g->end[0])->stalled = g->on;
    return NULL;
}

OBEY(garbage)
{
    UNUSED_FIGURES;
    cable_garbage(wire_end(h, g->end[0]), g->number[0]);
    return NULL;
}

OBEY(counters)
{
    const struct end *e = wire_end(h, g->end[0]);
    const struct noise *n = &e->line.noise;
    snprintf(figures, size,
             " bytes=%" PRIu64 " flipped=%" PRIu64 " dropped=%" PRIu64 " frames=%" PRIu64 " eaten=%" PRIu64
             " arrived=%" PRIu64 " overrun=%" PRIu64,
             n->bytes, n->flipped, n->dropped, n->frames, n->eaten, e->arrived, e->overrun);
    return NULL;
}

OBEY(quit)
{
    UNUSED_FIGURES;
    (void)g;
    h->quit = true;
    return NULL;
}

static const struct order orders[] = {
    {"unplug", "eN", {1}, {240}, obey_unplug},
    {"replug", "eF", {0}, {0}, obey_replug},
    {"swap", "ee", {0}, {0}, obey_swap},
    {"faults", "nnE", {0, 0}, {1000000, 1000000}, obey_faults},
    {"bursts", "nnE", {0, 1}, {NOISE_SHARE_MAX, NOISE_FRAMES_MAX}, obey_bursts},
    {"echo", "es", {0}, {0}, obey_echo},
    {"dead", "es", {0}, {0}, obey_dead},
    {"babble", "es", {0}, {0}, obey_babble},
    {"stall", "es", {0}, {0}, obey_stall},
    {"garbage", "en", {0}, {10000000}, obey_garbage},
    {"counters", "e", {0}, {0}, obey_counters},
    {"quit", "", {0}, {0}, obey_quit},
};

/* -- reading the words: NULL, or what is wrong -- */

static const char *take_end(const struct harness *h, const char *word, size_t *end_out)
{
    size_t at = wire_find(h, word);
    if (at == ENDS_MAX)
        return "needs the name of an end";
    *end_out = at;
    return NULL;
}

static const char *take_number(const char *word, uint32_t least, uint32_t most, uint32_t *number_out)
{
    char *end;
    errno = 0;
    unsigned long value = strtoul(word, &end, 10);
    if (word[0] < '0' || word[0] > '9' || *end != '\0' || errno != 0)
        return "needs a number where none is";
    if (value < least || value > most)
        return "has a number out of its range";
    *number_out = (uint32_t)value;
    return NULL;
}

static const char *take_switch(const char *word, bool *on_out)
{
    *on_out = strcmp(word, "on") == 0;
    return *on_out || strcmp(word, "off") == 0 ? NULL : "needs on or off";
}

static const char *take_name(const struct harness *h, const char *word, const char **name_out)
{
    if (wire_find(h, word) != ENDS_MAX)
        return "needs a name that no end has";
    if (strlen(word) >= END_NAME_MAX)
        return "has a name that is too long";
    *name_out = word;
    return NULL;
}

static const char *take_words(const struct harness *h, const struct order *o, char *const *words,
                              size_t count, struct given *g)
{
    size_t ends = 0, numbers = 0, i = 0;
    const char *fault = NULL;
    for (const char *kind = o->takes; *kind != '\0' && fault == NULL; kind++, i++) {
        if (i == count)
            return strchr("ENF", *kind) != NULL ? NULL : "needs more words";
        if (*kind == 'e' || *kind == 'E')
            fault = take_end(h, words[i], &g->end[ends++]);
        else if (*kind == 's')
            fault = take_switch(words[i], &g->on);
        else if (*kind == 'F')
            fault = take_name(h, words[i], &g->name);
        else {
            fault = take_number(words[i], o->least[numbers], o->most[numbers], &g->number[numbers]);
            numbers++;
        }
    }
    return fault != NULL || i == count ? fault : "has too many words";
}

static const char *obey(struct harness *h, char *const *words, size_t count, int64_t now_ns, char *figures,
                        size_t size)
{
    for (size_t i = 0; i < sizeof orders / sizeof *orders; i++) {
        if (strcmp(orders[i].word, words[0]) != 0)
            continue;
        struct given g = {.end = {ENDS_MAX, ENDS_MAX}, .now_ns = now_ns};
        const char *fault = take_words(h, &orders[i], words + 1, count - 1, &g);
        return fault != NULL ? fault : orders[i].obey(h, &g, figures, size);
    }
    return "is no command: unplug, replug, swap, faults, bursts, echo, dead, babble, stall, garbage, "
           "counters, "
           "quit";
}

void orders_obey(struct harness *h, const char *line, int64_t now_ns, char answer_out[ANSWER_MAX])
{
    char copy[ORDER_MAX], figures[256] = "", *words[WORDS_MAX], *rest = copy;
    size_t count = 0;
    snprintf(copy, sizeof copy, "%s", line);
    for (char *word; count < WORDS_MAX && (word = strsep(&rest, " \t\r")) != NULL;)
        if (*word != '\0')
            words[count++] = word;
    answer_out[0] = '\0';
    if (count == 0)
        return;
    const char *fault = obey(h, words, count, now_ns, figures, sizeof figures);
    if (fault != NULL)
        snprintf(answer_out, ANSWER_MAX, "error %s: %s", line, fault);
    else
        snprintf(answer_out, ANSWER_MAX, "ok%s", figures);
}
