/* Batches: what goes in comes out; damaged bytes are refused, never followed. */
#include "agents/historian/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROUNDS 300

static uint64_t seed;

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

struct model {
    char name[24], meta[24], text[16];
    struct reading reading;
};

static void make(struct model *m)
{
    snprintf(m->name, sizeof m->name, "series/%u", draw(40));
    m->meta[0] = '\0';
    if (draw(3) == 0)
        snprintf(m->meta, sizeof m->meta, "{\"u\":%u}", draw(3));
    snprintf(m->text, sizeof m->text, "%u", draw(1000));
    m->reading = (struct reading){.series = bytes_of(m->name),
                                  .meta = bytes_of(m->meta),
                                  .time_us = draw(1000000),
                                  .value = {.kind = (enum value_kind)draw(4)}};
    if (m->reading.value.kind == VALUE_INTEGER)
        m->reading.value.integer = (int64_t)draw(1000) - 500;
    else if (m->reading.value.kind == VALUE_REAL)
        m->reading.value.real = draw(1000) / 7.0;
    else if (m->reading.value.kind == VALUE_BOOLEAN)
        m->reading.value.integer = draw(2);
    else
        m->reading.value.text = bytes_of(m->text);
}

static bool same_value(const struct value *a, const struct value *b)
{
    return a->kind == b->kind && a->integer == b->integer && !(a->real < b->real) && !(a->real > b->real) &&
           bytes_equal(a->text, b->text);
}

/* Reads the bytes back and compares with the models; how many series stood there. */
static uint32_t compare(struct bytes bytes, const struct model *models, size_t count)
{
    struct batch_reader reader;
    struct batch_entry entry;
    struct bytes names[2000], metas[2000];
    uint32_t series = 0;
    size_t at = 0;
    assert_int_equal(batch_open(bytes, &reader), BB_OK);
    while (batch_next(&reader, &entry) == BB_OK) {
        if (entry.is_series) {
            names[series] = entry.name;
            metas[series++] = entry.meta;
            continue;
        }
        const struct reading *wanted = &models[at++].reading;
        assert_true(entry.series < series && bytes_equal(names[entry.series], wanted->series));
        assert_true(wanted->meta.size == 0 || bytes_equal(metas[entry.series], wanted->meta));
        assert_int_equal(entry.time_us, wanted->time_us);
        assert_true(same_value(&entry.value, &wanted->value));
    }
    assert_int_equal(at, count);
    return series;
}

static void test_round_trip(void **state)
{
    static struct model models[1000];
    struct batch batch;
    (void)state;
    batch_init(&batch);
    for (int round = 0; round < ROUNDS / 10; round++) {
        size_t count = 1 + draw(1000), size;
        uint32_t readings;
        for (size_t i = 0; i < count; i++) {
            make(&models[i]);
            assert_int_equal(batch_add(&batch, &models[i].reading), BB_OK);
        }
        uint8_t *data = batch_take(&batch, &size, &readings);
        assert_int_equal(readings, count);
        compare((struct bytes){data, size}, models, count);
        free(data);
    }
    batch_free(&batch);
}

static void test_damage(void **state)
{
    struct model model;
    struct batch batch;
    struct batch_reader reader;
    struct batch_entry entry;
    size_t size;
    uint32_t readings;
    (void)state;
    batch_init(&batch);
    for (int i = 0; i < 30; i++) {
        make(&model);
        assert_int_equal(batch_add(&batch, &model.reading), BB_OK);
    }
    uint8_t *data = batch_take(&batch, &size, &readings);
    batch_free(&batch);
    assert_int_equal(batch_open((struct bytes){data, 3}, &reader), BB_MALFORMED);
    for (int round = 0; round < ROUNDS * 20; round++) {
        uint8_t *copy = malloc(size);
        memcpy(copy, data, size);
        for (unsigned i = draw(4); i < 4; i++)
            copy[draw((unsigned)size)] = (uint8_t)draw(256);
        enum status status = batch_open((struct bytes){copy, 1 + draw((unsigned)size)}, &reader);
        while (status == BB_OK)
            status = batch_next(&reader, &entry);
        assert_true(status == BB_MALFORMED || status == BB_NOT_FOUND);
        free(copy);
    }
    free(data);
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_damage)};
    seed = given != NULL ? strtoull(given, NULL, 10) : 20261128;
    print_message("seed %llu\n", (unsigned long long)seed);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
