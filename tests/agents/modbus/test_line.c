/* Lines: jobs come back in order, exactly once, calls before scrapes but not for ever; full and closing. */
#include "agents/modbus/line.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

struct seen {
    size_t count, undone;
    struct bb_loop *loop;
    size_t wanted;
    char order[2048];
};

static void on_done(void *context, struct job *job)
{
    struct seen *seen = context;
    if (seen->count < sizeof seen->order)
        seen->order[seen->count] = job->urgent ? 'u' : 's';
    seen->count++;
    seen->undone += job->count > 0 && job->steps[0].result != STEP_DONE ? 1 : 0;
    if (seen->count == seen->wanted)
        bb_loop_stop(seen->loop);
}

static struct job *job_of(struct seen *seen, size_t steps, bool urgent)
{
    struct job *job = line_job(steps);
    assert_non_null(job);
    for (size_t i = 0; i < steps; i++)
        job->steps[i] = (struct step){.table = TABLE_HOLDING, .address = 40000, .count = 1};
    job->timeout_ms = 100;
    job->urgent = urgent;
    job->done = on_done;
    job->context = seen;
    return job;
}

/* A listening socket that never answers. */
static int mute(struct port_place *place)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *place = (struct port_place){.kind = PORT_TCP, .target = "127.0.0.1"};
    snprintf(place->service, sizeof place->service, "%d", ntohs(address.sin_port));
    return fd;
}

static void test_fake_line(void **state)
{
    (void)state;
    struct seen seen = {.wanted = 300};
    struct line_harbour *harbour = NULL;
    struct line *line = NULL;
    assert_int_equal(bb_loop_open(&seen.loop), BB_OK);
    assert_int_equal(line_harbour_open(seen.loop, &harbour), BB_OK);
    assert_int_equal(line_open(harbour, NULL, fake_new(NULL, 1), &line), BB_OK);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal(line_submit(line, job_of(&seen, 1, i % 3 == 0)), BB_OK);
    assert_int_equal(bb_loop_run(seen.loop), BB_OK);
    assert_int_equal(seen.undone, 0);
    line_close(line);
    line_harbour_close(harbour);
    bb_loop_close(seen.loop);
    assert_int_equal(seen.count, 300);
}

/* While the first job waits for an answer that never comes the others wait; what is too much is refused, and
 * what waits when the line closes comes back undone. */
static void test_mute_line(void **state)
{
    (void)state;
    static struct seen seen;
    struct line_harbour *harbour = NULL;
    struct line *line = NULL;
    struct port_place place;
    int fd = mute(&place);
    seen = (struct seen){.wanted = 7};
    assert_int_equal(bb_loop_open(&seen.loop), BB_OK);
    assert_int_equal(line_harbour_open(seen.loop, &harbour), BB_OK);
    assert_int_equal(line_open(harbour, &place, NULL, &line), BB_OK);
    struct job *large = job_of(&seen, LINE_STEPS_MAX, false);
    assert_int_equal(line_submit(line, job_of(&seen, 1, false)), BB_OK);
    assert_int_equal(line_submit(line, job_of(&seen, 1, false)), BB_OK);
    assert_int_equal(line_submit(line, large), BB_FULL);
    free(large);
    for (int i = 0; i < 5; i++)
        assert_int_equal(line_submit(line, job_of(&seen, 1, true)), BB_OK);
    assert_int_equal(bb_loop_run(seen.loop), BB_OK);
    /* The first scrape may have been taken at once; then calls, four in a row, the second scrape, the last
     * call. */
    assert_true(memcmp(seen.order, "suuuusu", 7) == 0 || memcmp(seen.order, "uuuusus", 7) == 0);
    assert_int_equal(seen.undone, 7);
    size_t taken = 0;
    struct job *more = job_of(&seen, 1, false);
    while (line_submit(line, more) == BB_OK) {
        taken++;
        more = job_of(&seen, 1, false);
    }
    free(more);
    assert_in_range(taken, LINE_JOBS_MAX, LINE_JOBS_MAX + 2);
    line_close(line);
    line_harbour_close(harbour);
    bb_loop_close(seen.loop);
    assert_int_equal(seen.count, 7 + taken);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fake_line), cmocka_unit_test(test_mute_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
