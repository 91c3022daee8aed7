/* Readings on their way to a target, as bytes: in memory, and as they lie in the spool.
 *
 *   batch   = "BBh1" entry…
 *   entry   = 1 name-size:u16 name meta-size:u16 meta            the next series, counted from 0
 *           | 2 series:u32 time_us:i64 kind:u8 value             value: i64, the bits of a double, u8,
 *                                                                or size:u32 text, by the kind
 * All little-endian. A series stands before its first reading; when more is known of it, it stands again. */
#ifndef AGENTS_HISTORIAN_BATCH_H
#define AGENTS_HISTORIAN_BATCH_H

#include "agents/historian/reading.h"

#include <busbar/status.h>

/* Series of one batch. */
#define BATCH_SERIES_MAX 65536

struct batch_slot;

/* A batch that grows. */
struct batch {
    uint8_t *data; /* malloc'd */
    size_t size, capacity;
    uint32_t readings, series;
    struct batch_slot *slots; /* by the name's hash */
    size_t slot_count;
};

/* An empty batch. Aborts when memory is exhausted, as all of these. */
void batch_init(struct batch *batch);
void batch_free(struct batch *batch);

/* Adds a reading. BB_FULL: a series too many. */
BB_MUST_CHECK enum status batch_add(struct batch *batch, const struct reading *reading);

/* Takes the bytes out (to be freed); the batch is empty again. */
uint8_t *batch_take(struct batch *batch, size_t *size_out, uint32_t *readings_out);

/* Something that stands in a batch, borrowed from its bytes. */
struct batch_entry {
    bool is_series;
    struct bytes name, meta; /* of a series */
    uint32_t series;         /* of a reading */
    int64_t time_us;
    struct value value;
};

struct batch_reader {
    struct reader at;
    uint32_t series; /* defined so far */
};

/* BB_MALFORMED: no batch. */
BB_MUST_CHECK enum status batch_open(struct bytes bytes, struct batch_reader *out);

/* The next entry. BB_NOT_FOUND: that was all. BB_MALFORMED: the bytes are damaged. */
BB_MUST_CHECK enum status batch_next(struct batch_reader *reader, struct batch_entry *out);

#endif
