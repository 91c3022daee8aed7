#include "tests/card/power.h"

#include "tests/link/seed.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>

#define SECTORS (CARD_SIZE / CARD_SECTOR)

struct entry {
    uint32_t offset;
    size_t size; /* 0: a sync */
    uint8_t *data;
};

/* Sectors that lie over others. */
struct overlay {
    uint16_t at[SECTORS]; /* from 1; 0: none */
    uint16_t sector[SECTORS];
    size_t count;
    uint8_t data[SECTORS][CARD_SECTOR];
};

struct power {
    struct card_device running, found;
    uint8_t live[CARD_SIZE], durable[CARD_SIZE];
    struct entry *log;
    size_t used, room;
    size_t synced; /* entries before this one are in `durable` */
    struct overlay over;
};

/* -- the run -- */

static void append(struct power *p, uint32_t offset, struct bytes data)
{
    if (p->used == p->room) {
        p->room = p->room ? 2 * p->room : 256;
        p->log = realloc(p->log, p->room * sizeof *p->log);
        CHECK(p->log);
    }
    struct entry *e = &p->log[p->used++];
    *e = (struct entry){.offset = offset, .size = data.size};
    if (data.size > 0) {
        e->data = malloc(data.size);
        CHECK(e->data);
        memcpy(e->data, data.data, data.size);
    }
}

static enum status run_read(void *context, uint32_t offset, uint8_t *buffer, size_t size)
{
    const struct power *p = context;
    CHECK(offset <= CARD_SIZE && size <= CARD_SIZE - offset);
    memcpy(buffer, p->live + offset, size);
    return BB_OK;
}

static enum status run_write(void *context, uint32_t offset, struct bytes data)
{
    struct power *p = context;
    CHECK(offset <= CARD_SIZE && data.size <= CARD_SIZE - offset && data.size > 0);
    memcpy(p->live + offset, data.data, data.size);
    append(p, offset, data);
    return BB_OK;
}

static enum status run_sync(void *context)
{
    append(context, 0, (struct bytes){NULL, 0});
    return BB_OK;
}

/* -- what is found -- */

static uint8_t *sector_of(struct power *p, uint32_t sector)
{
    struct overlay *o = &p->over;
    if (o->at[sector] == 0) {
        o->sector[o->count] = (uint16_t)sector;
        memcpy(o->data[o->count], p->durable + sector * CARD_SECTOR, CARD_SECTOR);
        o->at[sector] = (uint16_t)++o->count;
    }
    return o->data[o->at[sector] - 1];
}

static enum status found_read(void *context, uint32_t offset, uint8_t *buffer, size_t size)
{
    const struct power *p = context;
    CHECK(offset <= CARD_SIZE && size <= CARD_SIZE - offset);
    for (size_t done = 0; done < size;) {
        uint32_t at = offset + (uint32_t)done, sector = at / CARD_SECTOR, within = at % CARD_SECTOR;
        size_t part = CARD_SECTOR - within < size - done ? CARD_SECTOR - within : size - done;
        const uint8_t *from =
            p->over.at[sector] ? p->over.data[p->over.at[sector] - 1] : p->durable + sector * CARD_SECTOR;
        memcpy(buffer + done, from + within, part);
        done += part;
    }
    return BB_OK;
}

/* Lays `size` bytes over what is there; each sector's part with a chance of one half unless `all`. */
static void lay(struct power *p, uint32_t offset, const uint8_t *data, size_t size, bool all, uint64_t *seed)
{
    for (size_t done = 0; done < size;) {
        uint32_t at = offset + (uint32_t)done, within = at % CARD_SECTOR;
        size_t part = CARD_SECTOR - within < size - done ? CARD_SECTOR - within : size - done;
        if (all || seed_below(seed, 2) == 0)
            memcpy(sector_of(p, at / CARD_SECTOR) + within, data + done, part);
        done += part;
    }
}

static enum status found_write(void *context, uint32_t offset, struct bytes data)
{
    CHECK(offset <= CARD_SIZE && data.size <= CARD_SIZE - offset);
    lay(context, offset, data.data, data.size, true, NULL);
    return BB_OK;
}

static enum status found_sync(void *context)
{
    (void)context;
    return BB_OK;
}

/* The rest of the sector that was being written is as it was, or spoilt. */
static void tear(struct power *p, uint32_t at, uint64_t *seed)
{
    uint32_t within = at % CARD_SECTOR;
    if (within == 0 || seed_below(seed, 2) == 0)
        return;
    uint8_t *sector = sector_of(p, at / CARD_SECTOR);
    for (size_t i = within; i < CARD_SECTOR; i++)
        sector[i] = (uint8_t)seed_next(seed);
}

static void make_durable(struct power *p, size_t position)
{
    size_t last = p->synced;
    for (size_t i = p->synced; i < position; i++)
        if (p->log[i].size == 0)
            last = i + 1;
    for (; p->synced < last; p->synced++)
        if (p->log[p->synced].size > 0)
            memcpy(p->durable + p->log[p->synced].offset, p->log[p->synced].data, p->log[p->synced].size);
}

const struct card_device *power_cut(struct power *p, size_t position, size_t bytes, uint64_t *seed)
{
    while (p->over.count > 0)
        p->over.at[p->over.sector[--p->over.count]] = 0;
    CHECK(position >= p->synced && position <= p->used);
    make_durable(p, position);
    bool all = seed_below(seed, 4) == 0;
    for (size_t i = p->synced; i < position; i++)
        lay(p, p->log[i].offset, p->log[i].data, p->log[i].size, all, seed);
    if (bytes > 0) {
        const struct entry *e = &p->log[position];
        CHECK(bytes <= e->size);
        lay(p, e->offset, e->data, bytes, all, seed);
        if (bytes < e->size)
            tear(p, e->offset + (uint32_t)bytes, seed);
    }
    return &p->found;
}

/* -- the rest -- */

struct power *power_new(uint8_t fill)
{
    struct power *p = calloc(1, sizeof *p);
    CHECK(p);
    memset(p->live, fill, sizeof p->live);
    memset(p->durable, fill, sizeof p->durable);
    p->running = (struct card_device){p, run_read, run_write, run_sync};
    p->found = (struct card_device){p, found_read, found_write, found_sync};
    return p;
}

static void forget(struct power *p)
{
    for (size_t i = 0; i < p->used; i++)
        free(p->log[i].data);
    p->used = p->synced = 0;
}

void power_free(struct power *p)
{
    forget(p);
    free(p->log);
    free(p);
}

void power_record(struct power *p)
{
    forget(p);
    memcpy(p->durable, p->live, sizeof p->durable);
}

const struct card_device *power_device(struct power *p)
{
    return &p->running;
}

size_t power_position(const struct power *p)
{
    return p->used;
}

size_t power_bytes(const struct power *p, size_t position)
{
    return p->log[position].size;
}
