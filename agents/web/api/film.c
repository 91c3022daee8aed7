#include "agents/web/api/film.h"

#include "agents/views/views.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* A text that grows, and the names of the boards as JSON. */
struct film {
    FILE *to;
    char *text;
    size_t size;
    char *names[BB_BOARDS_MAX];
    size_t count;
};

static void start(struct film *film, const struct runs *runs)
{
    *film = (struct film){.count = runs->board_count};
    film->to = open_memstream(&film->text, &film->size);
    CHECK(film->to != NULL);
    for (size_t i = 0; i < film->count; i++) {
        json_t *name = json_string(runs->boards[i].name);
        film->names[i] = name == NULL ? NULL : json_dumps(name, JSON_ENCODE_ANY);
        json_decref(name);
    }
}

static char *finish(struct film *film)
{
    for (size_t i = 0; i < film->count; i++)
        free(film->names[i]);
    CHECK(fclose(film->to) == 0);
    return film->text;
}

static const char *name_of(const struct film *film, size_t board)
{
    return film->names[board] == NULL ? "\"?\"" : film->names[board];
}

/* Millionths as a decimal number, without zeros at its end. */
static void put_millionths(FILE *to, const char *member, int64_t value)
{
    int64_t whole = llabs(value) / 1000000, rest = llabs(value) % 1000000;
    int digits = 6;
    for (; rest != 0 && rest % 10 == 0; rest /= 10)
        digits--;
    fprintf(to, ",\"%s\":%s%" PRId64, member, value < 0 ? "-" : "", whole);
    if (rest != 0)
        fprintf(to, ".%0*" PRId64, digits, rest);
}

static void put_frames(struct film *film, const struct runs *runs, const struct run *run, uint32_t from,
                       uint32_t to)
{
    fputs("\"frames\":[", film->to);
    for (uint32_t i = from; i < to; i++) {
        const struct runs_frame *f = runs_frame(runs, run, i);
        fprintf(film->to, "%s{\"t_ms\":%" PRIu32 ",\"board\":%s,\"k\":%" PRIu32, i == from ? "" : ",",
                f->t_ms, name_of(film, f->board), f->k);
        put_millionths(film->to, "lambda", f->lambda);
        put_millionths(film->to, "setpoint_kw", f->setpoint);
        put_millionths(film->to, "kw", f->power);
        put_millionths(film->to, "mismatch_kw", f->mismatch);
        fprintf(film->to, ",\"certified\":%s,\"online\":%s}", f->certified ? "true" : "false",
                f->online ? "true" : "false");
    }
    fputc(']', film->to);
}

static void put_head(struct film *film, const struct runs *runs, const struct run *run)
{
    fprintf(film->to, "\"id\":%" PRIu32 ",\"started_ms\":%" PRId64 ",\"ended_ms\":", run->id,
            run->started_ms);
    if (run->ended_ms == 0)
        fputs("null", film->to);
    else
        fprintf(film->to, "%" PRId64, run->ended_ms);
    fprintf(film->to, ",\"full\":%s,\"boards\":[", run->full ? "true" : "false");
    for (size_t i = 0; i < film->count; i++)
        fprintf(film->to, "%s{\"name\":%s,\"kind\":\"%s\"}", i == 0 ? "" : ",", name_of(film, i),
                runs->boards[i].consumer ? "consumer" : "generator");
    fputs("],", film->to);
}

static void put_summary(struct film *film, const struct runs *runs, const struct run *run)
{
    fputc('{', film->to);
    put_head(film, runs, run);
    fprintf(film->to, "\"frames\":%" PRIu32 "}", run->frames);
}

char *film_summary(const struct runs *runs, const struct run *run)
{
    struct film film;
    start(&film, runs);
    put_summary(&film, runs, run);
    return finish(&film);
}

char *film_list(const struct runs *runs)
{
    struct film film;
    start(&film, runs);
    fputc('[', film.to);
    for (size_t i = runs->count; i > 0; i--) {
        put_summary(&film, runs, &runs->list[i - 1]);
        fputs(i > 1 ? "," : "", film.to);
    }
    fputc(']', film.to);
    return finish(&film);
}

char *film_whole(const struct runs *runs, const struct run *run)
{
    struct film film;
    start(&film, runs);
    fprintf(film.to, "{\"version\":%d,", VIEWS_VERSION);
    put_head(&film, runs, run);
    put_frames(&film, runs, run, 0, run->frames);
    fputc('}', film.to);
    return finish(&film);
}

char *film_piece(const struct runs *runs, const struct run *run, uint32_t from, uint32_t to)
{
    struct film film;
    start(&film, runs);
    fprintf(film.to, "{\"id\":%" PRIu32 ",\"from\":%" PRIu32 ",", run->id, from);
    put_frames(&film, runs, run, from, to);
    fputc('}', film.to);
    return finish(&film);
}
