#include "bus/client/vip_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define KEY "hk_Sb7VZ91uGT9JvtVn3W4ZP0m-1Wfdbhk_Sb7VZ91s"
#define Z85 "HelloWorldHelloWorldHelloWorldHelloWorld"

static void an_address_carries_keys_in_any_form(void **state)
{
    (void)state;
    struct vip_address a;
    struct bb_reason reason = {""};
    char text[VIP_ADDRESS_TEXT_MAX];
    assert_int_equal(vip_address_parse("tcp://10.0.0.1:22916?serverkey=" KEY "&publickey=" Z85
                                       "&secretkey=" KEY "#some.agent",
                                       &a, &reason),
                     BB_OK);
    assert_string_equal(a.endpoint, "tcp://10.0.0.1:22916");
    assert_string_equal(a.server_key, Z85);
    assert_string_equal(a.own.public_key, Z85);
    vip_address_format(&a, text);
    assert_string_equal(text, "tcp://10.0.0.1:22916?serverkey=" KEY);
    vip_address_wipe(&a);
    assert_int_equal(vip_address_parse("ipc:///run/vip.sock?server=NULL", &a, &reason), BB_OK);
    assert_true(a.plain);
    vip_address_format(&a, text);
    assert_string_equal(text, "ipc:///run/vip.sock?server=NULL");
}

static void bad_addresses_are_refused_with_a_reason(void **state)
{
    (void)state;
    static const char *const bad[] = {"",
                                      "tcp://",
                                      "tcp://host",
                                      "tcp://host:",
                                      "tcp://host:70000",
                                      "tcp://host:1x",
                                      "http://host:80",
                                      "ipc://",
                                      "tcp://h:1?serverkey",
                                      "tcp://h:1?serverkey=short",
                                      "tcp://h:1?server=PLAIN",
                                      "tcp://h:1?color=red",
                                      ("tcp://h:1?publickey=" KEY),
                                      "tcp://h:1?serverkey=%zz"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct vip_address a;
        struct bb_reason reason = {""};
        assert_int_equal(vip_address_parse(bad[i], &a, &reason), BB_RANGE);
        assert_true(strlen(reason.text) > 10);
    }
    struct vip_address a;
    char longer[200];
    snprintf(longer, sizeof longer, "ipc:///%0120d", 0);
    assert_int_equal(vip_address_parse(longer, &a, NULL), BB_RANGE);
}

static void identities_are_checked(void **state)
{
    (void)state;
    static const char *const good[] = {"a", "cli.123", "consumer-agent", "A_b.C-9", "1a", "0x1"};
    static const char *const bad[] = {"", "a b", "a/b", "12", "1e3", "true", "null", "NaN", "-1", "\xc3\xa9"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(vip_address_identity_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(vip_address_identity_valid(bad[i]));
    char longest[BB_IDENTITY_MAX + 2];
    memset(longest, 'a', sizeof longest);
    longest[BB_IDENTITY_MAX] = '\0';
    assert_true(vip_address_identity_valid(longest));
    longest[BB_IDENTITY_MAX] = 'a';
    longest[BB_IDENTITY_MAX + 1] = '\0';
    assert_false(vip_address_identity_valid(longest));
}

static void keys_and_address_are_found_at_home(void **state)
{
    (void)state;
    char home[] = "/tmp/bb-home-XXXXXX", path[128];
    struct keys own, broker;
    struct vip_address a;
    struct bb_reason reason = {""};
    unsetenv("BUSBAR_VIP");
    assert_non_null(mkdtemp(home));
    assert_int_equal(vip_address_find(NULL, home, "cli.77", &a, &reason), BB_NOT_FOUND);
    assert_non_null(strstr(reason.text, "start busbard"));
    assert_int_equal(vip_address_find("tcp://h:1", home, "cli.77", &a, &reason), BB_NOT_FOUND);
    assert_non_null(strstr(reason.text, "busbard.pub"));
    snprintf(path, sizeof path, "%s/keys", home);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_equal(keys_generate(&broker), BB_OK);
    assert_int_equal(keys_generate(&own), BB_OK);
    snprintf(path, sizeof path, "%s/keys/busbard.pub", home);
    assert_int_equal(keys_save_public(path, broker.public_key, &reason), BB_OK);
    assert_int_equal(vip_address_find("tcp://h:1", home, "cli.77", &a, &reason), BB_NOT_FOUND);
    assert_non_null(strstr(reason.text, "no key for cli.77"));
    snprintf(path, sizeof path, "%s/keys/cli.json", home);
    assert_int_equal(keys_save(path, &own, &reason), BB_OK);
    assert_int_equal(vip_address_find("tcp://h:1", home, "cli.77", &a, &reason), BB_OK);
    assert_string_equal(a.server_key, broker.public_key);
    assert_string_equal(a.own.secret_key, own.secret_key);
    assert_int_equal(vip_address_find("tcp://h:1", home, "other.77", &a, &reason), BB_NOT_FOUND);

    snprintf(path, sizeof path, "%s/run", home);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/run/vip.address", home);
    FILE *f = fopen(path, "w");
    fprintf(f, "ipc://%s/run/vip.sock\n", home);
    fclose(f);
    assert_int_equal(vip_address_find(NULL, home, "nobody", &a, &reason),
                     BB_OK); /* as written: no encryption */
    assert_true(a.plain);
    setenv("BUSBAR_VIP", "tcp://e:2?server=NULL", 1);
    assert_int_equal(vip_address_find(NULL, home, "nobody", &a, &reason), BB_OK);
    assert_string_equal(a.endpoint, "tcp://e:2");
    unsetenv("BUSBAR_VIP");

    static const char *const rest[] = {"run/vip.address", "keys/cli.json", "keys/busbard.pub"};
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", home, rest[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/run", home);
    rmdir(path);
    snprintf(path, sizeof path, "%s/keys", home);
    rmdir(path);
    assert_int_equal(rmdir(home), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_carries_keys_in_any_form),
        cmocka_unit_test(bad_addresses_are_refused_with_a_reason),
        cmocka_unit_test(identities_are_checked),
        cmocka_unit_test(keys_and_address_are_found_at_home),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
