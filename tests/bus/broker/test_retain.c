/* What is kept of the last messages, and how it is bounded. */
#include "bus/budget.h"
#include "bus/retain.h"
#include "bus/texts.h"
#include "bus/waiting.h"
#include "tests/link/cm.h"

static void publish(struct retain *retain, const char *topic, const char *message)
{
    const struct envelope envelope = {.headers = bytes_of("{}"), .message = bytes_of(message)};
    retain_publish(retain, bytes_of(topic), bytes_of("me"), &envelope, 1);
}

/* The slot of a topic; 0: it is not known. */
static uint32_t slot_of(const struct retain *retain, const char *topic)
{
    uint32_t slots[2];
    const struct topics *topics = retain_topics(retain);
    uint32_t found = topics_page(topics, bytes_of(topic), NULL, NULL, NULL, 1, slots);
    return found == 1 && bytes_equal(topics_text(topics, slots[0]), bytes_of(topic)) ? slots[0] : 0;
}

static void expect(const struct retain *retain, const char *topic, const char *message)
{
    struct retained kept;
    uint32_t slot = slot_of(retain, topic);
    if (message == NULL) {
        assert_true(slot == 0 || !retain_find(retain, slot, &kept));
        return;
    }
    assert_true(slot != 0 && retain_find(retain, slot, &kept));
    assert_true(bytes_equal(kept.headers, bytes_of("{}")));
    assert_true(bytes_equal(kept.message, bytes_of(message)));
}

static void test_the_last_is_kept(void **state)
{
    (void)state;
    static char data[] = "Data/", x[] = "x";
    char *prefixes[] = {data, x};
    const struct setting_list list = {prefixes, 2};
    struct retain *retain = retain_open(&list, 100000, 10, 1);
    publish(retain, "Data/a", "1");
    publish(retain, "Data/a", "22");
    publish(retain, "Data", "1");
    publish(retain, "xy", "3");
    expect(retain, "Data/a", "22");
    expect(retain, "xy", "3");
    expect(retain, "Data", NULL);
    assert_int_equal(retain_messages(retain), 2);
    /* What is too large is not kept, and neither is what it replaces: that is not the last any more. */
    publish(retain, "xy", "\"0123456789\"");
    expect(retain, "xy", NULL);
    assert_int_equal(retain_messages(retain), 1);
    assert_int_equal(topics_at(retain_topics(retain), slot_of(retain, "xy"))->messages, 2);
    retain_close(retain);
}

static void test_bytes_are_bounded(void **state)
{
    (void)state;
    const struct setting_list all = {NULL, 0};
    struct retain *retain = retain_open(&all, 64 * 10, 1000, 1);
    char topic[16], message[512];
    for (int i = 0; i < 15; i++) {
        snprintf(topic, sizeof topic, "t%02d", i);
        publish(retain, topic, "1");
        publish(retain, "t00", "0");
        assert_true(retain_bytes(retain) <= 640);
    }
    expect(retain, "t00", "0");
    expect(retain, "t05", NULL);
    expect(retain, "t06", "1");
    memset(message, '7', sizeof message - 1);
    message[sizeof message - 1] = '\0';
    publish(retain, "large", message);
    expect(retain, "large", message);
    expect(retain, "t00", "0");
    expect(retain, "t14", NULL);
    assert_true(retain_bytes(retain) <= 640);
    publish(retain, "large", "1");
    expect(retain, "large", "1");
    assert_int_equal(retain_bytes(retain), 128);
    retain_close(retain);
    retain = retain_open(&all, 0, 1000, 1);
    publish(retain, "t", "1");
    expect(retain, "t", NULL);
    retain_close(retain);
}

/* Every byte of a topic goes to JSON and back; what is no JSON is made JSON. */
static void test_texts(void **state)
{
    (void)state;
    uint8_t all[256], back[256];
    size_t size;
    for (size_t i = 0; i < sizeof all; i++)
        all[i] = (uint8_t)i;
    json_t *text = texts_of_latin1((struct bytes){all, sizeof all});
    assert_int_equal(texts_to_latin1(text, back, sizeof back, &size), BB_OK);
    assert_true(bytes_equal((struct bytes){back, size}, (struct bytes){all, sizeof all}));
    assert_int_equal(texts_to_latin1(text, back, 255, &size), BB_FULL);
    json_decref(text);
    text = json_string("\xc4\x80");
    assert_int_equal(texts_to_latin1(text, back, sizeof back, &size), BB_RANGE);
    json_decref(text);
    assert_int_equal(texts_to_latin1(NULL, back, sizeof back, &size), BB_RANGE);
    static const char *const CASES[][2] = {
        {"1.50", "1.50"}, {"[NaN,-Infinity]", "[null,null]"}, {"\"\xe9\"", "\"\\u00e9\""}, {"", "null"}};
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        text = texts_of_json(bytes_of(CASES[i][0]), "null");
        assert_string_equal(json_string_value(text), CASES[i][1]);
        json_decref(text);
    }
}

static void test_a_budget_fills_with_time(void **state)
{
    (void)state;
    struct budget budget = {0};
    assert_true(budget_allows(&budget, 1000000));
    budget_spend(&budget, BUDGET_MAX - 1);
    assert_true(budget_allows(&budget, 1000000));
    budget_spend(&budget, 1000000);
    budget_spend(&budget, -5);
    /* 1 249 999 us are spent, and 250 us come back every ms. */
    assert_false(budget_allows(&budget, 1000000));
    assert_false(budget_allows(&budget, 1000000 + 3999));
    assert_true(budget_allows(&budget, 1000000 + 4000));
    assert_true(budget_allows(&budget, INT64_MAX));
    assert_int_equal(budget.spent, 0);
}

/* Calls wait in order, bounded for each owner, and go with the peer that made them. */
static void test_calls_that_wait(void **state)
{
    (void)state;
    static struct waiting w;
    struct waiting_call out;
    uint8_t id[] = "m7";
    struct waiting_call call = {.identity = 1,
                                .peer = 5,
                                .owner = 9,
                                .method = (char *)"set_config",
                                .params = json_array(),
                                .message_id = id,
                                .message_id_size = 2,
                                .size = 100};
    assert_false(waiting_take(&w, &out));
    for (int i = 0; i < WAITING_OWNER; i++)
        assert_true(waiting_put(&w, &call));
    assert_false(waiting_put(&w, &call));
    call.owner = 10;
    call.peer = 6;
    call.id = json_string("x");
    assert_true(waiting_put(&w, &call));
    call.size = WAITING_BYTES;
    assert_false(waiting_put(&w, &call));
    assert_true(waiting_holds(&w, 5) && waiting_holds(&w, 6) && !waiting_holds(&w, 7));
    assert_true(waiting_take(&w, &out));
    assert_string_equal(out.method, "set_config");
    assert_memory_equal(out.message_id, "m7", 2);
    assert_true(out.peer == 5 && out.id == NULL && json_is_array(out.params));
    waiting_free(&out);
    waiting_forget(&w, 5);
    assert_false(waiting_holds(&w, 5));
    assert_true(waiting_take(&w, &out));
    assert_true(out.peer == 6 && json_is_string(out.id));
    waiting_free(&out);
    assert_false(waiting_take(&w, &out));
    assert_int_equal(w.size, 0);
    call.size = 1;
    for (uint32_t i = 0; i < 3 * WAITING_MAX; i++) { /* round the ring */
        call.owner = i;
        assert_true(waiting_put(&w, &call));
        if (i % 2 == 1 || w.count == WAITING_MAX) {
            assert_true(waiting_take(&w, &out));
            waiting_free(&out);
        }
    }
    waiting_forget(&w, 0);
    assert_false(waiting_take(&w, &out));
    json_decref(call.params);
    json_decref(call.id);
    assert_true(waiting_is_over(&w, 1000));
    budget_spend(&w.budget, WAITING_ROW + 2500);
    assert_false(waiting_is_over(&w, 1009));
    assert_true(waiting_is_over(&w, 1011));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_the_last_is_kept),
                                       cmocka_unit_test(test_bytes_are_bounded), cmocka_unit_test(test_texts),
                                       cmocka_unit_test(test_a_budget_fills_with_time),
                                       cmocka_unit_test(test_calls_that_wait)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
