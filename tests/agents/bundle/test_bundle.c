/* Bundles: what is packed is what a hand would lay out; it is read, signed, and every hostile archive is
 * refused with the entry's name. */
#include "agents/bundle/bundle.h"
#include "ledger/crypto/address.h"
#include "tests/agents/bundle/home.h"
#include "tests/agents/bundle/tar.h"
#include "tests/link/cm.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RUN   "#!/bin/sh\nexec sleep 60\n"
#define TABLE "a,b\n1,2\n"
#define ONE   "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"

static struct trust nobody, everybody;

static int set_up(void **state)
{
    (void)state;
    struct bb_reason reason;
    struct address one;
    if (trust_load("/nonexistent/signers.json", &reason, &nobody) != BB_OK ||
        trust_load("/nonexistent/signers.json", &reason, &everybody) != BB_OK ||
        address_parse(ONE, &one) != BB_OK)
        return -1;
    return trust_add(&everybody, &one, "", NULL, 0, &reason) == BB_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    trust_free(&nobody);
    trust_free(&everybody);
    return 0;
}

/* What the archive is refused with. */
static void refused(struct tar *tar, enum status expected, const char *words)
{
    struct bb_reason reason = {""};
    struct bundle bundle;
    if (tar->size > 0) /* nothing behind it that may be read */
        tar->data = realloc(tar->data, tar->size);
    enum status status = bundle_read(tar_bytes(tar), NULL, &reason, &bundle);
    if (status == BB_OK)
        bundle_free(&bundle);
    if (status != expected || strstr(reason.text, words) == NULL)
        fail_msg("expected \"%s\": %s: %s", words, bb_status_word(status), reason.text);
    tar_free(tar);
}

/* One entry more, with its line in `contents` between those of the others. */
struct more {
    const char *path, *text, *mode;
    const struct tar_odd *odd;
    bool unlisted;
};

/* A good archive but for `more`, which comes last and whose path comes last. */
static struct tar laid_out(const struct more *more)
{
    static const struct tar_odd executable = {.mode = 0755};
    char contents[2048] = "";
    struct tar tar = {0};
    tar_line(contents, sizeof contents, "data/table.csv", bytes_of(TABLE), "0644");
    tar_line(contents, sizeof contents, "manifest.json", bytes_of(HOME_MANIFEST), "0644");
    tar_line(contents, sizeof contents, "run", bytes_of(RUN), "0755");
    if (more != NULL && !more->unlisted)
        tar_line(contents, sizeof contents, more->path, bytes_of(more->text), more->mode);
    tar_add(&tar, "manifest.json", bytes_of(HOME_MANIFEST), NULL);
    tar_add(&tar, "contents", bytes_of(contents), NULL);
    tar_add(&tar, "data/table.csv", bytes_of(TABLE), NULL);
    tar_add(&tar, "run", bytes_of(RUN), &executable);
    if (more != NULL)
        tar_add(&tar, more->path, bytes_of(more->text), more->odd);
    return tar;
}

static struct tar ended(struct tar tar)
{
    tar_end(&tar);
    return tar;
}

static struct tar packed(void)
{
    struct tar made = {0};
    struct bb_reason reason = {""};
    int home = home_open(), folder = openat(home, "agent", O_RDONLY | O_DIRECTORY);
    if (bundle_pack(folder, &reason, &made.data, &made.size) != BB_OK)
        fail_msg("%s", reason.text);
    close(folder);
    home_close(home);
    return made;
}

static void test_packs_what_a_hand_lays_out(void **state)
{
    (void)state;
    struct tar made = packed(), hand = ended(laid_out(NULL));
    struct bb_reason reason = {""};
    struct bundle bundle;
    char digest[BUNDLE_DIGEST_ROOM];
    assert_int_equal(made.size, hand.size);
    assert_memory_equal(made.data, hand.data, hand.size);
    assert_int_equal(bundle_read(tar_bytes(&made), NULL, &reason, &bundle), BB_OK);
    assert_int_equal(bundle.file_count, 3);
    assert_string_equal(bundle.files[0].path, "data/table.csv");
    assert_string_equal(bundle.files[2].path, "run");
    assert_true(bundle.files[2].executable);
    assert_false(bundle.files[1].executable);
    assert_true(bytes_equal(bundle.files[0].data, bytes_of(TABLE)));
    assert_string_equal(bundle.manifest.name, "listener");
    assert_false(bundle.is_signed);
    assert_int_equal(strlen(bundle_digest(&bundle, digest)), 64);
    bundle_free(&bundle);
    tar_free(&made);
    tar_free(&hand);
}

static void test_paths(void **state)
{
    (void)state;
    static const struct {
        const char *path, *words;
    } cases[] = {
        {"../evil", "\"../evil\" climbs out of the bundle"},
        {"z/../../evil", "climbs out"},
        {"/etc/passwd", "\"/etc/passwd\" has an absolute path"},
        {"z//a", "empty part"},
        {"z/./a", "part `.`"},
        {"z/..", "climbs out"},
        {"z\\a", "backslash"},
        {"z\na", "\"z?a\" has a control character"},
        {"z\x7f", "control character"},
        {"z\xff", "\"z?\" has a path that is not UTF-8"},
        {"z/", "\"z/\" is a folder"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tar tar = ended(laid_out(&(struct more){cases[i].path, "x", "0644", NULL, false}));
        refused(&tar, BB_MALFORMED, cases[i].words);
    }
}

static void test_special_files(void **state)
{
    (void)state;
    static const struct {
        struct tar_odd odd;
        const char *words;
    } cases[] = {
        {{.type = '2', .link = "/etc/passwd"}, "\"z\" is a link"},
        {{.type = '1', .link = "run"}, "\"z\" is a link"},
        {{.type = '3'}, "\"z\" is a device"},
        {{.type = '4'}, "\"z\" is a device"},
        {{.type = '6'}, "\"z\" is a device"},
        {{.type = '5'}, "\"z\" is a folder"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tar tar = ended(laid_out(&(struct more){"z", "", "0644", &cases[i].odd, false}));
        refused(&tar, BB_MALFORMED, cases[i].words);
    }
}

/* It reads as the same files, but its bytes are others. */
static void test_other_bytes(void **state)
{
    (void)state;
    static const struct tar_odd odds[] = {{.uid = 1},     {.time = 1},   {.owner = "root"},
                                          {.padding = 1}, {.type = '7'}, {.link = "x"}};
    for (size_t i = 0; i < sizeof odds / sizeof *odds; i++) {
        struct tar tar = ended(laid_out(&(struct more){"z", "x", "0644", &odds[i], false}));
        refused(&tar, BB_MALFORMED, "\"z\" ");
    }
}

static void test_modes(void **state)
{
    (void)state;
    static const unsigned modes[] = {0600, 04755, 0777, 0444, 02644};
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
        struct tar tar =
            ended(laid_out(&(struct more){"z", "x", "0644", &(struct tar_odd){.mode = modes[i]}, false}));
        refused(&tar, BB_MALFORMED, "\"z\" has a mode other than 0644 and 0755");
    }
    struct tar tar =
        ended(laid_out(&(struct more){"z", "x", "0644", &(struct tar_odd){.mode = 0755}, false}));
    refused(&tar, BB_MALFORMED, "\"z\" has another mode than in `contents`");
}

static void test_names_twice_and_below_files(void **state)
{
    (void)state;
    struct tar tar =
        ended(laid_out(&(struct more){"run", RUN, "0755", &(struct tar_odd){.mode = 0755}, false}));
    refused(&tar, BB_MALFORMED, "\"run\" is there twice");
    tar = ended(laid_out(&(struct more){"data/table.csv", TABLE, "0644", NULL, false}));
    refused(&tar, BB_MALFORMED, "\"data/table.csv\" is there twice");
    tar = ended(laid_out(&(struct more){"run/below", "x", "0644", NULL, false}));
    refused(&tar, BB_MALFORMED, "\"run/below\" lies below a file");
    tar = ended(laid_out(&(struct more){"manifest.json/x/y", "x", "0644", NULL, true}));
    refused(&tar, BB_MALFORMED, "\"manifest.json/x/y\" lies below a file");
}

static void test_hashes_and_sizes(void **state)
{
    (void)state;
    struct tar tar = ended(laid_out(NULL));
    tar.data[4 * 512 + 1] ^=
        1; /* in data/table.csv: behind two headers, the manifest's block and the contents' */
    uint8_t *at = memmem(tar.data, tar.size, "exec sleep", 10);
    *at ^= 1;
    tar.data[4 * 512 + 1] ^= 1;
    refused(&tar, BB_MALFORMED, "\"run\" has another hash than in `contents`: it was altered");
    tar = ended(laid_out(NULL));
    at = memmem(tar.data, tar.size, "0644 8 data", 11);
    at[5] = '9';
    refused(&tar, BB_MALFORMED, "\"data/table.csv\" has another size than in `contents`");
    tar = ended(laid_out(NULL));
    at = memmem(tar.data, tar.size, "0644 8 data", 11);
    at[4] = '\t';
    refused(&tar, BB_MALFORMED,
            "\"data/table.csv\" has another size than in `contents`, or its line there is written");
    tar = ended(laid_out(&(struct more){"z", "x", "0644", &(struct tar_odd){.claims = 1 << 20}, false}));
    refused(&tar, BB_MALFORMED, "\"z\" is longer than the archive");
}

static void test_missing_and_extra(void **state)
{
    (void)state;
    struct tar tar = ended(laid_out(&(struct more){"z", "x", "0644", NULL, true}));
    refused(&tar, BB_MALFORMED, "\"z\" is in the archive, but does not stand in `contents`");
    tar = ended(laid_out(&(struct more){"a", "x", "0644", NULL, true}));
    refused(&tar, BB_MALFORMED, "\"a\" is not in the order of the paths");
    char contents[1024] = "";
    tar_line(contents, sizeof contents, "a-gone", bytes_of("x"), "0644");
    tar_line(contents, sizeof contents, "manifest.json", bytes_of(HOME_MANIFEST), "0644");
    tar = (struct tar){0};
    tar_add(&tar, "manifest.json", bytes_of(HOME_MANIFEST), NULL);
    tar_add(&tar, "contents", bytes_of(contents), NULL);
    tar_end(&tar);
    refused(&tar, BB_MALFORMED, "\"a-gone\" stands in `contents`, but not in the archive");
    contents[0] = '\0';
    tar_line(contents, sizeof contents, "manifest.json", bytes_of(HOME_MANIFEST), "0644");
    tar_line(contents, sizeof contents, "z-gone", bytes_of("x"), "0644");
    tar_add(&tar, "manifest.json", bytes_of(HOME_MANIFEST), NULL);
    tar_add(&tar, "contents", bytes_of(contents), NULL);
    tar_end(&tar);
    refused(&tar, BB_MALFORMED, "\"z-gone\" stands in `contents`, but not in the archive");
}

static void test_first_entries(void **state)
{
    (void)state;
    struct tar tar = {0};
    tar_add(&tar, "contents", bytes_of(""), NULL);
    tar_add(&tar, "manifest.json", bytes_of(HOME_MANIFEST), NULL);
    tar_end(&tar);
    refused(&tar, BB_MALFORMED, "\"manifest.json\" is not the first entry");
    tar_add(&tar, "manifest.json", bytes_of(HOME_MANIFEST), NULL);
    tar_add(&tar, "run", bytes_of(RUN), NULL);
    tar_end(&tar);
    refused(&tar, BB_MALFORMED, "\"contents\" is not the second entry");
    tar = ended(laid_out(&(struct more){"signature.json", "{}", "0644", NULL, true}));
    refused(&tar, BB_MALFORMED, "\"signature.json\" is not the third entry");
    tar_add(&tar, "manifest.json", bytes_of(HOME_MANIFEST), &(struct tar_odd){.mode = 0755});
    tar_add(&tar, "contents", bytes_of(""), NULL);
    tar_end(&tar);
    refused(&tar, BB_MALFORMED, "\"manifest.json\" has another mode than 0644");
}

static void test_hidden_bytes(void **state)
{
    (void)state;
    struct tar tar = ended(laid_out(NULL));
    tar_raw(&tar, "hidden", 6);
    refused(&tar, BB_MALFORMED, "\"run\" is the last entry, but bytes are hidden behind the end");
    tar = ended(ended(laid_out(NULL)));
    refused(&tar, BB_MALFORMED, "bytes are hidden behind the end");
    tar = laid_out(NULL);
    refused(&tar, BB_MALFORMED, "\"run\"");
    tar = ended(laid_out(NULL));
    tar.size -= 512;
    refused(&tar, BB_MALFORMED, "\"run\" is the last entry, and the end is cut off");
    /* An archive within: what another reader, which goes on at zeros, would see. */
    tar = ended(laid_out(NULL));
    tar_add(&tar, "evil", bytes_of("x"), NULL);
    tar_end(&tar);
    refused(&tar, BB_MALFORMED, "bytes are hidden behind the end");
}

/* Headers that other programs understand and that would give a name or a size twice. */
static void test_extended_headers(void **state)
{
    (void)state;
    struct tar tar = laid_out(NULL);
    tar_add(&tar, "x", bytes_of("13 path=evil\n"), &(struct tar_odd){.type = 'x'});
    tar_add(&tar, "z", bytes_of("x"), NULL);
    tar_end(&tar);
    refused(&tar, BB_MALFORMED, "\"evil\" has headers other than ustar's");
    tar = laid_out(NULL);
    tar_add(&tar, "././@LongLink", bytes_of("evil"), &(struct tar_odd){.type = 'L'});
    tar_add(&tar, "z", bytes_of("x"), NULL);
    tar_end(&tar);
    refused(&tar, BB_MALFORMED, "\"evil\" has headers other than ustar's");
    tar = laid_out(NULL);
    tar_add(&tar, "g", bytes_of("13 path=evil\n"), &(struct tar_odd){.type = 'g'});
    tar_add(&tar, "z", bytes_of("x"), NULL);
    tar_end(&tar);
    refused(&tar, BB_MALFORMED, "has headers other than ustar's");
}

static void test_no_archive(void **state)
{
    (void)state;
    struct tar tar = {0};
    refused(&tar, BB_MALFORMED, "no bundle");
    tar_raw(&tar, "PK\3\4 something else", 20);
    refused(&tar, BB_MALFORMED, "no bundle");
    tar_end(&tar);
    refused(&tar, BB_MALFORMED, "no bundle");
    char noise[4096];
    memset(noise, 'x', sizeof noise);
    tar_raw(&tar, noise, sizeof noise);
    refused(&tar, BB_MALFORMED, "no bundle");
}

static void test_too_much(void **state)
{
    (void)state;
    struct tar tar = {.data = calloc(1, BUNDLE_SIZE_MAX + 1), .size = BUNDLE_SIZE_MAX + 1};
    assert_non_null(tar.data);
    refused(&tar, BB_FULL, "a bundle has at most");
    tar_add(&tar, "manifest.json", bytes_of(HOME_MANIFEST), NULL);
    tar_add(&tar, "contents", bytes_of(""), NULL);
    struct bytes large = {calloc(1, BUNDLE_DATA_MAX + 1), BUNDLE_DATA_MAX + 1};
    assert_non_null(large.data);
    tar_add(&tar, "large", large, NULL);
    tar_end(&tar);
    free((void *)large.data);
    refused(&tar, BB_FULL, "\"large\" goes beyond the 64 MiB");
    for (int i = 0; i <= BUNDLE_FILES_MAX + 2; i++) {
        char path[16];
        snprintf(path, sizeof path, "f%05d", i);
        tar_add(&tar, path, bytes_of(""), NULL);
    }
    tar_end(&tar);
    refused(&tar, BB_FULL, "\"f04098\" goes beyond the 4096 files");
}

static void test_manifests_within(void **state)
{
    (void)state;
    static const struct {
        const char *manifest, *words;
        enum status status;
    } cases[] = {
        {"{\"version\":1,\n\"nom\":1}", "manifest.json:2: unknown key", BB_MALFORMED},
        {"{\"version\":1,\"name\":\"a\",\"release\":\"1\",\"command\":[\"./gone\"]}",
         "\"./gone\" is the command, but not a file", BB_MALFORMED},
        {"{\"version\":1,\"name\":\"a\",\"release\":\"1\",\"command\":[\"./manifest.json\"]}",
         "not executable", BB_MALFORMED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char contents[256] = "";
        struct tar tar = {0};
        tar_line(contents, sizeof contents, "manifest.json", bytes_of(cases[i].manifest), "0644");
        tar_add(&tar, "manifest.json", bytes_of(cases[i].manifest), NULL);
        tar_add(&tar, "contents", bytes_of(contents), NULL);
        tar_end(&tar);
        refused(&tar, cases[i].status, cases[i].words);
    }
}

/* Signed with the key 1. */
static struct tar sealed(struct tar tar)
{
    struct tar out = {0};
    struct bb_reason reason = {""};
    struct bundle bundle;
    struct signer *signer;
    struct secret secret = {{[31] = 1}};
    assert_int_equal(signer_open(&signer), BB_OK);
    if (bundle_read(tar_bytes(&tar), NULL, &reason, &bundle) != BB_OK)
        fail_msg("%s", reason.text);
    assert_int_equal(bundle_sign(&bundle, signer, &secret, &reason, &out.data, &out.size), BB_OK);
    bundle_free(&bundle);
    signer_close(signer);
    tar_free(&tar);
    return out;
}

static enum status read_with(const struct trust *trust, const struct tar *tar, struct bb_reason *reason)
{
    struct bundle bundle;
    enum status status = bundle_read(tar_bytes(tar), trust, reason, &bundle);
    if (status == BB_OK)
        bundle_free(&bundle);
    return status;
}

static void test_signing(void **state)
{
    (void)state;
    struct bb_reason reason = {""};
    struct bundle bundle;
    char address[ADDRESS_TEXT];
    struct tar once = sealed(packed()), plain = packed();
    assert_int_equal(bundle_read(tar_bytes(&once), &everybody, &reason, &bundle), BB_OK);
    assert_true(bundle.is_signed);
    address_format(&bundle.signer, address);
    assert_string_equal(address, ONE);
    assert_int_equal(bundle.file_count, 3);
    bundle_free(&bundle);
    assert_int_equal(read_with(&nobody, &once, &reason), BB_DENIED);
    assert_non_null(strstr(reason.text, ONE ", whom nobody trusts here"));
    assert_int_equal(read_with(&everybody, &plain, &reason), BB_DENIED);
    assert_non_null(strstr(reason.text, "not signed"));
    struct tar twice =
        sealed((struct tar){.data = memcpy(malloc(once.size), once.data, once.size), .size = once.size});
    assert_int_equal(twice.size, once.size); /* the same signature in the place of the first */
    assert_memory_equal(twice.data, once.data, once.size);
    tar_free(&once);
    tar_free(&twice);
    tar_free(&plain);
}

/* The signature of one bundle in another, and bytes changed after it was made. */
static void test_altered_after_signing(void **state)
{
    (void)state;
    struct tar tar = sealed(packed());
    uint8_t *at = memmem(tar.data, tar.size, "exec sleep 60", 13);
    at[11] = '7';
    refused(&tar, BB_MALFORMED, "\"run\" has another hash than in `contents`: it was altered");
    struct tar other = sealed(packed());
    at = memmem(other.data, other.size, "{\"signer\"", 9);
    char seal[256];
    memcpy(seal, at, sizeof seal);
    struct bytes text = {(uint8_t *)seal, (size_t)(strchr(seal, '\n') - seal) + 1};
    tar_free(&other);
    /* The same files under another release: the line in `contents` is right, the signature is not. */
    const char *manifest =
        "{\"version\":1,\"name\":\"listener\",\"release\":\"2.0.0\",\"command\":[\"/bin/true\"]}";
    char contents[256] = "";
    tar_line(contents, sizeof contents, "manifest.json", bytes_of(manifest), "0644");
    tar_add(&tar, "manifest.json", bytes_of(manifest), NULL);
    tar_add(&tar, "contents", bytes_of(contents), NULL);
    tar_add(&tar, "signature.json", text, NULL);
    tar_end(&tar);
    refused(&tar, BB_MALFORMED,
            "is not " ONE "'s signature over this bundle: it was altered after it was signed");
}

static void test_signature_files(void **state)
{
    (void)state;
    static const char *const texts[] = {"", "{}", "{\"signer\":\"" ONE "\"}", "[]",
                                        "{\"signer\":\"" ONE "\",\"signature\":\"0x00\"}\n"};
    char contents[256] = "";
    tar_line(contents, sizeof contents, "manifest.json", bytes_of(HOME_MANIFEST), "0644");
    tar_line(contents, sizeof contents, "run", bytes_of(RUN), "0755");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct tar tar = {0};
        tar_add(&tar, "manifest.json", bytes_of(HOME_MANIFEST), NULL);
        tar_add(&tar, "contents", bytes_of(contents), NULL);
        tar_add(&tar, "signature.json", bytes_of(texts[i]), NULL);
        tar_add(&tar, "run", bytes_of(RUN), &(struct tar_odd){.mode = 0755});
        tar_end(&tar);
        refused(&tar, BB_MALFORMED, "\"signature.json\" expects");
    }
    struct tar tar = sealed(packed()); /* written in another way */
    uint8_t *at = memmem(tar.data, tar.size, "\"signature\":\"0x", 15);
    at[14] = 'X';
    refused(&tar, BB_MALFORMED, "\"signature.json\" expects");
    tar = sealed(packed()); /* v is 0 */
    at = memmem(tar.data, tar.size, "\"signature\":\"0x", 15);
    memcpy(at + 15 + 128, "00", 2);
    refused(&tar, BB_MALFORMED, "\"signature.json\": the signature is none");
}

/* Any one byte of a signed bundle changed: refused, or another signer, whom nobody trusts. */
static void test_every_byte_counts(void **state)
{
    (void)state;
    struct tar tar = sealed(packed());
    struct bb_reason reason;
    for (size_t i = 0; i < tar.size; i += i < 2048 ? 7 : 23) {
        tar.data[i] ^= 0x21;
        if (read_with(&everybody, &tar, &reason) == BB_OK)
            fail_msg("byte %zu", i);
        tar.data[i] ^= 0x21;
    }
    assert_int_equal(read_with(&everybody, &tar, &reason), BB_OK);
    for (size_t size = 0; size < tar.size; size += 97)
        assert_int_not_equal(read_with(&everybody, &(struct tar){.data = tar.data, .size = size}, &reason),
                             BB_OK);
    tar_free(&tar);
}

static void test_packing_refuses(void **state)
{
    (void)state;
    struct bb_reason reason = {""};
    uint8_t *data;
    size_t size;
    int home = home_open(), folder = openat(home, "agent", O_RDONLY | O_DIRECTORY);
    static const char *const names[] = {"link", "pipe", "contents", "signature.json", "back\\slash"};
    static const char *const words[] = {"is a link", "is a device", "keep for themselves",
                                        "keep for themselves", "backslash"};
    assert_int_equal(symlinkat("/etc/passwd", folder, "link"), 0);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (i == 1)
            assert_int_equal(mkfifoat(folder, "pipe", 0600), 0);
        if (i > 1)
            home_put(folder, names[i], "x", 0644);
        assert_int_equal(bundle_pack(folder, &reason, &data, &size), BB_MALFORMED);
        if (strstr(reason.text, names[i]) == NULL || strstr(reason.text, words[i]) == NULL)
            fail_msg("%s", reason.text);
        assert_int_equal(unlinkat(folder, names[i], 0), 0);
    }
    home_put(folder, "run", RUN, 0644);
    assert_int_equal(bundle_pack(folder, &reason, &data, &size), BB_MALFORMED);
    assert_non_null(strstr(reason.text, "chmod +x"));
    assert_int_equal(unlinkat(folder, "manifest.json", 0), 0);
    assert_int_equal(bundle_pack(folder, &reason, &data, &size), BB_NOT_FOUND);
    close(folder);
    home_close(home);
}

/* A path that a ustar header has room for in two parts. */
static void test_long_paths(void **state)
{
    (void)state;
    char path[256] = "", more[512];
    struct bb_reason reason = {""};
    while (strlen(path) < 200)
        snprintf(path + strlen(path), sizeof path - strlen(path), "folder-%zu/", strlen(path));
    snprintf(path + strlen(path), sizeof path - strlen(path), "file");
    snprintf(more, sizeof more, "z%s", path);
    struct tar tar = ended(laid_out(&(struct more){more, "x", "0644", NULL, false}));
    assert_int_equal(read_with(NULL, &tar, &reason), BB_OK);
    tar_free(&tar);
    int home = home_open(), folder = openat(home, "agent", O_RDONLY | O_DIRECTORY);
    memset(path, 'z', 120);
    path[120] = '\0';
    home_put(folder, path, "x", 0644);
    assert_int_equal(bundle_pack(folder, &reason, &tar.data, &tar.size), BB_RANGE);
    assert_non_null(strstr(reason.text, "does not fit into the archive's header"));
    close(folder);
    home_close(home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_packs_what_a_hand_lays_out),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_special_files),
        cmocka_unit_test(test_other_bytes),
        cmocka_unit_test(test_modes),
        cmocka_unit_test(test_names_twice_and_below_files),
        cmocka_unit_test(test_hashes_and_sizes),
        cmocka_unit_test(test_missing_and_extra),
        cmocka_unit_test(test_first_entries),
        cmocka_unit_test(test_hidden_bytes),
        cmocka_unit_test(test_extended_headers),
        cmocka_unit_test(test_no_archive),
        cmocka_unit_test(test_too_much),
        cmocka_unit_test(test_manifests_within),
        cmocka_unit_test(test_signing),
        cmocka_unit_test(test_altered_after_signing),
        cmocka_unit_test(test_signature_files),
        cmocka_unit_test(test_every_byte_counts),
        cmocka_unit_test(test_packing_refuses),
        cmocka_unit_test(test_long_paths),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
