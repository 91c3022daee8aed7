/* The bounded queue, against a plain array. */
#include "agents/mqtt/queue.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define CAPACITY 7
#define BYTES    40
#define STEPS    200000

static int numbers[1000];
static uint64_t seed;

static unsigned draw(unsigned below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

/* The model: entries and sizes in their order, the first `sent` under way. */
struct model {
    void *entries[CAPACITY];
    size_t sizes[CAPACITY], count, sent;
};

static size_t bytes_of_model(const struct model *m)
{
    size_t sum = 0;
    for (size_t i = 0; i < m->count; i++)
        sum += m->sizes[i];
    return sum;
}

static void *take(struct model *m, size_t at)
{
    void *entry = m->count == 0 ? NULL : m->entries[at];
    if (entry == NULL)
        return NULL;
    m->count--;
    for (size_t i = at; i < m->count; i++) {
        m->entries[i] = m->entries[i + 1];
        m->sizes[i] = m->sizes[i + 1];
    }
    m->sent -= at < m->sent;
    return entry;
}

static void step(struct queue *q, struct model *m)
{
    size_t size = 1 + draw(15);
    void *entry = &numbers[draw(1000)];
    switch (draw(6)) {
    case 0:
    case 1:
        assert_int_equal(queue_fits(q, size), m->count < CAPACITY && bytes_of_model(m) + size <= BYTES);
        if (!queue_fits(q, size))
            break;
        queue_put(q, entry, size);
        m->entries[m->count] = entry;
        m->sizes[m->count++] = size;
        break;
    case 2:
        if (queue_next(q) != NULL) {
            queue_sent(q);
            m->sent++;
        }
        break;
    case 3:
        assert_ptr_equal(queue_pop(q), take(m, 0));
        break;
    case 4:
        assert_ptr_equal(queue_drop(q), take(m, m->sent == m->count ? 0 : m->sent));
        break;
    default:
        if (draw(4) == 0) {
            queue_again(q);
            m->sent = 0;
        }
    }
}

static void test_against_model(void **state)
{
    (void)state;
    struct queue_slot slots[CAPACITY];
    struct queue q;
    struct model m = {.count = 0};
    queue_init(&q, slots, CAPACITY, BYTES);
    printf("seed %llu\n", (unsigned long long)seed);
    for (int i = 0; i < STEPS; i++) {
        step(&q, &m);
        assert_int_equal(q.count, m.count);
        assert_int_equal(q.sent, m.sent);
        assert_int_equal(q.bytes, bytes_of_model(&m));
        for (size_t k = 0; k < m.count; k++)
            assert_ptr_equal(queue_at(&q, k), m.entries[k]);
        assert_null(queue_at(&q, m.count));
        assert_ptr_equal(queue_next(&q), m.sent < m.count ? m.entries[m.sent] : NULL);
    }
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    seed = given != NULL ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_model)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
