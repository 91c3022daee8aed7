/* Targets taken apart, and the routes that they lead to. */
#include "agents/web/router.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static struct request request;

static enum request_fault parse(const char *target)
{
    return request_parse(bytes_of(target), &request);
}

static void test_parts(void **state)
{
    (void)state;
    assert_int_equal(parse("/api/v1/agents/a%20b?count=5&after=&x+y=%C3%BC%2B&flag&count=6"), REQUEST_FINE);
    assert_string_equal(request.path, "/api/v1/agents/a b");
    assert_int_equal(request.segment_count, 4);
    assert_string_equal(request.segments[3], "a b");
    assert_int_equal(request.param_count, 5);
    assert_string_equal(request_param(&request, "count"), "5");
    assert_string_equal(request_param(&request, "after"), "");
    assert_string_equal(request_param(&request, "x y"), "\xc3\xbc+");
    assert_string_equal(request_param(&request, "flag"), "");
    assert_null(request_param(&request, "other"));
}

static void test_edges(void **state)
{
    static const struct {
        const char *target, *path;
        size_t segments;
    } cases[] = {{"/", "/", 0},       {"/?", "/", 0},      {"/a", "/a", 1},
                 {"/a/", "/a/", 2},   {"//", "//", 2},     {"/a//b", "/a//b", 3},
                 {"/?a=b/c", "/", 0}, {"/a?b?c", "/a", 1}, {"/%2e%2e%2e", "/...", 1}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(parse(cases[i].target), REQUEST_FINE);
        assert_string_equal(request.path, cases[i].path);
        assert_int_equal(request.segment_count, cases[i].segments);
    }
}

static void test_faults(void **state)
{
    static const struct {
        const char *target;
        enum request_fault fault;
    } cases[] = {{"", REQUEST_FORM},
                 {"a", REQUEST_FORM},
                 {"*", REQUEST_FORM},
                 {"http://x/", REQUEST_FORM},
                 {"/a b", REQUEST_FORM},
                 {"/a#b", REQUEST_FORM},
                 {"/a\\b", REQUEST_FORM},
                 {"/\x7f", REQUEST_FORM},
                 {"/%", REQUEST_ESCAPE},
                 {"/%4", REQUEST_ESCAPE},
                 {"/%4g", REQUEST_ESCAPE},
                 {"/a?%", REQUEST_ESCAPE},
                 {"/%00", REQUEST_LETTERS},
                 {"/%0d%0a", REQUEST_LETTERS},
                 {"/%7f", REQUEST_LETTERS},
                 {"/%ff", REQUEST_LETTERS},
                 {"/\xff", REQUEST_LETTERS},
                 {"/%c0%af", REQUEST_LETTERS},
                 {"/%e0%80%af", REQUEST_LETTERS},
                 {"/%ed%a0%80", REQUEST_LETTERS},
                 {"/%f4%90%80%80", REQUEST_LETTERS},
                 {"/%c3", REQUEST_LETTERS},
                 {"/?%80=1", REQUEST_LETTERS},
                 {"/.", REQUEST_DOTS},
                 {"/a/../b", REQUEST_DOTS},
                 {"/%2e%2E/b", REQUEST_DOTS},
                 {"/a%2fb", REQUEST_DOTS},
                 {"/a%5cb", REQUEST_DOTS},
                 {"/1/2/3/4/5/6/7/8/9/10/11/12/13/14/15/16/17", REQUEST_SEGMENTS}};
    char many[200] = "/?";
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (parse(cases[i].target) != cases[i].fault)
            fail_msg("%s: %s", cases[i].target, request_fault_text(parse(cases[i].target)));
        assert_true(strlen(request_fault_text(cases[i].fault)) > 10);
    }
    for (int i = 0; i < REQUEST_PARAMS_MAX; i++)
        memcpy(many + strlen(many), "a&", 3);
    assert_int_equal(parse(many), REQUEST_FINE);
    memcpy(many + strlen(many), "a", 2);
    assert_int_equal(parse(many), REQUEST_PARAMS);
}

/* The longest target, of every kind that makes the room fill most. */
static void test_long(void **state)
{
    static const char *const pieces[] = {"a", "/", "%41", "/a"};
    static char target[REQUEST_TARGET_MAX + 8];
    (void)state;
    for (size_t p = 0; p < sizeof pieces / sizeof *pieces; p++) {
        size_t size = 1, length = strlen(pieces[p]);
        target[0] = '/';
        while (size + length <= REQUEST_TARGET_MAX) {
            memcpy(target + size, pieces[p], length);
            size += length;
        }
        target[size] = '\0';
        enum request_fault fault = parse(target);
        assert_true(fault == REQUEST_FINE || fault == REQUEST_SEGMENTS);
        memset(target + size, 'a', REQUEST_TARGET_MAX + 1 - size);
        target[REQUEST_TARGET_MAX + 1] = '\0';
        assert_int_equal(parse(target), REQUEST_LONG);
    }
}

static void test_text(void **state)
{
    (void)state;
    assert_true(request_is_text(bytes_of("a\t\r\n\xf0\x9f\x98\x80\xef\xbf\xbf")));
    assert_true(request_is_text((struct bytes){NULL, 0}));
    assert_false(request_is_text((struct bytes){(const uint8_t *)"a\0b", 3}));
    assert_false(request_is_text(bytes_of("\x1b[0m")));
    assert_false(request_is_text(bytes_of("\xf0\x9f\x98")));
    assert_false(request_is_text(bytes_of("\xf8\x88\x80\x80\x80")));
}

static void nothing(void *context, struct exchange *exchange)
{
    (void)context;
    (void)exchange;
}

static const struct route first[] = {{"GET", "/", ROLE_NONE, nothing, ""},
                                     {"GET", "/a/{name}", ROLE_VIEWER, nothing, ""},
                                     {"POST", "/a/{name}/start", ROLE_OPERATOR, nothing, ""},
                                     {"GET", "/a/b", ROLE_VIEWER, nothing, ""}};
static const struct route second[] = {{"POST", "/a/{name}", ROLE_OPERATOR, nothing, ""},
                                      {"GET", "/{w}/{x}/{y}/{z}", ROLE_VIEWER, nothing, ""}};
static int one, two;
static const struct router_table tables[] = {{first, 4, &one}, {second, 2, &two}};

static enum router_verdict find(const char *method, const char *target, struct router_match *match)
{
    assert_int_equal(parse(target), REQUEST_FINE);
    return router_find(tables, 2, method, &request, match);
}

static void test_routes(void **state)
{
    struct router_match match;
    (void)state;
    assert_int_equal(find("GET", "/", &match), ROUTER_FOUND);
    assert_ptr_equal(match.route, &first[0]);
    assert_int_equal(find("HEAD", "/a/b", &match), ROUTER_FOUND);
    assert_ptr_equal(match.route, &first[1]);
    assert_string_equal(match.parts[0], "b");
    assert_ptr_equal(match.context, &one);
    assert_int_equal(find("POST", "/a/x%20y", &match), ROUTER_FOUND);
    assert_ptr_equal(match.context, &two);
    assert_string_equal(match.parts[0], "x y");
    assert_int_equal(find("GET", "/1/2/3/4", &match), ROUTER_FOUND);
    assert_int_equal(match.part_count, 4);
    assert_string_equal(match.parts[3], "4");
}

static void test_no_routes(void **state)
{
    struct router_match match;
    (void)state;
    assert_int_equal(find("DELETE", "/a/b", &match), ROUTER_NO_METHOD);
    assert_string_equal(match.allow, "GET, HEAD, POST");
    assert_int_equal(find("GET", "/a/b/start", &match), ROUTER_NO_METHOD);
    assert_string_equal(match.allow, "POST");
    assert_int_equal(find("POST", "/", &match), ROUTER_NO_METHOD);
    assert_string_equal(match.allow, "GET, HEAD");
    /* Case counts, an empty segment fills no placeholder, and neither more nor less will do. */
    assert_int_equal(find("get", "/", &match), ROUTER_NO_METHOD);
    assert_int_equal(find("GET", "/A/b", &match), ROUTER_NO_PATH);
    assert_int_equal(find("GET", "/a/", &match), ROUTER_NO_PATH);
    assert_int_equal(find("GET", "/a", &match), ROUTER_NO_PATH);
    assert_int_equal(find("GET", "/1/2/3/4/5", &match), ROUTER_NO_PATH);
    assert_int_equal(find("GET", "/1/2/3/4/", &match), ROUTER_NO_PATH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parts),     cmocka_unit_test(test_edges), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_long),      cmocka_unit_test(test_text),  cmocka_unit_test(test_routes),
        cmocka_unit_test(test_no_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
