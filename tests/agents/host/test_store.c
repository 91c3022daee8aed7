/* agents.db: what is put is there after closing, transactions are whole or nothing, foreign files are
 * refused. */
#include "agents/host/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/busbar-store.XXXXXX";
static char path[64];

static struct store *open_store(void)
{
    struct store *store = NULL;
    struct bb_reason reason = {""};
    if (store_open(path, &reason, &store) != BB_OK)
        fail_msg("%s", reason.text);
    return store;
}

static struct store_agent agent_of(const char *name, int priority)
{
    struct store_agent agent = {.digest = "d1",
                                .release = "1.0",
                                .signer = "",
                                .priority = priority,
                                .enabled = true,
                                .hold = HOLD_UNDECIDED,
                                .installed_ms = 1234567890123};
    snprintf(agent.name, sizeof agent.name, "%s", name);
    snprintf(agent.identity, sizeof agent.identity, "id.%s", name);
    return agent;
}

struct heard {
    char names[256];
    struct store_agent last;
    struct store_move move;
    char data[64];
    int count;
};

static void on_agent(void *context, const struct store_agent *agent)
{
    struct heard *heard = context;
    size_t used = strlen(heard->names);
    snprintf(heard->names + used, sizeof heard->names - used, "%s ", agent->name);
    heard->last = *agent;
    heard->count++;
}

static void on_move(void *context, const struct store_move *move)
{
    struct heard *heard = context;
    heard->move = *move;
    snprintf(heard->data, sizeof heard->data, "%s", move->data == NULL ? "-" : move->data);
    heard->count++;
}

static struct heard agents_of(struct store *store)
{
    struct heard heard = {.count = 0};
    assert_int_equal(store_each_agent(store, on_agent, &heard, NULL), BB_OK);
    return heard;
}

static void test_agents(void **state)
{
    static const struct {
        const char *name;
        int priority;
    } ROWS[] = {{"b", 50}, {"a", 50}, {"z", 1}};
    struct store *store = open_store();
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct store_agent agent = agent_of(ROWS[i].name, ROWS[i].priority);
        assert_int_equal(store_put_agent(store, &agent, NULL), BB_OK);
    }
    store_close(store);
    store = open_store();
    struct heard heard = agents_of(store);
    assert_string_equal(heard.names, "z a b ");
    assert_string_equal(heard.last.identity, "id.b");
    assert_int_equal(heard.last.hold, HOLD_UNDECIDED);
    assert_int_equal(heard.last.installed_ms, 1234567890123);
    struct store_agent again = agent_of("b", 2);
    again.enabled = false;
    assert_int_equal(store_put_agent(store, &again, NULL), BB_OK);
    assert_int_equal(store_drop_agent(store, "z", NULL), BB_OK);
    assert_int_equal(store_drop_agent(store, "nobody", NULL), BB_OK);
    heard = agents_of(store);
    assert_string_equal(heard.names, "b a ");
    store_close(store);
}

/* An identity belongs to one agent: another row with it is refused, and takes nothing away. */
static void test_identities_are_one(void **state)
{
    struct store *store = open_store();
    struct store_agent thief = agent_of("thief", 1);
    struct bb_reason reason = {""};
    (void)state;
    snprintf(thief.identity, sizeof thief.identity, "id.a");
    assert_int_not_equal(store_put_agent(store, &thief, &reason), BB_OK);
    assert_non_null(strstr(reason.text, "UNIQUE"));
    assert_string_equal(agents_of(store).names, "b a ");
    store_close(store);
}

static void test_whole_or_nothing(void **state)
{
    struct store *store = open_store();
    struct store_agent good = agent_of("good", 3), thief = agent_of("thief", 1);
    (void)state;
    snprintf(thief.identity, sizeof thief.identity, "id.a");
    assert_int_equal(store_begin(store, NULL), BB_OK);
    assert_int_equal(store_put_agent(store, &good, NULL), BB_OK);
    assert_int_not_equal(store_put_agent(store, &thief, NULL), BB_OK);
    assert_int_not_equal(store_end(store, NULL), BB_OK);
    assert_string_equal(agents_of(store).names, "b a ");
    assert_int_equal(store_begin(store, NULL), BB_OK);
    assert_int_equal(store_put_agent(store, &good, NULL), BB_OK);
    assert_int_equal(store_drop_agent(store, "a", NULL), BB_OK);
    assert_int_equal(store_end(store, NULL), BB_OK);
    assert_string_equal(agents_of(store).names, "b good ");
    store_close(store);
}

static void test_moves(void **state)
{
    struct store *store = open_store();
    struct store_move move = {.id = "1",
                              .name = "a",
                              .origin = "here",
                              .target = "there",
                              .phase = "given",
                              .since_ms = 7,
                              .reason = "why",
                              .data = "{\"size\":1}"};
    struct heard heard = {.count = 0};
    (void)state;
    assert_int_equal(store_put_move(store, &move, NULL), BB_OK);
    store_close(store);
    store = open_store();
    assert_int_equal(store_each_move(store, on_move, &heard, NULL), BB_OK);
    assert_string_equal(heard.move.phase, "given");
    assert_string_equal(heard.move.target, "there");
    assert_string_equal(heard.data, "{\"size\":1}");
    move.data = NULL;
    assert_int_equal(store_put_move(store, &move, NULL), BB_OK);
    assert_int_equal(store_each_move(store, on_move, &heard, NULL), BB_OK);
    assert_string_equal(heard.data, "-");
    assert_int_equal(store_drop_move(store, "1", NULL), BB_OK);
    heard.count = 0;
    assert_int_equal(store_each_move(store, on_move, &heard, NULL), BB_OK);
    assert_int_equal(heard.count, 0);
    store_close(store);
}

static void test_foreign_files(void **state)
{
    char other[80];
    struct store *store = NULL;
    struct bb_reason reason = {""};
    (void)state;
    snprintf(other, sizeof other, "%s/other", folder);
    FILE *file = fopen(other, "w");
    assert_non_null(file);
    fputs("this is no database, and long enough to be taken for one by nobody", file);
    fclose(file);
    assert_int_equal(store_open(other, &reason, &store), BB_MALFORMED);
    assert_non_null(strstr(reason.text, other));
    assert_int_equal(store_open("/nowhere/agents.db", &reason, &store), BB_IO);
    assert_null(store);
    unlink(other);
}

static int make_folder(void **state)
{
    (void)state;
    if (mkdtemp(folder) == NULL)
        return 1;
    snprintf(path, sizeof path, "%s/agents.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_agents),           cmocka_unit_test(test_identities_are_one),
        cmocka_unit_test(test_whole_or_nothing), cmocka_unit_test(test_moves),
        cmocka_unit_test(test_foreign_files),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
