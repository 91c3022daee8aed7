/* The durable log: what is committed stays, bounds are kept and counted, positions are found, a batch is all
 * or nothing; and the thread that writes it. */
#include "bus/durable/reader.h"
#include "bus/durable/writer.h"
#include "tests/link/cm.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define DAY_MS (24 * 3600 * (int64_t)1000)

static char folder[64];
static char path[96];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/durable.XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/durable.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const ENDINGS[] = {"", "-wal", "-shm"};
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        char name[128];
        snprintf(name, sizeof name, "%s%s", path, ENDINGS[i]);
        (void)unlink(name);
    }
    return rmdir(folder);
}

static struct durable_policy policy(const char *text)
{
    struct durable_policy result;
    struct bb_reason reason = {""};
    assert_int_equal(durable_policy_read(text, &result, &reason), BB_OK);
    return result;
}

static struct durable_log *open_log(const struct durable_policy *policies, size_t count)
{
    struct durable_log *log = NULL;
    struct bb_reason reason = {""};
    if (durable_log_open(path, policies, count, &log, &reason) != BB_OK)
        fail_msg("%s", reason.text);
    return log;
}

static void begin(struct durable_log *log)
{
    struct bb_reason reason;
    assert_int_equal(durable_log_begin(log, &reason), BB_OK);
}

static void end(struct durable_log *log, bool keep)
{
    struct bb_reason reason = {""};
    if (durable_log_end(log, keep, &reason) != BB_OK)
        fail_msg("%s", reason.text);
}

static uint64_t append(struct durable_log *log, const char *topic, const char *text, int64_t time_ms)
{
    struct bb_reason reason = {""};
    struct durable_message m = {.time_ms = time_ms,
                                .topic = bytes_of(topic),
                                .sender = bytes_of("me"),
                                .headers = bytes_of("{}"),
                                .message = bytes_of(text)};
    if (durable_log_append(log, &m, &reason) != BB_OK)
        fail_msg("%s", reason.text);
    return m.offset;
}

static void enrol(struct durable_log *log, const char *name, const char *prefix, enum durable_from from,
                  int64_t value)
{
    struct durable_name n = {.created_ms = 1};
    struct bb_reason reason = {""};
    snprintf(n.name, sizeof n.name, "%s", name);
    assert_int_equal(durable_prefixes_add(&n.prefixes, bytes_of(prefix)), BB_OK);
    if (durable_log_register(log, &n, from, value, &reason) != BB_OK)
        fail_msg("%s", reason.text);
}

static const struct durable_name *name_of(const struct durable_log *log, const char *name)
{
    size_t count;
    const struct durable_name *names = durable_log_names(log, &count);
    for (size_t i = 0; i < count; i++)
        if (strcmp(names[i].name, name) == 0)
            return &names[i];
    return NULL;
}

struct seen {
    uint64_t offsets[64];
    char texts[64][16];
    size_t count, most;
};

static bool see(void *context, const struct durable_message *m)
{
    struct seen *seen = context;
    seen->offsets[seen->count] = m->offset;
    snprintf(seen->texts[seen->count++], sizeof *seen->texts, "%.*s", (int)m->message.size,
             (const char *)m->message.data);
    return seen->count < seen->most;
}

static struct seen read_all(uint64_t after)
{
    struct durable_reader *reader = NULL;
    struct seen seen = {.most = 64};
    struct bb_reason reason;
    uint64_t last;
    bool more;
    assert_int_equal(durable_reader_open(path, &reader, &reason), BB_OK);
    assert_int_equal(durable_reader_read(reader, after, 64, see, &seen, &last, &more, &reason), BB_OK);
    assert_int_equal(last, seen.count == 0 ? after : seen.offsets[seen.count - 1]);
    durable_reader_close(reader);
    return seen;
}

static void test_what_is_committed_stays(void **state)
{
    (void)state;
    const struct durable_policy policies[] = {policy("a/"), policy("a/b/")};
    struct durable_log *log = open_log(policies, 2);
    struct stat found;
    assert_int_equal(stat(path, &found), 0);
    assert_int_equal(found.st_mode & 0777, 0600);
    begin(log);
    assert_int_equal(append(log, "a/1", "one", 5), 1);
    assert_int_equal(append(log, "a/b/2", "two", 4), 2);
    enrol(log, "n", "a/", DURABLE_FROM_START, 0);
    end(log, true);
    begin(log);
    assert_int_equal(append(log, "a/3", "never", 9), 3);
    enrol(log, "m", "a/", DURABLE_FROM_NOW, 0);
    end(log, false);
    assert_int_equal(durable_log_last(log), 2);
    assert_null(name_of(log, "m"));
    begin(log);
    assert_int_equal(append(log, "a/3", "three", 9), 3);
    end(log, true);
    durable_log_close(log);
    log = open_log(policies, 2);
    assert_int_equal(durable_log_last(log), 3);
    assert_non_null(name_of(log, "n"));
    size_t count;
    const struct durable_stream *streams = durable_log_streams(log, &count);
    assert_int_equal(count, 2);
    assert_int_equal(streams[0].messages, 2);
    assert_int_equal(streams[1].messages, 1);
    struct seen seen = read_all(1);
    assert_int_equal(seen.count, 2);
    assert_string_equal(seen.texts[0], "two");
    assert_string_equal(seen.texts[1], "three");
    struct durable_message other = {.topic = bytes_of("b")};
    struct bb_reason reason;
    begin(log);
    assert_int_equal(durable_log_append(log, &other, &reason), BB_NOT_FOUND);
    end(log, true);
    durable_log_close(log);
}

static void test_positions(void **state)
{
    (void)state;
    const struct durable_policy policies[] = {policy("")};
    struct durable_log *log = open_log(policies, 1);
    struct bb_reason reason;
    begin(log);
    for (int i = 1; i <= 100; i++)
        assert_int_equal(append(log, "t", "x", i * 10), i);
    static const struct {
        enum durable_from from;
        int64_t value;
        uint64_t want;
    } CASES[] = {
        {DURABLE_FROM_START, 0, 0},     {DURABLE_FROM_NOW, 0, 100},      {DURABLE_FROM_OFFSET, 0, 0},
        {DURABLE_FROM_OFFSET, 7, 6},    {DURABLE_FROM_OFFSET, 999, 100}, {DURABLE_FROM_TIME, 0, 0},
        {DURABLE_FROM_TIME, 500, 49},   {DURABLE_FROM_TIME, 501, 50},    {DURABLE_FROM_TIME, 1000, 99},
        {DURABLE_FROM_TIME, 1001, 100}, {DURABLE_FROM_HERE, 0, 100}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        enrol(log, "n", "", CASES[i].from, CASES[i].value);
        assert_int_equal(name_of(log, "n")->acknowledged, CASES[i].want);
    }
    enrol(log, "n", "", DURABLE_FROM_OFFSET, 11);
    assert_int_equal(durable_log_acknowledge(log, "n", 20, &reason), BB_OK);
    assert_int_equal(durable_log_acknowledge(log, "n", 15, &reason), BB_OK);
    assert_int_equal(name_of(log, "n")->acknowledged, 20);
    assert_int_equal(durable_log_acknowledge(log, "n", 101, &reason), BB_RANGE);
    assert_int_equal(durable_log_acknowledge(log, "x", 1, &reason), BB_NOT_FOUND);
    assert_int_equal(durable_log_drop(log, "n", &reason), BB_OK);
    assert_int_equal(durable_log_drop(log, "n", &reason), BB_NOT_FOUND);
    /* A clock that goes back does not make times run backwards. */
    assert_int_equal(append(log, "t", "late", 1), 101);
    end(log, true);
    durable_log_close(log);
}

static void test_bounds_are_kept_and_counted(void **state)
{
    (void)state;
    struct durable_policy policies[] = {policy("{\"prefix\":\"a\",\"keep_bytes\":2000,\"keep_days\":1}"),
                                        policy("b")};
    struct durable_log *log = open_log(policies, 2);
    struct bb_reason reason;
    uint32_t trimmed = 0;
    char text[100];
    memset(text, '1', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    begin(log);
    enrol(log, "all", "", DURABLE_FROM_START, 0);
    enrol(log, "ones", "a1", DURABLE_FROM_START, 0);
    enrol(log, "other", "b", DURABLE_FROM_START, 0);
    for (int i = 0; i < 100; i++)
        (void)append(log, i % 2 == 0 ? "a0" : "a1", text, 1000);
    (void)append(log, "b", text, 1000);
    assert_int_equal(durable_log_acknowledge(log, "all", 20, &reason), BB_OK);
    assert_int_equal(durable_log_trim(log, 1000, &trimmed, &reason), BB_OK);
    /* 99 + 2 + 2 + 2 + 64 bytes each: 11 of them fit. */
    assert_int_equal(trimmed, 89);
    assert_int_equal(name_of(log, "all")->lost, 69);
    assert_int_equal(name_of(log, "ones")->lost, 44);
    assert_int_equal(name_of(log, "other")->lost, 0);
    end(log, true);
    durable_log_close(log);
    log = open_log(policies, 2);
    size_t count;
    const struct durable_stream *streams = durable_log_streams(log, &count);
    assert_int_equal(streams[0].messages, 11);
    assert_int_equal(streams[0].trimmed, 89);
    assert_int_equal(name_of(log, "all")->lost, 69);
    begin(log);
    assert_int_equal(durable_log_trim(log, 1000 + DAY_MS, &trimmed, &reason), BB_OK);
    assert_int_equal(trimmed, 0);
    assert_int_equal(durable_log_trim(log, 1001 + DAY_MS, &trimmed, &reason), BB_OK);
    assert_int_equal(trimmed, 11);
    assert_int_equal(durable_log_trim(log, 1001 + DAY_MS, &trimmed, &reason), BB_OK);
    assert_int_equal(trimmed, 0);
    end(log, true);
    durable_log_close(log);
    /* All is gone but b: offsets go on where they were. */
    log = open_log(policies, 2);
    begin(log);
    assert_int_equal(append(log, "a", "x", 1), 102);
    end(log, true);
    durable_log_close(log);
}

static void test_files_that_are_none(void **state)
{
    (void)state;
    struct durable_log *log = NULL;
    struct bb_reason reason = {""};
    const struct durable_policy policies[] = {policy("a")};
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database. ", file);
    fclose(file);
    assert_int_equal(durable_log_open(path, policies, 1, &log, &reason), BB_MALFORMED);
    assert_non_null(strstr(reason.text, path));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(durable_log_open("/nonexistent/durable.db", policies, 1, &log, &reason), BB_IO);
}

static void test_settings(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum status status;
    } BAD[] = {{"{", BB_MALFORMED},
               {"{}", BB_MALFORMED},
               {"{\"prefix\":1}", BB_MALFORMED},
               {"{\"prefix\":\"a\",\"keep\":1}", BB_MALFORMED},
               {"{\"prefix\":\"a\",\"keep_days\":0}", BB_MALFORMED},
               {"{\"prefix\":\"a\",\"keep_days\":1e99}", BB_MALFORMED},
               {"{\"prefix\":\"a\",\"keep_bytes\":1.5}", BB_MALFORMED},
               {"{\"prefix\":\"a\",\"keep_bytes\":-1}", BB_MALFORMED},
               {"\xc4\x80", BB_RANGE}};
    struct durable_policy p;
    struct bb_reason reason;
    for (size_t i = 0; i < sizeof BAD / sizeof *BAD; i++)
        assert_int_equal(durable_policy_read(BAD[i].text, &p, &reason), BAD[i].status);
    p = policy("{\"prefix\":\"\\u00e9\",\"keep_days\":0.5,\"keep_bytes\":1000}");
    assert_true(p.size == 1 && p.prefix[0] == 0xe9 && p.keep_ms == DAY_MS / 2 && p.keep_bytes == 1000);
    const struct durable_policy three[] = {policy("a/"), policy("a/b/"), policy("c")};
    assert_int_equal(durable_policy_of(three, 3, bytes_of("a/b/c")), 1);
    assert_int_equal(durable_policy_of(three, 3, bytes_of("a/b")), 0);
    assert_int_equal(durable_policy_of(three, 3, bytes_of("a")), -1);
    assert_true(durable_policy_meets(three, 3, bytes_of("")));
    assert_true(durable_policy_meets(three, 3, bytes_of("cc")));
    assert_false(durable_policy_meets(three, 3, bytes_of("d")));
    assert_false(durable_is_name(bytes_of("")) || durable_is_name(bytes_of("a b")));
    assert_true(durable_is_name(bytes_of("a.B-9_")));
}

/* Everything handed over comes back in order, in fewer commits than jobs. */
static void test_the_writer_batches(void **state)
{
    (void)state;
    enum { JOBS = 3000 };
    const struct durable_policy policies[] = {policy("t")};
    struct durable_writer *writer = NULL;
    struct bb_reason reason = {""};
    struct durable_job *jobs = calloc(JOBS, sizeof *jobs);
    struct durable_name name = {.name = "n"};
    assert_non_null(jobs);
    assert_int_equal(durable_writer_open(path, policies, 1, &writer, &reason), BB_OK);
    for (size_t i = 0; i < JOBS; i++) {
        jobs[i].kind = i % 1000 == 999 ? DURABLE_ACKNOWLEDGE : DURABLE_APPEND;
        jobs[i].name = &name;
        jobs[i].message = (struct durable_message){.topic = bytes_of("t"), .message = bytes_of("1")};
        durable_writer_put(writer, &jobs[i]);
    }
    size_t done = 0;
    while (done < JOBS) {
        struct pollfd ready = {durable_writer_fd(writer), POLLIN, 0};
        assert_int_equal(poll(&ready, 1, 20000), 1);
        for (struct durable_job *job = durable_writer_done(writer); job != NULL; job = job->next) {
            assert_ptr_equal(job, &jobs[done]);
            assert_int_equal(job->status, job->kind == DURABLE_APPEND ? BB_OK : BB_NOT_FOUND);
            done++;
        }
    }
    struct durable_view *view = durable_writer_view(writer);
    assert_int_equal(view->last, JOBS - JOBS / 1000);
    assert_true(view->commits < JOBS / 10);
    free(view);
    durable_writer_stop(writer);
    durable_writer_close(writer);
    assert_int_equal(read_all(JOBS - 13).count, 10);
    free(jobs);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        TEST(test_what_is_committed_stays), TEST(test_positions), TEST(test_bounds_are_kept_and_counted),
        TEST(test_files_that_are_none),     TEST(test_settings),  TEST(test_the_writer_batches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
