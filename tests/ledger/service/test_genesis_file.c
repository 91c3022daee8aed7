/* The genesis and the sealer's key, as files. */
#include "ledger/crypto/secret.h"
#include "ledger/genesis_file.h"
#include "ledger/sealer_key.h"

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

#define A(n) "0x00000000000000000000000000000000000000" n
#define PEOPLE                                                                                               \
    "\"participants\":[{\"name\":\"operator\",\"address\":\"" A(                                             \
        "01") "\",\"role\":\"operator\"},"                                                                   \
              "{\"name\":\"edc\",\"address\":\"" A(                                                          \
                  "02") "\",\"role\":\"distribution\"},"                                                     \
                        "{\"name\":\"p1\",\"address\":\"" A(                                                 \
                            "03") "\",\"role\":\"prosumer\",\"money\":\"10000000000\","                      \
                                  "\"energy\":50000},{\"name\":\"c1\",\"address\":\"" A(                     \
                                      "04") "\",\"role\":\"consumer\"}]"
#define LEAST "\"chain_id\":\"1337\",\"sealer\":\"" A("09") "\"," PEOPLE

static struct bb_reason reason;

static enum status read_text(const char *text, struct genesis *out)
{
    uint8_t *bytes = NULL;
    size_t size = 0;
    reason.text[0] = '\0';
    enum status status = genesis_file_read(bytes_of(text), &reason, &bytes, &size);
    if (status == BB_OK)
        assert_int_equal(genesis_decode((struct bytes){bytes, size}, out), BB_OK);
    free(bytes);
    return status;
}

static void the_least_has_defaults(void **state)
{
    struct genesis g;
    (void)state;
    enum status status = read_text("{" LEAST "}", &g);
    assert_string_equal(reason.text, "");
    assert_int_equal(status, BB_OK);
    assert_int_equal(g.chain_id, 1337);
    assert_int_equal(g.contract.bytes[17], 0x0b);
    assert_int_equal(g.sealer.bytes[19], 9);
    assert_int_equal(g.limits.accounts, 100000);
    assert_int_equal(g.limits.uses, 1000000);
    assert_int_equal(g.policy.mode, POLICY_NONE);
    assert_int_equal(g.policy.recipient, RECIPIENT_DISTRIBUTION);
    assert_int_equal(g.participant_count, 4);
    assert_int_equal(g.line_count, 0);
    assert_string_equal(g.participants[2].name, "p1");
    assert_int_equal(g.participants[2].role, ROLE_PROSUMER);
    assert_int_equal(g.participants[2].energy.wh, 50000);
    assert_true(g.participants[2].money.nano == INT64_C(10000000000));
    genesis_free(&g);
}

static void everything_that_can_be_said(void **state)
{
    struct genesis g;
    (void)state;
    enum status status = read_text(
        "{" LEAST
        ",\"contract\":\"" A("07") "\",\"time_ms\":\"5000\",\"limits\":{\"accounts\":\"10\",\"orders\":20,"
                                   "\"lines\":\"30\",\"intervals\":\"40\",\"uses\":\"50\"},\"policy\":{"
                                   "\"mode\":\"penalty\",\"penalty\":\"1000\","
                                   "\"recipient\":\"seller\",\"band_low\":\"1\",\"band_high\":\"200000\","
                                   "\"interval_seconds\":\"3600\","
                                   "\"gate_seconds\":\"60\"},\"lines\":[{\"buyer\":\"c1\",\"seller\":\"" A(
                                       "03") "\",\"capacity\":\"5000\"}]}",
        &g);
    assert_string_equal(reason.text, "");
    assert_int_equal(status, BB_OK);
    assert_int_equal(g.contract.bytes[19], 7);
    assert_int_equal(g.time.ms, 5000);
    assert_int_equal(g.limits.accounts, 10);
    assert_int_equal(g.limits.intervals, 40);
    assert_int_equal(g.policy.mode, POLICY_PENALTY);
    assert_int_equal(g.policy.recipient, RECIPIENT_SELLER);
    assert_int_equal(g.policy.penalty.micro_per_kwh, 1000);
    assert_int_equal(g.policy.band_high.micro_per_kwh, 200000);
    assert_int_equal(g.policy.gate_seconds, 60);
    assert_int_equal(g.line_count, 1);
    assert_int_equal(g.lines[0].buyer.bytes[19], 4);
    assert_int_equal(g.lines[0].seller.bytes[19], 3);
    assert_int_equal(g.lines[0].capacity.wh, 5000);
    genesis_free(&g);
}

static void what_is_wrong_is_named(void **state)
{
    static const struct {
        const char *text, *place;
    } bad[] = {
        {"{}", "chain_id: is missing"},
        {"[]", ": expected an object"},
        {"{\"chain\":1}", "chain: unknown member"},
        {"{\"chain_id\":\"9007199254740992\"}", "chain_id: expected 0 to 9007199254740991"},
        {"{" LEAST ",\"policy\":{\"mode\":\"full\"}}", "policy.mode: expected one of"},
        {"{" LEAST ",\"policy\":7}", "policy: expected an object"},
        {"{" LEAST ",\"limits\":{\"accounts\":\"4294967296\"}}", "limits.accounts: expected 0 to 4294967295"},
        {"{" LEAST ",\"limits\":[]}", "limits: expected an object"},
        {"{" LEAST ",\"lines\":[{\"buyer\":\"c2\",\"seller\":\"p1\",\"capacity\":1}]}",
         "lines[0].buyer: names no participant"},
        {"{" LEAST ",\"lines\":[{\"buyer\":\"c1\",\"seller\":\"p1\"}]}", "lines[0].capacity: is missing"},
        {"{" LEAST ",\"lines\":{}}", "lines: expected a list"},
        {"{\"chain_id\":1,\"sealer\":\"" A("09") "\",\"participants\":[{\"name\":\"a\",\"address\":\"" A(
             "01") "\",\"role\":\"king\"}]}",
         "participants[0].role: expected one of"},
        {"{\"chain_id\":1,\"sealer\":\"" A("09") "\",\"participants\":[{\"name\":\"a\",\"address\":\"" A(
             "01") "\",\"role\":\"meter\"},{\"name\":\"a\",\"address\":\"" A("02") "\",\"role\":\"meter\"}]}",
         "participants[1].name: there is a participant"},
        {"{", "the genesis: line 1"},
        {"{" LEAST "}{", "the genesis: line 1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct genesis g;
        assert_int_equal(read_text(bad[i].text, &g), BB_MALFORMED);
        print_message("%s\n", reason.text);
        assert_memory_equal(reason.text, bad[i].place, strlen(bad[i].place));
    }
    struct genesis g; /* the core's own rules: no operator */
    assert_int_equal(read_text("{\"chain_id\":1,\"sealer\":\"" A("09") "\",\"participants\":[]}", &g),
                     BB_RANGE);
    assert_true(reason.text[0] != '\0');
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static void files_that_cannot_be_read(void **state)
{
    char folder[] = "/tmp/bb-genesis-XXXXXX", path[64];
    uint8_t *bytes = NULL;
    size_t size = 0;
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/genesis.json", folder);
    assert_int_equal(genesis_file_load(path, &reason, &bytes, &size), BB_NOT_FOUND);
    assert_non_null(strstr(reason.text, path));
    assert_int_equal(genesis_file_load(folder, &reason, &bytes, &size), BB_IO);
    write_file(path, "{}", 0600);
    assert_int_equal(genesis_file_load(path, &reason, &bytes, &size), BB_MALFORMED);
    assert_non_null(strstr(reason.text, "genesis.json: chain_id: is missing"));
    write_file(path, "{" LEAST "}", 0600);
    assert_int_equal(genesis_file_load(path, &reason, &bytes, &size), BB_OK);
    free(bytes);
    unlink(path);
    rmdir(folder);
}

#define KEY "4646464646464646464646464646464646464646464646464646464646464646"

static void a_sealers_key_is_kept_to_oneself(void **state)
{
    static const struct {
        const char *text;
        mode_t mode;
        enum status status;
    } cases[] = {{KEY "\n", 0600, BB_OK},
                 {"0x" KEY, 0400, BB_OK},
                 {KEY "\n", 0640, BB_DENIED},
                 {KEY "\n", 0604, BB_DENIED},
                 {KEY "4", 0600, BB_MALFORMED},
                 {"", 0600, BB_MALFORMED},
                 {KEY KEY, 0600, BB_MALFORMED},
                 {"zz46464646464646464646464646464646464646464646464646464646464646", 0600, BB_MALFORMED},
                 {"0000000000000000000000000000000000000000000000000000000000000000", 0600, BB_MALFORMED},
                 {"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", 0600, BB_MALFORMED}};
    char folder[] = "/tmp/bb-sealer-XXXXXX", path[64];
    struct signer *signer = NULL;
    struct secret secret;
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_int_equal(signer_open(&signer), BB_OK);
    snprintf(path, sizeof path, "%s/sealer.key", folder);
    assert_int_equal(sealer_key_load(path, signer, &reason, &secret), BB_NOT_FOUND);
    assert_non_null(strstr(reason.text, "busbar chain init"));
    assert_int_equal(sealer_key_load(folder, signer, &reason, &secret), BB_DENIED);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unlink(path);
        write_file(path, cases[i].text, cases[i].mode);
        memset(&secret, 0, sizeof secret);
        assert_int_equal(sealer_key_load(path, signer, &reason, &secret), cases[i].status);
        assert_int_equal(secret.bytes[31], cases[i].status == BB_OK ? 0x46 : 0);
        if (cases[i].status == BB_DENIED)
            assert_non_null(strstr(reason.text, "chmod 600"));
    }
    signer_close(signer);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_has_defaults),           cmocka_unit_test(everything_that_can_be_said),
        cmocka_unit_test(what_is_wrong_is_named),           cmocka_unit_test(files_that_cannot_be_read),
        cmocka_unit_test(a_sealers_key_is_kept_to_oneself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
