#include "ledger/submit.h"

#include "ledger/elements.h"
#include "ledger/message.h"
#include "ledger/service_state.h"
#include "ledger/view.h"

#include <busbar/check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An answer is one frame of the bus (BB_FRAME_MAX). A batch whose results have grown beyond this gets the
 * rest of them without their lists, which `transaction` has. */
#define RESULTS_FULL (4 * 1024 * 1024)

/* One transaction of a call; its address is the pipeline's ticket. */
struct slot {
    struct batch *batch;
    char *json;
    size_t size;
};

struct batch {
    struct batch *previous, *next;
    struct bb_pending *pending;
    size_t count, left, bytes;
    struct slot slots[];
};

static struct batch *new_batch(struct submits *submits, struct bb_pending *pending, size_t count)
{
    struct batch *batch = calloc(1, sizeof *batch + count * sizeof batch->slots[0]);
    CHECK(batch != NULL);
    batch->pending = pending;
    batch->count = batch->left = count;
    for (size_t i = 0; i < count; i++)
        batch->slots[i].batch = batch;
    batch->next = submits->first;
    if (submits->first != NULL)
        submits->first->previous = batch;
    submits->first = batch;
    return batch;
}

static void free_batch(struct submits *submits, struct batch *batch)
{
    if (batch->previous != NULL)
        batch->previous->next = batch->next;
    else
        submits->first = batch->next;
    if (batch->next != NULL)
        batch->next->previous = batch->previous;
    for (size_t i = 0; i < batch->count; i++)
        free(batch->slots[i].json);
    free(batch);
}

/* -- what goes out ----------------------------------------------------------------------------------------
 */

static void answer_batch(struct service *service, struct batch *batch)
{
    struct json_writer w = {0};
    json_writer_open(&w, NULL, '{');
    json_writer_open(&w, "results", '[');
    for (size_t i = 0; i < batch->count; i++)
        json_writer_raw(&w, NULL, batch->slots[i].json, batch->slots[i].size);
    json_writer_close(&w, ']');
    service_stamp(service, &w);
    json_writer_close(&w, '}');
    bb_answer(batch->pending, BB_OK, w.text);
    free(w.text);
    free_batch(&service->submits, batch);
}

static void fill_slot(struct service *service, struct slot *slot, struct json_writer *w)
{
    struct batch *batch = slot->batch;
    CHECK(slot->json == NULL && batch->left > 0);
    slot->json = w->text;
    slot->size = w->size;
    batch->bytes += w->size;
    if (--batch->left == 0)
        answer_batch(service, batch);
}

static void write_refusal(struct json_writer *w, enum refusal refusal, const char *text)
{
    json_writer_word(w, "refused", refusal_word(refusal));
    json_writer_word(w, "text", text);
}

static void write_accepted(struct service *service, struct json_writer *w, const struct answer *answer,
                           bool lists)
{
    struct receipt receipt;
    CHECK(receipt_decode(answer->receipt, &receipt) == BB_OK);
    json_writer_uint(w, "height", answer->height);
    json_writer_uint(w, "index", answer->index);
    json_writer_bool(w, "again", answer->again);
    if (!lists) {
        receipt.trade_count = receipt.passed_count = receipt.balance_count = 0;
        json_writer_bool(w, "cut", true);
    }
    view_receipt(w, chain_market(service->chain), &receipt);
}

void submit_answer(struct service *service, const struct answer *answer)
{
    struct slot *slot = (struct slot *)(uintptr_t)answer->ticket; /* NOLINT(performance-no-int-to-ptr) */
    struct json_writer w = {0};
    json_writer_open(&w, NULL, '{');
    if (answer->refusal != REFUSAL_MALFORMED)
        json_writer_hex(&w, "id", (struct bytes){answer->id.bytes, sizeof answer->id.bytes});
    if (answer->refusal == REFUSAL_NONE)
        write_accepted(service, &w, answer, slot->batch->bytes < RESULTS_FULL);
    else
        write_refusal(&w, answer->refusal, refusal_text(answer->refusal));
    if (answer->refusal == REFUSAL_NONCE)
        json_writer_uint(&w, "expected_nonce", answer->expected_nonce);
    json_writer_close(&w, '}');
    fill_slot(service, slot, &w);
}

static void refuse_element(struct service *service, struct slot *slot, const char *text)
{
    struct json_writer w = {0};
    json_writer_open(&w, NULL, '{');
    write_refusal(&w, REFUSAL_MALFORMED, text);
    json_writer_close(&w, '}');
    fill_slot(service, slot, &w);
}

void submit_call(void *context, struct bb_pending *pending, const char *caller, const char *params)
{
    struct service *service = context;
    struct bytes elements[SUBMIT_MAX];
    size_t count = 0;
    (void)caller;
    if (!elements_find(params, elements, SUBMIT_MAX, &count)) {
        bb_answer(pending, BB_MALFORMED,
                  "submit takes {\"transactions\":[…]} with 1 to 1024 transactions and nothing else");
        return;
    }
    struct batch *batch = new_batch(&service->submits, pending, count);
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[TRANSACTION_BYTES_MAX];
        size_t size = 0;
        struct bb_reason reason = {""};
        char place[40];
        struct slot *slot = &batch->slots[i]; /* after the last one the batch may be gone */
        snprintf(place, sizeof place, "transactions[%zu]", i);
        if (message_read(elements[i], place, bytes, &size, &reason) == BB_OK)
            pipeline_submit(service->pipeline, (struct bytes){bytes, size}, (uint64_t)(uintptr_t)slot);
        else
            refuse_element(service, slot, reason.text);
    }
}

void submit_forget(struct submits *submits)
{
    while (submits->first != NULL)
        free_batch(submits, submits->first);
}
