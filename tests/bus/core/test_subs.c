/* The subscription index against a list that is searched by hand. */
#include "bus/core/subs.h"
#include "tests/link/cm.h"
#include "tests/link/seed.h"

#include <busbar/limits.h>
#include <stdio.h>
#include <stdlib.h>

#define PEERS    8
#define CAPACITY 256

static uint64_t seed;

static void *open_index(struct subs *subs, uint32_t peers, uint32_t capacity)
{
    void *memory = calloc(1, subs_memory(peers, capacity));
    assert_non_null(memory);
    subs_init(subs, peers, capacity, memory, seed);
    return memory;
}

/* A text of up to five of a and b, so that prefixes meet. */
static struct bytes random_text(uint64_t *random, uint8_t *buffer)
{
    size_t size = seed_below(random, 6);
    for (size_t i = 0; i < size; i++)
        buffer[i] = (uint8_t)('a' + seed_below(random, 2));
    return (struct bytes){buffer, size};
}

struct pair {
    uint8_t text[8];
    size_t size;
    uint32_t peer;
    unsigned scopes;
};

static struct pair model[CAPACITY];
static uint32_t model_count;

static struct pair *model_find(uint32_t peer, struct bytes text)
{
    for (uint32_t i = 0; i < model_count; i++)
        if (model[i].peer == peer && bytes_equal((struct bytes){model[i].text, model[i].size}, text))
            return &model[i];
    return NULL;
}

static void model_change(uint32_t peer, struct bytes text, unsigned scope, bool add)
{
    struct pair *pair = model_find(peer, text);
    if (pair == NULL && !add)
        return;
    if (pair == NULL) {
        pair = &model[model_count++];
        *pair = (struct pair){.size = text.size, .peer = peer};
        memcpy(pair->text, text.data, text.size);
    }
    pair->scopes = add ? pair->scopes | scope : pair->scopes & ~scope;
    if (pair->scopes == 0)
        *pair = model[--model_count];
}

static unsigned model_match(struct bytes topic)
{
    unsigned peers = 0;
    for (uint32_t i = 0; i < model_count; i++)
        if (model[i].size <= topic.size && memcmp(model[i].text, topic.data, model[i].size) == 0)
            peers |= 1u << model[i].peer;
    return peers;
}

static void compare(struct subs *subs, uint64_t *random)
{
    uint8_t buffer[8];
    uint32_t peers[PEERS];
    struct bytes topic = random_text(random, buffer);
    uint32_t count = subs_match(subs, topic, peers);
    unsigned found = 0;
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(found & 1u << peers[i], 0);
        found |= 1u << peers[i];
    }
    assert_int_equal(found, model_match(topic));
    assert_int_equal(subs->count, model_count);
}

static void test_against_a_list(void **state)
{
    (void)state;
    struct subs subs;
    uint64_t random = seed;
    uint8_t buffer[8];
    void *memory = open_index(&subs, PEERS, CAPACITY);
    model_count = 0;
    for (int round = 0; round < 100000; round++) {
        uint32_t peer = seed_below(&random, PEERS);
        enum subs_scope scope = (enum subs_scope)(1 + seed_below(&random, 3));
        struct bytes text = random_text(&random, buffer);
        switch (seed_below(&random, 8)) {
        case 0:
        case 1:
        case 2:
            if (model_count < CAPACITY - 1) {
                assert_int_equal(subs_add(&subs, peer, text, scope), BB_OK);
                model_change(peer, text, scope, true);
            }
            break;
        case 3:
        case 4:
            subs_remove(&subs, peer, text, scope);
            model_change(peer, text, scope, false);
            break;
        case 5:
            if (seed_below(&random, 10) == 0) {
                subs_remove_all(&subs, peer, scope);
                for (uint32_t i = model_count; i > 0; i--)
                    if (model[i - 1].peer == peer)
                        model_change(peer, (struct bytes){model[i - 1].text, model[i - 1].size}, scope,
                                     false);
            }
            break;
        }
        const struct pair *pair = model_find(peer, text);
        assert_int_equal(subs_holds(&subs, peer, text), pair == NULL ? 0 : pair->scopes);
        compare(&subs, &random);
    }
    free(memory);
}

static void test_full_and_too_long(void **state)
{
    (void)state;
    struct subs subs;
    uint8_t text[BB_TOPIC_MAX + 1] = {0};
    uint32_t peers[PEERS];
    void *memory = open_index(&subs, PEERS, 4);
    assert_int_equal(subs_add(&subs, 0, (struct bytes){text, sizeof text}, SUBS_ALL), BB_RANGE);
    for (uint8_t i = 0; i < 4; i++) {
        text[0] = i;
        assert_int_equal(subs_add(&subs, 0, (struct bytes){text, 1}, SUBS_ALL), BB_OK);
    }
    text[0] = 9;
    assert_int_equal(subs_add(&subs, 1, (struct bytes){text, 1}, SUBS_ALL), BB_FULL);
    assert_int_equal(subs_match(&subs, (struct bytes){text, 1}, peers), 0);
    text[0] = 3;
    assert_int_equal(subs_match(&subs, (struct bytes){text, 1}, peers), 1);
    subs_remove_all(&subs, 0, SUBS_ANY);
    assert_int_equal(subs_add(&subs, 1, (struct bytes){text, BB_TOPIC_MAX}, SUBS_ALL), BB_FULL);
    assert_int_equal(subs.count, 0);
    free(memory);
}

/* 100 000 subscriptions that do not match: looked at are the lengths in use, not the subscriptions. */
static void test_many_that_do_not_match(void **state)
{
    (void)state;
    struct subs subs;
    char text[64];
    uint32_t peers[PEERS];
    void *memory = open_index(&subs, PEERS, 120000);
    for (uint32_t i = 0; i < 100000; i++) {
        int size = snprintf(text, sizeof text, "devices/%05u", i);
        assert_int_equal(
            subs_add(&subs, i % PEERS, (struct bytes){(uint8_t *)text, (size_t)size}, SUBS_INTERNAL), BB_OK);
    }
    assert_int_equal(subs_add(&subs, 3, bytes_of("Data/"), SUBS_ALL), BB_OK);
    assert_int_equal(subs_match(&subs, bytes_of("Data/consumer/consumer1"), peers), 1);
    assert_int_equal(peers[0], 3);
    assert_int_equal(subs_match(&subs, bytes_of("devices/77777/x"), peers), 1);
    uint32_t walked = 0;
    for (uint32_t at = subs_next(&subs, 0); at != 0; at = subs_next(&subs, at))
        walked++;
    assert_int_equal(walked, 100001);
    for (uint32_t peer = 0; peer < PEERS; peer++)
        subs_remove_all(&subs, peer, SUBS_ANY);
    assert_int_equal(subs.count, 0);
    assert_int_equal(subs_match(&subs, bytes_of("devices/77777/x"), peers), 0);
    free(memory);
}

int main(int argc, char **argv)
{
    seed = seed_of(argc, argv);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_a_list),
                                       cmocka_unit_test(test_full_and_too_long),
                                       cmocka_unit_test(test_many_that_do_not_match)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
