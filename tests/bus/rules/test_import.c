/* VOLTTRON's files: what is recognised, and what of protected topics becomes a grant. */
#include "bus/rules/import.h"
#include "tests/link/cm.h"

#include <stdio.h>
#include <string.h>

#define KEY "-RO34F0X5Gxder55yHrcRJJdXhrpjzE7WVWUzfIYxho"

static struct edit edit;
static struct import import;
static struct import_options options;

static int set_up(void **state)
{
    (void)state;
    edit = (struct edit){.lock = -1, .document = json_pack("{s:i, s:[]}", "version", 1, "entries")};
    options = (struct import_options){.identity = NULL};
    import_open(&edit, &options, &import);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    import_close(&import);
    edit_close(&edit);
    return 0;
}

static enum status read_text(const char *name, const char *text)
{
    struct bb_reason reason = {""};
    enum status status = import_read(&import, name, text, strlen(text), &reason);
    assert_true(status == BB_OK || strstr(reason.text, name) != NULL);
    return status;
}

static void test_recognises(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum import_kind kind;
    } GOOD[] = {{"{\"public\":\"" KEY "\",\"secret\":\"x\"}", IMPORT_KEYSTORE},
                {"{\"h:1\":\"" KEY "\"}", IMPORT_KNOWN_HOSTS},
                {"{\"allow\":[],\"version\":{\"major\":1,\"minor\":0}}", IMPORT_AUTH},
                {"{\"deny\":[],\"version\":{\"major\":1}}", IMPORT_AUTH},
                {"# a comment with \"\n{\"write-protect\":[] } # another", IMPORT_TOPICS},
                {"{\"write-protect\":[{\"topic\":\"a#b\\\"#\",\"capabilities\":[]}]}", IMPORT_TOPICS}};
    for (size_t i = 0; i < sizeof GOOD / sizeof *GOOD; i++) {
        assert_int_equal(read_text("f", GOOD[i].text), BB_OK);
        assert_int_equal(import.files[i].kind, GOOD[i].kind);
    }
    static const char *const BAD[] = {"",
                                      "[]",
                                      "{}",
                                      "1",
                                      "{\"public\":\"x\",\"secret\":\"y\"}",
                                      "{\"h\":\"nokey\"}",
                                      "{\"allow\":[]}",
                                      "{\"allow\":{}}",
                                      "{\"allow\":[],\"version\":1}",
                                      "#"};
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_int_equal(read_text("f", BAD[i]), BB_MALFORMED);
    for (size_t i = import.file_count; i < IMPORT_FILES_MAX; i++)
        assert_int_equal(read_text("f", "{\"write-protect\":[]}"), BB_OK);
    assert_int_equal(read_text("f", "{\"write-protect\":[]}"), BB_FULL);
    import_apply(&import);
    assert_int_equal(json_array_size(import.guarded), 1);
    assert_string_equal(json_string_value(json_object_get(json_array_get(import.guarded, 0), "topic")),
                        "a#b\"#");
}

/* One protected topic, one agent with the capability c and one without; both are offered a prefix. */
static void test_protected_topics(void **state)
{
    (void)state;
    static const struct {
        const char *topic, *offered; /* as JSON text; the prefix of --publish */
        const char *granted;         /* to who may, by the capability; NULL: nothing */
        bool without;                /* who may not gets what is offered */
    } CASES[] = {{"foo", "foo", "foo", false},
                 {"foo", "fo", "foo", false},
                 {"foo", "foo/", "foo", true},
                 {"foo", "bar", "foo", true},
                 {"foo", "", "foo", false},
                 {"/foo/", "foo/x", "foo", false},
                 {"/^foo\\\\/.*/", "foo/x", "foo/", false},
                 {"/^foo\\\\/.*$/", "food", "foo/", true},
                 {"/fo+/", "f", NULL, false},
                 {"/fo+/", "fooo", NULL, false},
                 {"/fo*/", "fx", NULL, false},
                 {"/fo{0,1}/", "fx", NULL, false},
                 {"/a|b/", "b", NULL, false},
                 {"/(?i)x/", "y", NULL, false},
                 {"/foo$/", "foo", NULL, false},
                 {"/foo$/", "bar", NULL, true},
                 {"/a\\\\.b/", "a.b", "a.b", false},
                 {"/a\\\\d/", "ab", NULL, false},
                 {"/foo\\u0100.*/", "foo", NULL, false},
                 {"//", "x", "", false}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        char text[256];
        const char *publish[] = {CASES[i].offered};
        tear_down(NULL);
        set_up(NULL);
        options.publish = publish;
        options.publish_count = 1;
        snprintf(text, sizeof text, "{\"write-protect\":[{\"topic\":\"%s\",\"capabilities\":[\"c\"]}]}",
                 CASES[i].topic);
        assert_int_equal(read_text("t", text), BB_OK);
        assert_int_equal(read_text("a",
                                   "{\"version\":{\"major\":1},\"allow\":[{\"credentials\":\"" KEY
                                   "\",\"identity\":\"may\",\"capabilities\":\"c\"},{\"identity\":\"not\","
                                   "\"credentials\":\"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE\"}]}"),
                         BB_OK);
        import_apply(&import);
        json_t *offered = json_string(CASES[i].offered);
        json_t *granted = CASES[i].granted == NULL ? NULL : json_string(CASES[i].granted);
        json_t *may = json_array_get(edit_entries(&edit), 0), *not = json_array_get(edit_entries(&edit), 1);
        if (edit_grant(may, ACCESS_PUBLISH, offered) ||
            (granted != NULL && edit_grant(may, ACCESS_PUBLISH, granted)))
            fail_msg("%s, %s: who may does not get it", CASES[i].topic, CASES[i].offered);
        if (edit_grant(not, ACCESS_PUBLISH, offered) != !CASES[i].without)
            fail_msg("%s, %s: who may not: expected %d", CASES[i].topic, CASES[i].offered, CASES[i].without);
        json_decref(offered);
        json_decref(granted);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_recognises, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_protected_topics, set_up, tear_down)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
