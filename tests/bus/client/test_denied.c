/* Against the real broker, with CURVE: whom it does not want, and what the client then says. */
#include "bus/client/keys.h"
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

#define BROKER  BUSBAR_PROGRAMS "/busbard"
#define WAIT_MS 20000

static char home[] = "/tmp/bb-denied-XXXXXX";
static pid_t broker;
static struct bb_loop *loop;

static const char *below(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", home, name);
    return path;
}

static void make_key(const char *name, char base64[KEY_BASE64_SIZE])
{
    struct keys keys;
    char path[64];
    snprintf(path, sizeof path, "keys/%s.json", name);
    assert_int_equal(keys_generate(&keys), BB_OK);
    assert_int_equal(keys_save(below(path), &keys, NULL), BB_OK);
    assert_int_equal(keys_to_base64(keys.public_key, base64), BB_OK);
    if (strcmp(name, "busbard") == 0)
        assert_int_equal(keys_save_public(below("keys/busbard.pub"), keys.public_key, NULL), BB_OK);
}

static void start_broker(void)
{
    char doors[3][128];
    static const char *const names[] = {"vip", "sub", "pub"};
    for (size_t i = 0; i < 3; i++)
        snprintf(doors[i], sizeof doors[i], "--%s=ipc://%s/run/%s.sock", names[i], home, names[i]);
    broker = fork();
    if (broker == 0) {
        dup2(open(below("log"), O_WRONLY | O_CREAT, 0600), STDERR_FILENO);
        execl(BROKER, BROKER, "--home", home, doors[0], doors[1], doors[2], (char *)NULL);
        _exit(127);
    }
}

static int set_up(void **state)
{
    (void)state;
    char known[KEY_BASE64_SIZE], other[KEY_BASE64_SIZE];
    if (mkdtemp(home) == NULL || mkdir(below("keys"), 0700) != 0 || mkdir(below("run"), 0700) != 0)
        return -1;
    make_key("busbard", other);
    make_key("stranger", other);
    make_key("known", known);
    FILE *f = fopen(below("access.json"), "w");
    fprintf(f,
            "{\"version\":1,\"entries\":[{\"key\":\"%s\",\"identities\":[\"known\",\"known.*\"],\"publish\":["
            "\"mine/\"],"
            "\"subscribe\":[\"\"],\"comment\":\"test\"}]}\n",
            known);
    fclose(f);
    start_broker();
    for (int i = 0; i < 2000 && access(below("run/vip.address"), F_OK) != 0; i++)
        usleep(10000);
    return bb_loop_open(&loop) == BB_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const files[] = {"keys/busbard.json",
                                        "keys/busbard.pub",
                                        "keys/stranger.json",
                                        "keys/known.json",
                                        "keys/thief.json",
                                        "keys",
                                        "run/vip.address",
                                        "run/access.state",
                                        "run/busbard.lock",
                                        "run/vip.sock",
                                        "run/sub.sock",
                                        "run/pub.sock",
                                        "run",
                                        "access.json",
                                        "log",
                                        ""};
    bb_loop_close(loop);
    kill(broker, SIGTERM);
    waitpid(broker, NULL, 0);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        (void)remove(below(files[i]));
    return 0;
}

static enum status open_as(const char *identity, struct bb_client **client, struct bb_reason *reason)
{
    struct bb_client_options options = {
        .identity = identity, .home = home, .connect_ms = WAIT_MS, .reason = reason};
    enum status status = bb_client_open(loop, &options, client);
    print_message("%s: %s: %s\n", identity, bb_status_word(status), reason->text);
    return status;
}

static void a_key_without_an_entry_is_denied(void **state)
{
    (void)state;
    struct bb_client *client = NULL;
    struct bb_reason reason = {""};
    assert_int_equal(open_as("stranger", &client, &reason), BB_DENIED);
    assert_non_null(strstr(reason.text, "does not know the key"));
}

static void an_identity_that_the_key_may_not_take_is_denied(void **state)
{
    (void)state;
    struct bb_client *client = NULL;
    struct bb_reason reason = {""};
    char from[128];
    snprintf(from, sizeof from, "%s/keys/known.json", home);
    assert_int_equal(link(from, below("keys/thief.json")), 0);
    assert_int_equal(open_as("thief", &client, &reason), BB_DENIED);
    assert_non_null(strstr(reason.text, "busbar access"));
}

static void a_topic_that_is_not_granted_is_told(void **state)
{
    (void)state;
    struct bb_client *client = NULL;
    struct bb_reason reason = {""};
    assert_int_equal(open_as("known.17", &client, &reason), BB_OK);
    assert_int_equal(bb_publish(client, "mine/x", NULL, "1"), BB_OK);
    assert_int_equal(bb_flush(client, WAIT_MS), BB_OK);
    assert_int_equal(bb_publish(client, "yours/x", NULL, "1"), BB_OK);
    assert_int_equal(bb_flush(client, WAIT_MS), BB_DENIED);
    print_message("%s\n", bb_client_reason(client));
    bb_client_close(client);
}

static void a_call_to_an_absent_peer_is_unreachable_at_once(void **state)
{
    (void)state;
    struct bb_client *client = NULL;
    struct bb_reason reason = {""};
    char *result = NULL;
    assert_int_equal(open_as("known", &client, &reason), BB_OK);
    int64_t start = bb_loop_mono_ms();
    enum status status = bb_call(client, "nobody", "m", NULL, WAIT_MS, &result);
    print_message("%s: %s\n", bb_status_word(status), result != NULL ? result : "");
    assert_int_equal(status, BB_UNREACHABLE);
    assert_true(bb_loop_mono_ms() - start < WAIT_MS / 2);
    free(result);
    bb_client_close(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_without_an_entry_is_denied),
        cmocka_unit_test(a_topic_that_is_not_granted_is_told),
        cmocka_unit_test(a_call_to_an_absent_peer_is_unreachable_at_once),
        cmocka_unit_test(an_identity_that_the_key_may_not_take_is_denied),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
