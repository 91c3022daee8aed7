#include "tests/ledger/store/rig.h"

#include <busbar/check.h>
#include <stdlib.h>

static void answered(void *context, const struct answer *answer)
{
    struct rig *rig = context;
    CHECK(answer->ticket < RIG_TICKETS);
    struct rig_answer *record = &rig->answers[answer->ticket];
    record->times++;
    record->refusal = answer->refusal;
    record->again = answer->again;
    record->height = answer->height;
    record->index = answer->index;
    record->expected_nonce = answer->expected_nonce;
    record->id = answer->id;
    record->receipt_size = (uint32_t)answer->receipt.size;
    if (++rig->answered == rig->wanted)
        bb_loop_stop(rig->loop);
}

static void block(void *context, uint64_t height, struct bytes bytes)
{
    struct rig *rig = context;
    struct chain_head head;
    chain_head(pipeline_chain(rig->pipeline), &head);
    CHECK(head.height == height && bytes.size > 0);
    rig->blocks++;
}

enum status rig_open(struct rig *rig, struct village *village, const char *path,
                     const struct pipeline_options *options, make_sequencer *make, void *context,
                     struct bb_reason *reason)
{
    *rig = (struct rig){.village = village};
    rig->answers = calloc(RIG_TICKETS, sizeof *rig->answers);
    CHECK(rig->answers != NULL && bb_loop_open(&rig->loop) == BB_OK);
    enum status status = store_open(
        path, STORE_WRITE, (struct bytes){village->genesis, village->genesis_size}, reason, &rig->store);
    if (status == BB_OK)
        status = pipeline_open(rig->loop, rig->store, &village->sealer, options, make, context, reason,
                               &rig->pipeline);
    if (status == BB_OK)
        pipeline_listen(rig->pipeline, answered, block, rig);
    else
        rig_close(rig);
    return status;
}

void rig_close(struct rig *rig)
{
    pipeline_close(rig->pipeline);
    store_close(rig->store);
    bb_loop_close(rig->loop);
    free(rig->answers);
    *rig = (struct rig){0};
}

static void too_late(void *context)
{
    struct rig *rig = context;
    rig->late = true;
    bb_loop_stop(rig->loop);
}

bool rig_run(struct rig *rig, uint64_t count, uint32_t ms)
{
    if (rig->answered >= count)
        return true;
    int guard;
    rig->wanted = count;
    rig->late = false;
    CHECK(bb_loop_after(rig->loop, ms, too_late, rig, &guard) == BB_OK);
    CHECK(bb_loop_run(rig->loop) == BB_OK);
    if (!rig->late)
        bb_loop_cancel(rig->loop, guard);
    return !rig->late;
}
