#include "bus/client/turn.h"

#include <busbar/loop.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

#include <cmocka.h>

struct world {
    struct bb_loop *loop;
    int calls, others, id, fds[2];
    void *sink;
};

static int open_loop(void **state)
{
    static struct world w;
    memset(&w, 0, sizeof w);
    *state = &w;
    return bb_loop_open(&w.loop) == BB_OK && pipe(w.fds) == 0 ? 0 : -1;
}

static int close_loop(void **state)
{
    struct world *w = *state;
    bb_loop_close(w->loop);
    close(w->fds[0]);
    close(w->fds[1]);
    return 0;
}

static void count_to_three(void *context)
{
    struct world *w = context;
    if (++w->calls == 3)
        bb_loop_stop(w->loop);
}

static void a_repeating_timer_repeats(void **state)
{
    struct world *w = *state;
    int64_t start = bb_loop_mono_ms();
    assert_int_equal(bb_loop_every(w->loop, 5, count_to_three, w, &w->id), BB_OK);
    assert_int_equal(bb_loop_run(w->loop), BB_OK);
    assert_int_equal(w->calls, 3);
    assert_true(bb_loop_mono_ms() - start >= 15);
}

static void fail_if_called(void *context)
{
    (void)context;
    fail();
}

static void stop(void *context)
{
    struct world *w = context;
    w->others++;
    bb_loop_stop(w->loop);
}

static void a_cancelled_timer_does_not_run_and_old_ids_are_ignored(void **state)
{
    struct world *w = *state;
    int gone, once;
    assert_int_equal(bb_loop_after(w->loop, 1, fail_if_called, w, &gone), BB_OK);
    bb_loop_cancel(w->loop, gone);
    assert_int_equal(bb_loop_after(w->loop, 10, stop, w, &once), BB_OK);
    bb_loop_cancel(w->loop, gone); /* must not hit the new timer in the same place */
    assert_int_equal(bb_loop_run(w->loop), BB_OK);
    assert_int_equal(w->others, 1);
    bb_loop_cancel(w->loop, once);
}

static void read_byte(void *context)
{
    struct world *w = context;
    char c;
    assert_int_equal(read(w->fds[0], &c, 1), 1);
    count_to_three(w);
}

static void a_descriptor_is_level_triggered(void **state)
{
    struct world *w = *state;
    assert_int_equal(write(w->fds[1], "abc", 3), 3);
    assert_int_equal(bb_loop_watch(w->loop, w->fds[0], 0, read_byte, w), BB_OK);
    assert_int_equal(bb_loop_watch(w->loop, w->fds[0], 0, read_byte, w), BB_EXISTS);
    assert_int_equal(bb_loop_run(w->loop), BB_OK);
    assert_int_equal(w->calls, 3);
    bb_loop_unwatch(w->loop, w->fds[0]);
}

static void unwatch_and_stop(void *context)
{
    struct world *w = context;
    bb_loop_unwatch(w->loop, w->fds[0]);
    stop(w);
}

static void a_hung_up_descriptor_is_reported(void **state)
{
    struct world *w = *state;
    close(w->fds[1]);
    assert_int_equal(bb_loop_watch(w->loop, w->fds[0], 0, unwatch_and_stop, w), BB_OK);
    assert_int_equal(bb_loop_run(w->loop), BB_OK);
    assert_int_equal(w->others, 1);
    w->fds[1] = dup(w->fds[0]);
}

static void a_signal_interrupts_and_hangup_does_not(void **state)
{
    struct world *w = *state;
    bb_loop_on_hangup(w->loop, count_to_three, w);
    raise(SIGHUP);
    assert_int_equal(bb_loop_turn(w->loop, 1000), BB_OK);
    assert_int_equal(w->calls, 1);
    raise(SIGTERM);
    assert_int_equal(bb_loop_run(w->loop), BB_INTERRUPTED);
    assert_int_equal(bb_loop_after(w->loop, 1, stop, w, &w->id), BB_OK);
    assert_int_equal(bb_loop_run(w->loop), BB_OK); /* it can run again */
}

static void read_one_message(void *context)
{
    struct world *w = context;
    char text[8];
    assert_int_equal(zmq_recv(w->sink, text, sizeof text, ZMQ_DONTWAIT), 1);
    count_to_three(w);
}

/* Reading one message of three from a ZeroMQ socket leaves its descriptor silent; the loop must go on all the
 * same. */
static void a_zeromq_socket_is_level_triggered(void **state)
{
    struct world *w = *state;
    void *context = zmq_ctx_new(), *source = zmq_socket(context, ZMQ_PUSH);
    w->sink = zmq_socket(context, ZMQ_PULL);
    assert_int_equal(zmq_bind(w->sink, "inproc://x"), 0);
    assert_int_equal(zmq_connect(source, "inproc://x"), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(zmq_send(source, "m", 1, 0), 1);
    assert_int_equal(bb_loop_watch_socket(w->loop, w->sink, read_one_message, w), BB_OK);
    assert_int_equal(bb_loop_after(w->loop, 5000, fail_if_called, w, &w->id), BB_OK);
    assert_int_equal(bb_loop_run(w->loop), BB_OK);
    assert_int_equal(w->calls, 3);
    bb_loop_unwatch_socket(w->loop, w->sink);
    zmq_close(source);
    zmq_close(w->sink);
    zmq_ctx_term(context);
}

static void wait_within(void *context)
{
    struct world *w = context;
    int id;
    bb_loop_stop(w->loop);
    assert_int_equal(bb_loop_after(w->loop, 1, count_to_three, w, &id), BB_OK);
    while (w->calls == 0)
        assert_int_equal(bb_loop_turn(w->loop, 1000), BB_OK);
    w->others++;
}

static void turns_within_a_handler_go_on_after_stop(void **state)
{
    struct world *w = *state;
    assert_int_equal(bb_loop_after(w->loop, 1, wait_within, w, &w->id), BB_OK);
    assert_int_equal(bb_loop_run(w->loop), BB_OK);
    assert_true(w->calls == 1 && w->others == 1);
}

static void full_is_a_status(void **state)
{
    struct world *w = *state;
    enum status status = BB_OK;
    for (int i = 0; i < 100000 && status == BB_OK; i++)
        status = bb_loop_after(w->loop, 1000000, fail_if_called, w, &w->id);
    assert_int_equal(status, BB_FULL);
}

static void count(void *context)
{
    ((struct world *)context)->calls++;
}

/* A file on the disk is always ready, as poll has it, though epoll takes none. */
static void a_file_is_always_ready(void **state)
{
    struct world *w = *state;
    char path[] = "/tmp/bb-loop-XXXXXX";
    int file = mkstemp(path);
    assert_true(file >= 0);
    unlink(path);
    assert_int_equal(bb_loop_watch(w->loop, file, 0, count, w), BB_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(bb_loop_turn(w->loop, 1000), BB_OK);
    assert_int_equal(w->calls, 3);
    bb_loop_unwatch(w->loop, file);
    close(file);
    assert_int_equal(bb_loop_turn(w->loop, 1), BB_OK);
    assert_int_equal(w->calls, 3);
}

/* A descriptor that is closed before it is given up, its number then given to another one. */
static void a_number_may_come_again(void **state)
{
    struct world *w = *state;
    assert_int_equal(bb_loop_watch(w->loop, w->fds[0], 0, fail_if_called, w), BB_OK);
    close(w->fds[0]);
    close(w->fds[1]);
    int was = w->fds[0];
    assert_int_equal(pipe(w->fds), 0);
    assert_int_equal(w->fds[0], was);
    bb_loop_unwatch(w->loop, was);
    assert_int_equal(bb_loop_watch(w->loop, w->fds[0], 0, count, w), BB_OK);
    assert_int_equal(write(w->fds[1], "x", 1), 1);
    assert_int_equal(bb_loop_turn(w->loop, 1000), BB_OK);
    assert_int_equal(w->calls, 1);
    bb_loop_want_output(w->loop, w->fds[0], true); /* and no more input: still called for what is there */
    assert_int_equal(bb_loop_turn(w->loop, 1000), BB_OK);
    assert_int_equal(w->calls, 2);
}

/* More of them ready than one turn serves: all have their turn. */
static void many_are_served_in_turn(void **state)
{
    struct world *w = *state;
    int fds[100];
    for (int i = 0; i < 100; i++) {
        fds[i] = dup(w->fds[0]);
        assert_int_equal(bb_loop_watch(w->loop, fds[i], 0, count, w), BB_OK);
    }
    assert_int_equal(write(w->fds[1], "x", 1), 1);
    for (int i = 0; i < 4; i++)
        assert_int_equal(bb_loop_turn(w->loop, 1000), BB_OK);
    assert_int_equal(w->calls, 4 * 64);
    for (int i = 0; i < 100; i++) {
        bb_loop_unwatch(w->loop, fds[i]);
        close(fds[i]);
    }
}

#define LOOP_TEST(f) cmocka_unit_test_setup_teardown(f, open_loop, close_loop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOOP_TEST(a_repeating_timer_repeats),
        LOOP_TEST(a_cancelled_timer_does_not_run_and_old_ids_are_ignored),
        LOOP_TEST(a_descriptor_is_level_triggered),
        LOOP_TEST(a_hung_up_descriptor_is_reported),
        LOOP_TEST(a_signal_interrupts_and_hangup_does_not),
        LOOP_TEST(a_zeromq_socket_is_level_triggered),
        LOOP_TEST(turns_within_a_handler_go_on_after_stop),
        LOOP_TEST(full_is_a_status),
        LOOP_TEST(a_file_is_always_ready),
        LOOP_TEST(a_number_may_come_again),
        LOOP_TEST(many_are_served_in_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
