/* Output as lines, and logs on the disk. */
#include "agents/host/allowance.h"
#include "agents/host/line.h"
#include "agents/host/logfile.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct heard {
    char text[65536];
    size_t size, lines, longest;
};

static void on_line(void *context, const char *text, size_t size)
{
    struct heard *heard = context;
    assert_int_equal(strlen(text), size);
    assert_true(heard->size + size + 2 < sizeof heard->text);
    memcpy(heard->text + heard->size, text, size);
    heard->size += size;
    heard->text[heard->size++] = '|';
    heard->text[heard->size] = '\0';
    heard->lines++;
    heard->longest = size > heard->longest ? size : heard->longest;
}

static void give(struct line *line, const char *text, struct heard *heard)
{
    line_take(line, bytes_of(text), on_line, heard);
}

static void test_lines(void **state)
{
    static struct heard heard;
    static struct line line;
    (void)state;
    give(&line, "one\ntw", &heard);
    give(&line, "o\r\n\nthree", &heard);
    assert_string_equal(heard.text, "one|two||");
    line_end(&line, on_line, &heard);
    line_end(&line, on_line, &heard);
    assert_string_equal(heard.text, "one|two||three|");
}

static void test_what_is_no_text(void **state)
{
    static struct heard heard;
    static struct line line;
    (void)state;
    give(&line, "a\x01 \xff \xc3\xa4 \xed\xa0\x80\tz\n", &heard);
    assert_string_equal(heard.text,
                        "a\xef\xbf\xbd \xef\xbf\xbd \xc3\xa4 \xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\tz|");
    line_take(&line, (struct bytes){(const uint8_t *)"x\0y\n", 4}, on_line, &heard);
    assert_non_null(strstr(heard.text, "x\xef\xbf\xbdy|"));
}

/* Long lines are cut, between characters; nothing is lost and nothing is added. */
static void test_long_lines(void **state)
{
    static struct heard heard;
    static struct line line;
    (void)state;
    give(&line, "-", &heard);
    for (int i = 0; i < 5000; i++)
        give(&line, "\xe2\x82\xac", &heard);
    give(&line, "\n", &heard);
    assert_int_equal(heard.lines, (1 + 3 * 5000 + LINE_MAX_BYTES - 1) / LINE_MAX_BYTES);
    assert_true(heard.longest <= LINE_MAX_BYTES);
    assert_null(strstr(heard.text, "\xef\xbf\xbd"));
    assert_int_equal(heard.size, 1 + 3 * 5000 + heard.lines);
    memset(&heard, 0, sizeof heard);
    for (int i = 0; i < LINE_MAX_BYTES; i++)
        give(&line, "x", &heard);
    give(&line, "\nnext\n", &heard);
    assert_int_equal(heard.lines, 2); /* no empty line behind one that was exactly full */
}

static void test_allowance(void **state)
{
    struct allowance allowance;
    (void)state;
    allowance_init(&allowance, 10, 5, 1000);
    for (int i = 0; i < 5; i++)
        assert_true(allowance_take(&allowance, 1, 1000));
    assert_false(allowance_take(&allowance, 1, 1000));
    assert_true(allowance_take(&allowance, 1, 1100));
    assert_false(allowance_take(&allowance, 1, 1100));
    assert_int_equal(allowance.refused, 2);
    assert_true(allowance_take(&allowance, 5, 100000));
    assert_false(allowance_take(&allowance, 1, 100000));
}

static char folder[] = "/tmp/busbar-log.XXXXXX";

static void open_log(struct logfile *log)
{
    char path[64], old[64];
    snprintf(path, sizeof path, "%s/log", folder);
    snprintf(old, sizeof old, "%s/log.1", folder);
    logfile_init(log, path, old);
}

static int64_t number_of(const json_t *page, size_t at)
{
    return json_integer_value(json_object_get(json_array_get(json_object_get(page, "lines"), at), "n"));
}

static void test_pages(void **state)
{
    static struct logfile log;
    (void)state;
    open_log(&log);
    for (int i = 0; i < 50; i++)
        assert_int_equal(logfile_append(&log, 1000 + i, i % 2, "text of a line", 14), i + 1);
    json_t *page = logfile_page(&log, 0, 20);
    assert_int_equal(json_array_size(json_object_get(page, "lines")), 20);
    assert_int_equal(number_of(page, 0), 1);
    assert_int_equal(json_integer_value(json_object_get(page, "next")), 20);
    json_decref(page);
    page = logfile_page(&log, 45, 1000);
    assert_int_equal(number_of(page, 0), 46);
    assert_int_equal(json_array_size(json_object_get(page, "lines")), 5);
    char *text = json_dumps(json_array_get(json_object_get(page, "lines"), 0), JSON_COMPACT);
    assert_string_equal(text, "{\"n\":46,\"time_ms\":1045,\"stream\":\"err\",\"text\":\"text of a line\"}");
    free(text);
    json_decref(page);
    page = logfile_page(&log, -1, 3);
    assert_int_equal(number_of(page, 0), 48);
    json_decref(page);
    page = logfile_page(&log, 50, 3);
    assert_int_equal(json_integer_value(json_object_get(page, "next")), 50);
    json_decref(page);
    logfile_close(&log);
    open_log(&log); /* numbers go on */
    assert_int_equal(logfile_append(&log, 0, false, "", 0), 51);
    logfile_close(&log);
}

/* Three files' worth: two are kept, none larger than it may be, and numbers go on. */
static void test_turns_over(void **state)
{
    static struct logfile log;
    struct stat about;
    char text[1000];
    (void)state;
    memset(text, 'x', sizeof text);
    open_log(&log);
    for (int i = 0; i < 3 * LOGFILE_TURN / 1000; i++)
        (void)logfile_append(&log, 1, false, text, sizeof text);
    uint64_t next = log.next;
    logfile_close(&log);
    assert_int_equal(stat(log.path, &about), 0);
    assert_true(about.st_size > 0 && about.st_size <= LOGFILE_TURN);
    assert_int_equal(stat(log.old, &about), 0);
    assert_true(about.st_size > LOGFILE_TURN / 2 && about.st_size <= LOGFILE_TURN);
    open_log(&log);
    assert_int_equal(log.next, next);
    int64_t after = 0, seen = 0;
    for (;;) {
        json_t *page = logfile_page(&log, after, LOGFILE_PAGE_MAX);
        size_t count = json_array_size(json_object_get(page, "lines"));
        for (size_t i = 0; i < count; i++) {
            if (seen != 0)
                assert_int_equal(number_of(page, i), seen + 1);
            seen = number_of(page, i);
        }
        after = json_integer_value(json_object_get(page, "next"));
        json_decref(page);
        if (count == 0)
            break;
    }
    assert_int_equal(seen, next - 1);
}

static void test_foreign_bytes_in_a_log(void **state)
{
    static struct logfile log;
    (void)state;
    open_log(&log);
    unlink(log.old);
    FILE *file = fopen(log.path, "w");
    assert_non_null(file);
    fputs("nonsense\n\n7\n7 8\n7 8 x y\n9 10 o good\n99999999999999999999 1 o \n12 13 e torn", file);
    fclose(file);
    json_t *page = logfile_page(&log, 0, 10);
    assert_int_equal(number_of(page, 0), 9);
    json_decref(page);
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) == NULL;
}

static int remove_folder(void **state)
{
    char path[64];
    (void)state;
    snprintf(path, sizeof path, "%s/log", folder);
    unlink(path);
    snprintf(path, sizeof path, "%s/log.1", folder);
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_what_is_no_text),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_allowance),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_turns_over),
        cmocka_unit_test(test_foreign_bytes_in_a_log),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
