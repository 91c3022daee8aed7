/* The client against a tiny router of the tests' own (tests/support/vip_router.c) over real sockets, CURVE
 * included. */
#include <busbar/client.h>
#include <busbar/limits.h>

#include "bus/client/keys.h"
#include "bus/client/turn.h"

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
#include <zmq.h>

#include <cmocka.h>

#define ROUTER  BUSBAR_TOOLS "/vip_router"
#define WAIT_MS 20000

static char folder[] = "/tmp/bb-client-XXXXXX";
static char endpoint[64], plain_address[128];
static struct keys server_keys, known_keys, unknown_keys;

struct world {
    struct bb_loop *loop;
    pid_t router;
    struct bb_client *a, *b;
    int messages;
    char topic[64], sender[64], headers[512], message[256];
    bool replied;
    enum status status;
    char json[512];
};

static pid_t start_router(bool curve)
{
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (curve)
            execl(ROUTER, ROUTER, endpoint, server_keys.secret_key, known_keys.public_key, (char *)NULL);
        else
            execl(ROUTER, ROUTER, endpoint, (char *)NULL);
        _exit(127);
    }
    return pid;
}

static void stop_router(struct world *w)
{
    if (w->router > 0) {
        kill(w->router, SIGKILL);
        waitpid(w->router, NULL, 0);
        w->router = 0;
    }
}

static struct bb_client *open_as(struct world *w, const char *identity, const char *address)
{
    struct bb_reason reason = {""};
    struct bb_client *client = NULL;
    struct bb_client_options options = {
        .identity = identity, .address = address, .home = folder, .connect_ms = WAIT_MS, .reason = &reason};
    enum status status = bb_client_open(w->loop, &options, &client);
    if (status != BB_OK)
        print_message("%s: %s\n", bb_status_word(status), reason.text);
    assert_int_equal(status, BB_OK);
    return client;
}

static int start_world(struct world *w, bool curve)
{
    memset(w, 0, sizeof *w);
    w->router = start_router(curve);
    return bb_loop_open(&w->loop) == BB_OK && w->router > 0 ? 0 : -1;
}

static int plain_world(void **state)
{
    static struct world w;
    *state = &w;
    return start_world(&w, false);
}

static int curve_world(void **state)
{
    static struct world w;
    *state = &w;
    return start_world(&w, true);
}

static int end_world(void **state)
{
    struct world *w = *state;
    bb_client_close(w->a);
    bb_client_close(w->b);
    bb_loop_close(w->loop);
    stop_router(w);
    return 0;
}

static void on_message(void *context, const char *topic, const char *sender, const char *headers,
                       const char *message)
{
    struct world *w = context;
    w->messages++;
    snprintf(w->topic, sizeof w->topic, "%s", topic);
    snprintf(w->sender, sizeof w->sender, "%s", sender);
    snprintf(w->headers, sizeof w->headers, "%s", headers);
    snprintf(w->message, sizeof w->message, "%s", message);
}

static void on_reply(void *context, enum status status, const char *json)
{
    struct world *w = context;
    assert_false(w->replied); /* exactly once */
    w->replied = true;
    w->status = status;
    snprintf(w->json, sizeof w->json, "%s", json != NULL ? json : "NULL");
}

#define TURN_UNTIL(w, condition)                                                                             \
    do {                                                                                                     \
        int64_t end_ms = bb_loop_mono_ms() + WAIT_MS;                                                        \
        while (!(condition) && bb_loop_mono_ms() < end_ms)                                                   \
            assert_int_equal(bb_loop_turn((w)->loop, 100), BB_OK);                                           \
        assert_true(condition);                                                                              \
    } while (0)

static void what_is_published_arrives_as_it_was(void **state)
{
    struct world *w = *state;
    w->a = open_as(w, "alpha", plain_address);
    w->b = open_as(w, "beta", plain_address);
    assert_int_equal(bb_subscribe(w->b, "Data/", on_message, w), BB_OK);
    assert_int_equal(bb_flush(w->b, WAIT_MS), BB_OK);
    assert_int_equal(bb_publish(w->a, "Data/x", NULL, "{\"kw\": 52.400911, \"z\":[1.10,\"a,}b\"]}"), BB_OK);
    assert_int_equal(bb_publish(w->a, "Other/x", NULL, "1"), BB_OK);
    assert_int_equal(bb_flush(w->a, WAIT_MS), BB_OK);
    TURN_UNTIL(w, w->messages == 1);
    assert_string_equal(w->topic, "Data/x");
    assert_string_equal(w->sender, "alpha");
    assert_string_equal(w->message, "{\"kw\": 52.400911, \"z\":[1.10,\"a,}b\"]}"); /* not re-formatted */
    assert_non_null(strstr(w->headers, "\"TimeStamp\":\"2"));
    assert_non_null(strstr(w->headers, "+00:00\""));
    assert_int_equal(bb_publish(w->a, "Data/y", "{\"Date\":\"mine\"}", "null"), BB_OK);
    TURN_UNTIL(w, w->messages == 2);
    assert_non_null(strstr(w->headers, "\"Date\":\"mine\""));
    assert_string_equal(w->message, "null");
}

static void several_subscriptions_each_get_the_message(void **state)
{
    struct world *w = *state;
    w->a = open_as(w, "alpha", plain_address);
    assert_int_equal(bb_subscribe(w->a, "", on_message, w), BB_OK);
    assert_int_equal(bb_subscribe(w->a, "Da", on_message, w), BB_OK);
    assert_int_equal(bb_subscribe(w->a, "Da", on_message, w), BB_OK);
    assert_int_equal(bb_publish(w->a, "Data", NULL, "true"), BB_OK);
    TURN_UNTIL(w, w->messages == 3);
    assert_int_equal(bb_unsubscribe(w->a, "Da"), BB_OK);
    assert_int_equal(bb_unsubscribe(w->a, "Da"), BB_NOT_FOUND);
    assert_int_equal(bb_publish(w->a, "Data", NULL, "true"), BB_OK);
    TURN_UNTIL(w, w->messages == 4);
    assert_int_equal(bb_flush(w->a, WAIT_MS), BB_OK);
    assert_int_equal(w->messages, 4);
}

static void bad_publishes_are_refused_at_once(void **state)
{
    struct world *w = *state;
    w->a = open_as(w, "alpha", plain_address);
    char topic[BB_TOPIC_MAX + 2];
    memset(topic, 'a', sizeof topic - 1);
    topic[sizeof topic - 1] = '\0';
    assert_int_equal(bb_publish(w->a, "t", NULL, "{"), BB_RANGE);
    assert_int_equal(bb_publish(w->a, "t", "[]", "1"), BB_RANGE);
    assert_int_equal(bb_publish(w->a, "", NULL, "1"), BB_RANGE);
    assert_int_equal(bb_publish(w->a, topic, NULL, "1"), BB_RANGE);
    assert_true(strlen(bb_client_reason(w->a)) > 10);
}

static void a_refused_topic_is_told(void **state)
{
    struct world *w = *state;
    w->a = open_as(w, "alpha", plain_address);
    assert_int_equal(bb_publish(w->a, "forbidden/x", NULL, "1"), BB_OK);
    assert_int_equal(bb_flush(w->a, WAIT_MS), BB_DENIED);
    assert_non_null(strstr(bb_client_reason(w->a), "topic is not yours"));
    assert_int_equal(bb_publish(w->a, "forbidden/x", NULL, "1"), BB_OK);
    for (int i = 0; i < 50; i++)
        assert_int_equal(bb_loop_turn(w->loop, 10), BB_OK);
    assert_int_equal(bb_publish(w->a, "fine", NULL, "1"), BB_DENIED); /* tells of the earlier one, once */
    assert_int_equal(bb_publish(w->a, "fine", NULL, "1"), BB_OK);
}

static enum status on_add(void *context, const char *caller, const char *params, char **result_out)
{
    (void)context;
    if (strcmp(params, "[1,2.50]") != 0)
        return BB_RANGE;
    return asprintf(result_out, "{\"sum\":3.50,\"caller\":\"%s\"}", caller) > 0 ? BB_OK : BB_IO;
}

static enum status on_fail(void *context, const char *caller, const char *params, char **result_out)
{
    (void)context, (void)caller, (void)params;
    *result_out = strdup("the board \"L1\" is not here");
    return BB_NOT_FOUND;
}

static void calls_are_answered_both_ways(void **state)
{
    struct world *w = *state;
    char *result = NULL;
    w->a = open_as(w, "alpha", plain_address);
    w->b = open_as(w, "beta", plain_address);
    assert_int_equal(bb_serve(w->b, "add", on_add, w), BB_OK);
    assert_int_equal(bb_serve(w->b, "add", on_add, w), BB_EXISTS);
    assert_int_equal(bb_serve(w->b, "fail", on_fail, w), BB_OK);
    assert_int_equal(bb_call(w->a, "beta", "add", "[1,2.50]", WAIT_MS, &result), BB_OK);
    assert_string_equal(result, "{\"sum\":3.50,\"caller\":\"alpha\"}");
    free(result);
    assert_int_equal(bb_call(w->a, "beta", "add", "[]", WAIT_MS, &result), BB_REMOTE);
    assert_non_null(strstr(result, "-32602"));
    assert_non_null(strstr(result, "\"status\":\"range\""));
    free(result);
    assert_int_equal(bb_call(w->a, "beta", "fail", NULL, WAIT_MS, &result), BB_REMOTE);
    assert_non_null(strstr(bb_client_reason(w->a), "the board \"L1\" is not here"));
    free(result);
    assert_int_equal(bb_call(w->a, "beta", "nothing", NULL, WAIT_MS, &result), BB_REMOTE);
    assert_non_null(strstr(result, "-32601"));
    free(result);
    assert_int_equal(bb_call(w->a, "beta", "inspect", NULL, WAIT_MS, &result), BB_OK);
    assert_non_null(strstr(result, "\"add\",\"fail\""));
    free(result);
    assert_int_equal(bb_call(w->a, "beta", "add", "3", WAIT_MS, &result), BB_RANGE);
}

static void a_call_to_nobody_and_a_call_without_answer_end(void **state)
{
    struct world *w = *state;
    char *result = NULL;
    w->a = open_as(w, "alpha", plain_address);
    assert_int_equal(bb_call(w->a, "nobody", "m", NULL, WAIT_MS, &result), BB_UNREACHABLE);
    assert_null(result);
    assert_int_equal(bb_request(w->a, "alpha", "m", NULL, 0, on_reply, w), BB_OK);
    TURN_UNTIL(w, w->replied);
    assert_true(w->status == BB_TIMEOUT || w->status == BB_REMOTE);
}

static void send_text(void *socket, const char *text, int more)
{
    assert_int_equal(zmq_send(socket, text, strlen(text), more), (int)strlen(text));
}

/* Whoever guesses the id of a call to somebody else cannot answer it. */
static void a_reply_from_the_wrong_peer_is_ignored(void **state)
{
    struct world *w = *state;
    char reply[100];
    w->a = open_as(w, "alpha", plain_address);
    void *context = zmq_ctx_new(), *mallory = zmq_socket(context, ZMQ_DEALER),
         *silent = zmq_socket(context, ZMQ_DEALER);
    assert_int_equal(zmq_setsockopt(mallory, ZMQ_ROUTING_ID, "mallory", 7), 0);
    assert_int_equal(zmq_setsockopt(silent, ZMQ_ROUTING_ID, "silent", 6), 0);
    assert_int_equal(zmq_connect(mallory, endpoint), 0);
    assert_int_equal(zmq_connect(silent, endpoint), 0);
    static const char *const hello[] = {"", "VIP1", "", "x", "hello", "hello"};
    for (int i = 0; i < 6; i++)
        send_text(silent, hello[i], i < 5 ? ZMQ_SNDMORE : 0);
    char *peers = NULL;
    do {
        free(peers);
        assert_int_equal(bb_peers(w->a, WAIT_MS, &peers), BB_OK);
    } while (strstr(peers, "silent") == NULL);
    free(peers);
    assert_int_equal(bb_request(w->a, "silent", "m", NULL, 700, on_reply, w), BB_OK);
    for (int id = 1; id < 30; id++) {
        snprintf(reply, sizeof reply, "{\"jsonrpc\":\"2.0\",\"id\":\"bb-%d\",\"result\":\"forged\"}", id);
        static const char *const head[] = {"alpha", "VIP1", "", "x", "RPC"};
        for (int i = 0; i < 5; i++)
            send_text(mallory, head[i], ZMQ_SNDMORE);
        send_text(mallory, reply, 0);
    }
    TURN_UNTIL(w, w->replied);
    assert_int_not_equal(w->status, BB_OK);
    assert_null(strstr(w->json, "forged"));
    assert_int_equal(w->status, BB_TIMEOUT);
    int no = 0;
    zmq_setsockopt(mallory, ZMQ_LINGER, &no, sizeof no);
    zmq_setsockopt(silent, ZMQ_LINGER, &no, sizeof no);
    zmq_close(mallory);
    zmq_close(silent);
    zmq_ctx_term(context);
}

static void the_broker_is_asked(void **state)
{
    struct world *w = *state;
    char *text = NULL;
    w->a = open_as(w, "alpha", plain_address);
    w->b = open_as(w, "beta", plain_address);
    assert_int_equal(bb_peers(w->a, WAIT_MS, &text), BB_OK);
    assert_string_equal(text, "[\"alpha\",\"beta\"]");
    free(text);
    assert_int_equal(bb_query(w->a, "platform-version", WAIT_MS, &text), BB_OK);
    assert_string_equal(text, "9.0.4");
    free(text);
    assert_int_equal(bb_query(w->a, "moon", WAIT_MS, &text), BB_OK);
    assert_string_equal(text, "");
    free(text);
}

static void a_client_that_closes_leaves(void **state)
{
    struct world *w = *state;
    char *text = NULL;
    w->a = open_as(w, "alpha", plain_address);
    w->b = open_as(w, "beta", plain_address);
    bb_client_close(w->b);
    w->b = NULL;
    /* The good-bye travels on another connection than the question: it may come after it. */
    bool gone = false;
    for (int64_t end = bb_loop_mono_ms() + WAIT_MS; !gone && bb_loop_mono_ms() < end; free(text)) {
        assert_int_equal(bb_peers(w->a, WAIT_MS, &text), BB_OK);
        gone = strcmp(text, "[\"alpha\"]") == 0;
    }
    assert_true(gone);
}

static void a_killed_router_is_found_again(void **state)
{
    struct world *w = *state;
    char *text = NULL;
    w->a = open_as(w, "alpha", plain_address);
    assert_int_equal(bb_subscribe(w->a, "Data", on_message, w), BB_OK);
    assert_int_equal(bb_flush(w->a, WAIT_MS), BB_OK);
    assert_int_equal(kill(w->router, SIGSTOP), 0); /* so that the call is still open when it dies */
    assert_int_equal(bb_request(w->a, "nobody", "m", NULL, WAIT_MS, on_reply, w), BB_OK);
    stop_router(w);
    TURN_UNTIL(w, w->replied);
    assert_int_equal(w->status, BB_CLOSED);
    assert_int_equal(bb_call(w->a, "nobody", "m", NULL, WAIT_MS, &text), BB_UNREACHABLE);
    for (int i = 0; i < 1010; i++) {
        char message[16];
        snprintf(message, sizeof message, "%d", i);
        assert_int_equal(bb_publish(w->a, "Data", NULL, message), BB_OK);
    }
    w->router = start_router(false);
    TURN_UNTIL(w, w->messages == 1000); /* the oldest ten were dropped */
    assert_string_equal(w->message, "1009");
}

static void a_known_key_is_welcome_over_curve(void **state)
{
    struct world *w = *state;
    char address[300], key[KEY_BASE64_SIZE];
    assert_int_equal(keys_to_base64(server_keys.public_key, key), BB_OK);
    snprintf(address, sizeof address, "%s?serverkey=%s", endpoint, key);
    w->a = open_as(w, "known", address); /* its pair is in the home */
    assert_int_equal(bb_publish(w->a, "Data", NULL, "1"), BB_OK);
    assert_int_equal(bb_flush(w->a, WAIT_MS), BB_OK);
}

static enum status try_open(struct world *w, const char *identity, const char *address, uint32_t connect_ms,
                            struct bb_reason *reason)
{
    struct bb_client_options options = {
        .identity = identity, .address = address, .home = folder, .connect_ms = connect_ms, .reason = reason};
    return bb_client_open(w->loop, &options, &w->a);
}

static void an_unknown_key_is_denied_with_advice(void **state)
{
    struct world *w = *state;
    char address[300], key[KEY_BASE64_SIZE];
    struct bb_reason reason = {""};
    assert_int_equal(keys_to_base64(server_keys.public_key, key), BB_OK);
    snprintf(address, sizeof address, "%s?serverkey=%s", endpoint, key);
    assert_int_equal(try_open(w, "unknown", address, WAIT_MS, &reason), BB_DENIED);
    assert_non_null(strstr(reason.text, "busbar access approve "));
    assert_null(w->a);
}

static void a_wrong_server_key_is_denied_with_advice(void **state)
{
    struct world *w = *state;
    char address[300], key[KEY_BASE64_SIZE];
    struct bb_reason reason = {""};
    assert_int_equal(keys_to_base64(unknown_keys.public_key, key), BB_OK);
    snprintf(address, sizeof address, "%s?serverkey=%s", endpoint, key);
    assert_int_equal(try_open(w, "known", address, WAIT_MS, &reason), BB_DENIED);
    assert_non_null(strstr(reason.text, "serverkey"));
    assert_int_equal(try_open(w, "known", plain_address, WAIT_MS, &reason), BB_DENIED);
    assert_non_null(strstr(reason.text, "encryption"));
}

static void a_wrong_address_is_unreachable(void **state)
{
    struct world *w = *state;
    struct bb_reason reason = {""};
    assert_int_equal(try_open(w, "alpha", "tcp://127.0.0.1:1?server=NULL", 300, &reason), BB_UNREACHABLE);
    assert_non_null(strstr(reason.text, "start busbard"));
    assert_int_equal(try_open(w, "alpha", "tcp:/x", 300, &reason), BB_RANGE);
    assert_int_equal(try_open(w, "not valid", plain_address, 300, &reason), BB_RANGE);
}

static void a_signal_ends_the_wait(void **state)
{
    struct world *w = *state;
    struct bb_reason reason = {""};
    raise(SIGTERM);
    assert_int_equal(try_open(w, "alpha", "tcp://127.0.0.1:1?server=NULL", WAIT_MS, &reason), BB_INTERRUPTED);
}

static int make_folder(void **state)
{
    (void)state;
    char path[128];
    if (mkdtemp(folder) == NULL || keys_generate(&server_keys) != BB_OK ||
        keys_generate(&unknown_keys) != BB_OK)
        return -1;
    /* The tiny router compares keys as C strings, so the one it lets in must have no zero byte. */
    do {
        if (keys_generate(&known_keys) != BB_OK)
            return -1;
        uint8_t raw[32];
        zmq_z85_decode(raw, known_keys.public_key);
        if (memchr(raw, 0, sizeof raw) == NULL)
            break;
    } while (true);
    snprintf(endpoint, sizeof endpoint, "ipc://%s/vip", folder);
    snprintf(plain_address, sizeof plain_address, "%s?server=NULL", endpoint);
    snprintf(path, sizeof path, "%s/keys", folder);
    if (mkdir(path, 0700) != 0)
        return -1;
    snprintf(path, sizeof path, "%s/keys/known.json", folder);
    if (keys_save(path, &known_keys, NULL) != BB_OK)
        return -1;
    snprintf(path, sizeof path, "%s/keys/unknown.json", folder);
    return keys_save(path, &unknown_keys, NULL) == BB_OK ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"keys/known.json", "keys/unknown.json", "vip"};
    char path[128];
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    snprintf(path, sizeof path, "%s/keys", folder);
    rmdir(path);
    return rmdir(folder);
}

#define PLAIN(f) cmocka_unit_test_setup_teardown(f, plain_world, end_world)
#define CURVE(f) cmocka_unit_test_setup_teardown(f, curve_world, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        PLAIN(what_is_published_arrives_as_it_was),
        PLAIN(several_subscriptions_each_get_the_message),
        PLAIN(bad_publishes_are_refused_at_once),
        PLAIN(a_refused_topic_is_told),
        PLAIN(calls_are_answered_both_ways),
        PLAIN(a_call_to_nobody_and_a_call_without_answer_end),
        PLAIN(a_reply_from_the_wrong_peer_is_ignored),
        PLAIN(the_broker_is_asked),
        PLAIN(a_client_that_closes_leaves),
        PLAIN(a_killed_router_is_found_again),
        CURVE(a_known_key_is_welcome_over_curve),
        CURVE(an_unknown_key_is_denied_with_advice),
        CURVE(a_wrong_server_key_is_denied_with_advice),
        PLAIN(a_wrong_address_is_unreachable),
        PLAIN(a_signal_ends_the_wait),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
