#include "agents/uart/site.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define BOARD(id, name)                                                                                      \
    "{\"id\":" #id ",\"name\":\"" name                                                                       \
    "\",\"kind\":\"consumer\",\"agent\":\"consumer-agent\",\"topic\":\"Data/consumer/" name "\"}"

static char file[] = "/tmp/bb-site-XXXXXX";
static struct site site;

static enum status load(const char *text, struct bb_reason *reason)
{
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return site_load(file, &site, reason);
}

/* `count` boards b1 … bN with ids 1 … N. */
static enum status load_many(size_t count, const char *topology, struct bb_reason *reason)
{
    static char text[BB_BOARDS_MAX * 160 + 1000];
    size_t used = (size_t)snprintf(text, sizeof text, "{\"name\":\"t\",%s,\"boards\":[", topology);
    for (size_t i = 1; i <= count; i++)
        used += (size_t)snprintf(
            text + used, sizeof text - used,
            "%s{\"id\":%zu,\"name\":\"b%zu\",\"kind\":\"generator\",\"agent\":\"a\",\"topic\":\"t/%zu\"}",
            i > 1 ? "," : "", i, i, i);
    snprintf(text + used, sizeof text - used, "]}");
    return load(text, reason);
}

static void assert_neighbours(const char *name, size_t count, const uint16_t *ids)
{
    const struct site_board *board = site_by_name(&site, name);
    assert_non_null(board);
    assert_int_equal(board->neighbour_count, count);
    assert_memory_equal(board->neighbours, ids, count * sizeof *ids);
}

static void a_site_is_read_with_its_defaults(void **state)
{
    (void)state;
    struct bb_reason reason = {""};
    assert_int_equal(
        load("{\"name\":\"Table 1\",\"topology\":\"ring\",\"boards\":[" BOARD(7, "L1") "]}", &reason), BB_OK);
    assert_string_equal(site.name, "Table 1");
    assert_int_equal(site.method, 0);
    assert_true(site.exchange_ms == 150 && site.heartbeat_ms == 1000 && site.expiry_ms == 4000);
    const struct site_board *board = site_by_id(&site, 7);
    assert_non_null(board);
    assert_string_equal(board->topic, "Data/consumer/L1");
    assert_string_equal(board->agent, "consumer-agent");
    assert_true(board->kind == SITE_CONSUMER && !board->agent_runs && board->neighbour_count == 0);
    assert_null(site_by_id(&site, 8));
    assert_null(site_by_name(&site, "L2"));
}

static void the_topologies_give_the_neighbours(void **state)
{
    (void)state;
    struct bb_reason reason = {""};
    assert_int_equal(load_many(5, "\"topology\":\"ring\"", &reason), BB_OK);
    assert_neighbours("b1", 2, (const uint16_t[]){2, 5});
    assert_neighbours("b3", 2, (const uint16_t[]){2, 4});
    assert_int_equal(load_many(16, "\"topology\":\"circulant\",\"offsets\":[1,2]", &reason), BB_OK);
    assert_neighbours("b1", 4, (const uint16_t[]){2, 3, 15, 16});
    assert_neighbours("b16", 4, (const uint16_t[]){1, 2, 14, 15});
    assert_int_equal(load_many(4, "\"topology\":\"complete\"", &reason), BB_OK);
    assert_neighbours("b2", 3, (const uint16_t[]){1, 3, 4});
    assert_int_equal(
        load_many(3, "\"topology\":\"links\",\"links\":[[\"b3\",\"b1\"],[\"b1\",\"b3\"]]", &reason), BB_OK);
    assert_neighbours("b1", 1, (const uint16_t[]){3});
    assert_neighbours("b2", 0, NULL);
    /* Offsets that meet themselves: of two boards each has one neighbour. */
    assert_int_equal(load_many(2, "\"topology\":\"circulant\",\"offsets\":[1,2,3]", &reason), BB_OK);
    assert_neighbours("b1", 1, (const uint16_t[]){2});
}

static void neighbourhood_is_symmetric(void **state)
{
    (void)state;
    struct bb_reason reason = {""};
    assert_int_equal(load_many(37, "\"topology\":\"circulant\",\"offsets\":[1,5,11]", &reason), BB_OK);
    for (size_t i = 0; i < site.count; i++)
        for (size_t j = 0; j < site.count; j++) {
            const struct site_board *a = &site.boards[i], *b = &site.boards[j];
            assert_int_equal(site_are_neighbours(a, b->id), site_are_neighbours(b, a->id));
            assert_true(i != j || !site_are_neighbours(a, b->id));
        }
}

static void too_many_of_anything_is_full(void **state)
{
    (void)state;
    struct bb_reason reason = {""};
    assert_int_equal(load_many(65, "\"topology\":\"complete\"", &reason), BB_OK);
    assert_int_equal(load_many(66, "\"topology\":\"complete\"", &reason), BB_FULL);
    assert_non_null(strstr(reason.text, "neighbours"));
    assert_int_equal(load_many(256, "\"topology\":\"ring\"", &reason), BB_OK);
}

static void every_refusal_names_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *where, *what;
    } cases[] = {
        {"[]", ":1:", "JSON object"},
        {"{\n\"name\":\"x\",\n\"colour\":1}", ":3:", "unknown key \"colour\""},
        {"{\"name\":\"x\",\n\"boards\":[]}", ":2:", "list of boards"},
        {"{\"name\":\"x\",\n\"topology\":\"star\",\"boards\":[" BOARD(1, "a") "]}", ":2:", "topology"},
        {"{\"name\":\"x\",\n\"method\":\"guess\",\"boards\":[" BOARD(1, "a") "]}", ":2:", "method"},
        {"{\"name\":\"x\",\n\"heartbeat_ms\":5000,\n\"boards\":[" BOARD(1, "a") "]}", ":1:", "expiry_ms"},
        {"{\"name\":\"x\",\"boards\":[\n" BOARD(1, "a") ",\n" BOARD(1, "b") "]}",
         ":3:", "board id 1 is a's already"},
        {"{\"name\":\"x\",\"boards\":[\n" BOARD(1, "a") ",\n" BOARD(2, "a") "]}",
         ":3:", "two boards are named"},
        {"{\"name\":\"x\",\"boards\":[\n" BOARD(1, "a") ",\n" BOARD(0, "b") "]}", ":3:", "from 1 to 65534"},
        {"{\"name\":\"x\",\"boards\":[\n" BOARD(1, "a name") "]}", ":2:", "letters"},
        {"{\"name\":\"x\",\"boards\":[\n" BOARD(1, "a2345678901234567") "]}", ":2:", "1 to 15"},
        {"{\"name\":\"x\",\"boards\":[\n{\"id\":1,\"name\":\"a\"}]}", ":2:", "\"kind\" is missing"},
        {"{\"name\":\"x\",\"boards\":[{\"id\":1,\n\"pmax\":3}]}", ":2:", "unknown key \"pmax\""},
        {"{\"name\":\"x\",\"topology\":\"circulant\",\"boards\":[" BOARD(1, "a") "]}", ":1:", "offsets"},
        {"{\"name\":\"x\",\n\"topology\":\"links\",\n\"links\":[[\"a\",\n\"z\"]],\"boards\":[" BOARD(
             1, "a") "]}",
         ":4:", "link 1"},
        {"{\"name\":\"x\",\n}", ":2:", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct bb_reason reason = {""};
        assert_int_not_equal(load(cases[i].text, &reason), BB_OK);
        if (strstr(reason.text, cases[i].where) == NULL || strstr(reason.text, cases[i].what) == NULL)
            fail_msg("case %zu: %s", i, reason.text);
    }
}

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(file);
    return fd >= 0 ? close(fd) : -1;
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_site_is_read_with_its_defaults),
        cmocka_unit_test(the_topologies_give_the_neighbours),
        cmocka_unit_test(neighbourhood_is_symmetric),
        cmocka_unit_test(too_many_of_anything_is_full),
        cmocka_unit_test(every_refusal_names_its_line),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
