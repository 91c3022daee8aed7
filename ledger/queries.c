/* Methods that read the state: accounts, book, orders, parameters, status; and blocks. */
#include "ledger/method.h"
#include "ledger/service_state.h"
#include "ledger/view.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

#define PAGE             100
#define ACCOUNTS_MAX     1000
#define LINES_MAX        1000
#define INTERVALS_MAX    1000
#define DEPTH            50
#define BLOCKS_MAX       1000
#define BLOCKS_BYTES_MAX (4 * 1024 * 1024)
#define PARAMS(...)      ((const char *const[]){__VA_ARGS__, NULL})
#define NO_PARAMS        ((const char *const[]){NULL})

static uint64_t optional(struct fields *f, const char *name, uint64_t preset)
{
    return fields_has(f, name) ? fields_uint(f, name, UINT64_MAX) : preset;
}

static void hash(struct json_writer *w, const char *name, const struct hash *value)
{
    json_writer_hex(w, name, (struct bytes){value->bytes, sizeof value->bytes});
}

static enum status accounts(struct service *s, struct fields *f, struct json_writer *w)
{
    const struct market *market = chain_market(s->chain);
    struct parameters parameters;
    uint64_t from = optional(f, "from", 0);
    uint32_t count = method_count(f, "count", PAGE, ACCOUNTS_MAX);
    market_parameters(market, &parameters);
    json_writer_open(w, "accounts", '[');
    for (; f->ok && count > 0 && from < parameters.accounts; count--, from++)
        view_account(w, NULL, market, (uint32_t)from);
    json_writer_close(w, ']');
    json_writer_uint(w, "total", parameters.accounts);
    return BB_OK;
}

static enum status account(struct service *s, struct fields *f, struct json_writer *w)
{
    uint32_t index;
    if (!fields_has(f, "account"))
        return accounts(s, f, w);
    if (!method_account(s, f, "account", &index))
        return BB_NOT_FOUND;
    view_account(w, "account", chain_market(s->chain), index);
    return BB_OK;
}

static enum status book(struct service *s, struct fields *f, struct json_writer *w)
{
    const struct market *market = chain_market(s->chain);
    uint64_t intervals[INTERVALS_MAX], interval = optional(f, "interval", 0);
    uint32_t depth = method_count(f, "depth", DEPTH, VIEW_DEPTH_MAX);
    size_t count = market_intervals(market, intervals, INTERVALS_MAX);
    if (!f->ok)
        return BB_MALFORMED;
    json_writer_open(w, "intervals", '[');
    for (size_t i = 0; i < count && i < INTERVALS_MAX; i++)
        json_writer_uint(w, NULL, intervals[i]);
    json_writer_close(w, ']');
    view_book(w, market, interval, depth);
    return BB_OK;
}

/* The orders of one account on one side of one interval's book. */
static void own_orders(struct json_writer *w, const struct market *market, uint32_t owner, uint64_t interval,
                       bool bids, struct order *room, size_t capacity)
{
    size_t count = market_book(market, interval, bids, room, capacity);
    for (size_t i = 0; i < count; i++)
        if (room[i].account == owner)
            view_order(w, market, &room[i]);
}

static enum status orders(struct service *s, struct fields *f, struct json_writer *w)
{
    const struct market *market = chain_market(s->chain);
    struct parameters parameters;
    uint32_t owner;
    if (!method_account(s, f, "account", &owner))
        return BB_NOT_FOUND;
    market_parameters(market, &parameters);
    size_t interval_count = market_intervals(market, NULL, 0);
    struct order *room = calloc((size_t)parameters.orders + 1, sizeof *room);
    uint64_t *intervals = calloc(interval_count + 1, sizeof *intervals);
    CHECK(room != NULL && intervals != NULL);
    interval_count = market_intervals(market, intervals, interval_count);
    json_writer_open(w, "orders", '[');
    for (size_t i = 0; i < 2 * interval_count; i++)
        own_orders(w, market, owner, intervals[i / 2], i % 2 == 1, room, parameters.orders);
    json_writer_close(w, ']');
    free(intervals);
    free(room);
    return BB_OK;
}

/* -- blocks -----------------------------------------------------------------------------------------------
 */

static void block_ids(const struct block *block, struct json_writer *w)
{
    struct reader receipts = reader_at(block->receipts);
    json_writer_open(w, "transactions", '[');
    for (uint32_t i = 0; i < block->header.count; i++) {
        struct bytes receipt = block_next_receipt(&receipts);
        struct receipt read;
        if (receipt_decode(receipt, &read) == BB_OK)
            hash(w, NULL, &read.id);
    }
    json_writer_close(w, ']');
}

static enum status one_block(struct service *s, struct fields *f, struct json_writer *w)
{
    struct block block;
    uint8_t *bytes = NULL;
    json_t *given = json_object_get(f->object, "height");
    bool head = json_is_string(given) && strcmp(json_string_value(given), "head") == 0;
    uint64_t height = head ? store_height(s->store) : fields_uint(f, "height", UINT64_MAX);
    if (!f->ok)
        return BB_MALFORMED;
    enum status status = method_block(s, f, height, &block, &bytes);
    if (status != BB_OK)
        return status;
    struct hash own = block_hash(block.header_bytes);
    view_header(w, "header", &block.header);
    hash(w, "hash", &own);
    json_writer_open(w, "seals", '[');
    for (uint8_t i = 0; i < block.seal_count; i++)
        json_writer_hex(w, NULL, block.seals[i].bytes);
    json_writer_close(w, ']');
    block_ids(&block, w);
    free(bytes);
    return BB_OK;
}

/* Raw bytes, for whoever follows the chain: at least one block, then as many as are not too much. */
static enum status many_blocks(struct service *s, struct fields *f, struct json_writer *w)
{
    uint64_t from = optional(f, "from", 1), height = store_height(s->store);
    uint32_t count = method_count(f, "count", PAGE, BLOCKS_MAX);
    size_t total = 0;
    enum status status = f->ok ? BB_OK : BB_MALFORMED;
    from = from == 0 ? 1 : from;
    json_writer_open(w, "blocks", '[');
    for (; status == BB_OK && count > 0 && from <= height; count--) {
        uint8_t *bytes = NULL;
        size_t size = 0;
        status = store_block(s->store, from, f->reason, &bytes, &size);
        bool fits = total == 0 || total + size <= BLOCKS_BYTES_MAX;
        if (status == BB_OK && fits) {
            json_writer_hex(w, NULL, (struct bytes){bytes, size});
            total += size;
            from++;
        }
        free(bytes);
        if (!fits)
            break;
    }
    json_writer_close(w, ']');
    json_writer_uint(w, "next", from);
    return status;
}

static enum status block(struct service *s, struct fields *f, struct json_writer *w)
{
    return fields_has(f, "height") ? one_block(s, f, w) : many_blocks(s, f, w);
}

/* -- parameters and status --------------------------------------------------------------------------------
 */

static void lines(const struct market *market, uint64_t from, uint64_t interval, uint32_t total,
                  struct json_writer *w)
{
    uint64_t end = from < total && total - from > LINES_MAX ? from + LINES_MAX : total;
    json_writer_open(w, "lines", '[');
    for (; from < end; from++) {
        struct line_view line;
        market_line(market, (uint32_t)from, interval, &line);
        view_line(w, market, &line);
    }
    json_writer_close(w, ']');
    json_writer_uint(w, "lines_total", total);
    if (end < total)
        json_writer_uint(w, "next", end);
    else
        json_writer_word(w, "next", "");
}

static enum status parameters(struct service *s, struct fields *f, struct json_writer *w)
{
    const struct genesis *genesis = chain_genesis(s->chain);
    struct bytes bytes = store_genesis(s->store);
    struct hash id = genesis_hash(bytes);
    struct parameters now;
    uint64_t from = optional(f, "from", 0), interval = optional(f, "interval", 0);
    if (!f->ok)
        return BB_MALFORMED;
    market_parameters(chain_market(s->chain), &now);
    hash(w, "genesis", &id);
    if (bytes.size <= BLOCKS_BYTES_MAX)
        json_writer_hex(w, "genesis_bytes", bytes);
    json_writer_uint(w, "chain_id", genesis->chain_id);
    json_writer_address(w, "contract", &genesis->contract);
    hash(w, "separator", chain_separator(s->chain));
    json_writer_address(w, "sealer", &now.sealer);
    view_policy(w, &now);
    lines(chain_market(s->chain), from, interval, now.lines, w);
    return BB_OK;
}

static enum status status(struct service *s, struct fields *f, struct json_writer *w)
{
    static const char *const roles[] = {"LEADER", "FOLLOWER", "STALLED", "HALTED"};
    struct pipeline_stats stats;
    struct parameters now;
    struct chain_head head;
    (void)f;
    pipeline_stats(s->pipeline, &stats);
    market_parameters(chain_market(s->chain), &now);
    chain_head(s->chain, &head);
    json_writer_word(w, "role", roles[stats.role]);
    json_writer_word(w, "trouble", stats.trouble);
    json_writer_uint(w, "accounts", now.accounts);
    json_writer_uint(w, "orders", now.orders);
    json_writer_uint(w, "transactions", head.transactions);
    json_writer_uint(w, "waiting", stats.waiting);
    json_writer_uint(w, "taken", stats.taken);
    json_writer_uint(w, "refused", stats.refused);
    json_writer_int(w, "money_total", now.money_total.nano);
    json_writer_int(w, "energy_total", now.energy_total.wh);
    json_writer_int(w, "time_ms", head.time.ms);
    json_writer_int(w, "uptime_s", (bb_loop_mono_ms() - s->started_ms) / 1000);
    return BB_OK;
}

const struct method queries_methods[] = {
    {"account", PARAMS("account", "from", "count"), account},
    {"book", PARAMS("interval", "depth"), book},
    {"orders", PARAMS("account"), orders},
    {"block", PARAMS("height", "from", "count"), block},
    {"parameters", PARAMS("from", "interval"), parameters},
    {"status", NO_PARAMS, status},
    {NULL, NULL, NULL},
};
