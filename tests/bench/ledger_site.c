#include "tests/bench/ledger_site.h"

#include "ledger/checkpoint.h"
#include "ledger/core/sealing.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>

double ledger_site_now(void)
{
    struct timespec t;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &t) == 0);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

double ledger_site_cpu(void)
{
    struct rusage used;
    CHECK(getrusage(RUSAGE_SELF, &used) == 0);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
}

void ledger_site_make(struct ledger_site *site, uint32_t people, uint32_t others)
{
    *site = (struct ledger_site){0};
    folder_make(&site->folder, false);
    folder_file(&site->folder, "chain.db", site->path);
    village_open(&site->village, people, others);
}

void ledger_site_remove(struct ledger_site *site)
{
    free(site->orders.bytes);
    free(site->orders.sizes);
    village_close(&site->village);
    folder_remove(&site->folder);
}

static void send(struct ledger_site *site)
{
    const struct site_orders *orders = &site->orders;
    struct bytes bytes = {orders->bytes[site->sent], orders->sizes[site->sent]};
    site->sent_at = ledger_site_now();
    pipeline_submit(site->pipeline, bytes, site->sent++);
}

static void answered(void *context, const struct answer *answer)
{
    struct ledger_site *site = context;
    if (site->latencies != NULL)
        site->latencies[answer->ticket] = (ledger_site_now() - site->sent_at) * 1e3;
    site->refused += answer->refusal != REFUSAL_NONE;
    if (++site->answered == site->orders.count)
        bb_loop_stop(site->loop);
    else if (site->sent < site->orders.count && site->sent - site->answered < site->window)
        send(site);
}

double ledger_site_open(struct ledger_site *site)
{
    struct bb_reason reason = {""};
    CHECK(bb_loop_open(&site->loop) == BB_OK);
    double start = ledger_site_now();
    enum status status =
        store_open(site->path, STORE_WRITE, (struct bytes){site->village.genesis, site->village.genesis_size},
                   &reason, &site->store);
    if (status == BB_OK)
        status = pipeline_open(site->loop, site->store, &site->village.sealer, NULL, NULL, NULL, &reason,
                               &site->pipeline);
    if (status != BB_OK) {
        fprintf(stderr, "%s\n", reason.text);
        abort();
    }
    double took = ledger_site_now() - start;
    pipeline_listen(site->pipeline, answered, NULL, site);
    return took;
}

void ledger_site_close(struct ledger_site *site)
{
    pipeline_close(site->pipeline);
    store_close(site->store);
    bb_loop_close(site->loop);
}

void ledger_site_sign(struct ledger_site *site, uint32_t count)
{
    struct site_orders *orders = &site->orders;
    orders->bytes = realloc(orders->bytes, count * sizeof *orders->bytes);
    orders->sizes = realloc(orders->sizes, count * sizeof *orders->sizes);
    CHECK(orders->bytes != NULL && orders->sizes != NULL);
    orders->count = count;
    for (uint32_t i = 0; i < count; i++)
        orders->sizes[i] = (uint16_t)village_order(&site->village, site->number++, orders->bytes[i]);
}

double ledger_site_send(struct ledger_site *site, uint32_t window)
{
    site->sent = site->answered = 0;
    site->window = window;
    double start = ledger_site_now();
    while (site->sent < window && site->sent < site->orders.count)
        send(site);
    CHECK(bb_loop_run(site->loop) == BB_OK);
    return ledger_site_now() - start;
}

void ledger_site_bare_open(struct ledger_site *site)
{
    struct bytes genesis = {site->village.genesis, site->village.genesis_size};
    CHECK(store_open(site->path, STORE_WRITE, genesis, NULL, &site->store) == BB_OK);
    CHECK(chain_open(genesis, NULL, &site->chain) == BB_OK);
}

static void bare_block(struct ledger_site *site, uint32_t count)
{
    struct chain *chain = site->chain;
    struct chain_head head;
    struct transaction transaction;
    struct action action;
    struct bytes receipt, block;
    chain_head(chain, &head);
    sealing_begin(chain, 1, (struct wall){bb_loop_wall_ms()});
    for (uint32_t i = 0; i < count; i++) {
        uint32_t who = village_plan(&site->village, site->number++, &action);
        CHECK(transaction_make(&action, site->village.nonces[who]++, 0, &transaction) == BB_OK);
        struct hash id = transaction_id(&transaction, &site->village.separator);
        CHECK(sealing_execute(chain, &transaction, &id, &action.actor, &receipt) == REFUSAL_NONE);
    }
    bool checkpoint = (head.height + 1) % 20 == 0;
    CHECK(sealing_finish(chain, site->village.signer, &site->village.sealer, checkpoint, &block) == BB_OK);
    struct hash hash = block_hash((struct bytes){block.data, BLOCK_HEADER_SIZE});
    CHECK(store_append(site->store, head.height + 1, &hash, block, NULL) == BB_OK);
    checkpoint_note(site->store, chain);
    chain_commit(chain);
    if (checkpoint)
        CHECK(checkpoint_write(site->store, chain, NULL) == BB_OK);
}

void ledger_site_bare(struct ledger_site *site, uint64_t count)
{
    for (; count > 0; count -= count < 1024 ? count : 1024)
        bare_block(site, count < 1024 ? (uint32_t)count : 1024);
}

void ledger_site_bare_close(struct ledger_site *site)
{
    chain_close(site->chain);
    store_close(site->store);
}

uint64_t ledger_site_bytes(const struct ledger_site *site)
{
    struct stat file;
    CHECK(stat(site->path, &file) == 0);
    return (uint64_t)file.st_size;
}
