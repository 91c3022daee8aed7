#include "ledger/publisher.h"

#include "ledger/json_writer.h"
#include "ledger/service_state.h"
#include "ledger/view.h"

#include "bus/client/log.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

#define OFFERS_PAUSE_MS 100
#define OFFERS_DEPTH    20

/* A publish that the bus has no room for is lost, as telemetry is; a refusal of the broker is logged. */
static void publish(struct service *service, const char *topic, struct json_writer *w)
{
    if (bb_publish(service->client, topic, NULL, w->text) == BB_DENIED)
        log_warning("publish-refused", LOG_TEXT("topic", topic),
                    LOG_TEXT("reason", bb_client_reason(service->client)));
    free(w->text);
}

static bool trade_allowed(struct publisher *p)
{
    int64_t second = bb_loop_mono_ms() / 1000;
    if (second != p->second) {
        p->second = second;
        p->trades = 0;
    }
    return p->trades < PUBLISHER_TRADES_A_SECOND && ++p->trades > 0;
}

static void publish_trades(struct service *service, const struct receipt *receipt,
                           const struct view_place *place)
{
    for (uint32_t i = 0; i < receipt->trade_count && trade_allowed(&service->publisher); i++) {
        struct json_writer w = {.numbers = true};
        struct receipt_trade trade;
        receipt_trade(receipt, i, &trade);
        view_trade(&w, chain_market(service->chain), &trade, place);
        publish(service, "market/trades", &w);
    }
}

static void publish_block(struct service *service, const struct block *block, uint64_t trades)
{
    struct json_writer w = {.numbers = true};
    struct hash hash = block_hash(block->header_bytes);
    json_writer_open(&w, NULL, '{');
    json_writer_uint(&w, "height", block->header.height);
    json_writer_hex(&w, "hash", (struct bytes){hash.bytes, sizeof hash.bytes});
    json_writer_int(&w, "time_ms", block->header.time.ms);
    json_writer_uint(&w, "transactions", block->header.count);
    json_writer_uint(&w, "trades", trades);
    json_writer_bool(&w, "checkpoint", block->header.checkpoint);
    json_writer_close(&w, '}');
    publish(service, "market/blocks", &w);
}

/* FNV-1a: only tells whether a book is the one that was told last. */
static uint64_t digest_of(const char *text)
{
    uint64_t digest = UINT64_C(14695981039346656037);
    for (; *text != '\0'; text++)
        digest = (digest ^ (uint8_t)*text) * UINT64_C(1099511628211);
    return digest;
}

/* Where the digest of an interval's book is kept; the last place serves all that do not fit. */
static uint64_t *told(struct publisher *p, uint64_t interval)
{
    size_t i = 0;
    while (i < p->told_count && p->told[i].interval != interval)
        i++;
    if (i == PUBLISHER_INTERVALS)
        i--;
    if (i == p->told_count)
        p->told_count++;
    if (p->told[i].interval != interval)
        p->told[i].digest = 0;
    p->told[i].interval = interval;
    return &p->told[i].digest;
}

static void publish_offers(struct service *service, uint64_t interval)
{
    struct json_writer w = {.numbers = true};
    json_writer_open(&w, NULL, '{');
    view_book(&w, chain_market(service->chain), interval, OFFERS_DEPTH);
    json_writer_close(&w, '}');
    uint64_t *last = told(&service->publisher, interval), digest = digest_of(w.text);
    if (*last == digest) {
        free(w.text);
        return;
    }
    *last = digest;
    publish(service, "market/offers", &w);
}

static bool is_among(uint64_t interval, const uint64_t *intervals, size_t count)
{
    size_t i = 0;
    while (i < count && intervals[i] != interval)
        i++;
    return i < count;
}

/* Looks at the books that are open, and once more at each that was told and is empty now. */
static void look_at_books(void *context)
{
    struct service *service = context;
    struct publisher *p = &service->publisher;
    uint64_t intervals[PUBLISHER_INTERVALS];
    size_t count = market_intervals(chain_market(service->chain), intervals, PUBLISHER_INTERVALS);
    if (count > PUBLISHER_INTERVALS)
        count = PUBLISHER_INTERVALS;
    p->due = false;
    p->told_ms = bb_loop_mono_ms();
    for (size_t i = p->told_count; i > 0; i--)
        if (!is_among(p->told[i - 1].interval, intervals, count)) {
            publish_offers(service, p->told[i - 1].interval);
            p->told[i - 1] = p->told[--p->told_count];
        }
    for (size_t i = 0; i < count; i++)
        publish_offers(service, intervals[i]);
}

static void look_soon(struct service *service)
{
    struct publisher *p = &service->publisher;
    int64_t wait = p->told_ms + OFFERS_PAUSE_MS - bb_loop_mono_ms();
    int id;
    if (!p->due)
        p->due =
            bb_loop_after(service->loop, wait > 0 ? (uint32_t)wait : 0, look_at_books, service, &id) == BB_OK;
}

void publisher_block(struct service *service, uint64_t height, struct bytes bytes)
{
    struct block block;
    uint64_t trades = 0;
    CHECK(block_decode(bytes, &block) == BB_OK);
    struct reader receipts = reader_at(block.receipts);
    for (uint32_t i = 0; i < block.header.count; i++) {
        struct receipt receipt;
        CHECK(receipt_decode(block_next_receipt(&receipts), &receipt) == BB_OK);
        struct view_place place = {height, block.header.time, receipt.id};
        publish_trades(service, &receipt, &place);
        trades += receipt.trade_count;
    }
    publish_block(service, &block, trades);
    look_soon(service);
}
