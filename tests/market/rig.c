#include "tests/market/rig.h"

#include <busbar/check.h>
#include <stdio.h>
#include <sys/mman.h>

struct rig rig;
static struct rows before, after;

struct address rig_address(unsigned who)
{
    return (struct address){{[0] = 0xb1, [19] = (uint8_t)(who + 1)}};
}

struct market *rig_new(const struct market_limits *limits, void **memory_out, size_t *size_out)
{
    *size_out = market_size(limits);
    assert_true(*size_out > 0);
    *memory_out =
        mmap(NULL, *size_out, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    assert_true(*memory_out != MAP_FAILED);
    return market_init(*memory_out, limits);
}

void rig_free(void *memory, size_t size)
{
    CHECK(munmap(memory, size) == 0);
}

static void open_with(const struct action *action)
{
    assert_int_equal(market_open(rig.market, action), VERDICT_OK);
}

void rig_open(const struct market_limits *limits)
{
    static const char *const names[] = {"operator", "edc", "p1", "p2", "p3", "c1", "c2"};
    rig = (struct rig){.limits = *limits};
    rig.market = rig_new(limits, &rig.memory, &rig.size);
    for (unsigned i = 0; i < RIG_ACCOUNTS; i++) {
        uint8_t role = i == OPERATOR ? ROLE_OPERATOR
                       : i == EDC    ? ROLE_DISTRIBUTION
                       : i < C1      ? ROLE_PROSUMER
                                     : ROLE_CONSUMER;
        open_with(
            &(struct action){.type = ACTION_ADMIT, .admit = {rig_address(i), bytes_of(names[i]), role}});
        if (i >= P1)
            open_with(
                &(struct action){.type = ACTION_MINT, .mint = {rig_address(i), {RIG_MONEY}, {RIG_ENERGY}}});
    }
    market_commit(rig.market);
}

int rig_setup(void **state)
{
    (void)state;
    rig_open(&(struct market_limits){64, 4096, 64, 16, 64});
    return 0;
}

int rig_teardown(void **state)
{
    (void)state;
    rig_free(rig.memory, rig.size);
    return 0;
}

static void add_row(void *context, struct row_key key, struct bytes value)
{
    struct rows *rows = context;
    struct writer w = writer_at(rows->bytes + rows->size, sizeof rows->bytes - rows->size);
    write_u8(&w, key.kind);
    write_u64(&w, key.a);
    write_u64(&w, key.b);
    write_u8(&w, (uint8_t)value.size);
    write_bytes(&w, value);
    CHECK(w.ok);
    rows->size += w.size;
    rows->count++;
}

void rig_rows(const struct market *market, struct rows *out)
{
    out->size = out->count = 0;
    market_rows(market, add_row, out);
}

void rig_changes(struct market *market, struct rows *out)
{
    out->size = out->count = 0;
    market_changes(market, add_row, out);
}

/* What time does is not the action's: it is let happen first, by an action that nobody may do. */
static void let_time_pass(void)
{
    struct action nothing = {.type = ACTION_CANCEL, .actor = rig_address(NOBODY)};
    assert_int_equal(market_apply(rig.market, &nothing, rig.now, &rig.out), VERDICT_NOT_ADMITTED);
}

enum verdict rig_apply(unsigned who, struct action action)
{
    let_time_pass();
    rig_rows(rig.market, &before);
    action.actor = rig_address(who);
    for (unsigned step = 0; step < 4; step++) /* whatever the action says, this has no effect */
        market_expect(rig.market, &action, step);
    enum verdict verdict = market_apply(rig.market, &action, rig.now, &rig.out);
    assert_true(market_audit(rig.market));
    if (verdict == VERDICT_OK)
        return verdict;
    rig_rows(rig.market, &after);
    assert_int_equal(before.size, after.size);
    assert_memory_equal(before.bytes, after.bytes, before.size);
    assert_int_equal(rig.out.order, 0);
    assert_int_equal(rig.out.trade_count, 0);
    assert_int_equal(rig.out.touched_count, 0);
    if (verdict != VERDICT_LINE_FULL)
        assert_int_equal(rig.out.passed_total, 0);
    return verdict;
}

struct account rig_account(unsigned who)
{
    struct account account;
    market_account(rig.market, who, &account);
    return account;
}
