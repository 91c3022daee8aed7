/* The table of who offers what. */
#include "agents/host/directory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
    struct directory *directory;
    char changes[4096]; /* "+peer/service -peer/service " */
};

static void on_change(void *context, const char *change, const char *peer, const char *service)
{
    struct world *w = context;
    size_t used = strlen(w->changes);
    snprintf(w->changes + used, sizeof w->changes - used, "%s%s/%s ", strcmp(change, "add") == 0 ? "+" : "-",
             peer, service);
}

static int begin(void **state)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    w.directory = directory_open(on_change, &w);
    *state = &w;
    return 0;
}

static int end(void **state)
{
    directory_close(((struct world *)*state)->directory);
    return 0;
}

static json_t *json_of(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, 0, &error);
    if (json == NULL)
        print_message("%s: %s\n", text, error.text);
    assert_non_null(json);
    return json;
}

/* The reason of the last refusal. */
static struct bb_reason reason;

static enum status put(struct world *w, const char *peer, const char *services, int64_t now_ms)
{
    char *text = NULL;
    assert_true(asprintf(&text, "{\"services\":%s}", services) > 0);
    json_t *params = json_of(text);
    w->changes[0] = reason.text[0] = '\0';
    enum status status = directory_register(w->directory, peer, params, now_ms, &reason);
    json_decref(params);
    free(text);
    return status;
}

/* What a lookup finds, "peer/name@since …". */
static const char *found(struct world *w, const char *conditions)
{
    static char text[1024];
    json_t *params = json_of(conditions), *result = NULL;
    assert_int_equal(directory_lookup(w->directory, "home", params, &reason, &result), BB_OK);
    text[0] = '\0';
    size_t i;
    json_t *service;
    json_array_foreach(json_object_get(result, "services"), i, service)
    {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used, "%s%s/%s@%lld", used > 0 ? " " : "",
                 json_string_value(json_object_get(service, "peer")),
                 json_string_value(json_object_get(service, "name")),
                 json_integer_value(json_object_get(service, "since_ms")));
        assert_string_equal(json_string_value(json_object_get(service, "platform")), "home");
    }
    json_decref(result);
    json_decref(params);
    return text;
}

static void what_is_registered_is_found(void **state)
{
    struct world *w = *state;
    assert_int_equal(
        put(w, "b",
            "[{\"name\":\"meter.power\",\"version\":\"2\",\"methods\":[\"read\",{\"name\":\"set\",\"params\":"
            "{\"type\":\"object\",\"properties\":{\"kw\":{\"type\":[\"number\",\"null\"]}}}}],\"topics\":"
            "[\"Data/\"],\"properties\":{\"unit\":\"kW\",\"phases\":3}},{\"name\":\"clock\"}]",
            10),
        BB_OK);
    assert_string_equal(w->changes, "+b/meter.power +b/clock ");
    assert_int_equal(put(w, "a", "[{\"name\":\"meter.power\",\"properties\":{\"unit\":\"W\"}}]", 20), BB_OK);
    assert_int_equal(directory_count(w->directory), 3);
    assert_string_equal(found(w, "{}"), "b/clock@10 a/meter.power@20 b/meter.power@10");
    assert_string_equal(found(w, "{\"name\":\"meter.power\"}"), "a/meter.power@20 b/meter.power@10");
    assert_string_equal(found(w, "{\"name\":\"met*\",\"peer\":\"b\"}"), "b/meter.power@10");
    assert_string_equal(found(w, "{\"name\":\"met\"}"), "");
    assert_string_equal(found(w, "{\"method\":\"set\"}"), "b/meter.power@10");
    assert_string_equal(found(w, "{\"method\":\"se\"}"), "");
    assert_string_equal(found(w, "{\"properties\":{\"unit\":\"kW\",\"phases\":3}}"), "b/meter.power@10");
    assert_string_equal(found(w, "{\"properties\":{\"unit\":\"kW\",\"phases\":1}}"), "");
    json_t *bad = json_of("{\"name\":3}"), *result = NULL;
    assert_int_equal(directory_lookup(w->directory, "home", bad, &reason, &result), BB_RANGE);
    assert_non_null(strstr(reason.text, "name"));
    json_decref(bad);
    bad = json_of("{\"properties\":[]}");
    assert_int_equal(directory_lookup(w->directory, "home", bad, &reason, &result), BB_RANGE);
    json_decref(bad);
}

static void a_later_list_replaces_the_earlier(void **state)
{
    struct world *w = *state;
    assert_int_equal(put(w, "a", "[{\"name\":\"x\"},{\"name\":\"y\"},{\"name\":\"z\",\"version\":\"1\"}]", 1),
                     BB_OK);
    /* x stays and keeps its time, y goes, z is another now, v is new. */
    assert_int_equal(
        put(w, "a", "[{\"name\":\"x\",\"methods\":[]},{\"name\":\"z\",\"version\":\"2\"},{\"name\":\"v\"}]",
            2),
        BB_OK);
    assert_string_equal(w->changes, "-a/y +a/z +a/v ");
    assert_string_equal(found(w, "{}"), "a/v@2 a/x@1 a/z@2");
    /* A refused list changes nothing. */
    assert_int_equal(put(w, "a", "[{\"name\":\"q\"},{\"name\":\"q\"}]", 3), BB_EXISTS);
    assert_non_null(strstr(reason.text, "services[1]"));
    assert_string_equal(w->changes, "");
    assert_string_equal(found(w, "{}"), "a/v@2 a/x@1 a/z@2");
}

static void who_leaves_is_forgotten(void **state)
{
    struct world *w = *state;
    assert_int_equal(put(w, "a", "[{\"name\":\"x\"},{\"name\":\"y\"}]", 1), BB_OK);
    assert_int_equal(put(w, "b", "[{\"name\":\"x\"}]", 1), BB_OK);
    assert_int_equal(put(w, "c", "[{\"name\":\"x\"}]", 1), BB_OK);
    w->changes[0] = '\0';
    directory_leave(w->directory, "nobody");
    directory_leave(w->directory, "a");
    assert_string_equal(w->changes, "-a/y -a/x ");
    json_t *peers = json_of("[\"b\",7,\"d\"]");
    directory_keep(w->directory, peers);
    json_decref(peers);
    assert_string_equal(found(w, "{}"), "b/x@1");
    /* One service of one's own; not another's. */
    json_t *one = json_of("{\"name\":\"x\"}"), *bad = json_of("{\"name\":1}");
    assert_int_equal(directory_withdraw(w->directory, "c", one, &reason), BB_NOT_FOUND);
    assert_int_equal(directory_withdraw(w->directory, "b", bad, &reason), BB_RANGE);
    assert_int_equal(directory_withdraw(w->directory, "b", one, &reason), BB_OK);
    assert_int_equal(directory_withdraw(w->directory, "b", NULL, &reason), BB_OK);
    json_decref(one);
    json_decref(bad);
    assert_int_equal(directory_count(w->directory), 0);
}

static void what_has_no_shape_is_refused_with_its_place(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *services, *said;
    } cases[] = {
        {"{}", "a list"},
        {"null", "a list"},
        {"[1]", "services[0]: a service is an object"},
        {"[{\"name\":\"x\"},{}]", "services[1]: a service has a name"},
        {"[{\"name\":\"\"}]", "has a name"},
        {"[{\"name\":\"a b\"}]", "has a name"},
        {"[{\"name\":\"a*\"}]", "has a name"},
        {"[{\"name\":\"\\u00e9\"}]", "has a name"},
        {"[{\"name\":\"x\",\"peer\":\"other\"}]", "nothing else"},
        {"[{\"name\":\"x\",\"version\":1}]", "version"},
        {"[{\"name\":\"x\",\"methods\":{}}]", "methods is a list"},
        {"[{\"name\":\"x\",\"methods\":[1]}]", "a method has a name"},
        {"[{\"name\":\"x\",\"methods\":[{\"name\":\"m\",\"x\":1}]}]", "nothing else"},
        {"[{\"name\":\"x\",\"methods\":[{\"name\":\"m\",\"summary\":1}]}]", "summary"},
        {"[{\"name\":\"x\",\"methods\":[{\"name\":\"m\",\"params\":1}]}]", "JSON Schemas"},
        {"[{\"name\":\"x\",\"methods\":[{\"name\":\"m\",\"result\":{\"type\":\"text\"}}]}]", "JSON Schemas"},
        {"[{\"name\":\"x\",\"methods\":[{\"name\":\"m\",\"result\":{\"type\":[]}}]}]", "JSON Schemas"},
        {"[{\"name\":\"x\",\"methods\":[{\"name\":\"m\",\"result\":{\"properties\":{\"a\":{\"items\":3}}}}]}"
         "]",
         "JSON Schemas"},
        {"[{\"name\":\"x\",\"methods\":[{\"name\":\"m\",\"result\":{\"required\":{}}}]}]", "JSON Schemas"},
        {"[{\"name\":\"x\",\"topics\":\"Data/\"}]", "topics is a list"},
        {"[{\"name\":\"x\",\"topics\":[1]}]", "a topic is"},
        {"[{\"name\":\"x\",\"properties\":[]}]", "properties"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(put(w, "a", cases[i].services, 1), BB_RANGE);
        if (strstr(reason.text, cases[i].said) == NULL)
            fail_msg("%s: %s", cases[i].services, reason.text);
    }
    assert_int_equal(directory_register(w->directory, "a", NULL, 1, &reason), BB_RANGE);
    assert_int_equal(directory_count(w->directory), 0);
}

static char *many(size_t count, size_t bytes)
{
    json_t *list = json_array();
    char name[32], *large = calloc(1, bytes + 1);
    memset(large, 'x', bytes);
    for (size_t i = 0; i < count; i++) {
        snprintf(name, sizeof name, "s%zu", i);
        json_array_append_new(list, json_pack("{s:s,s:{s:s}}", "name", name, "properties", "x", large));
    }
    char *text = json_dumps(list, JSON_COMPACT);
    json_decref(list);
    free(large);
    return text;
}

static void one_peer_and_all_are_bounded(void **state)
{
    struct world *w = *state;
    char *text = many(DIRECTORY_SERVICES_MAX + 1, 1), peer[32];
    assert_int_equal(put(w, "a", text, 1), BB_FULL);
    free(text);
    text = many(2, DIRECTORY_PEER_BYTES_MAX / 2);
    assert_int_equal(put(w, "a", text, 1), BB_FULL);
    free(text);
    text = many(DIRECTORY_SERVICES_MAX, 1);
    size_t peers = DIRECTORY_ALL_MAX / DIRECTORY_SERVICES_MAX;
    for (size_t i = 0; i < peers; i++) {
        snprintf(peer, sizeof peer, "p%zu", i);
        assert_int_equal(put(w, peer, text, 1), BB_OK);
    }
    assert_int_equal(put(w, "one.more", "[{\"name\":\"x\"}]", 1), BB_FULL);
    assert_int_equal(put(w, "p0", text, 2), BB_OK); /* in place of its own there is room */
    free(text);
    assert_int_equal(directory_count(w->directory), DIRECTORY_ALL_MAX);
    /* Few and large ones. */
    for (size_t i = 0; i < peers; i++) {
        snprintf(peer, sizeof peer, "p%zu", i);
        directory_leave(w->directory, peer);
    }
    text = many(1, DIRECTORY_PEER_BYTES_MAX - 100);
    enum status status = BB_OK;
    for (size_t i = 0; i < 100 && status == BB_OK; i++) {
        snprintf(peer, sizeof peer, "q%zu", i);
        status = put(w, peer, text, 1);
    }
    free(text);
    assert_int_equal(status, BB_FULL);
    assert_in_range(directory_count(w->directory), 60, 64);
}

static void deep_schemas_are_refused(void **state)
{
    struct world *w = *state;
    char text[4096] = "[{\"name\":\"x\",\"methods\":[{\"name\":\"m\",\"params\":";
    for (size_t i = 0; i < DIRECTORY_SCHEMA_MAX + 1; i++)
        memcpy(text + strlen(text), "{\"items\":", sizeof "{\"items\":");
    memcpy(text + strlen(text), "true", sizeof "true");
    for (size_t i = 0; i < DIRECTORY_SCHEMA_MAX + 1; i++)
        memcpy(text + strlen(text), "}", sizeof "}");
    memcpy(text + strlen(text), "}]}]", sizeof "}]}]");
    assert_int_equal(put(w, "a", text, 1), BB_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_registered_is_found, begin, end),
        cmocka_unit_test_setup_teardown(a_later_list_replaces_the_earlier, begin, end),
        cmocka_unit_test_setup_teardown(who_leaves_is_forgotten, begin, end),
        cmocka_unit_test_setup_teardown(what_has_no_shape_is_refused_with_its_place, begin, end),
        cmocka_unit_test_setup_teardown(one_peer_and_all_are_bounded, begin, end),
        cmocka_unit_test_setup_teardown(deep_schemas_are_refused, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
