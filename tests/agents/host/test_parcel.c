/* Parcels: what is packed comes out the same, and nothing else comes out. */
#include "agents/host/parcel.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];
static struct bb_reason reason;
static atomic_bool stop;

static const char *in(const char *name)
{
    static char paths[4][256];
    static int at;
    at = (at + 1) % 4;
    snprintf(paths[at], sizeof paths[at], "%s/%s", folder, name);
    return paths[at];
}

static void put(const char *name, const char *text, size_t size, mode_t mode)
{
    int file = open(in(name), O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(file >= 0 && write(file, text, size) == (ssize_t)size);
    assert_int_equal(fchmod(file, mode), 0);
    close(file);
}

static char *get(const char *name, size_t *size_out)
{
    struct stat about;
    int file = open(in(name), O_RDONLY);
    assert_true(file >= 0 && fstat(file, &about) == 0);
    char *text = calloc(1, (size_t)about.st_size + 1);
    assert_int_equal(read(file, text, (size_t)about.st_size), about.st_size);
    close(file);
    *size_out = (size_t)about.st_size;
    return text;
}

/* Runs a line of shell in the folder. */
static void shell(const char *line)
{
    pid_t child = fork();
    if (child == 0) {
        if (chdir(folder) != 0)
            _exit(126);
        execl("/bin/sh", "sh", "-c", line, (char *)NULL);
        _exit(127);
    }
    int status;
    assert_true(waitpid(child, &status, 0) == child && status == 0);
}

static int begin(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/bb-parcel-XXXXXX");
    reason.text[0] = '\0';
    atomic_store(&stop, false);
    if (mkdtemp(folder) == NULL || mkdir(in("state"), 0700) != 0)
        return -1;
    put("bundle", "a bundle\0with a zero", 20, 0644);
    return 0;
}

static int end(void **state)
{
    (void)state;
    shell("rm -rf \"$PWD\"");
    return 0;
}

static enum status pack(int64_t *size_out, char sha256_out[PARCEL_SHA256_SIZE])
{
    return parcel_pack(in("bundle"), "{\"name\":\"x\"}", in("state"), in("parcel"), &stop, &reason, size_out,
                       sha256_out);
}

static void what_goes_in_comes_out(void **state)
{
    (void)state;
    char sha[PARCEL_SHA256_SIZE], again[PARCEL_SHA256_SIZE], large[200000];
    int64_t size, bytes;
    for (size_t i = 0; i < sizeof large; i++)
        large[i] = (char)(i * 7 % 251);
    assert_int_equal(mkdir(in("state/sub"), 0750), 0);
    assert_int_equal(mkdir(in("state/sub/empty"), 0700), 0);
    put("state/z", "", 0, 0600);
    put("state/a b", "x\n", 2, 0640);
    put("state/sub/large", large, sizeof large, 0755);
    put("state/sub/E", "E\n", 2, 0400);
    assert_int_equal(parcel_measure(in("state"), &reason, &bytes), BB_OK);
    assert_int_equal(bytes, sizeof large + 4);
    assert_int_equal(pack(&size, sha), BB_OK);
    assert_int_equal(strlen(sha), 64);
    assert_int_equal(parcel_unpack(in("parcel"), sha, in("out"), &stop, &reason), BB_OK);
    size_t got;
    char *text = get("out/state/sub/large", &got);
    assert_int_equal(got, sizeof large);
    assert_memory_equal(text, large, got);
    free(text);
    text = get("out/bundle.agent", &got);
    assert_int_equal(got, 20);
    assert_memory_equal(text, "a bundle\0with a zero", 20);
    free(text);
    text = get("out/agent.json", &got);
    assert_string_equal(text, "{\"name\":\"x\"}");
    free(text);
    struct stat about;
    assert_true(stat(in("out/state/sub/large"), &about) == 0 && (about.st_mode & 0777) == 0755);
    assert_true(stat(in("out/state/a b"), &about) == 0 && (about.st_mode & 0777) == 0640);
    assert_true(stat(in("out/state/sub"), &about) == 0 && S_ISDIR(about.st_mode));
    assert_true(stat(in("out/state/sub/empty"), &about) == 0 && S_ISDIR(about.st_mode));
    assert_true(stat(in("out/state/sub/E"), &about) == 0 && (about.st_mode & 0777) == 0600);
    /* The same files in another order, with other times: the same bytes. */
    shell("mv state old && mkdir -m 700 state && cp -pr old/z old/sub 'old/a b' state && touch state/sub/*");
    assert_int_equal(pack(&size, again), BB_OK);
    assert_string_equal(again, sha);
    /* Into a folder that is there nothing is unpacked. */
    assert_int_equal(parcel_unpack(in("parcel"), sha, in("out"), &stop, &reason), BB_IO);
}

static void without_state_there_is_none(void **state)
{
    (void)state;
    char sha[PARCEL_SHA256_SIZE];
    int64_t size, bytes = -1;
    assert_int_equal(rmdir(in("state")), 0);
    assert_int_equal(parcel_measure(in("state"), &reason, &bytes), BB_OK);
    assert_int_equal(bytes, 0);
    assert_int_equal(pack(&size, sha), BB_OK);
    assert_int_equal(parcel_unpack(in("parcel"), sha, in("out"), &stop, &reason), BB_OK);
    assert_int_not_equal(access(in("out/state"), F_OK), 0);
}

static void refused(enum status wanted, const char *said)
{
    char sha[PARCEL_SHA256_SIZE];
    int64_t size = -1;
    assert_int_equal(parcel_measure(in("state"), &reason, &size), wanted);
    assert_int_equal(size, -1);
    reason.text[0] = '\0';
    assert_int_equal(pack(&size, sha), wanted);
    if (strstr(reason.text, said) == NULL)
        fail_msg("%s", reason.text);
}

static void what_is_no_file_cannot_be_moved(void **state)
{
    (void)state;
    assert_int_equal(symlink("/etc/passwd", in("state/link")), 0);
    refused(BB_RANGE, "state/link: neither");
    assert_int_equal(unlink(in("state/link")), 0);
    assert_int_equal(mkfifo(in("state/pipe"), 0600), 0);
    refused(BB_RANGE, "state/pipe: neither");
    assert_int_equal(unlink(in("state/pipe")), 0);
    put("state/two\nlines", "", 0, 0600);
    refused(BB_RANGE, "control characters");
    shell("rm state/*");
    shell("cd state && for i in $(seq 40); do mkdir d && cd d; done");
    refused(BB_RANGE, "deep");
    shell("rm -r state/d");
    int file = open(in("state/hole"), O_WRONLY | O_CREAT, 0600);
    assert_int_equal(ftruncate(file, PARCEL_STATE_MAX + 1), 0);
    close(file);
    refused(BB_FULL, "256 MiB");
}

static void stopped_work_stops(void **state)
{
    (void)state;
    char sha[PARCEL_SHA256_SIZE] = "";
    int64_t size = 0;
    put("state/a", "a", 1, 0600);
    assert_int_equal(pack(&size, sha), BB_OK);
    atomic_store(&stop, true);
    assert_int_equal(parcel_unpack(in("parcel"), sha, in("out"), &stop, &reason), BB_INTERRUPTED);
    assert_int_equal(pack(&size, sha), BB_INTERRUPTED);
}

/* The hash of a parcel with these bytes, as whoever makes it up would send it. */
static void hash_of(const char *name, char sha_out[PARCEL_SHA256_SIZE])
{
    char line[600];
    snprintf(line, sizeof line, "sha256sum %s | cut -c1-64", in(name));
    FILE *from = popen(line, "r");
    assert_true(from != NULL && fgets(sha_out, PARCEL_SHA256_SIZE, from) != NULL);
    pclose(from);
}

static void made_up_parcels_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"busbar-parcel 2\nE\n", "version"},
        {"x", "version"},
        {"busbar-parcel 1\n", "too early"},
        {"busbar-parcel 1\nE\nmore", "follows its end"},
        {"busbar-parcel 1\nF 0600 1 ../x\nyE\n", "none"},
        {"busbar-parcel 1\nF 0600 1 /etc/x\nyE\n", "none"},
        {"busbar-parcel 1\nF 0600 1 other\nyE\n", "none"},
        {"busbar-parcel 1\nF 0600 1 state/../../x\nyE\n", "none"},
        {"busbar-parcel 1\nF 0600 1 state//x\nyE\n", "none"},
        {"busbar-parcel 1\nF 0600 1 state/./x\nyE\n", "none"},
        {"busbar-parcel 1\nF 0600 1 state/x/\nyE\n", "none"},
        {"busbar-parcel 1\nF 4755 1 state/x\nyE\n", "none"},
        {"busbar-parcel 1\nF 0600 -1 state/x\nyE\n", "none"},
        {"busbar-parcel 1\nF 0600 99999999999999999999 state/x\nyE\n", "none"},
        {"busbar-parcel 1\nD 0700 1 state\nyE\n", "none"},
        {"busbar-parcel 1\nL 0600 1 state/x\nyE\n", "none"},
        {"busbar-parcel 1\nF 0600 9 agent.json\nyE\n", "too early"},
        {"busbar-parcel 1\nF 0600 1 agent.json\nyF 0600 1 agent.json\nzE\n", "twice"},
        {"busbar-parcel 1\nF 0600 999999999999 agent.json\nyE\n", "too large"},
        {"busbar-parcel 1\nF 0600 1 state/x\nyE\n", "No such file"},
        {"busbar-parcel 1\nF 0600 1 state\nyF 0600 1 state/x\nzE\n", "Not a directory"},
    };
    char sha[PARCEL_SHA256_SIZE];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        put("parcel", cases[i].text, strlen(cases[i].text), 0600);
        hash_of("parcel", sha);
        enum status status = parcel_unpack(in("parcel"), sha, in("out"), &stop, &reason);
        if (status == BB_OK || strstr(reason.text, cases[i].said) == NULL)
            fail_msg("%s: %s %s", cases[i].text, bb_status_word(status), reason.text);
        shell("rm -rf out");
    }
    char zeros[] = "busbar-parcel 1\nF 0600 1 state/x\0y\nzE\n";
    put("parcel", zeros, sizeof zeros - 1, 0600);
    hash_of("parcel", sha);
    assert_int_equal(parcel_unpack(in("parcel"), sha, in("out"), &stop, &reason), BB_MALFORMED);
    sha[3] = sha[3] == 'a' ? 'b' : 'a';
    shell("rm -rf out");
    assert_int_equal(parcel_unpack(in("parcel"), sha, in("out"), &stop, &reason), BB_MALFORMED);
    assert_non_null(strstr(reason.text, "altered on the way"));
    assert_int_not_equal(access(in("out"), F_OK), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_goes_in_comes_out, begin, end),
        cmocka_unit_test_setup_teardown(without_state_there_is_none, begin, end),
        cmocka_unit_test_setup_teardown(what_is_no_file_cannot_be_moved, begin, end),
        cmocka_unit_test_setup_teardown(stopped_work_stops, begin, end),
        cmocka_unit_test_setup_teardown(made_up_parcels_are_refused, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
