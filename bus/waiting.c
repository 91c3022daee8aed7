#include "bus/waiting.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

static const struct waiting_call *at(const struct waiting *w, uint32_t index)
{
    return &w->calls[(w->first + index) % WAITING_MAX];
}

bool waiting_is_over(struct waiting *waiting, int64_t now_ms)
{
    return budget_allows_row(&waiting->budget, now_ms, WAITING_ROW);
}

bool waiting_holds(const struct waiting *waiting, uint32_t peer)
{
    for (uint32_t i = 0; i < waiting->count; i++)
        if (at(waiting, i)->peer == peer)
            return true;
    return false;
}

static uint32_t count_of(const struct waiting *w, uint32_t owner)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < w->count; i++)
        count += at(w, i)->peer != 0 && at(w, i)->owner == owner;
    return count;
}

bool waiting_put(struct waiting *waiting, const struct waiting_call *call)
{
    if (waiting->count == WAITING_MAX || waiting->size + call->size > WAITING_BYTES ||
        count_of(waiting, call->owner) >= WAITING_OWNER)
        return false;
    struct waiting_call copy = *call;
    copy.method = strdup(call->method);
    copy.message_id = malloc(call->message_id_size + 1);
    CHECK(copy.method != NULL && copy.message_id != NULL);
    if (call->message_id_size > 0)
        memcpy(copy.message_id, call->message_id, call->message_id_size);
    json_incref(copy.params);
    json_incref(copy.id);
    waiting->calls[(waiting->first + waiting->count++) % WAITING_MAX] = copy;
    waiting->size += copy.size;
    return true;
}

void waiting_free(struct waiting_call *call)
{
    free(call->method);
    free(call->message_id);
    json_decref(call->params);
    json_decref(call->id);
    *call = (struct waiting_call){.peer = 0};
}

bool waiting_take(struct waiting *waiting, struct waiting_call *out)
{
    while (waiting->count > 0) {
        struct waiting_call call = *at(waiting, 0);
        waiting->first = (waiting->first + 1) % WAITING_MAX;
        waiting->count--;
        waiting->size -= call.size;
        if (call.peer != 0) {
            *out = call;
            return true;
        }
    }
    return false;
}

void waiting_forget(struct waiting *waiting, uint32_t peer)
{
    for (uint32_t i = 0; i < waiting->count; i++) {
        struct waiting_call *call = &waiting->calls[(waiting->first + i) % WAITING_MAX];
        if (peer != 0 && call->peer != peer)
            continue;
        waiting->size -= call->size;
        waiting_free(call);
    }
}
