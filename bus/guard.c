#include "bus/guard.h"

#include <busbar/check.h>

bool guard_admit(struct guard *guard, uint32_t entry, int64_t now_ms)
{
    CHECK(entry < ACCESS_ENTRIES_MAX);
    struct guard_key *key = &guard->keys[entry];
    bool alert = now_ms < guard->alert_until_ms;
    if (now_ms < key->barred_until_ms || (alert && guard->turn_until_ms != 0))
        return false;
    if (alert) {
        guard->holder = entry;
        guard->turn_until_ms = now_ms + GUARD_TURN_MS;
    }
    if (key->silent_since_ms == 0)
        key->silent_since_ms = now_ms;
    return true;
}

void guard_heard(struct guard *guard, uint32_t entry)
{
    if (entry == ACCESS_OPEN)
        return;
    guard->keys[entry].silent_since_ms = 0;
    guard->keys[entry].strikes = 0;
    if (guard->holder == entry)
        guard->turn_until_ms = 0;
}

bool guard_silence(struct guard *guard, int64_t now_ms)
{
    bool found = false;
    for (uint32_t i = 0; i < ACCESS_ENTRIES_MAX; i++) {
        struct guard_key *key = &guard->keys[i];
        if (key->silent_since_ms == 0 || now_ms - key->silent_since_ms < GUARD_SILENT_MS)
            continue;
        key->silent_since_ms = 0;
        found = true;
    }
    if (found)
        guard->alert_until_ms = now_ms + GUARD_ALERT_MS;
    return found;
}

bool guard_turn_over(struct guard *guard, int64_t now_ms)
{
    if (guard->turn_until_ms == 0 || now_ms < guard->turn_until_ms)
        return false;
    struct guard_key *key = &guard->keys[guard->holder];
    int64_t bar = (int64_t)GUARD_BAR_MS << (key->strikes < 4 ? key->strikes : 4);
    key->strikes++;
    guard->strikes++;
    key->barred_until_ms = now_ms + (bar < GUARD_BAR_MAX ? bar : GUARD_BAR_MAX);
    key->silent_since_ms = 0;
    guard->turn_until_ms = 0;
    guard->alert_until_ms = now_ms + GUARD_ALERT_MS;
    return true;
}

void guard_reset(struct guard *guard)
{
    *guard = (struct guard){.strikes = guard->strikes};
}
