/* signers.json: who is trusted with which agents; every refusal; editing. */
#include "agents/bundle/trust.h"
#include "ledger/crypto/address.h"
#include "tests/link/cm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ONE "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
#define TWO "0x2B5AD5c4795c026514f8317c7a215E218DcCD6cF"

static char path[] = "/tmp/bb-signers-XXXXXX";

static void put(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct address address(const char *text)
{
    struct address one;
    assert_int_equal(address_parse(text, &one), BB_OK);
    return one;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(path, sizeof path, "/tmp/bb-signers-XXXXXX");
    int file = mkstemp(path);
    return file >= 0 ? close(file) : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return unlink(path) == 0 || access(path, F_OK) < 0 ? 0 : -1;
}

static void test_nobody(void **state)
{
    (void)state;
    struct trust trust;
    struct bb_reason reason = {""};
    struct address one = address(ONE);
    unlink(path);
    assert_int_equal(trust_load(path, &reason, &trust), BB_OK);
    assert_int_equal(trust_allows(&trust, NULL, "a", &reason), BB_DENIED);
    assert_non_null(strstr(reason.text, "not signed"));
    assert_int_equal(trust_allows(&trust, &one, "a", &reason), BB_DENIED);
    assert_non_null(strstr(reason.text, ONE));
    trust_free(&trust);
}

static void test_agents(void **state)
{
    (void)state;
    struct trust trust;
    struct bb_reason reason = {""};
    struct address one = address(ONE), two = address(TWO);
    put("{\"version\":1,\"signers\":[{\"address\":\"" ONE "\",\"name\":\"us\",\"agents\":[\"*\"]},"
        "{\"address\":\"" TWO "\",\"agents\":[\"meter\",\"uart-*\"]}],\"unsigned\":true}");
    assert_int_equal(trust_load(path, &reason, &trust), BB_OK);
    assert_int_equal(trust_allows(&trust, &one, "anything", &reason), BB_OK);
    assert_int_equal(trust_allows(&trust, &two, "meter", &reason), BB_OK);
    assert_int_equal(trust_allows(&trust, &two, "uart-1", &reason), BB_OK);
    assert_int_equal(trust_allows(&trust, &two, "meter2", &reason), BB_DENIED);
    assert_non_null(strstr(reason.text, "not trusted with an agent named meter2"));
    assert_int_equal(trust_allows(&trust, NULL, "any", &reason), BB_OK);
    assert_string_equal(trust_find(&trust, &one)->name, "us");
    trust_free(&trust);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *sentence;
        enum status status;
    } cases[] = {
        {"", ":1:", BB_MALFORMED},
        {"[]", "expected an object", BB_MALFORMED},
        {"{\"version\":1,\n\"signer\":[]}", ":2: unknown key \"signer\"", BB_MALFORMED},
        {"{\"version\":2,\"signers\":[]}", "\"version\" expects 1", BB_VERSION},
        {"{\"version\":1}", "\"signers\" expects a list", BB_MALFORMED},
        {"{\"version\":1,\"signers\":[],\"unsigned\":1}", "\"unsigned\" expects true or false", BB_MALFORMED},
        {"{\"version\":1,\"signers\":[1]}", "list of objects", BB_MALFORMED},
        {"{\"version\":1,\"signers\":[{\"address\":\"" ONE "\",\"agents\":[\"*\"],\"x\":1}]}", "unknown key",
         BB_MALFORMED},
        {"{\"version\":1,\"signers\":[{\"agents\":[\"*\"]}]}", "\"address\" expects", BB_MALFORMED},
        {"{\"version\":1,\"signers\":[{\"address\":\"0x7e5F4552091A69125d5DfCb7b8C2659029395Bdf\",\"agents\":"
         "[\"*\"]}]}",
         "right checksum", BB_MALFORMED},
        {"{\"version\":1,\"signers\":[{\"address\":\"" ONE "\"}]}", "\"agents\" expects", BB_MALFORMED},
        {"{\"version\":1,\"signers\":[{\"address\":\"" ONE "\",\"agents\":[\"a*b\"]}]}", "\"agents\" expects",
         BB_MALFORMED},
        {"{\"version\":1,\"signers\":[{\"address\":\"" ONE "\",\"agents\":[\"*\"],\"name\":\"a\\nb\"}]}",
         "\"name\" expects", BB_MALFORMED},
        {"{\"version\":1,\"signers\":[{\"address\":\"" ONE "\",\"agents\":[\"*\"]},\n{\"address\":\"" ONE
         "\",\"agents\":[\"*\"]}]}",
         ":2: \"address\" is there twice", BB_EXISTS},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct trust trust;
        struct bb_reason reason = {""};
        put(cases[i].text);
        enum status status = trust_load(path, &reason, &trust);
        if (status != cases[i].status || strstr(reason.text, cases[i].sentence) == NULL)
            fail_msg("%s: %s: %s", cases[i].text, bb_status_word(status), reason.text);
    }
}

static void test_everybodys_file(void **state)
{
    (void)state;
    struct trust trust;
    struct bb_reason reason = {""};
    put("{\"version\":1,\"signers\":[]}");
    assert_int_equal(chmod(path, 0666), 0);
    assert_int_equal(trust_load(path, &reason, &trust), BB_DENIED);
    assert_non_null(strstr(reason.text, "chmod o-w"));
}

static void test_editing(void **state)
{
    (void)state;
    struct trust trust;
    struct bb_reason reason = {""};
    struct address one = address(ONE), two = address(TWO);
    unlink(path);
    assert_int_equal(trust_load(path, &reason, &trust), BB_OK);
    assert_int_equal(trust_add(&trust, &one, "us", NULL, 0, &reason), BB_OK);
    assert_int_equal(trust_add(&trust, &two, "", (const char *[]){"meter", "uart-*"}, 2, &reason), BB_OK);
    assert_int_equal(trust_add(&trust, &one, "we", NULL, 0, &reason), BB_OK);
    assert_int_equal(trust.count, 2);
    assert_int_equal(trust_add(&trust, &one, "x", (const char *[]){"No"}, 1, &reason), BB_RANGE);
    assert_non_null(strstr(reason.text, "\"No\""));
    assert_int_equal(trust_add(&trust, &one, "a\nb", NULL, 0, &reason), BB_RANGE);
    assert_string_equal(trust_find(&trust, &one)->name, "we");
    assert_int_equal(trust_save(&trust, path, &reason), BB_OK);
    trust_free(&trust);
    assert_int_equal(trust_load(path, &reason, &trust), BB_OK);
    assert_int_equal(trust.count, 2);
    assert_string_equal(trust_find(&trust, &one)->name, "we");
    assert_int_equal(trust_allows(&trust, &two, "uart-2", &reason), BB_OK);
    assert_int_equal(trust_remove(&trust, &two), BB_OK);
    assert_int_equal(trust_remove(&trust, &two), BB_NOT_FOUND);
    assert_int_equal(trust_allows(&trust, &two, "uart-2", &reason), BB_DENIED);
    trust_free(&trust);
}

static void test_signers_are_bounded(void **state)
{
    (void)state;
    struct trust trust;
    struct bb_reason reason = {""};
    unlink(path);
    assert_int_equal(trust_load(path, &reason, &trust), BB_OK);
    for (int i = 0; i <= TRUST_SIGNERS_MAX; i++) {
        struct address one = {{1, (uint8_t)(i >> 8), (uint8_t)i}};
        assert_int_equal(trust_add(&trust, &one, "", NULL, 0, &reason),
                         i < TRUST_SIGNERS_MAX ? BB_OK : BB_FULL);
    }
    trust_free(&trust);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_agents, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refusals, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_everybodys_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_editing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_signers_are_bounded, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
