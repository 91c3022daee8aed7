/* Configurations without a broker: names, comments, and the file under bad luck. */
#include "bus/configs/config_store.h"
#include "bus/configs/config_text.h"
#include "tests/link/cm.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/bb-configs-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/bb-configs-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s/config.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const ENDINGS[] = {"", "-wal", "-shm"};
    char file[80];
    for (size_t i = 0; i < 3; i++) {
        snprintf(file, sizeof file, "%s%s", path, ENDINGS[i]);
        (void)unlink(file);
    }
    return rmdir(folder);
}

static void test_comments(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want; /* NULL: refused */
    } CASES[] = {{"{} // x", "{}"},
                 {"# a\n[1]", "[1]"},
                 {"[1, /* 2,\n */ 3]", "[1,3]"},
                 {"[\"/* \\\" # // */\"]", "[\"/* \\\" # // */\"]"},
                 {"[1] /* not ended", NULL},
                 {"/[1]", NULL},
                 {"[1] /", NULL},
                 {"['a']", NULL},
                 {"", NULL},
                 {"\"text\"", NULL},
                 {"7", NULL}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        json_t *value = NULL;
        struct bb_reason reason = {""};
        enum status status = config_text_parse("json", CASES[i].text, &value, &reason);
        assert_int_equal(status, CASES[i].want == NULL ? BB_MALFORMED : BB_OK);
        assert_true((reason.text[0] != '\0') == (status != BB_OK));
        json_t *want = CASES[i].want == NULL ? NULL : json_loads(CASES[i].want, 0, NULL);
        assert_true(CASES[i].want == NULL || json_equal(value, want));
        json_decref(want);
        json_decref(value);
    }
}

static void put(struct config_store *store, const char *name, const char *data, bool fresh)
{
    const struct config_row row = {name, "raw", data, "2026-01-01T00:00:00.000000+00:00"};
    bool was_new = !fresh;
    assert_int_equal(config_store_put(store, "a", &row, &was_new, NULL), BB_OK);
    assert_int_equal(was_new, fresh);
}

static void count_row(void *context, const struct config_row *row)
{
    assert_true(row->name[0] != '\0');
    ++*(int *)context;
}

static void test_count_is_bounded(void **state)
{
    (void)state;
    struct config_store *store;
    char name[16];
    bool fresh;
    int rows = 0;
    assert_int_equal(config_store_open(path, &store, NULL), BB_OK);
    struct stat about;
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    for (int i = 0; i < CONFIG_STORE_COUNT_MAX; i++) {
        snprintf(name, sizeof name, "n%d", i);
        put(store, name, "x", true);
    }
    const struct config_row more = {"more", "raw", "x", "t"};
    struct bb_reason reason = {""};
    assert_int_equal(config_store_put(store, "a", &more, &fresh, &reason), BB_FULL);
    assert_int_equal(config_store_put(store, "b", &more, &fresh, &reason), BB_OK);
    put(store, "N7", "again", false);
    assert_int_equal(config_store_each(store, "a", count_row, &rows, NULL), BB_OK);
    assert_int_equal(rows, CONFIG_STORE_COUNT_MAX);
    assert_int_equal(config_store_delete(store, "a", "n7", NULL), BB_OK);
    assert_int_equal(config_store_delete(store, "a", "n7", NULL), BB_NOT_FOUND);
    assert_int_equal(config_store_delete(store, "a", NULL, NULL), BB_OK);
    assert_int_equal(config_store_delete(store, "a", NULL, NULL), BB_NOT_FOUND);
    config_store_close(store);
}

static void test_newer_file_stays(void **state)
{
    (void)state;
    struct config_store *store;
    struct bb_reason reason = {""};
    sqlite3 *db;
    assert_int_equal(config_store_open(path, &store, NULL), BB_OK);
    config_store_close(store);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "PRAGMA user_version = 2", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
    assert_int_equal(config_store_open(path, &store, &reason), BB_VERSION);
    assert_non_null(strstr(reason.text, "config.db"));
}

/* A page in the middle is overwritten while the store is open: what is read says so, or is what was stored.
 */
static void test_damage_is_said(void **state)
{
    (void)state;
    struct config_store *store;
    struct bb_reason reason = {""};
    int rows = 0;
    static char large[4000];
    memset(large, 'x', sizeof large - 1);
    assert_int_equal(config_store_open(path, &store, NULL), BB_OK);
    for (int i = 0; i < 40; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i);
        put(store, name, large, true);
    }
    config_store_close(store);
    FILE *file = fopen(path, "r+b");
    assert_non_null(file);
    for (long at = 4096; at < 120000; at += 4096) {
        assert_int_equal(fseek(file, at, SEEK_SET), 0);
        assert_int_equal(fwrite(large, 1, 64, file), 64);
    }
    fclose(file);
    enum status status = config_store_open(path, &store, &reason);
    if (status == BB_OK) {
        status = config_store_each(store, "a", count_row, &rows, &reason);
        config_store_close(store);
    }
    assert_int_equal(status, BB_MALFORMED);
    assert_true(reason.text[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_comments),
        cmocka_unit_test_setup_teardown(test_count_is_bounded, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_newer_file_stays, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_damage_is_said, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
