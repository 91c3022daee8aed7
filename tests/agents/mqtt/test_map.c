/* Maps: their lines, which one a topic takes, what it becomes, and the subscriptions that they need. */
#include "agents/mqtt/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

static struct map parse(enum map_way way, const char *line)
{
    struct map map;
    struct bb_reason reason = {""};
    if (map_parse(way, line, &reason, &map) != BB_OK)
        fail_msg("%s", reason.text);
    return map;
}

static void test_lines(void **state)
{
    (void)state;
    static const struct {
        enum map_way way;
        const char *line, *as;
    } lines[] = {
        {MAP_TO_MQTT, "Data/ => home/grid/", "Data/ => home/grid/ qos0 message"},
        {MAP_TO_MQTT, "  Data/\t=>  home/ retain   qos1 envelope ", "Data/ => home/ qos1 envelope retain"},
        {MAP_TO_MQTT, "=>", "=> qos0 message"},
        {MAP_TO_MQTT, "=> bus/", "=> bus/ qos0 message"},
        {MAP_TO_MQTT, "Data/ => qos1", "Data/ => qos1 message"},
        {MAP_TO_MQTT, "a => b exact plain", "a => b qos0 plain exact"},
        {MAP_TO_BUS, "home/ => devices/home/ fresh", "home/ => devices/home/ qos0 message fresh"},
        {MAP_TO_BUS, "$SYS/ => mqtt/", "$SYS/ => mqtt/ qos0 message"},
        {MAP_TO_BUS, "=> mqtt/", "=> mqtt/ qos0 message"},
        {MAP_TO_BUS, "z\xc3\xa4hler => z exact", "z\xc3\xa4hler => z qos0 message exact"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        char text[MAP_TEXT_MAX];
        struct map map = parse(lines[i].way, lines[i].line), again;
        map_format(&map, text);
        assert_string_equal(text, lines[i].as);
        again = parse(lines[i].way, text);
        assert_memory_equal(&map, &again, sizeof map);
    }
}

static void test_lines_refused(void **state)
{
    (void)state;
    static const struct {
        enum map_way way;
        const char *line, *why;
    } lines[] = {
        {MAP_TO_MQTT, "", "FROM => TO"},
        {MAP_TO_MQTT, "Data/", "FROM => TO"},
        {MAP_TO_MQTT, "Data/ home/ => x", "one beginning"},
        {MAP_TO_MQTT, "Data/ => home/ qos2", "one beginning"},
        {MAP_TO_MQTT, "Data/ => home/ fresh", "one beginning"},
        {MAP_TO_MQTT, "Data/ => home/+/", "+ and #"},
        {MAP_TO_MQTT, "Data/ => home/#", "+ and #"},
        {MAP_TO_MQTT, "Data/ => $share/g/x", "belong to the broker"},
        {MAP_TO_MQTT, "Data/ => x\x01y", "UTF-8"},
        {MAP_TO_MQTT, "Data/ => x\xff", "UTF-8"},
        {MAP_TO_MQTT, "=> b exact", "both sides"},
        {MAP_TO_BUS, "home => x", "ends with /"},
        {MAP_TO_BUS, "$share/g/home/ => x", "belong to the broker"},
        {MAP_TO_BUS, "home/+/ => x", "+ and #"},
        {MAP_TO_BUS, "home/ => x retain", "one beginning"},
        {MAP_TO_BUS, "home/ => x plain", "one beginning"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct map map = {.qos = 77};
        struct bb_reason reason = {""};
        assert_int_not_equal(map_parse(lines[i].way, lines[i].line, &reason, &map), BB_OK);
        assert_int_equal(map.qos, 77);
        if (strstr(reason.text, lines[i].why) == NULL || strstr(reason.text, lines[i].line) == NULL)
            fail_msg("%s: %s", lines[i].line, reason.text);
    }
    char longest[2 * MAP_PREFIX_MAX];
    struct map map;
    memset(longest, 'x', sizeof longest);
    memcpy(longest + MAP_PREFIX_MAX + 1, " => y", 6);
    assert_int_equal(map_parse(MAP_TO_MQTT, longest, NULL, &map), BB_RANGE);
    memcpy(longest + MAP_PREFIX_MAX, " => y", 6);
    assert_int_equal(map_parse(MAP_TO_MQTT, longest, NULL, &map), BB_OK);
}

static void test_longest_wins(void **state)
{
    (void)state;
    struct map maps[] = {parse(MAP_TO_MQTT, "Data/ => all/"), parse(MAP_TO_MQTT, "Data/dg/ => dg/"),
                         parse(MAP_TO_MQTT, "Data/dg/1 => one exact")};
    assert_ptr_equal(map_find(maps, 3, bytes_of("Data/x")), &maps[0]);
    assert_ptr_equal(map_find(maps, 3, bytes_of("Data/dg/2")), &maps[1]);
    assert_ptr_equal(map_find(maps, 3, bytes_of("Data/dg/1")), &maps[2]);
    assert_ptr_equal(map_find(maps, 3, bytes_of("Data/dg/12")), &maps[1]);
    assert_null(map_find(maps, 3, bytes_of("Dat")));
    assert_true(map_listens(maps, 3, 0));
    assert_false(map_listens(maps, 3, 1));
    assert_false(map_listens(maps, 3, 2));
    struct map system = parse(MAP_TO_BUS, "=> mqtt/");
    assert_null(map_find(&system, 1, bytes_of("$SYS/broker/uptime")));
}

static void test_translate(void **state)
{
    (void)state;
    char topic[TOPIC_MAX + 1] = "untouched", longest[TOPIC_MAX + 2];
    struct map map = parse(MAP_TO_MQTT, "Data/ => h/g/"), bare = parse(MAP_TO_MQTT, "Data/ =>");
    assert_int_equal(map_translate(&map, bytes_of("Data/dg/1"), topic), TOPIC_FINE);
    assert_string_equal(topic, "h/g/dg/1");
    assert_int_equal(map_translate(&map, bytes_of("Data/a+b"), topic), TOPIC_WILDCARD);
    assert_int_equal(map_translate(&map, bytes_of("Data/#"), topic), TOPIC_WILDCARD);
    assert_int_equal(map_translate(&map, bytes_of("Data/\xe9"), topic), TOPIC_LETTERS);
    assert_int_equal(map_translate(&bare, bytes_of("Data/"), topic), TOPIC_EMPTY);
    assert_int_equal(map_translate(&bare, bytes_of("Data/$SYS/x"), topic), TOPIC_RESERVED);
    assert_string_equal(topic, "h/g/dg/1");
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "Data/", 5);
    assert_int_equal(map_translate(&bare, (struct bytes){(uint8_t *)longest, TOPIC_MAX}, topic), TOPIC_FINE);
    assert_int_equal(map_translate(&map, (struct bytes){(uint8_t *)longest, TOPIC_MAX - 1}, topic),
                     TOPIC_FINE);
    assert_int_equal(map_translate(&map, (struct bytes){(uint8_t *)longest, TOPIC_MAX}, topic), TOPIC_FINE);
    assert_int_equal(map_translate(&map, (struct bytes){(uint8_t *)longest, TOPIC_MAX + 1}, topic),
                     TOPIC_LONG);
    struct map in = parse(MAP_TO_BUS, "h/ => devices/");
    assert_int_equal(map_translate(&in, bytes_of("h/a#b"), topic), TOPIC_FINE);
    assert_string_equal(topic, "devices/a#b");
}

static void test_subscriptions(void **state)
{
    (void)state;
    uint8_t qos = 9;
    char filter[MAP_PREFIX_MAX + 2];
    struct map maps[] = {parse(MAP_TO_BUS, "a/b/ => x/ qos1"), parse(MAP_TO_BUS, "a/ => y/"),
                         parse(MAP_TO_BUS, "a => z exact"), parse(MAP_TO_BUS, "c => z exact qos1")};
    assert_false(map_subscribes(maps, 4, 0, &qos));
    assert_true(map_subscribes(maps, 4, 1, &qos));
    assert_int_equal(qos, 1);
    assert_false(map_subscribes(maps, 4, 2, &qos));
    assert_true(map_subscribes(maps, 4, 3, &qos));
    map_filter(&maps[1], filter);
    assert_string_equal(filter, "a/#");
    map_filter(&maps[3], filter);
    assert_string_equal(filter, "c");
}

static void test_circles(void **state)
{
    (void)state;
    static const struct {
        const char *out, *in;
        bool meet;
    } pairs[] = {
        {"Data/ => home/", "home/ => Data/", true},
        {"Data/ => home/x/", "home/ => y/", true},
        {"Data/ => home/", "home/x/ => y/", true},
        {"Data/ => home/", "other/ => Data/", false},
        {"Data/ => h", "home/ => y/", true},
        {"Data/ =>", "home/ => y/", true},
        {"Data => home exact", "home/ => y/", false},
        {"Data => home/x exact", "home/ => y/", true},
        {"Data/ => home/x", "home => y exact", false},
        {"Data/ => home/", "home/x => y exact", true},
        {"Data => home exact", "home => y exact", true},
        {"Data => home exact", "=> y/", true},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        struct map out = parse(MAP_TO_MQTT, pairs[i].out), in = parse(MAP_TO_BUS, pairs[i].in);
        if (map_meet(&out, &in) != pairs[i].meet)
            fail_msg("%s, %s", pairs[i].out, pairs[i].in);
    }
}

/* A small world: prefixes of a and /, against what MQTT and the bus define. */
static const char *const words[] = {"a", "a/", "a/a", "a/a/", "aa", "aa/", "a//", "/", "/a", "/a/"};
#define WORDS (sizeof words / sizeof *words)

static bool filter_brings(const struct map *map, const char *topic)
{
    size_t size = map->from_size;
    if (map->exact)
        return strcmp(map->from, topic) == 0;
    return strncmp(map->from, topic, size) == 0 ||
           (size > 0 && strlen(topic) == size - 1 && strncmp(map->from, topic, size - 1) == 0);
}

static void test_each_topic_comes_once(void **state)
{
    (void)state;
    struct map all[2 * WORDS];
    size_t count = 0;
    char line[64];
    for (size_t i = 0; i < WORDS; i++) {
        snprintf(line, sizeof line, "%s => x exact", words[i]);
        all[count++] = parse(MAP_TO_BUS, line);
        snprintf(line, sizeof line, "%s => x/", words[i]);
        if (words[i][strlen(words[i]) - 1] == '/')
            all[count++] = parse(MAP_TO_BUS, line);
    }
    for (size_t a = 0; a < count; a++)
        for (size_t b = 0; b < count; b++)
            for (size_t c = 0; c < count; c++) {
                struct map maps[] = {all[a], all[b], all[c]};
                if (a == b || b == c || a == c)
                    continue;
                for (size_t t = 0; t < WORDS; t++) {
                    size_t times = 0, wanted = map_find(maps, 3, bytes_of(words[t])) != NULL;
                    uint8_t qos;
                    for (size_t i = 0; i < 3; i++)
                        times += map_subscribes(maps, 3, i, &qos) && filter_brings(&maps[i], words[t]);
                    if (times < wanted || (times > 1 && wanted))
                        fail_msg("%s comes %zu times for %s, %s, %s", words[t], times, maps[0].from,
                                 maps[1].from, maps[2].from);
                }
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_lines_refused),
        cmocka_unit_test(test_longest_wins),
        cmocka_unit_test(test_translate),
        cmocka_unit_test(test_subscriptions),
        cmocka_unit_test(test_circles),
        cmocka_unit_test(test_each_topic_comes_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
