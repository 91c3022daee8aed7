/* Moves between two platforms in a box: whatever is lost, repeated, late, full or dead, at most one of them
 * runs the agent; in the end one does, or what is not decided is reported. */
#include "tests/agents/host/move_world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CALM_MS 180000

static const struct world_weather fair;
static uint64_t first_seed;
static unsigned world_count = 10000;

static void calm_down(struct world *world)
{
    world->weather = fair;
    world->cut = false;
    world_pass(world, CALM_MS);
}

static int where(const struct world *world)
{
    return world->nodes[0].running ? 0 : 1;
}

static void a_move_takes_the_agent_and_its_state(void **state)
{
    (void)state;
    struct world *world = calloc(1, sizeof *world);
    world_open(world, 1, &fair);
    for (int i = 0; i < 150; i++) { /* to and fro: old moves are forgotten, newest last */
        assert_true(world_move(world, i % 2));
        assert_false(world_move(world, i % 2 == 0 ? 1 : 0));
        char carried = world->nodes[i % 2].state;
        world_pass(world, 20000);
        assert_int_equal(world_running(world), 1);
        assert_int_equal(where(world), 1 - i % 2);
        assert_int_equal(world->nodes[where(world)].state, carried);
        assert_false(world->nodes[i % 2].installed);
        assert_true(world_is_calm(world));
    }
    for (int i = 0; i < 2; i++) {
        json_t *list = moves_list(world->nodes[i].moves);
        assert_in_range(json_array_size(json_object_get(list, "moves")), 100, 102);
        assert_in_range(world->nodes[i].row_count, 100, 102);
        json_decref(list);
        assert_int_equal(world->nodes[i].alerts, 0);
    }
    world_close(world);
    free(world);
}

/* One death at each moment around each write, on either side, in fair weather. */
static void each_moment_may_be_the_last(void **state)
{
    (void)state;
    struct world *world = calloc(1, sizeof *world);
    unsigned moments = 0, there = 0, again = 1;
    for (; again > 0; moments += again) {
        struct world_weather weather = {.die_at = moments + 1};
        world_open(world, moments + 1, &weather);
        (void)world_move(world, 0); /* false when this is the moment */
        world_pass(world, CALM_MS);
        again = world->deaths;
        if (world_running(world) != 1 || !world_is_calm(world)) {
            world_tell(world);
            fail_msg("moment %u: %d run, calm %d", moments + 1, world_running(world), world_is_calm(world));
        }
        there += world->nodes[1].running;
        world_close(world);
    }
    print_message("%u moments; %u of these moves arrived\n", moments, there);
    assert_in_range(moments, 14, 100);
    assert_in_range(there, 5, moments);
    free(world);
}

static struct world_weather weather_of(struct world *world)
{
    struct world_weather weather = fair;
    unsigned kind = world_chance(world, 8);
    if ((kind & 1) != 0)
        weather.lose = world_chance(world, 300), weather.repeat = world_chance(world, 300),
        weather.slow = world_chance(world, 400);
    if ((kind & 2) != 0)
        weather.die = world_chance(world, 150);
    if ((kind & 4) != 0)
        weather.full = world_chance(world, 150), weather.spoil = world_chance(world, 200);
    if (world_chance(world, 3) == 0)
        weather.cut = 20;
    return weather;
}

/* Several moves through bad weather, then it clears up. */
static void whatever_happens_at_most_one_runs_and_one_remains(void **state)
{
    (void)state;
    struct world *world = calloc(1, sizeof *world);
    unsigned moves = 0, moved = 0, deaths = 0;
    for (unsigned i = 0; i < world_count; i++) {
        uint64_t seed = first_seed + i;
        world_open(world, seed, &fair);
        world->weather = weather_of(world);
        unsigned tries = 1 + world_chance(world, 3);
        for (unsigned k = 0; k < tries; k++) {
            int at = where(world);
            moves += world_move(world, at);
            if (world_chance(world, 4) == 0)
                world_kill(world, (int)world_chance(world, 2), world_chance(world, 20000));
            world_pass(world, 500 + world_chance(world, 20000));
            moved += world_running(world) == 1 && where(world) != at;
        }
        deaths += world->deaths;
        calm_down(world);
        if (world_running(world) != 1 || !world_is_calm(world)) {
            world_tell(world);
            fail_msg("BUSBAR_SEED=%llu: %d run, calm %d", (unsigned long long)seed, world_running(world),
                     world_is_calm(world));
        }
        assert_int_equal(world->nodes[0].installed + world->nodes[1].installed, 1);
        world_close(world);
    }
    print_message("%u worlds, %u moves begun, %u over at once, %u deaths\n", world_count, moves, moved,
                  deaths);
    free(world);
}

/* The other platform is gone for ever in the middle: the agent runs here, or that is undecided is told. */
static void what_cannot_be_decided_is_reported_and_the_operator_decides(void **state)
{
    (void)state;
    struct world *world = calloc(1, sizeof *world);
    unsigned undecided = 0, twice = 0;
    for (unsigned i = 0; i < world_count / 5; i++) {
        uint64_t seed = first_seed + i;
        world_open(world, seed, &fair);
        int lost = (int)world_chance(world, 2), left = 1 - lost;
        (void)world_move(world, 0);
        world_pass(world, world_chance(world, 40) * 50);
        world_kill(world, lost, INT64_MAX);
        calm_down(world);
        bool runs = world->nodes[left].running, told = world_is_reported(world, left);
        if (world->nodes[left].installed && runs == told)
            fail_msg("BUSBAR_SEED=%llu: runs %d, reported %d", (unsigned long long)seed, runs, told);
        if (!runs && told) {
            struct bb_reason reason = {""};
            struct move move;
            bool here = world_chance(world, 3) > 0;
            undecided++;
            world->operator_spoke = true;
            assert_int_equal(moves_resolve(world->nodes[left].moves, WORLD_AGENT, here, &reason, &move),
                             BB_OK);
            world_pass(world, 20000);
            assert_int_equal(world->nodes[left].running, here);
            if (world_chance(world, 2) == 0) { /* the word outlives agentd */
                world_kill(world, left, 1000);
                world_pass(world, 20000);
                assert_int_equal(world->nodes[left].running, here);
            }
            /* It was not gone for ever: they find out, and at most one runs. */
            world->nodes[lost].back_ms = 0;
            world_pass(world, CALM_MS);
            if (world_running(world) > 1 ||
                (world_running(world) == 0 && !world_is_reported(world, 0) && !world_is_reported(world, 1)))
                fail_msg("BUSBAR_SEED=%llu: %d run after %s", (unsigned long long)seed, world_running(world),
                         here ? "here" : "there");
            twice += !world_is_calm(world);
        }
        world_close(world);
    }
    print_message("%u worlds, %u undecided, %u where the operator was wrong\n", world_count / 5, undecided,
                  twice);
    free(world);
}

static void rows_of_the_table_have_words(void **state)
{
    (void)state;
    for (int i = 0; i < MOVE_PHASE_COUNT; i++) {
        enum move_phase phase;
        assert_true(move_phase_of(move_word((enum move_phase)i), &phase));
        assert_int_equal(phase, i);
    }
    enum move_phase phase = MOVE_GIVEN;
    assert_false(move_phase_of("", &phase));
}

/* What comes from another platform is anything. */
static void nonsense_is_refused(void **state)
{
    (void)state;
    struct world *world = calloc(1, sizeof *world);
    world_open(world, 1, &fair);
    static const char id[] = "0123456789abcdef0123456789abcdef";
    static const struct {
        const char *method, *params, *said; /* NULL: an error */
    } cases[] = {
        {"move.offer", "{}", NULL},
        {"move.offer", "{\"id\":\"x\",\"ticket\":\"\"}", NULL},
        {"move.offer", "{\"id\":\"$\",\"ticket\":7}", NULL},
        {"move.eat", "{\"id\":\"$\",\"ticket\":\"\"}", NULL},
        {"move.offer", "{\"id\":\"$\",\"ticket\":\"\"}", "version"},
        {"move.offer", "{\"id\":\"$\",\"ticket\":\"\",\"protocol\":2,\"name\":\"a\"}", "version"},
        {"move.offer", "{\"id\":\"$\",\"ticket\":\"\",\"protocol\":1}", "no name"},
        {"move.offer", "{\"id\":\"$\",\"ticket\":\"\",\"protocol\":1,\"name\":\"../x\"}", "no name"},
        {"move.offer", "{\"id\":\"$\",\"ticket\":\"\",\"protocol\":1,\"name\":\"A\"}", "no name"},
        {"move.write", "{\"id\":\"$\",\"ticket\":\"$\"}", "no such move"},
        {"move.commit", "{\"id\":\"$\",\"ticket\":\"$\"}", "\"owned\":false"},
        {"move.drop", "{\"id\":\"$\",\"ticket\":\"$\"}", "\"dropped\":true"},
        {"move.ask", "{\"id\":\"$\",\"ticket\":\"$\"}", "unknown"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char params[512] = "";
        for (const char *at = cases[i].params; *at != '\0'; at++) {
            size_t used = strlen(params);
            if (*at == '$')
                snprintf(params + used, sizeof params - used, "%s", id);
            else
                snprintf(params + used, sizeof params - used, "%c", *at);
        }
        json_t *json = json_loads(params, 0, NULL), *result = NULL;
        struct bb_reason reason = {""};
        enum status status =
            moves_answer(world->nodes[1].moves, "here", cases[i].method, json, &reason, &result);
        char *text = result != NULL ? json_dumps(result, JSON_COMPACT) : strdup("");
        if (cases[i].said == NULL ? status == BB_OK : strstr(text, cases[i].said) == NULL)
            fail_msg("%s %s: %s %s", cases[i].method, params, bb_status_word(status), text);
        assert_true(status == BB_OK || reason.text[0] != '\0');
        free(text);
        json_decref(result);
        json_decref(json);
    }
    assert_true(world_is_calm(world));
    world_close(world);
    free(world);
}

int main(int argc, char **argv)
{
    const char *given = argc > 1 ? argv[1] : getenv("BUSBAR_SEED");
    first_seed = given != NULL ? strtoull(given, NULL, 10) : 1;
    if (argc > 2)
        world_count = (unsigned)strtoul(argv[2], NULL, 10);
    print_message("BUSBAR_SEED=%llu\n", (unsigned long long)first_seed);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_of_the_table_have_words),
        cmocka_unit_test(a_move_takes_the_agent_and_its_state),
        cmocka_unit_test(nonsense_is_refused),
        cmocka_unit_test(each_moment_may_be_the_last),
        cmocka_unit_test(whatever_happens_at_most_one_runs_and_one_remains),
        cmocka_unit_test(what_cannot_be_decided_is_reported_and_the_operator_decides),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
