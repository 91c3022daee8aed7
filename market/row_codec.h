/* A record's row: its key and its bytes (the layouts are in rows.h). */
#ifndef MARKET_ROW_CODEC_H
#define MARKET_ROW_CODEC_H

#include "market/rows.h"
#include "market/state.h"

/* The key of the row that `record`, number `number` of its kind, stands for; false: it stands for none. */
bool row_codec_key(uint8_t kind, const void *record, uint32_t number, struct row_key *out);

/* Its bytes to out[MARKET_ROW_MAX]; their size. */
size_t row_codec_encode(const struct market *m, uint8_t kind, const void *record, uint32_t number,
                        uint8_t *out);

/* Record number `number` of a kind. */
const void *row_codec_record(const struct market *m, uint8_t kind, uint32_t number);

/* True when it is certain, without writing its bytes, that the row of record `number` is not what it was. */
bool row_codec_differs(const struct market *m, uint8_t kind, const void *then, uint32_t number);

#endif
