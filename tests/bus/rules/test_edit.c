/* Editing access.json: what stays, what is refused, and that the file is always one version or the other. */
#include "bus/rules/edit.h"
#include "bus/rules/rules.h"
#include "tests/link/cm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define KEY   "-RO34F0X5Gxder55yHrcRJJdXhrpjzE7WVWUzfIYxho"
#define OTHER "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"

static char folder[] = "/tmp/bb-edit-XXXXXX";
static char path[96];

static const char *below(const char *name)
{
    static char text[96];
    snprintf(text, sizeof text, "%s/%s", folder, name);
    return text;
}

static void write_file(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static int set_up(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/bb-edit-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof path, "%s", below("access.json"));
    write_file(
        "{\"version\":1,\"ours\":[1.25],\"entries\":[{\"key\":\"" KEY
        "\",\"identities\":[\"a\"],\"since\":3,\"capabilities\":[\"admin\",{\"b\":{\"x\":1},\"c\":null}]}]}");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"access.json", "access.json.lock", "access.json.new"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++)
        (void)unlink(below(NAMES[i]));
    return rmdir(folder);
}

static struct edit open_file(void)
{
    struct edit edit;
    struct bb_reason reason = {""};
    if (edit_open(path, EDIT_WRITE, &reason, &edit) != BB_OK)
        fail_msg("%s", reason.text);
    return edit;
}

static void save(struct edit *edit)
{
    struct bb_reason reason = {""};
    uint64_t digest, found;
    struct access *access = calloc(1, sizeof *access);
    if (edit_save(edit, &digest, &reason) != BB_OK)
        fail_msg("%s", reason.text);
    assert_int_equal(rules_load(path, access, &found, &reason), BB_OK);
    assert_true(digest == found);
    free(access);
    edit_close(edit);
}

static void grant(json_t *entry, enum access_kind kind, const char *text, bool fresh)
{
    json_t *item = json_string(text);
    assert_int_equal(edit_grant(entry, kind, item), fresh);
    json_decref(item);
}

static void test_grants_and_revocations(void **state)
{
    (void)state;
    struct edit edit = open_file();
    json_t *entry = edit_find(&edit, KEY "=");
    assert_non_null(entry);
    assert_null(edit_find(&edit, OTHER));
    assert_null(edit_find(&edit, "no key"));
    grant(entry, ACCESS_PUBLISH, "t/", true);
    grant(entry, ACCESS_PUBLISH, "t/", false);
    grant(entry, ACCESS_IDENTITY, "a", false);
    grant(entry, ACCESS_CAPABILITY, "admin", false);
    assert_true(edit_revoke(entry, ACCESS_CAPABILITY, "b"));
    assert_false(edit_revoke(entry, ACCESS_CAPABILITY, "b"));
    assert_true(edit_revoke(entry, ACCESS_CAPABILITY, "c"));
    assert_false(edit_revoke(entry, ACCESS_SUBSCRIBE, "t/"));
    json_t *added = edit_add(&edit, OTHER, "new");
    grant(added, ACCESS_IDENTITY, "o", true);
    save(&edit);
    json_t *read = json_load_file(path, 0, NULL);
    json_t *want = json_pack(
        "{s:i, s:[f], s:[{s:s, s:[s], s:i, s:[s], s:[s]}, {s:s, s:[s], s:[], s:[], s:s}]}", "version", 1,
        "ours", 1.25, "entries", "key", KEY, "identities", "a", "since", 3, "capabilities", "admin",
        "publish", "t/", "key", OTHER, "identities", "o", "publish", "subscribe", "comment", "new");
    assert_true(json_equal(read, want));
    json_decref(read);
    json_decref(want);
    edit = open_file();
    edit_remove(&edit, edit_find(&edit, KEY));
    save(&edit);
    edit = open_file();
    assert_int_equal(json_array_size(edit_entries(&edit)), 1);
    edit_close(&edit);
}

static void test_mode_stays_and_no_draft(void **state)
{
    (void)state;
    struct stat found;
    struct edit edit;
    assert_int_equal(chmod(path, 0640), 0);
    /* A draft of an editor that was killed is in nobody's way. */
    int fd = open(below("access.json.new"), O_CREAT | O_WRONLY, 0666);
    assert_true(fd >= 0 && close(fd) == 0);
    edit = open_file();
    save(&edit);
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 07777, 0640);
    assert_int_not_equal(access(below("access.json.new"), F_OK), 0);
}

static void test_what_the_broker_would_refuse_is_not_written(void **state)
{
    (void)state;
    struct bb_reason reason = {""};
    uint64_t digest;
    char before[512] = "", after[512] = "";
    FILE *file = fopen(path, "r");
    assert_true(fread(before, 1, sizeof before - 1, file) > 0);
    fclose(file);
    struct edit edit = open_file();
    json_t *item = json_string("a b");
    assert_true(edit_grant(edit_find(&edit, KEY), ACCESS_IDENTITY, item));
    json_decref(item);
    assert_int_equal(edit_check(&edit, &reason), BB_RANGE);
    assert_int_equal(edit_save(&edit, &digest, &reason), BB_RANGE);
    assert_non_null(strstr(reason.text, "entry 1: an identity"));
    edit_close(&edit);
    file = fopen(path, "r");
    assert_true(fread(after, 1, sizeof after - 1, file) > 0);
    fclose(file);
    assert_string_equal(before, after);
    /* Who cannot wait is told at once while somebody else edits. */
    struct edit other;
    edit = open_file();
    assert_int_equal(edit_open(path, EDIT_WRITE_NOW, &reason, &other), BB_TIMEOUT);
    assert_int_equal(edit_open(path, EDIT_READ, &reason, &other), BB_OK);
    edit_close(&other);
    edit_close(&edit);
    assert_int_equal(edit_open(path, EDIT_WRITE_NOW, &reason, &other), BB_OK);
    edit_close(&other);
    write_file("{\"version\":1,\"entries\":[");
    assert_int_equal(edit_open(path, EDIT_WRITE, &reason, &edit), BB_MALFORMED);
    assert_int_equal(edit_open(below("nothing"), EDIT_WRITE, &reason, &edit), BB_NOT_FOUND);
}

/* Eight processes grant at once: every grant is there in the end, and whoever reads meanwhile finds good
 * rules. */
static void test_editors_take_turns(void **state)
{
    (void)state;
    enum { EDITORS = 8 };
    struct access *rules = calloc(1, sizeof *rules);
    struct bb_reason reason = {""};
    int running = EDITORS, status;
    for (int i = 0; i < EDITORS; i++) {
        if (fork() != 0)
            continue;
        struct edit edit;
        char text[32];
        uint64_t digest;
        snprintf(text, sizeof text, "t%d/", i);
        json_t *item = json_string(text);
        bool done = edit_open(path, EDIT_WRITE, &reason, &edit) == BB_OK &&
                    edit_grant(edit_find(&edit, KEY), ACCESS_PUBLISH, item) &&
                    edit_save(&edit, &digest, &reason) == BB_OK;
        _exit(done ? 0 : 1);
    }
    while (running > 0) {
        uint64_t digest;
        assert_int_equal(rules_load(path, rules, &digest, &reason), BB_OK);
        if (waitpid(-1, &status, WNOHANG) > 0) {
            assert_int_equal(status, 0);
            running--;
        }
    }
    free(rules);
    struct edit edit = open_file();
    assert_int_equal(json_array_size(json_object_get(edit_find(&edit, KEY), "publish")), EDITORS);
    edit_close(&edit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_grants_and_revocations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_mode_stays_and_no_draft, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_the_broker_would_refuse_is_not_written, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_editors_take_turns, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
