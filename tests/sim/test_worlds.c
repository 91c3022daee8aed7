/* Thousands of random neighbourhoods: 2 to 40 boards on a random graph, links that lose, delay, repeat and
 * reorder, and a random script of crashes, returns, leaves, parameter changes, partitions and merges.
 *
 * Looked at after everything that happens to a board:
 *   - a certificate stands for the board's true optimum, or for one that was true within the window below, or
 *     for that of islands that cannot know yet of a board or an island that has just come, or of a cut;
 *   - the mismatch audit's sum is kept bit-exact: what a board holds is what it adds, plus taken, minus
 * given. And once the script is over: every live board is certified at the exact optimum of its part of the
 * graph, and the sum of the loads is the sum of the generation. (incremental-cost: within 0.05 kW and 0.001
 * $/kWh.)
 *
 * World i of a run has the seed `--seed` + i, so that one seed repeats one world. */
#include "node-fw/dispatch/clear.h"
#include "tests/sim/recipe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HISTORY_MAX 512
/* Failures that are told one by one. */
#define TOLD_MAX 5
/* A world must have settled this long after its last event. */
#define SETTLE_MS (2 * 60 * 60 * 1000)

/* An answer that was true for a board until `until_ms`. */
struct past {
    struct sim_answer answer;
    int64_t until_ms;
};

struct watch {
    struct sim_world *world;
    const struct recipe *recipe;
    struct topology moved[EVENTS_MAX]; /* the links that each cut takes and each merge brings back */
    enum dispatch_method method;
    size_t count;
    size_t by_id[BOARDS_MAX]; /* places in ascending id */
    int64_t window_ms;
    struct sim_answer answers[BOARDS_MAX]; /* true now */
    struct sim_answer unaware[BOARDS_MAX]; /* had nothing been cut within the window */
    bool live[BOARDS_MAX];
    struct past history[BOARDS_MAX][HISTORY_MAX];
    size_t past_count[BOARDS_MAX];
    int64_t stalest_ms;
    const char *failure;
    size_t failed_board;
    int64_t failed_ms;
    struct dispatch_view failed_view;
    struct sim_answer failed_answer; /* true at that time */
};

struct tally {
    size_t worlds, failed, boards, events;
    int64_t virtual_ms, stalest_ms, slowest_ms;
    uint64_t copies;
};

static size_t world_count = 300;
static uint64_t first_seed = 1;

/* -- watching it ----------------------------------------------------------------------------------------- */

static void fail_at(struct watch *w, size_t board, const char *why)
{
    if (w->failure != NULL)
        return;
    w->failure = why;
    w->failed_board = board;
    w->failed_ms = sim_now(w->world);
    w->failed_answer = w->answers[board];
    if (sim_core(w->world, board) != NULL)
        w->failed_view = dispatch_view(sim_core(w->world, board));
}

static bool same(const struct sim_answer *a, const struct sim_answer *b)
{
    return a->lambda == b->lambda && a->setpoint_mw == b->setpoint_mw && a->live == b->live;
}

static bool stands_for(const struct watch *w, const struct dispatch_view *v, const struct sim_answer *a)
{
    if (w->method == DISPATCH_CURVES)
        return v->lambda == a->lambda && v->setpoint_mw == a->setpoint_mw && v->live == a->live;
    return llabs(v->setpoint_mw - a->setpoint_mw) <= 50000 &&
           (a->flat || llabs((int64_t)v->lambda - a->lambda) <= 1000);
}

/* The islands that cannot have heard yet of what came to them within the window: the live boards' graph
 * without the links of boards that have started and without those of merges. islands_out[i] is the lowest
 * place on the island of board i. */
static void find_islands(const struct watch *w, size_t islands_out[BOARDS_MAX])
{
    const struct recipe *r = w->recipe;
    struct topology t = *sim_topology(w->world);
    int64_t now = sim_now(w->world);
    for (size_t i = 0; i < r->event_count; i++) {
        if (r->at_ms[i] > now || now - r->at_ms[i] > w->window_ms)
            continue;
        for (size_t a = 0; a < w->count; a++) {
            if (r->events[i].kind == SIM_START)
                topology_link(&t, a, r->events[i].board, false);
            for (size_t k = 0; k < BB_BOARDS_MAX / 64 && r->events[i].kind == SIM_HEAL; k++)
                t.row[a][k] &= ~w->moved[i].row[a][k];
        }
    }
    for (size_t i = w->count; i > 0; i--) {
        int hops[BB_BOARDS_MAX];
        (void)topology_hops(&t, w->live, i - 1, hops);
        for (size_t k = 0; k < w->count; k++) {
            if (hops[k] >= 0)
                islands_out[k] = i - 1;
        }
    }
}

/* The answer of `board` if the boards of `mask` were all. */
static struct sim_answer answer_among(const struct watch *w, size_t board, uint64_t mask)
{
    struct curve curves[BOARDS_MAX] = {0};
    int64_t power[BOARDS_MAX];
    size_t count = 0, own = 0;
    for (size_t k = 0; k < w->count; k++) {
        size_t i = w->by_id[k];
        if ((mask >> i & 1) == 0)
            continue;
        own = i == board ? count : own;
        curves[count++] = sim_core(w->world, i)->settings.curve;
    }
    struct clearing clearing;
    clear_market(curves, count, power, &clearing);
    return (struct sim_answer){.lambda = clearing.lambda,
                               .setpoint_mw = power[own],
                               .live = (uint16_t)count,
                               .flat = clearing.load_mw == 0};
}

/* The graph as it is to those who have not noticed yet what was cut within the window. */
static struct topology uncut(const struct watch *w)
{
    struct topology t = *sim_topology(w->world);
    int64_t now = sim_now(w->world);
    for (size_t i = 0; i < w->recipe->event_count; i++) {
        int64_t at = w->recipe->at_ms[i];
        if (w->recipe->events[i].kind != SIM_CUT || at > now || now - at > w->window_ms)
            continue;
        for (size_t a = 0; a < w->count; a++) {
            for (size_t k = 0; k < BB_BOARDS_MAX / 64; k++)
                t.row[a][k] |= w->moved[i].row[a][k];
        }
    }
    return t;
}

static void remember(struct watch *w, size_t board, const struct sim_answer *answer)
{
    if (w->past_count[board] == HISTORY_MAX)
        fail_at(w, board, "the test's history is full");
    else
        w->history[board][w->past_count[board]++] = (struct past){*answer, sim_now(w->world)};
}

/* What each board's optimum would be had nothing been cut within the window. */
static void look_uncut(struct watch *w)
{
    struct topology t = uncut(w);
    for (size_t i = 0; i < w->count; i++) {
        if (!w->live[i])
            continue;
        int hops[BB_BOARDS_MAX];
        uint64_t mask = 0;
        (void)topology_hops(&t, w->live, i, hops);
        for (size_t k = 0; k < w->count; k++)
            mask |= (uint64_t)(hops[k] >= 0) << k;
        w->unaware[i] = answer_among(w, i, mask);
    }
}

/* Brings the true answers up to date; what is true no more goes into the history. */
static void follow(struct watch *w)
{
    bool changed = false, was_live[BOARDS_MAX];
    memcpy(was_live, w->live, sizeof was_live);
    for (size_t i = 0; i < w->count; i++) {
        struct sim_answer answer;
        bool live = sim_answer(w->world, i, &answer) == BB_OK;
        if (live == w->live[i] && (!live || same(&answer, &w->answers[i])))
            continue;
        changed = true;
        if (w->live[i])
            remember(w, i, &w->answers[i]);
        w->live[i] = live;
        if (live)
            w->answers[i] = answer;
    }
    if (!changed)
        return;
    for (size_t i = 0; i < w->count; i++) {
        if (was_live[i])
            remember(w, i, &w->unaware[i]);
    }
    look_uncut(w);
}

/* The boards of each island that is, or was a moment ago, reachable from `board`, its own first; how many
 * islands. */
static size_t reachable_islands(const struct watch *w, size_t board, uint64_t masks_out[BOARDS_MAX])
{
    size_t islands[BOARDS_MAX] = {0}, count = 0, seen[BOARDS_MAX];
    int hops[BB_BOARDS_MAX];
    find_islands(w, islands);
    struct topology t = uncut(w);
    (void)topology_hops(&t, w->live, board, hops);
    seen[count] = islands[board];
    masks_out[count++] = 0;
    for (size_t i = 0; i < w->count; i++) {
        if (hops[i] < 0)
            continue;
        size_t k = 0;
        while (k < count && seen[k] != islands[i])
            k++;
        if (k == count) {
            seen[count] = islands[i];
            masks_out[count++] = 0;
        }
        masks_out[k] |= UINT64_C(1) << i;
    }
    return count;
}

/* Nobody can know of a board that has started, or of an island that has merged, before the first broadcast
 * has come across, nor of a cut before the silence is long enough: what some islands agree upon in the
 * meantime is their optimum. True, and remembered, when the certificate is such a one. */
static bool has_not_heard(struct watch *w, size_t board, const struct dispatch_view *v)
{
    uint64_t masks[BOARDS_MAX];
    size_t count = reachable_islands(w, board, masks);
    for (uint32_t with = 0; with < 1u << (count - 1) && count <= 12; with++) {
        uint64_t mask = masks[0];
        for (size_t i = 1; i < count; i++)
            mask |= (with >> (i - 1) & 1) != 0 ? masks[i] : 0;
        struct sim_answer answer = answer_among(w, board, mask);
        if (!stands_for(w, v, &answer))
            continue;
        struct past *last = &w->history[board][w->past_count[board] - (w->past_count[board] > 0)];
        if (w->past_count[board] > 0 && same(&last->answer, &answer))
            last->until_ms = sim_now(w->world);
        else if (w->past_count[board] < HISTORY_MAX)
            w->history[board][w->past_count[board]++] = (struct past){answer, sim_now(w->world)};
        return true;
    }
    return false;
}

/* When the window of what was true until `until_ms` begins. With `curves` every board hears of every other,
 * so that it is then. With incremental-cost a loss is told by the neighbours of what was lost, once they
 * count it as lost; an event that takes them away before they have done so hides it for another window. */
static int64_t window_begins(const struct watch *w, int64_t until_ms)
{
    int64_t begins = until_ms;
    for (size_t round = 0; w->method != DISPATCH_CURVES && round < EVENTS_MAX; round++) {
        int64_t last = begins;
        for (size_t i = 0; i < w->recipe->event_count; i++) {
            int64_t at = w->recipe->at_ms[i];
            if (at > last && at <= begins + w->window_ms && at <= sim_now(w->world))
                last = at;
        }
        begins = last;
    }
    return begins;
}

static void check_certificate(struct watch *w, size_t board, const struct dispatch_view *v)
{
    if (!v->certified || stands_for(w, v, &w->answers[board]) || has_not_heard(w, board, v))
        return;
    int64_t now = sim_now(w->world), youngest = INT64_MAX;
    for (size_t i = 0; i < w->past_count[board]; i++) {
        const struct past *p = &w->history[board][i];
        if (now - p->until_ms < youngest && stands_for(w, v, &p->answer))
            youngest = now - p->until_ms;
    }
    if (youngest == INT64_MAX)
        fail_at(w, board, "a certificate for what was never the optimum");
    else if (now - window_begins(w, now - youngest) > w->window_ms)
        fail_at(w, board, "a certificate for what is the optimum no more, beyond the window");
    else if (youngest > w->stalest_ms)
        w->stalest_ms = youngest;
}

/* x = v + Σ(taken − given), bit-exact. */
static void check_audit(struct watch *w, size_t board, const struct dispatch *d)
{
    uint64_t held = 0, due = 0;
    if (w->method == DISPATCH_CURVES) {
        held = d->audit.power;
        due = (uint64_t)d->audit.value;
        for (size_t i = 0; i < d->neighbour_count; i++)
            due += d->neighbours[i].taken_power - d->neighbours[i].given_power;
    } else {
        held = d->incremental.power;
        due = (uint64_t)d->incremental.value;
        for (size_t i = 0; i < d->neighbour_count; i++)
            due += d->incremental.peers[i].taken_power - d->incremental.peers[i].given_power;
    }
    if (held != due)
        fail_at(w, board, "the audit has lost power");
}

static void observe(struct sim_world *world, size_t board, void *context)
{
    struct watch *w = context;
    if (w->failure != NULL)
        return;
    follow(w);
    const struct dispatch *core = sim_core(world, board);
    if (core == NULL)
        return;
    check_audit(w, board, core);
    struct dispatch_view v = dispatch_view(core);
    if (w->live[board])
        check_certificate(w, board, &v);
    else if (v.certified)
        fail_at(w, board, "a board that leaves is certified");
}

/* Certified, exact and balanced: what must be so in the end. */
static void check_end(struct watch *w)
{
    int64_t sum = 0;
    for (size_t i = 0; i < w->count; i++) {
        struct sim_answer answer;
        if (sim_answer(w->world, i, &answer) != BB_OK)
            continue;
        const struct dispatch *core = sim_core(w->world, i);
        struct dispatch_view v = dispatch_view(core);
        if (!v.certified || !stands_for(w, &v, &answer))
            fail_at(w, i, "in the end a board is not certified at its optimum");
        if (w->method == DISPATCH_CURVES && v.residual_mw != 0)
            fail_at(w, i, "a residual without inelastic units");
        sum += core->settings.curve.kind == CURVE_CONSUMER ? v.setpoint_mw : -v.setpoint_mw;
    }
    if (w->method == DISPATCH_CURVES && sum != 0)
        fail_at(w, 0, "load is not generation");
}

/* -- running worlds -------------------------------------------------------------------------------------- */

/* How long after an event a certificate may stand for what was true before it: the silence after which a
 * board counts as dead, and the time that the last news of before may have been on its way. */
static int64_t window_of(const struct recipe *r)
{
    int64_t beat = 20 * (int64_t)r->count > 1000 ? 20 * (int64_t)r->count : 1000;
    return 4 * beat + 1000 + 100 * (int64_t)r->count;
}

/* And where its boards stand in the end. */
static void describe_end(struct watch *w)
{
    for (size_t i = 0; i < w->count; i++) {
        struct sim_answer answer = {0};
        const struct dispatch *core = sim_core(w->world, i);
        if (core == NULL || sim_answer(w->world, i, &answer) != BB_OK)
            continue;
        struct dispatch_view v = dispatch_view(core);
        print_message("board %zu: lambda %u (%u), %lld mW (%lld), live %u (%u), %s\n", i, v.lambda,
                      answer.lambda, (long long)v.setpoint_mw, (long long)answer.setpoint_mw, v.live,
                      answer.live, v.certified ? "certified" : "not certified");
    }
}

static void run_world(uint64_t seed, enum dispatch_method method, struct watch *w, struct tally *t)
{
    struct recipe r = recipe_draw(seed, method);
    if (world_count == 1)
        recipe_describe(&r);
    memset(w, 0, sizeof *w);
    w->recipe = &r;
    w->method = method;
    w->count = r.count;
    for (size_t i = 0; i < r.count; i++) {
        size_t rank = 0;
        for (size_t k = 0; k < r.count; k++)
            rank += r.boards[k].id < r.boards[i].id;
        w->by_id[rank] = i;
    }
    w->window_ms = window_of(&r);
    assert_int_equal(sim_open(&r.settings, r.boards, r.count, &w->world), BB_OK);
    recipe_schedule(&r, w->world);
    recipe_foresee(&r, w->world, w->moved);
    sim_observe(w->world, observe, w);
    sim_step(w->world, 20000);
    if (!sim_run(w->world, 20000 + SETTLE_MS) && w->failure == NULL)
        fail_at(w, 0, "it does not settle");
    if (w->failure == NULL)
        check_end(w);
    if (world_count == 1)
        describe_end(w);
    struct sim_report report = sim_report(w->world);
    t->worlds++;
    t->boards += r.count;
    t->events += r.event_count;
    t->virtual_ms += sim_now(w->world);
    t->copies += report.copies;
    t->slowest_ms = report.ms_to_certificate > t->slowest_ms ? report.ms_to_certificate : t->slowest_ms;
    t->stalest_ms = w->stalest_ms > t->stalest_ms ? w->stalest_ms : t->stalest_ms;
}

static void tell(const struct watch *w, uint64_t seed, const char *word)
{
    const struct dispatch_view *v = &w->failed_view;
    const struct sim_answer *a = &w->failed_answer;
    print_error("at %lld ms, board %zu: %s\n"
                "    it has lambda %u, %lld mW, %u live%s; true is lambda %u, %lld mW, %u live\n"
                "    repeat it: build/dev/tests/test_worlds --seed %llu --worlds 1 --method %s\n",
                (long long)w->failed_ms, w->failed_board, w->failure, v->lambda, (long long)v->setpoint_mw,
                v->live, v->certified ? ", certified" : "", a->lambda, (long long)a->setpoint_mw, a->live,
                (unsigned long long)seed, word);
}

static void run_worlds(enum dispatch_method method, const char *word, size_t count)
{
    static struct watch w;
    struct tally t = {0};
    for (size_t i = 0; i < count; i++) {
        run_world(first_seed + i, method, &w, &t);
        if (w.failure != NULL && t.failed++ < TOLD_MAX)
            tell(&w, first_seed + i, word);
        sim_close(w.world);
    }
    print_message(
        "%s: %zu worlds from seed %llu, %zu boards, %zu events, %.1f virtual hours, %llu copies; the stalest "
        "certificate %lld ms, the slowest world %lld ms after its last event\n",
        word, t.worlds, (unsigned long long)first_seed, t.boards, t.events, (double)t.virtual_ms / 3.6e6,
        (unsigned long long)t.copies, (long long)t.stalest_ms, (long long)t.slowest_ms);
    assert_int_equal(t.failed, 0);
}

static void test_worlds_of_curves(void **state)
{
    (void)state;
    run_worlds(DISPATCH_CURVES, "curves", world_count);
}

/* One for every ten of curves, when both run. */
static void test_worlds_of_incremental_cost(void **state)
{
    run_worlds(DISPATCH_INCREMENTAL_COST, "incremental-cost", *state ? world_count : (world_count + 9) / 10);
}

/* Worlds that have failed once, each for the reason given. */
static void test_worlds_that_once_failed(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed;
        enum dispatch_method method;
        const char *why;
    } cases[] = {
        {8688, DISPATCH_CURVES, "a neighbour was believed for ever to know a curve, and got heartbeats only"},
        {50, DISPATCH_CURVES, "a board that has left is due never: no multiple of that is a time"},
    };
    static struct watch w;
    struct tally t = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run_world(cases[i].seed, cases[i].method, &w, &t);
        if (w.failure != NULL)
            tell(&w, cases[i].seed, cases[i].method == DISPATCH_CURVES ? "curves" : "incremental-cost");
        sim_close(w.world);
        if (w.failure != NULL)
            fail_msg("once failed because %s", cases[i].why);
    }
}

int main(int argc, char **argv)
{
    const char *method = NULL, *seed = getenv("BUSBAR_SEED");
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--worlds") == 0)
            world_count = strtoull(argv[i + 1], NULL, 0);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = argv[i + 1];
        else if (strcmp(argv[i], "--method") == 0)
            method = argv[i + 1];
        else
            return fprintf(stderr, "usage: %s [--worlds N] [--seed S] [--method curves|incremental-cost]\n",
                           argv[0]),
                   2;
    }
    if (seed != NULL)
        first_seed = strtoull(seed, NULL, 0);
    bool only_incremental = method != NULL && strcmp(method, "incremental-cost") == 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worlds_that_once_failed),
        cmocka_unit_test(test_worlds_of_curves),
        cmocka_unit_test_prestate(test_worlds_of_incremental_cost, only_incremental ? argv : NULL),
    };
    if (method == NULL)
        return _cmocka_run_group_tests("worlds", tests, 3, NULL, NULL);
    return _cmocka_run_group_tests("worlds", only_incremental ? tests + 2 : tests + 1, 1, NULL, NULL);
}
