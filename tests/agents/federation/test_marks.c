/* What the federation agent remembers of durable topics: which messages came lately over any way, and how far
 * each platform's log has come, in a file. */
#include "agents/federation/crossed.h"
#include "agents/federation/recent.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static uint64_t seed;

static void test_recent_forgets_only_the_oldest(void **state)
{
    struct recent *r = calloc(1, sizeof *r);
    (void)state;
    assert_non_null(r);
    for (uint64_t i = 1; i <= 3 * RECENT_MAX; i++) {
        assert_false(recent_has(r, "a", i, 7));
        recent_add(r, "a", i, 7);
        assert_true(recent_has(r, "a", i, 7));
        recent_add(r, "a", i, 7); /* once */
    }
    for (uint64_t i = 1; i <= 3 * RECENT_MAX; i++)
        assert_int_equal(recent_has(r, "a", i, 7), i > 2 * RECENT_MAX);
    assert_false(recent_has(r, "b", 3 * RECENT_MAX, 7));
    assert_false(recent_has(r, "a", 3 * RECENT_MAX, 8));
    free(r);
}

/* Against a plain list, with marks that often meet. */
static void test_recent_against_a_list(void **state)
{
    enum { STEPS = 200000, KINDS = 100000 };
    struct recent *r = calloc(1, sizeof *r);
    uint32_t *added = calloc(KINDS, sizeof *added), number = 0;
    uint64_t chance = seed;
    (void)state;
    assert_true(r != NULL && added != NULL);
    for (int i = 0; i < STEPS; i++) {
        uint32_t kind = seed_below(&chance, KINDS);
        bool expected = added[kind] != 0 && number - added[kind] < RECENT_MAX;
        const char *origin = kind % 2 == 0 ? "a" : "b";
        assert_int_equal(recent_has(r, origin, kind / 4 + 1, kind % 4 / 2), expected);
        if (!expected) {
            recent_add(r, origin, kind / 4 + 1, kind % 4 / 2);
            added[kind] = ++number;
        }
    }
    free(added);
    free(r);
}

static void test_crossed_knows_what_is_here(void **state)
{
    struct crossed_mark mark = {.stream = 0};
    (void)state;
    assert_false(crossed_knows(&mark, 5, 1, 100));
    crossed_note(&mark, 5, 10, 100);
    assert_true(crossed_knows(&mark, 5, 10, 100));
    assert_true(crossed_knows(&mark, 5, 1, 90));
    assert_false(crossed_knows(&mark, 5, 11, 100));
    assert_false(crossed_knows(&mark, 5, 9, 101)); /* a log brought back from a copy gives offsets again */
    assert_false(crossed_knows(&mark, 6, 10, 100));
    crossed_note(&mark, 5, 11, 50); /* its clock went back */
    assert_true(crossed_knows(&mark, 5, 10, 100));
    crossed_note(&mark, 6, 1, 60);
    assert_false(crossed_knows(&mark, 6, 1, 61));
    assert_false(crossed_knows(&mark, 5, 11, 50));
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void test_crossed_in_a_file(void **state)
{
    static struct crossed here, back;
    struct bb_reason reason = {""};
    struct stat found;
    char folder[] = "/tmp/crossed.XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/f.json", folder);
    assert_int_equal(crossed_load(&here, path, &reason), BB_OK);
    for (int i = 0; i < CROSSED_MAX + 3; i++) {
        char name[16];
        snprintf(name, sizeof name, "p%d", i);
        crossed_note(crossed_of(&here, name), 1000 + i, INT64_C(1) << 40, INT64_MAX - i);
    }
    assert_int_equal(crossed_save(&here, &reason), BB_OK);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    assert_int_equal(crossed_load(&back, path, &reason), BB_OK);
    assert_true(crossed_knows(crossed_of(&back, "p34"), 1034, INT64_C(1) << 40, INT64_MAX - 34));
    assert_int_equal(crossed_of(&back, "p34")->time_ms, INT64_MAX - 34);
    static const char *const damaged[] = {"",
                                          "{",
                                          "[]",
                                          "{\"version\":2,\"links\":{}}",
                                          "{\"version\":1}",
                                          "{\"version\":1,\"links\":[]}",
                                          "{\"version\":1,\"links\":{\"7\":{}}}",
                                          "{\"version\":1,\"links\":{\"a\":{\"stream\":1,\"offset\":-1,"
                                          "\"time_ms\":1}}}",
                                          "{\"version\":1,\"links\":{\"a\":{\"stream\":9,\"offset\":9,"
                                          "\"time_ms\":9},\"b\":1}}"};
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        write_text(path, damaged[i]);
        assert_int_equal(crossed_load(&back, path, &reason), BB_MALFORMED);
        assert_non_null(strstr(reason.text, path));
        assert_int_equal(crossed_of(&back, "a")->stream, 0);
    }
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
    assert_int_equal(crossed_save(&back, &reason), BB_IO);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_recent_forgets_only_the_oldest), cmocka_unit_test(test_recent_against_a_list),
        cmocka_unit_test(test_crossed_knows_what_is_here), cmocka_unit_test(test_crossed_in_a_file)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
