/* Recorded runs as JSON. */
#include "agents/web/api/film.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static struct runs runs;

static void say(const char *name, int64_t exchange, int64_t lambda, int64_t now)
{
    const struct runs_board board = {.name = name,
                                     .consumer = name[0] == 'L',
                                     .online = true,
                                     .lambda = lambda,
                                     .mismatch = -lambda / 2,
                                     .power = 3000000,
                                     .exchange = exchange,
                                     .incarnation = 1};
    (void)runs_take(&runs, &board, now);
}

static int record(void **state)
{
    (void)state;
    memset(&runs, 0, sizeof runs);
    say("L1", 1, 7371025, 1000);
    say("D\"G\\1", 1, 60, 1001);
    say("L1", 2, 8, 1150);
    return 0;
}

/* Takes a text and gives what it says; every text is JSON. */
static json_t *parsed(char *text)
{
    json_t *value = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(value);
    free(text);
    return value;
}

static const json_t *frame(const json_t *document, size_t i)
{
    return json_array_get(json_object_get(document, "frames"), i);
}

static double number(const json_t *object, const char *member)
{
    const json_t *value = json_object_get(object, member);
    assert_true(json_is_number(value));
    return json_number_value(value);
}

static void test_whole(void **state)
{
    (void)state;
    json_t *whole = parsed(film_whole(&runs, runs_find(&runs, 1)));
    assert_int_equal(json_integer_value(json_object_get(whole, "version")), 1);
    assert_int_equal(json_integer_value(json_object_get(whole, "started_ms")), 1000);
    assert_true(json_is_null(json_object_get(whole, "ended_ms")));
    assert_int_equal(json_array_size(json_object_get(whole, "boards")), 2);
    assert_int_equal(json_array_size(json_object_get(whole, "frames")), 3);
    assert_float_equal(number(frame(whole, 0), "lambda"), 7.371025, 0);
    assert_float_equal(number(frame(whole, 0), "mismatch_kw"), -3.685512, 0);
    assert_float_equal(number(frame(whole, 1), "lambda"), 0.00006, 0);
    assert_float_equal(number(frame(whole, 2), "lambda"), 0.000008, 0);
    assert_float_equal(number(frame(whole, 2), "kw"), 3, 0);
    assert_int_equal(number(frame(whole, 2), "t_ms"), 150);
    assert_int_equal(number(frame(whole, 2), "k"), 1);
    assert_string_equal(json_string_value(json_object_get(frame(whole, 1), "board")), "D\"G\\1");
    json_decref(whole);
}

static void test_piece(void **state)
{
    (void)state;
    const struct run *run = runs_find(&runs, 1);
    json_t *piece = parsed(film_piece(&runs, run, 1, 3));
    assert_int_equal(number(piece, "from"), 1);
    assert_int_equal(json_array_size(json_object_get(piece, "frames")), 2);
    json_decref(piece);
    piece = parsed(film_piece(&runs, run, 3, 3));
    assert_int_equal(json_array_size(json_object_get(piece, "frames")), 0);
    json_decref(piece);
}

static void test_list(void **state)
{
    (void)state;
    (void)runs_tick(&runs, 1150 + RUNS_SILENCE_MS);
    say("L1", 3, 9, 90000);
    json_t *list = parsed(film_list(&runs));
    assert_int_equal(json_array_size(list), 2);
    assert_int_equal(number(json_array_get(list, 0), "id"), 2);
    assert_int_equal(number(json_array_get(list, 1), "frames"), 3);
    assert_int_equal(number(json_array_get(list, 1), "ended_ms"), 1150 + RUNS_SILENCE_MS);
    json_decref(list);
    list = parsed(film_summary(&runs, runs_live(&runs)));
    assert_int_equal(number(list, "frames"), 2);
    json_decref(list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup(test_whole, record),
                                       cmocka_unit_test_setup(test_piece, record),
                                       cmocka_unit_test_setup(test_list, record)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
