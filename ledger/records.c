/* Methods that read what has happened, out of the blocks, newest first: one transaction, trades, an account's
 * statement. A call looks at a bounded number of blocks and says where the next one is to go on. */
#include "ledger/message.h"
#include "ledger/method.h"
#include "ledger/service_state.h"
#include "ledger/view.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCKS_A_CALL 512
#define BYTES_A_CALL  (8 * 1024 * 1024)
#define COUNT         50
#define COUNT_MAX     500

/* A walk back through the chain. A cursor is "height": blocks below it; or "height:n": block `height` too,
 * without its n newest finds. */
struct walk {
    struct service *service;
    struct fields *params;
    struct json_writer *w;
    bool one_account;
    uint32_t account;
    uint64_t height; /* of the block that is looked at */
    struct wall time;
    uint64_t skip;  /* finds of it that were told before */
    uint64_t found; /* in it */
    uint32_t left;  /* finds wanted */
};

/* Looks at one transaction; calls `take` for each find, newest first, until that is false. */
typedef bool look(struct walk *walk, struct bytes transaction, const struct receipt *receipt);

/* True when the find is to be written; *full is set when there are enough of them. */
static bool take(struct walk *walk, bool *full)
{
    *full = walk->left == 0;
    if (*full)
        return false;
    if (walk->found++ < walk->skip)
        return false;
    walk->left--;
    return true;
}

static bool is_account(const struct walk *walk, const struct address *address)
{
    uint32_t index;
    return view_find(chain_market(walk->service->chain), address, &index) && index == walk->account;
}

static bool look_for_trades(struct walk *walk, struct bytes transaction, const struct receipt *receipt)
{
    struct view_place place = {walk->height, walk->time, receipt->id};
    (void)transaction;
    for (uint32_t i = receipt->trade_count; i > 0; i--) {
        struct receipt_trade trade;
        bool full;
        receipt_trade(receipt, i - 1, &trade);
        if (walk->one_account && !is_account(walk, &trade.buyer) && !is_account(walk, &trade.seller))
            continue;
        if (take(walk, &full))
            view_trade(walk->w, chain_market(walk->service->chain), &trade, &place);
        if (full)
            return false;
    }
    return true;
}

static void write_entry(struct walk *walk, struct bytes transaction, const struct receipt *receipt,
                        const struct receipt_balance *balance)
{
    const struct transaction_type *type = transaction_type(transaction.data[0]);
    struct json_writer *w = walk->w;
    json_writer_open(w, NULL, '{');
    json_writer_uint(w, "height", walk->height);
    json_writer_int(w, "time_ms", walk->time.ms);
    json_writer_hex(w, "id", (struct bytes){receipt->id.bytes, sizeof receipt->id.bytes});
    json_writer_word(w, "type", type != NULL ? type->name : "");
    json_writer_word(w, "verdict", verdict_word(receipt->verdict));
    view_balance(w, balance);
    json_writer_close(w, '}');
}

static bool look_for_balances(struct walk *walk, struct bytes transaction, const struct receipt *receipt)
{
    for (uint32_t i = 0; i < receipt->balance_count; i++) {
        struct receipt_balance balance;
        bool full;
        receipt_balance(receipt, i, &balance);
        if (!is_account(walk, &balance.address))
            continue;
        if (take(walk, &full))
            write_entry(walk, transaction, receipt, &balance);
        if (full)
            return false;
    }
    return true;
}

static bool look_at_block(struct walk *walk, const struct block *block, look *look_at)
{
    struct bytes transactions[BLOCK_TRANSACTIONS_MAX], receipts[BLOCK_TRANSACTIONS_MAX];
    struct reader t = reader_at(block->transactions), r = reader_at(block->receipts);
    CHECK(block->header.count <= BLOCK_TRANSACTIONS_MAX);
    for (uint32_t i = 0; i < block->header.count; i++) {
        transactions[i] = block_next_transaction(&t);
        receipts[i] = block_next_receipt(&r);
    }
    walk->time = block->header.time;
    walk->found = 0;
    for (uint32_t i = block->header.count; i > 0; i--) {
        struct receipt receipt;
        if (receipt_decode(receipts[i - 1], &receipt) == BB_OK && transactions[i - 1].size > 0 &&
            !look_at(walk, transactions[i - 1], &receipt))
            return false;
    }
    return true;
}

/* Reads the cursor "before"; false when it is none. */
static bool read_cursor(struct walk *walk)
{
    uint64_t last = store_height(walk->service->store);
    json_t *given = json_object_get(walk->params->object, "before");
    const char *text = json_string_value(given);
    char *end = NULL;
    walk->height = last;
    if (given == NULL || (text != NULL && *text == '\0'))
        return true;
    if (text == NULL || strchr(text, ':') == NULL) {
        uint64_t before = fields_uint(walk->params, "before", UINT64_MAX);
        walk->height = before > last ? last : before > 0 ? before - 1 : 0;
        return walk->params->ok;
    }
    if (strlen(text) > 41 || strspn(text, "0123456789:") != strlen(text))
        return fields_refuse(walk->params, "before", "expected a height, or what `next` said");
    walk->height = strtoull(text, &end, 10);
    walk->skip = strtoull(end + 1, NULL, 10);
    if (walk->height > last)
        walk->height = last;
    return true;
}

static void write_cursor(struct walk *walk, bool full)
{
    char text[48] = "";
    if (full)
        snprintf(text, sizeof text, "%" PRIu64 ":%" PRIu64, walk->height, walk->found);
    else if (walk->height > 0)
        snprintf(text, sizeof text, "%" PRIu64, walk->height + 1);
    json_writer_word(walk->w, "next", text);
}

static enum status walk_back(struct walk *walk, const char *list, look *look_at)
{
    size_t bytes_read = 0;
    bool full = false;
    if (!read_cursor(walk))
        return BB_MALFORMED;
    json_writer_open(walk->w, list, '[');
    for (int i = 0; i < BLOCKS_A_CALL && bytes_read < BYTES_A_CALL && walk->height > 0; i++) {
        struct block block;
        uint8_t *bytes = NULL;
        enum status status = method_block(walk->service, walk->params, walk->height, &block, &bytes);
        if (status != BB_OK)
            return status;
        bytes_read += block.transactions.size + block.receipts.size;
        full = !look_at_block(walk, &block, look_at);
        free(bytes);
        if (full)
            break;
        walk->skip = 0;
        walk->height--;
    }
    json_writer_close(walk->w, ']');
    write_cursor(walk, full);
    return BB_OK;
}

static enum status trades(struct service *s, struct fields *f, struct json_writer *w)
{
    struct walk walk = {.service = s, .params = f, .w = w, .one_account = fields_has(f, "account")};
    walk.left = method_count(f, "count", COUNT, COUNT_MAX);
    if (walk.one_account && !method_account(s, f, "account", &walk.account))
        return BB_NOT_FOUND;
    return walk_back(&walk, "trades", look_for_trades);
}

static enum status statement(struct service *s, struct fields *f, struct json_writer *w)
{
    struct walk walk = {.service = s, .params = f, .w = w, .one_account = true};
    walk.left = method_count(f, "count", COUNT, COUNT_MAX);
    if (!method_account(s, f, "account", &walk.account))
        return BB_NOT_FOUND;
    return walk_back(&walk, "entries", look_for_balances);
}

/* Element `index` of both parts of a block. */
static void element(const struct block *block, uint32_t index, struct bytes *transaction_out,
                    struct bytes *receipt_out)
{
    struct reader t = reader_at(block->transactions), r = reader_at(block->receipts);
    for (uint32_t i = 0; i <= index; i++) {
        *transaction_out = block_next_transaction(&t);
        *receipt_out = block_next_receipt(&r);
    }
}

static void write_transaction(struct service *s, struct json_writer *w, const struct block *block,
                              uint32_t index, const struct transaction *transaction, struct bytes bytes,
                              const struct receipt *receipt)
{
    json_writer_hex(w, "id", (struct bytes){receipt->id.bytes, sizeof receipt->id.bytes});
    json_writer_open(w, "at", '{');
    json_writer_uint(w, "height", block->header.height);
    json_writer_uint(w, "index", index);
    json_writer_int(w, "time_ms", block->header.time.ms);
    json_writer_close(w, '}');
    message_write(w, transaction);
    json_writer_hex(w, "bytes", bytes);
    view_receipt(w, chain_market(s->chain), receipt);
}

static enum status transaction(struct service *s, struct fields *f, struct json_writer *w)
{
    struct hash id;
    uint64_t height;
    uint32_t index;
    struct block block;
    struct bytes bytes, receipt_bytes;
    struct transaction read;
    struct receipt receipt;
    uint8_t *held = NULL;
    enum status status = method_find(s, f, &id, &height, &index);
    if (status == BB_OK)
        status = method_block(s, f, height, &block, &held);
    if (status != BB_OK)
        return status;
    if (index < block.header.count) {
        element(&block, index, &bytes, &receipt_bytes);
        status = transaction_decode(bytes, &read);
        if (status == BB_OK)
            status = receipt_decode(receipt_bytes, &receipt);
    } else {
        status = BB_MALFORMED;
    }
    if (status == BB_OK)
        write_transaction(s, w, &block, index, &read, bytes, &receipt);
    free(held);
    return status;
}

const struct method records_methods[] = {
    {"transaction", (const char *const[]){"id", NULL}, transaction},
    {"trades", (const char *const[]){"account", "before", "count", NULL}, trades},
    {"statement", (const char *const[]){"account", "before", "count", NULL}, statement},
    {NULL, NULL, NULL},
};
