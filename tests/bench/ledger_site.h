/* A ledger to measure: a village, its store in a folder, its pipeline in a loop, and orders signed before the
 * clock starts. */
#ifndef TESTS_BENCH_LEDGER_SITE_H
#define TESTS_BENCH_LEDGER_SITE_H

#include "ledger/pipeline.h"
#include "tests/ledger/store/folder.h"
#include "tests/ledger/store/village.h"

struct site_orders {
    uint8_t (*bytes)[TRANSACTION_BYTES_MAX];
    uint16_t *sizes;
    uint32_t count;
};

struct ledger_site {
    struct folder folder;
    char path[128];
    struct village village;
    struct bb_loop *loop;
    struct store *store;
    struct pipeline *pipeline;
    struct chain *chain; /* of a bare one */
    uint64_t number;     /* of the next order */
    struct site_orders orders;
    uint32_t sent, answered, refused, window;
    double *latencies; /* milliseconds by ticket; NULL: not wanted */
    double sent_at;
};

/* A folder below `where` and a village of so many people with keys and other accounts. */
void ledger_site_make(struct ledger_site *site, uint32_t people, uint32_t others);
void ledger_site_remove(struct ledger_site *site);

/* Opens store and pipeline; the seconds that it took. Closes them. */
double ledger_site_open(struct ledger_site *site);
void ledger_site_close(struct ledger_site *site);

/* Signs the next `count` orders. */
void ledger_site_sign(struct ledger_site *site, uint32_t count);

/* Sends the signed orders, `window` waiting at most, until all are answered; the seconds. */
double ledger_site_send(struct ledger_site *site, uint32_t window);

/* The same chain without signatures, pool and loop: the cost of everything else. `bare` makes `count` orders
 * into blocks of 1024, with a checkpoint every 20 480. */
void ledger_site_bare_open(struct ledger_site *site);
void ledger_site_bare(struct ledger_site *site, uint64_t count);
void ledger_site_bare_close(struct ledger_site *site);

/* Bytes of the database's files. */
uint64_t ledger_site_bytes(const struct ledger_site *site);

/* Seconds of the monotonic clock; processor seconds of this process with all its threads. */
double ledger_site_now(void);
double ledger_site_cpu(void);

#endif
