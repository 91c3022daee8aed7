/* The ordered sets, the hash table and the journal under them, against plain arrays. */
#include "market/table.h"
#include "market/tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NODES   4096
#define NUMBERS 3000
#define ENTRIES 1024

/* A state: what the journal covers. */
static struct {
    _Alignas(JOURNAL_LINE) struct tree_node nodes[NODES];
    uint32_t stack[NODES];
    uint64_t entries[ENTRIES];
    struct pool_count count;
    uint32_t root;
    _Alignas(JOURNAL_LINE) uint8_t end;
} state_, copy;

#define LINES (sizeof state_ / JOURNAL_LINE)

static uint64_t bits[2][LINES / 64 + 1];
static uint32_t lines[2][LINES];
static uint8_t saved[2][LINES * JOURNAL_LINE];
static struct journal journal;
static struct trees trees;
static struct table table;
static uint64_t seed;

static uint64_t draw(uint64_t below)
{
    seed += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = seed;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return (z ^ z >> 29) % below;
}

static int setup(void **state)
{
    (void)state;
    const char *given = getenv("BUSBAR_SEED");
    seed = given == NULL ? 1128 : strtoull(given, NULL, 0);
    print_message("seed %llu\n", (unsigned long long)seed);
    memset(&state_, 0, sizeof state_);
    memset(bits, 0, sizeof bits);
    journal = (struct journal){.base = (uint8_t *)&state_,
                               .block = {bits[0], lines[0], saved[0], 0},
                               .action = {bits[1], lines[1], saved[1], 0}};
    trees = (struct trees){&journal, state_.nodes, {&journal, &state_.count, state_.stack, NODES}};
    table = (struct table){&journal, state_.entries, 10};
    return 0;
}

static tree_key key_of(uint64_t high, uint32_t record)
{
    return tree_key_of(high >> 48, high << 16, record);
}

/* The keys that are in, ascending; found by halving. */
static tree_key model[NUMBERS];
static uint32_t model_count;

static uint32_t model_rank(tree_key key)
{
    uint32_t low = 0, high = model_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (bb_wide_below(model[middle], key))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void model_insert(tree_key key)
{
    uint32_t at = model_rank(key);
    memmove(&model[at + 1], &model[at], (model_count - at) * sizeof key);
    model[at] = key;
    model_count++;
}

static void model_erase(uint32_t at)
{
    model_count--;
    memmove(&model[at], &model[at + 1], (model_count - at) * sizeof *model);
}

static void expect_model(void)
{
    uint32_t i = 0;
    for (struct tree_cursor at = tree_first(&trees, state_.root); at.node != NULL;
         tree_step(&trees, &at), i++) {
        assert_true(i < model_count);
        assert_true(bb_wide_same(tree_at(at), model[i]));
    }
    assert_int_equal(i, model_count);
    uint32_t nodes = state_.count.fresh - state_.count.freed;
    assert_true(nodes <= tree_nodes_max(1, model_count));
}

static void expect_seek(tree_key key)
{
    struct tree_cursor at = tree_seek(&trees, state_.root, key);
    uint32_t rank = model_rank(key);
    assert_int_equal(at.node == NULL, rank == model_count);
    assert_true(at.node == NULL || bb_wide_same(tree_at(at), model[rank]));
}

/* Grows, shrinks, grows …, with keys from a narrow and a wide range, from the ends and from the middle. */
static void test_tree(void **state)
{
    (void)state;
    model_count = 0;
    for (int i = 0; i < 60000; i++) {
        bool growing = i / 6000 % 2 == 0;
        uint64_t range = i / 12000 % 2 == 0 ? 4000 : UINT64_MAX;
        if (model_count < NUMBERS - 1 && (model_count == 0 || draw(10) < (growing ? 8u : 2u))) {
            tree_key key = key_of(draw(range), (uint32_t)draw(1u << 24));
            uint32_t at = model_rank(tree_key_with(key, 0));
            bool taken = at < model_count && bb_wide_same(tree_key_with(model[at], 0), tree_key_with(key, 0));
            assert_int_equal(tree_insert(&trees, &state_.root, key), !taken);
            if (!taken)
                model_insert(key);
        } else {
            uint32_t at = draw(3) == 0 ? 0 : draw(2) == 0 ? model_count - 1 : (uint32_t)draw(model_count);
            tree_erase(&trees, &state_.root, model[at]);
            model_erase(at);
        }
        expect_seek(key_of(draw(range), 0));
        if (i % 1000 == 0)
            expect_model();
    }
    while (model_count > 0)
        tree_erase(&trees, &state_.root, model[--model_count]);
    assert_int_equal(state_.root, TREE_EMPTY);
    assert_int_equal(state_.count.fresh, state_.count.freed);
}

/* In order, and backwards: the worst for splits and merges. */
static void test_tree_ends(void **state)
{
    (void)state;
    for (int upwards = 0; upwards < 2; upwards++) {
        model_count = 0;
        for (uint32_t i = 1; i < NUMBERS; i++) {
            tree_key key = key_of(upwards ? i : NUMBERS - i, i);
            assert_true(tree_insert(&trees, &state_.root, key));
            model_insert(key);
        }
        expect_model();
        while (model_count > 0) {
            uint32_t at = upwards ? 0 : model_count - 1;
            tree_erase(&trees, &state_.root, model[at]);
            model_erase(at);
            if (model_count % 500 == 0)
                expect_model();
        }
    }
}

/* Hashes that collide in all 32 bits, and homes at the end of the table that wrap round. */
static void test_table(void **state)
{
    (void)state;
    static bool in[400];
    memset(in, 0, sizeof in);
    for (int i = 0; i < 40000; i++) {
        uint32_t record = (uint32_t)draw(400);
        uint64_t hash = (record % 3 == 0 ? UINT64_C(0xfffffff0) + record / 100
                                         : (record * UINT64_C(2654435769)) & 0xffffffff)
                        << 32;
        if (in[record])
            table_take(&table, hash, record);
        else
            table_put(&table, hash, record);
        in[record] = !in[record];
        uint32_t found = 0;
        struct table_walk walk = table_find(&table, hash);
        for (uint32_t other; (other = table_next(&table, &walk)) != TABLE_NONE;) {
            assert_true(in[other]);
            found += other == record;
        }
        assert_int_equal(found, in[record]);
        if (i % 1000 != 0)
            continue;
        uint32_t entries = 0, members = 0;
        for (uint32_t k = 0; k < ENTRIES; k++)
            entries += state_.entries[k] != 0;
        for (uint32_t k = 0; k < 400; k++)
            members += in[k];
        assert_int_equal(entries, members);
    }
}

/* Undo of an action inside a block, keep, rollback: byte for byte. */
static void test_journal(void **state)
{
    (void)state;
    static unsigned char committed[sizeof state_];
    memcpy(committed, &state_, sizeof state_);
    uint8_t *bytes = (uint8_t *)&state_;
    for (int i = 0; i < 300; i++) {
        journal_begin(&journal);
        memcpy(&copy, &state_, sizeof state_);
        for (uint64_t k = draw(200); k > 0; k--) {
            size_t size = 1 + draw(300), at = draw(sizeof state_ / 64 - 300);
            journal_note(&journal, bytes + at, size);
            memset(bytes + at, (int)draw(256), size);
        }
        if (draw(2) == 0) {
            journal_undo(&journal);
            assert_memory_equal(&copy, &state_, sizeof state_);
        } else {
            journal_keep(&journal);
        }
        if (i % 20 == 19) {
            journal_rollback(&journal);
            assert_memory_equal(committed, &state_, sizeof state_);
        } else if (i % 20 == 9) {
            journal_commit(&journal);
            memcpy(committed, &state_, sizeof state_);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_tree, setup),
        cmocka_unit_test_setup(test_tree_ends, setup),
        cmocka_unit_test_setup(test_table, setup),
        cmocka_unit_test_setup(test_journal, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
