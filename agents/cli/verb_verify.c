/* busbar chain verify: plays the chain again in this process, from the ledger's blocks or from an exported
 * file. */
#include "agents/cli/archive_file.h"
#include "agents/cli/blob.h"
#include "agents/cli/claims.h"
#include "agents/cli/home.h"
#include "agents/cli/ledgerd.h"
#include "agents/cli/listing.h"
#include "agents/cli/replay.h"
#include "agents/cli/verbs.h"

#include <busbar/loop.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Blocks asked for at once: a page of at most 4 MiB, whatever this says. */
#define PAGE "200"

/* A verification under way, and what it has found. */
struct verification {
    const struct call *call;
    struct replay *replay;
    struct hash genesis;
    uint64_t chain_id;
    int64_t started_ms, told_ms;
    enum chain_fault fault;
    uint64_t height; /* of the block at fault */
    uint32_t index;
};

static enum exit_code start(struct verification *v, const struct call *call, struct bytes genesis)
{
    struct bb_reason reason = {"no memory"};
    *v = (struct verification){
        .call = call, .genesis = genesis_hash(genesis), .started_ms = bb_loop_mono_ms()};
    struct genesis read;
    if (genesis_decode(genesis, &read) != BB_OK)
        return call_fail(call, EXIT_INTEGRITY, "the genesis is none");
    v->chain_id = read.chain_id;
    genesis_free(&read);
    if (replay_open(genesis, &reason, &v->replay) != BB_OK)
        return call_fail(call, EXIT_INTEGRITY, "the genesis is none: %s", reason.text);
    return EXIT_DONE;
}

static void progress(struct verification *v, uint64_t done, uint64_t total)
{
    int64_t now = bb_loop_mono_ms();
    struct chain_head head;
    char note[64];
    if (now - v->told_ms < 100)
        return;
    v->told_ms = now;
    replay_head(v->replay, &head);
    snprintf(note, sizeof note, "block %" PRIu64 ", %" PRIu64 " transactions", head.height,
             head.transactions);
    format_progress("verify", (size_t)done, (size_t)total, note);
}

/* Takes one block; EXIT_INTEGRITY when it is wrong, which tell_end tells. */
static enum exit_code take_block(struct verification *v, struct bytes block)
{
    struct chain_head head;
    replay_head(v->replay, &head);
    v->index = 0;
    v->fault = replay_block(v->replay, block, &v->index);
    v->height = head.height + 1;
    return v->fault == CHAIN_GOOD ? EXIT_DONE : EXIT_INTEGRITY;
}

static json_t *hash_json(const struct hash *hash)
{
    return blob_to_json((struct bytes){hash->bytes, sizeof hash->bytes});
}

static void hash_fact(const char *label, const struct hash *hash)
{
    json_t *text = hash_json(hash);
    inquiry_fact(label, "%s", json_string_value(text));
    json_decref(text);
}

static void tell_json(const struct verification *v, const struct chain_head *head, double seconds)
{
    bool good = v->fault == CHAIN_GOOD;
    json_t *document =
        json_pack("{s:b, s:I, s:o, s:I, s:o, s:I, s:f}", "valid", good, "height", (json_int_t)head->height,
                  "hash", hash_json(&head->hash), "transactions", (json_int_t)head->transactions, "genesis",
                  hash_json(&v->genesis), "chain_id", (json_int_t)v->chain_id, "seconds", seconds);
    if (!good) {
        json_object_set_new(document, "fault", json_string(following_word(v->fault)));
        json_object_set_new(document, "fault_height", json_integer((json_int_t)v->height));
        json_object_set_new(document, "fault_index", json_integer((json_int_t)v->index));
    }
    inquiry_print(document);
}

/* Tells what was found, good or not; other failures have been told. */
static enum exit_code tell_end(const struct verification *v, enum exit_code code)
{
    struct chain_head head;
    double seconds = (double)(bb_loop_mono_ms() - v->started_ms) / 1e3;
    format_progress_end();
    replay_head(v->replay, &head);
    if (v->fault != CHAIN_GOOD)
        call_fail(v->call, EXIT_INTEGRITY,
                  "block %" PRIu64 " is not what it should be: %s (at its transaction %" PRIu32 ")",
                  v->height, following_text(v->fault), v->index);
    if (call_flag(v->call, "json") && (code == EXIT_DONE || v->fault != CHAIN_GOOD)) {
        tell_json(v, &head, seconds);
    } else if (code == EXIT_DONE) {
        puts("The chain holds: every signature, link, root, verdict and balance is what it should be.\n");
        inquiry_fact("height", "%" PRIu64, head.height);
        hash_fact("last block", &head.hash);
        inquiry_fact("transactions", "%" PRIu64 ", in %.2f s", head.transactions, seconds);
        hash_fact("genesis", &v->genesis);
        inquiry_fact("chain id", "%" PRIu64, v->chain_id);
    }
    return code;
}

/* Takes one page of blocks; *next receives where the next one starts, "" after the last. */
static enum exit_code take_page(struct verification *v, const json_t *page, uint64_t total)
{
    const json_t *blocks = json_object_get(page, "blocks");
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < json_array_size(blocks) && code == EXIT_DONE; i++) {
        uint8_t *data = NULL;
        size_t size = 0;
        if (blob_of_json(json_array_get(blocks, i), &data, &size) != BB_OK)
            return call_fail(v->call, EXIT_FAILED,
                             "the ledger's answer has a block that is no hexadecimal text");
        code = take_block(v, (struct bytes){data, size});
        free(data);
        progress(v, v->height < total ? v->height : total, total);
    }
    return code;
}

/* Fetches and plays blocks until the height that the ledger had when this began. */
static enum exit_code take_blocks(struct verification *v, struct inquiry *inquiry, uint64_t total)
{
    struct chain_head head;
    enum exit_code code = EXIT_DONE;
    for (replay_head(v->replay, &head); code == EXIT_DONE && head.height < total;
         replay_head(v->replay, &head)) {
        char from[24];
        json_t *page = NULL;
        uint64_t before = head.height;
        snprintf(from, sizeof from, "%" PRIu64, before + 1);
        code = inquiry_ask(inquiry, "block", json_pack("{s:s, s:s}", "from", from, "count", PAGE), &page);
        if (code == EXIT_DONE)
            code = take_page(v, page, total);
        json_decref(page);
        replay_head(v->replay, &head);
        if (code == EXIT_DONE && head.height == before)
            code = call_fail(v->call, EXIT_FAILED, "the ledger gives no block %s", from);
    }
    return code;
}

static enum exit_code verify_service(struct inquiry *inquiry)
{
    struct verification v;
    json_t *parameters = NULL;
    uint8_t *data = NULL;
    size_t size = 0;
    uint64_t total = 0;
    enum exit_code code = inquiry_ask(inquiry, "parameters", NULL, &parameters);
    if (code == EXIT_DONE && !listing_uint(parameters, "height", &total))
        code = call_fail(inquiry->call, EXIT_FAILED, "the ledger does not tell its height");
    if (code == EXIT_DONE)
        code = claims_genesis(inquiry, parameters, &data, &size);
    if (code == EXIT_DONE)
        code = start(&v, inquiry->call, (struct bytes){data, size});
    free(data);
    json_decref(parameters);
    if (code != EXIT_DONE)
        return code;
    code = tell_end(&v, take_blocks(&v, inquiry, total));
    replay_close(v.replay);
    return code;
}

/* Plays the blocks of an archive, then compares its last word with where the chain has come to. */
static enum exit_code take_archive(struct verification *v, struct archive_file *archive)
{
    struct bb_reason reason;
    struct chain_head head;
    struct bytes block = {NULL, 0};
    struct hash last;
    enum status status;
    do {
        status = archive_file_next(archive, &reason, &block);
        if (status == BB_OK && block.size > 0 && take_block(v, block) != EXIT_DONE)
            return EXIT_INTEGRITY;
        progress(v, archive->read, archive->size);
    } while (status == BB_OK && block.size > 0);
    if (status == BB_OK)
        status = archive_file_end(archive, &reason, &last);
    if (status != BB_OK)
        return call_fail(v->call, EXIT_INTEGRITY, "%s", reason.text);
    replay_head(v->replay, &head);
    if (memcmp(&head.hash, &last, sizeof last) != 0)
        return call_fail(v->call, EXIT_INTEGRITY, "%s does not end with the hash of its last block",
                         archive->path);
    return EXIT_DONE;
}

static enum exit_code verify_file(const struct call *call)
{
    struct bb_reason reason;
    struct archive_file archive;
    struct verification v;
    struct bytes genesis;
    char home[512];
    enum status status = archive_file_open(call->args[0], &reason, &archive, &genesis);
    if (status != BB_OK)
        return call_fail(call, status == BB_MALFORMED ? EXIT_INTEGRITY : exit_of(status), "%s", reason.text);
    /* Whoever has no home at all may still verify a file. */
    enum exit_code code = EXIT_DONE;
    struct hash hash = genesis_hash(genesis);
    if (home_find(call_value(call, "home"), &reason, home, sizeof home) == BB_OK)
        code = claims_check(call, home, &hash);
    if (code == EXIT_DONE)
        code = start(&v, call, genesis);
    if (code == EXIT_DONE) {
        code = tell_end(&v, take_archive(&v, &archive));
        replay_close(v.replay);
    }
    archive_file_close(&archive);
    return code;
}

enum exit_code verb_chain_verify(const struct call *call)
{
    struct inquiry inquiry;
    char home[512], path[600];
    struct bb_reason reason;
    if (call->arg_count == 1)
        return verify_file(call);
    enum exit_code code = inquiry_open(call, &inquiry);
    if (code == EXIT_DONE) {
        code = verify_service(&inquiry);
        inquiry_close(&inquiry);
    }
    if (code != EXIT_UNREACHABLE || home_find(call_value(call, "home"), &reason, home, sizeof home) != BB_OK)
        return code;
    snprintf(path, sizeof path, "%s/ledger/chain.db", home);
    if (access(path, F_OK) != 0)
        return code;
    fprintf(stderr, "Verifying the database itself: %s\n", path);
    return ledgerd_become(call, "--verify", NULL);
}
