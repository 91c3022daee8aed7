/* Whatever is published, stored in a cache, or asked: a topic, headers and a message with NUL between them.
 * What becomes a reading is within its bounds and comes back out of a batch; the same bytes as a batch, a
 * pattern, a time and a question are read or refused. */
#include "agents/historian/batch.h"
#include "agents/historian/iso.h"
#include "agents/historian/line.h"
#include "agents/historian/pattern.h"
#include "agents/historian/question.h"

#include <busbar/check.h>
#include <math.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The bytes before the next NUL, as text; the rest stays in *from. */
static char *take_text(struct bytes *from)
{
    const uint8_t *end = from->size > 0 ? memchr(from->data, '\0', from->size) : NULL;
    size_t size = end == NULL ? from->size : (size_t)(end - from->data);
    char *text = malloc(size + 1);
    CHECK(text != NULL);
    if (size > 0)
        memcpy(text, from->data, size);
    text[size] = '\0';
    from->size -= end == NULL ? size : size + 1;
    from->data += end == NULL ? size : size + 1;
    return text;
}

static bool is_text(struct bytes bytes)
{
    json_t *text = json_stringn((const char *)bytes.data, bytes.size);
    json_decref(text);
    return text != NULL && memchr(bytes.data, '\0', bytes.size) == NULL;
}

struct world {
    struct batch batch;
    FILE *lines;
    uint32_t readings;
};

static void on_reading(void *context, const struct reading *r)
{
    struct world *w = context;
    CHECK(r->series.size > 0 && r->series.size <= READING_SERIES_MAX && is_text(r->series));
    CHECK(r->meta.size <= READING_META_MAX && isfinite(r->value.real));
    CHECK(r->value.text.size <= READING_RECORD_MAX);
    CHECK(r->value.text.size == 0 || is_text(r->value.text));
    CHECK(r->time_us >= ISO_US_MIN && r->time_us <= ISO_US_MAX);
    CHECK(batch_add(&w->batch, r) == BB_OK || w->batch.series == BATCH_SERIES_MAX);
    line_write(w->lines, r->series, r->time_us, &r->value);
    w->readings++;
}

/* Reads a batch to its end; the readings in it. */
static uint32_t read_batch(struct bytes bytes, enum status *status_out)
{
    struct batch_reader reader;
    struct batch_entry entry;
    uint32_t readings = 0;
    *status_out = batch_open(bytes, &reader);
    while (*status_out == BB_OK && (*status_out = batch_next(&reader, &entry)) == BB_OK)
        readings += !entry.is_series;
    return readings;
}

static void try_message(const struct reading_source *source)
{
    struct world w = {.readings = 0};
    char *lines = NULL;
    size_t size;
    uint32_t readings;
    enum status status;
    batch_init(&w.batch);
    w.lines = open_memstream(&lines, &size);
    CHECK(w.lines != NULL);
    struct reading_outcome outcome = reading_extract(source, on_reading, &w);
    CHECK(outcome.readings == w.readings && (outcome.fault == NULL || w.readings == 0));
    CHECK(fclose(w.lines) == 0);
    free(lines);
    uint8_t *data = batch_take(&w.batch, &size, &readings);
    if (size > 0)
        CHECK(read_batch((struct bytes){data, size}, &status) == readings && status == BB_NOT_FOUND);
    free(data);
    batch_free(&w.batch);
}

static void try_question(const char *text)
{
    struct bb_reason reason;
    struct question question;
    struct pattern pattern;
    int64_t us;
    char time[ISO_TEXT_MAX];
    if (iso_parse(text, &us)) {
        int64_t again = -1;
        CHECK(iso_parse(iso_format(us, time), &again) && us == again);
    }
    if (pattern_parse(text, &reason, &pattern) == BB_OK)
        (void)pattern_matches(&pattern, text);
    if (question_parse(text, &reason, &question) == BB_OK)
        json_decref(question.params);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes left = {data, size};
    enum status status;
    (void)read_batch(left, &status);
    char *topic = take_text(&left), *headers = take_text(&left), *message = take_text(&left);
    try_message(&(struct reading_source){topic, headers, message, 1});
    try_question(topic);
    try_question(message);
    free(topic);
    free(headers);
    free(message);
    return 0;
}
