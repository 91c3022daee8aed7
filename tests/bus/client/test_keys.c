#include "bus/client/keys.h"

#include <fcntl.h>
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

static char folder[] = "/tmp/bb-keys-XXXXXX";
static char path[128];

static const char *in_folder(const char *name)
{
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void put_file(const char *name, const char *text, mode_t mode)
{
    int fd = open(in_folder(name), O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void a_saved_pair_loads_again(void **state)
{
    (void)state;
    struct keys made, loaded;
    struct bb_reason reason = {""};
    struct stat about;
    assert_int_equal(keys_generate(&made), BB_OK);
    assert_int_equal(keys_save(in_folder("a.json"), &made, &reason), BB_OK);
    assert_int_equal(stat(path, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    assert_int_equal(keys_load(path, &loaded, &reason), BB_OK);
    assert_memory_equal(&made, &loaded, sizeof made);
}

static void a_key_file_is_never_overwritten(void **state)
{
    (void)state;
    struct keys made;
    struct bb_reason reason = {""};
    assert_int_equal(keys_generate(&made), BB_OK);
    assert_int_equal(keys_save(in_folder("once.json"), &made, NULL), BB_OK);
    assert_int_equal(keys_save(path, &made, &reason), BB_EXISTS);
    assert_non_null(strstr(reason.text, "never overwritten"));
}

static void a_secret_that_others_can_read_is_refused_with_the_remedy(void **state)
{
    (void)state;
    struct keys made, loaded;
    struct bb_reason reason = {""};
    assert_int_equal(keys_generate(&made), BB_OK);
    assert_int_equal(keys_save(in_folder("open.json"), &made, NULL), BB_OK);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(keys_load(path, &loaded, &reason), BB_DENIED);
    assert_non_null(strstr(reason.text, "chmod 600"));
}

static void files_that_are_no_pair_are_refused(void **state)
{
    (void)state;
    struct keys one, two;
    char public_text[KEY_BASE64_SIZE], secret_text[KEY_BASE64_SIZE], text[200];
    struct bb_reason reason = {""};
    assert_int_equal(keys_load(in_folder("absent.json"), &one, &reason), BB_NOT_FOUND);
    put_file("empty.json", "", 0600);
    assert_int_equal(keys_load(path, &one, &reason), BB_MALFORMED);
    put_file("half.json", "{\"public\":\"x\"}", 0600);
    assert_int_equal(keys_load(path, &one, &reason), BB_MALFORMED);
    assert_int_equal(keys_load(folder, &one, &reason), BB_IO);
    /* the public key of one pair beside the secret of another */
    assert_int_equal(keys_generate(&one), BB_OK);
    assert_int_equal(keys_generate(&two), BB_OK);
    assert_int_equal(keys_to_base64(one.public_key, public_text), BB_OK);
    assert_int_equal(keys_to_base64(two.secret_key, secret_text), BB_OK);
    snprintf(text, sizeof text, "{\"public\":\"%s\",\"secret\":\"%s\"}", public_text, secret_text);
    put_file("mixed.json", text, 0600);
    assert_int_equal(keys_load(path, &one, &reason), BB_MALFORMED);
    assert_non_null(strstr(reason.text, "belong together"));
}

static void every_text_form_gives_the_same_key(void **state)
{
    (void)state;
    /* RFC 32's example bytes, four times over, so that all three forms are known. */
    const char *z85 = "HelloWorldHelloWorldHelloWorldHelloWorld";
    const char *hex = "864FD26FB559F75B864FD26FB559F75B864fd26fb559f75b864fd26fb559f75b";
    char out[KEY_Z85_SIZE], base64[KEY_BASE64_SIZE], padded[KEY_BASE64_SIZE + 1];
    assert_int_equal(keys_from_text(z85, out), BB_OK);
    assert_string_equal(out, z85);
    assert_int_equal(keys_from_text(hex, out), BB_OK);
    assert_string_equal(out, z85);
    assert_int_equal(keys_to_base64(z85, base64), BB_OK);
    assert_string_equal(base64, "hk_Sb7VZ91uGT9JvtVn3W4ZP0m-1Wfdbhk_Sb7VZ91s");
    assert_int_equal(keys_from_text(base64, out), BB_OK);
    assert_string_equal(out, z85);
    snprintf(padded, sizeof padded, "%s=", base64);
    assert_int_equal(keys_from_text(padded, out), BB_OK);
    assert_string_equal(out, z85);
}

static void texts_that_are_no_key_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "short",
        "HelloWorldHelloWorldHelloWorldHelloWorl",
        "HelloWorldHelloWorldHelloWorldHelloWor~d",
        "#####HelloHelloWorldHelloWorldHelloWorld",    /* the first group is above 2^32 */
        "hk_Sb7VZ91uGT9JvtVn3W4ZP0m-1Wfdbhk_Sb7VZ91t", /* bits left over */
        "g64FD26FB559F75B864FD26FB559F75B864fd26fb559f75b864fd26fb559f75b",
    };
    char out[KEY_Z85_SIZE], fingerprint[KEY_FINGERPRINT_SIZE];
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(keys_from_text(bad[i], out), BB_MALFORMED);
    assert_int_equal(keys_fingerprint("short", fingerprint), BB_MALFORMED);
}

static void a_public_key_is_one_line(void **state)
{
    (void)state;
    struct keys made;
    char out[KEY_Z85_SIZE];
    struct bb_reason reason = {""};
    assert_int_equal(keys_generate(&made), BB_OK);
    assert_int_equal(keys_save_public(in_folder("broker.pub"), made.public_key, &reason), BB_OK);
    assert_int_equal(keys_load_public(path, out, &reason), BB_OK);
    assert_string_equal(out, made.public_key);
    put_file("bad.pub", "not a key\n", 0644);
    assert_int_equal(keys_load_public(path, out, &reason), BB_MALFORMED);
}

static void a_fingerprint_is_four_groups_of_four(void **state)
{
    (void)state;
    char out[KEY_FINGERPRINT_SIZE];
    /* 86 4F D2 6F B5 59 F7 5B 86 4F in base32 (RFC 4648): QZH5E35VLH3VXBSP */
    assert_int_equal(keys_fingerprint("HelloWorldHelloWorldHelloWorldHelloWorld", out), BB_OK);
    assert_string_equal(out, "QZH5-E35V-LH3V-XBSP");
}

static int make_folder(void **state)
{
    (void)state;
    return mkdtemp(folder) != NULL ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"a.json",    "once.json",  "open.json", "empty.json",
                                        "half.json", "mixed.json", "bad.pub",   "broker.pub"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unlink(in_folder(names[i]));
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_saved_pair_loads_again),
        cmocka_unit_test(a_key_file_is_never_overwritten),
        cmocka_unit_test(a_secret_that_others_can_read_is_refused_with_the_remedy),
        cmocka_unit_test(files_that_are_no_pair_are_refused),
        cmocka_unit_test(every_text_form_gives_the_same_key),
        cmocka_unit_test(texts_that_are_no_key_are_refused),
        cmocka_unit_test(a_public_key_is_one_line),
        cmocka_unit_test(a_fingerprint_is_four_groups_of_four),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
