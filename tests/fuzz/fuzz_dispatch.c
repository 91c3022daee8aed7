/* Hostile broadcasts to a board of either method: refused whole or taken; its set-point stays within its
 * curve, and whatever it says itself is well-formed to its neighbour. */
#include "node-fw/dispatch/dispatch.h"

#include <busbar/check.h>
#include <busbar/limits.h>

static struct dispatch board, neighbour;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct dispatch_settings settings_of(uint16_t id, enum dispatch_method method)
{
    return (struct dispatch_settings){
        .id = id,
        .incarnation = 1,
        .method = method,
        .curve = {id == 1 ? CURVE_GENERATOR : CURVE_CONSUMER, 4000000, 12000000, 200000000},
        .size = 8,
        .neighbour_count = 3,
        .neighbours = {id == 1 ? 2 : 1, 3, 4}};
}

/* Everything the board has to say now, heard by its neighbour. */
static void speak(struct mono now)
{
    uint8_t out[BB_LINK_PAYLOAD_MAX];
    for (size_t n = 0, size; (size = dispatch_poll(&board, now, out)) > 0; n++) {
        CHECK(size <= sizeof out);
        CHECK(n < 4096);
        CHECK(dispatch_receive(&neighbour, (struct bytes){out, size}, now) == BB_OK);
    }
}

/* The audit's books balance: what is held is what was added and taken, less what was given. */
static bool balanced(const struct dispatch *d)
{
    uint64_t power = (uint64_t)d->audit.value;
    for (size_t i = 0; i < d->neighbour_count; i++)
        power += d->neighbours[i].taken_power - d->neighbours[i].given_power;
    return power == d->audit.power;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader in = reader_at((struct bytes){data, size});
    enum dispatch_method method = read_u8(&in) & 1 ? DISPATCH_INCREMENTAL_COST : DISPATCH_CURVES;
    struct mono now = {1000};
    struct dispatch_settings a = settings_of(1, method), b = settings_of(2, method);
    if (dispatch_init(&board, &a, now) != BB_OK || dispatch_init(&neighbour, &b, now) != BB_OK)
        return 0;
    speak(now);
    while (in.ok && in.left.size > 0) {
        now = mono_after(now, read_u8(&in) * 8);
        struct bytes payload = read_bytes(&in, read_u8(&in) % (BB_LINK_PAYLOAD_MAX + 1));
        enum status status = dispatch_receive(&board, payload, now);
        CHECK(status == BB_OK || status == BB_MALFORMED || status == BB_NOT_FOUND);
        speak(now);
        struct dispatch_view view = dispatch_view(&board);
        CHECK(view.setpoint_mw >= 0 && view.setpoint_mw <= a.curve.pmax);
        CHECK(balanced(&board) && dispatch_due(&board).ms >= now.ms);
        CHECK(view.live >= 1 && view.live <= BB_BOARDS_MAX);
        CHECK(view.neighbours_live <= a.neighbour_count);
    }
    return 0;
}
