/* listener-agent and example-agent as processes, with the real broker. */
#include "bus/client/turn.h"

#include <busbar/client.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define BIN     BUSBAR_PROGRAMS "/"
#define WAIT_MS 20000

struct world {
    char home[64];
    pid_t broker, agent;
    struct bb_loop *loop;
    struct bb_client *client;
    unsigned ticks, heartbeats;
};

static pid_t run(const struct world *w, const char *output, const char *const *argv)
{
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    sigset_t none;
    char path[128];
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    snprintf(path, sizeof path, "%s/%s", w->home, output);
    dup2(open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), STDOUT_FILENO);
    setenv("BUSBAR_HOME", w->home, 1);
    unsetenv("BUSBAR_VIP");
    execv(argv[0], (char *const *)(uintptr_t)argv);
    _exit(127);
}

static void on_message(void *context, const char *topic, const char *sender, const char *headers,
                       const char *message)
{
    (void)sender, (void)headers, (void)message;
    struct world *w = context;
    w->ticks += strcmp(topic, "example/tick") == 0;
    w->heartbeats += strncmp(topic, "heartbeat/", 10) == 0;
}

static int set_up(void **state)
{
    static struct world w;
    char path[128], doors[3][128];
    memset(&w, 0, sizeof w);
    *state = &w;
    snprintf(w.home, sizeof w.home, "/tmp/bb-small-XXXXXX");
    if (mkdtemp(w.home) == NULL || bb_loop_open(&w.loop) != BB_OK)
        return -1;
    snprintf(path, sizeof path, "%s/run", w.home);
    if (mkdir(path, 0700) != 0)
        return -1;
    static const char *const names[] = {"vip", "sub", "pub"};
    for (size_t i = 0; i < 3; i++)
        snprintf(doors[i], sizeof doors[i], "--%s=ipc://%s/run/%s.sock", names[i], w.home, names[i]);
    const char *argv[] = {BIN "busbard", "--home", w.home,   "--security", "none",
                          doors[0],      doors[1], doors[2], NULL};
    w.broker = run(&w, "log", argv);
    snprintf(path, sizeof path, "%s/run/vip.address", w.home);
    for (int64_t end = bb_loop_mono_ms() + WAIT_MS; access(path, F_OK) != 0 && bb_loop_mono_ms() < end;)
        usleep(5000);
    struct bb_client_options options = {.identity = "tester", .home = w.home, .connect_ms = WAIT_MS};
    return bb_client_open(w.loop, &options, &w.client) == BB_OK &&
                   bb_subscribe(w.client, "", on_message, &w) == BB_OK && bb_flush(w.client, WAIT_MS) == BB_OK
               ? 0
               : -1;
}

static void stop(pid_t *pid, int *code_out)
{
    int code = -1;
    if (*pid > 0) {
        kill(*pid, SIGTERM);
        waitpid(*pid, &code, 0);
    }
    *pid = 0;
    if (code_out != NULL)
        *code_out = code;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    char path[128];
    stop(&w->agent, NULL);
    bb_client_close(w->client);
    bb_loop_close(w->loop);
    stop(&w->broker, NULL);
    static const char *const files[] = {
        "log", "out", "run/vip.address", "run/busbard.lock", "run/vip.sock", "run/sub.sock", "run/pub.sock",
        "run", ""};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", w->home, files[i]);
        (void)remove(path);
    }
    return 0;
}

#define UNTIL(w, condition)                                                                                  \
    do {                                                                                                     \
        for (int64_t end_ms = bb_loop_mono_ms() + WAIT_MS; !(condition) && bb_loop_mono_ms() < end_ms;)      \
            assert_int_equal(bb_loop_turn((w)->loop, 20), BB_OK);                                            \
        assert_true(condition);                                                                              \
    } while (0)

static bool printed(const struct world *w, const char *text)
{
    char path[128], got[4096];
    snprintf(path, sizeof path, "%s/out", w->home);
    FILE *f = fopen(path, "r");
    size_t size = f != NULL ? fread(got, 1, sizeof got - 1, f) : 0;
    if (f != NULL)
        fclose(f);
    got[size] = '\0';
    return strstr(got, text) != NULL;
}

static void the_listener_prints_what_it_is_asked_for(void **state)
{
    struct world *w = *state;
    int code;
    const char *argv[] = {BIN "listener-agent", "--prefix", "Data/", "--heartbeat-ms", "100", NULL};
    w->agent = run(w, "out", argv);
    UNTIL(w, w->heartbeats > 1);
    assert_int_equal(bb_publish(w->client, "Other", NULL, "1"), BB_OK);
    assert_int_equal(bb_publish(w->client, "Data/x", NULL, "{\"kw\":1.50}"), BB_OK);
    UNTIL(w, printed(w, " Data/x tester {\"kw\":1.50}\n"));
    assert_false(printed(w, "Other"));
    assert_false(printed(w, "heartbeat/"));
    stop(&w->agent, &code);
    assert_true(WIFEXITED(code) && WEXITSTATUS(code) == 0);
}

static void the_example_hears_speaks_and_answers(void **state)
{
    struct world *w = *state;
    char *result = NULL;
    const char *argv[] = {BIN "example-agent", NULL};
    w->agent = run(w, "out", argv);
    UNTIL(w, w->ticks > 0);
    assert_int_equal(bb_call(w->client, "example-agent", "hello", NULL, WAIT_MS, &result), BB_OK);
    assert_string_equal(result, "\"hello\"");
    free(result);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_listener_prints_what_it_is_asked_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_example_hears_speaks_and_answers, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
