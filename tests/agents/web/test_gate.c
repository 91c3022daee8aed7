/* Who may do what, how often, and what a wallet's quantities are. */
#include "agents/tokens/tokens.h"
#include "agents/web/gate.h"
#include "agents/web/rpc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64], path[128];
static char grid[] = "grid.example";
static char *names[] = {grid, NULL};

static int set_up(void **state)
{
    (void)state;
    memcpy(folder, "/tmp/bb-gate-XXXXXX", 20);
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/web-tokens.json", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct gate *open_gate(bool viewer_open)
{
    struct gate *gate = NULL;
    const struct gate_options options = {.tokens = path,
                                         .viewer_open = viewer_open,
                                         .host = "127.0.0.1",
                                         .hosts = names,
                                         .host_count = 1,
                                         .posts_per_s = 4};
    assert_int_equal(gate_open(&options, &gate), BB_OK);
    return gate;
}

static unsigned ask(struct gate *gate, enum role role, const char *authorization, int64_t now_ms)
{
    const struct gate_question question = {
        .address = "127.0.0.1", .host = "127.0.0.1:8087", .authorization = authorization, .role = role};
    return gate_ask(gate, &question, now_ms).http_status;
}

static void make_token(const char *name, enum token_role role, char bearer[80])
{
    struct tokens tokens;
    char secret[TOKENS_SECRET_SIZE];
    assert_int_equal(tokens_read(path, NULL, &tokens), BB_OK);
    assert_int_equal(tokens_add(&tokens, name, role, 5, secret), BB_OK);
    assert_int_equal(tokens_write(path, &tokens, NULL), BB_OK);
    snprintf(bearer, 80, "Bearer %s", secret);
}

static void test_roles(void **state)
{
    char viewer[80], operator[80];
    (void)state;
    make_token("v", TOKEN_VIEWER, viewer);
    make_token("o", TOKEN_OPERATOR, operator);
    static const struct {
        bool open;
        int token; /* 0 none, 1 viewer, 2 operator */
        unsigned none, look, act;
    } cases[] = {{true, 0, 0, 0, 401},    {true, 1, 0, 0, 403},  {true, 2, 0, 0, 0},
                 {false, 0, 0, 401, 401}, {false, 1, 0, 0, 403}, {false, 2, 0, 0, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct gate *gate = open_gate(cases[i].open);
        const char *bearer = cases[i].token == 0 ? NULL : cases[i].token == 1 ? viewer : operator;
        assert_int_equal(ask(gate, ROLE_NONE, bearer, 1), cases[i].none);
        assert_int_equal(ask(gate, ROLE_VIEWER, bearer, 1), cases[i].look);
        assert_int_equal(ask(gate, ROLE_OPERATOR, bearer, 1), cases[i].act);
        gate_close(gate);
    }
}

static void test_tokens_come_and_go(void **state)
{
    char bearer[80];
    struct tokens tokens;
    (void)state;
    struct gate *gate = open_gate(true);
    assert_int_equal(ask(gate, ROLE_OPERATOR, "Bearer bbw_x", 1), 401);
    make_token("o", TOKEN_OPERATOR, bearer);
    assert_int_equal(ask(gate, ROLE_OPERATOR, bearer, 2000), 0);
    assert_int_equal(tokens_read(path, NULL, &tokens), BB_OK);
    assert_int_equal(tokens_remove(&tokens, "o"), BB_OK);
    assert_int_equal(tokens_remove(&tokens, "o"), BB_NOT_FOUND);
    assert_int_equal(tokens_write(path, &tokens, NULL), BB_OK);
    assert_int_equal(ask(gate, ROLE_OPERATOR, bearer, 4000), 401);
    gate_close(gate);
}

static void test_forged(void **state)
{
    char bearer[80];
    unsigned slowed = 0;
    (void)state;
    make_token("o", TOKEN_OPERATOR, bearer);
    struct gate *gate = open_gate(true);
    for (int i = 0; i < 100; i++)
        slowed += ask(gate, ROLE_OPERATOR, "Bearer bbw_forged", 1000) == 429;
    assert_int_equal(slowed, 90);
    assert_int_equal(ask(gate, ROLE_OPERATOR, bearer, 1000), 0);
    assert_int_equal(ask(gate, ROLE_OPERATOR, "Bearer bbw_forged", 2001), 401);
    gate_close(gate);
}

static void test_tickets(void **state)
{
    char ticket[GATE_TICKET_SIZE], other[GATE_TICKET_SIZE];
    (void)state;
    struct gate *gate = open_gate(false);
    assert_int_equal(gate_ticket(gate, "ann", ROLE_VIEWER, 1000, ticket), BB_OK);
    struct gate_question question = {.address = "::1", .ticket = "nonsense", .role = ROLE_VIEWER};
    assert_int_equal(gate_ask(gate, &question, 1000).http_status, 401);
    question.ticket = ticket;
    struct gate_answer answer = gate_ask(gate, &question, 60999);
    assert_int_equal(answer.http_status, 0);
    assert_string_equal(answer.user, "ann");
    assert_int_equal(gate_ask(gate, &question, 1001).http_status, 401);
    assert_int_equal(gate_ticket(gate, "ann", ROLE_VIEWER, 1000, ticket), BB_OK);
    assert_int_equal(gate_ask(gate, &question, 61000).http_status, 401);
    /* Many others push one out. */
    assert_int_equal(gate_ticket(gate, "ann", ROLE_VIEWER, 1000, ticket), BB_OK);
    for (int i = 0; i < 256; i++)
        assert_int_equal(gate_ticket(gate, "bob", ROLE_VIEWER, 1000, other), BB_OK);
    assert_int_equal(gate_ask(gate, &question, 1000).http_status, 401);
    gate_close(gate);
}

static unsigned ask_from(struct gate *gate, const char *host, const char *origin, bool post)
{
    const struct gate_question question = {
        .address = "192.0.2.1", .host = host, .origin = origin, .post = post, .role = ROLE_VIEWER};
    return gate_ask(gate, &question, 1000000).http_status;
}

static void test_hosts_and_origins(void **state)
{
    (void)state;
    struct gate *gate = open_gate(true);
    static const char *const ours[] = {"127.0.0.1", "10.0.0.1:80",  "localhost:1",     "[::1]:8087",
                                       "[fe80::1]", "GRID.example", "grid.example:443"};
    static const char *const theirs[] = {
        "evil.example", "", ":80", "[::1", "grid.example.evil", "127.0.0.1.evil", "127.0.0.01x",
        "xgrid.example"};
    for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
        assert_int_equal(ask_from(gate, ours[i], NULL, false), 0);
    for (size_t i = 0; i < sizeof theirs / sizeof *theirs; i++)
        assert_int_equal(ask_from(gate, theirs[i], NULL, false), 421);
    assert_int_equal(ask_from(gate, "grid.example", "https://grid.example", true), 0);
    assert_int_equal(ask_from(gate, "grid.example:1", "http://GRID.example:1", true), 0);
    static const char *const foreign[] = {
        "null", "http://evil.example",     "https://grid.example:2", "grid.example", "file://",
        "",     "http://grid.example.evil"};
    for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
        assert_int_equal(ask_from(gate, "grid.example", foreign[i], true), 403);
    assert_int_equal(ask_from(gate, "grid.example", "http://evil.example", false), 0);
    assert_true(gate_is_loopback("127.1.2.3") && gate_is_loopback("::1") && gate_is_loopback("localhost"));
    assert_false(gate_is_loopback("0.0.0.0") || gate_is_loopback("::") || gate_is_loopback("128.0.0.1") ||
                 gate_is_loopback("127.evil"));
    gate_close(gate);
}

static void test_limits(void **state)
{
    static struct limits limits = {.rate_per_s = 2, .burst = 10};
    char address[32];
    int taken = 0;
    (void)state;
    for (int i = 0; i < 30; i++)
        taken += limits_take(&limits, "10.0.0.1", 1, 1000);
    assert_int_equal(taken, 10);
    assert_true(limits_take(&limits, "10.0.0.2", 1, 1000));
    assert_false(limits_fits(&limits, "10.0.0.1", 1, 1499));
    assert_true(limits_take(&limits, "10.0.0.1", 1, 1500));
    assert_false(limits_take(&limits, "10.0.0.1", 1, 1500));
    for (int i = 0; i < 10; i++)
        assert_true(limits_take(&limits, "2001:db8:1:2:aaaa::1", 1, 1000));
    assert_false(limits_take(&limits, "2001:db8:1:2:bbbb::2", 1, 1000));
    assert_true(limits_take(&limits, "2001:db8:1:3:aaaa::1", 1, 1000));
    /* The same where the network ends in zeros, which are not written. */
    for (int i = 0; i < 10; i++)
        assert_true(limits_take(&limits, "2001:db8::aaaa:2:3:4", 1, 1000));
    assert_false(limits_take(&limits, "2001:db8::bbbb:2:3:4", 1, 1000));
    assert_false(limits_take(&limits, "2001:db8::1", 1, 1000));
    assert_true(limits_take(&limits, "2001:db8:0:1::1", 1, 1000));
    for (int i = 0; i < 10; i++)
        assert_true(limits_take(&limits, "::ffff:10.1.0.1", 1, 1000));
    assert_true(limits_take(&limits, "::ffff:10.1.0.2", 1, 1000));
    /* A crowd of addresses changes nothing for one that comes after it. */
    for (int i = 0; i < 100000; i++) {
        snprintf(address, sizeof address, "10.%d.%d.%d", i >> 16, i >> 8 & 255, i & 255);
        (void)limits_take(&limits, address, 1, 2000);
    }
    assert_true(limits_take(&limits, "192.0.2.9", 10, 10000000));
    assert_false(limits_take(&limits, "192.0.2.9", 1, 10000000));
}

static void test_tokens_file(void **state)
{
    static const char *const wrong[] = {
        "",
        "[]",
        "{}",
        "{\"version\":2,\"tokens\":[]}",
        "{\"version\":1,\"tokens\":{}}",
        "{\"version\":1,\"tokens\":[{}]}",
        "{\"version\":1,\"tokens\":[],\"x\":1}",
        "{\"version\":1,\"tokens\":[{\"name\":\"a\",\"role\":\"root\",\"sha256\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}]}",
        "{\"version\":1,\"tokens\":[{\"name\":\"a "
        "b\",\"role\":\"viewer\",\"sha256\":"
        "\"0000000000000000000000000000000000000000000000000000000000000000\"}]}",
        "{\"version\":1,\"tokens\":[{\"name\":\"a\",\"role\":\"viewer\",\"sha256\":\"00\"}]}"};
    struct tokens tokens;
    struct bb_reason reason;
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        reason.text[0] = '\0';
        assert_int_equal(tokens_parse(bytes_of(wrong[i]), &reason, &tokens), BB_MALFORMED);
        assert_true(tokens.count == 0 && strlen(reason.text) > 5);
    }
    char bearer[80], secret[TOKENS_SECRET_SIZE];
    make_token("a", TOKEN_VIEWER, bearer);
    assert_int_equal(tokens_read(path, &reason, &tokens), BB_OK);
    assert_string_equal(tokens_find(&tokens, bearer + 7)->name, "a");
    assert_int_equal(tokens.list[0].created_ms, 5);
    assert_null(tokens_find(&tokens, bearer));
    assert_null(tokens_find(&tokens, ""));
    assert_int_equal(tokens_add(&tokens, "a", TOKEN_VIEWER, 0, secret), BB_EXISTS);
    assert_int_equal(tokens_add(&tokens, "a/b", TOKEN_VIEWER, 0, secret), BB_RANGE);
    assert_int_equal(chmod(path, 0640), 0);
    assert_int_equal(tokens_read(path, &reason, &tokens), BB_DENIED);
    /* What nobody writes to would be waited for. */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(tokens_read(path, &reason, &tokens), BB_DENIED);
    assert_int_equal(tokens.count, 0);
}

static void test_quantities(void **state)
{
    static const struct {
        const char *nano, *quantity;
    } cases[] = {{"0", "0x0"},
                 {"1", "0x3b9aca00"},
                 {"1000000000", "0xde0b6b3a7640000"},
                 {"4294967296", "0x3b9aca0000000000"},
                 {"18446744069414584320", "0x3b9ac9ffc465360000000000"},
                 {"18446744073", "0xffffffffd5b51a00"},
                 {"18446744074", "0x100000000114fe400"},
                 {"18446744073709551615", "0x3b9ac9ffffffffffc4653600"}};
    char text[RPC_QUANTITY_SIZE];
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(rpc_balance(cases[i].nano, text), BB_OK);
        assert_string_equal(text, cases[i].quantity);
    }
    assert_int_equal(rpc_balance("18446744073709551616", text), BB_RANGE);
    assert_int_equal(rpc_balance("-1", text), BB_MALFORMED);
    assert_int_equal(rpc_quantity("", text), BB_MALFORMED);
    assert_int_equal(rpc_quantity("255", text), BB_OK);
    assert_string_equal(text, "0xff");
}

int main(void)
{
#define CASE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        CASE(test_roles),       CASE(test_tokens_come_and_go), CASE(test_forged),
        CASE(test_tickets),     CASE(test_hosts_and_origins),  CASE(test_limits),
        CASE(test_tokens_file), CASE(test_quantities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
