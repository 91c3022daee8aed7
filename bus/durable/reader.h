/* Reads the messages of a durable log while another thread writes it. Sees what is committed. */
#ifndef BUS_DURABLE_READER_H
#define BUS_DURABLE_READER_H

#include "bus/durable/log.h"

/* Opens the file of a log that is open. BB_IO. */
BB_MUST_CHECK enum status durable_reader_open(const char *path, struct durable_reader **out,
                                              struct bb_reason *reason);

/* Accepts NULL. */
void durable_reader_close(struct durable_reader *reader);

/* Called for each message, borrowed for the call; false ends the reading behind it. */
typedef bool durable_on_message(void *context, const struct durable_message *message);

/* Gives the messages behind `after`, in order, at most `most`; *last_out: the offset of the last one given,
 * or `after`; *more_out: there may be more. BB_IO, BB_MALFORMED. */
BB_MUST_CHECK enum status durable_reader_read(struct durable_reader *reader, uint64_t after, uint32_t most,
                                              durable_on_message *on_message, void *context,
                                              uint64_t *last_out, bool *more_out, struct bb_reason *reason);

#endif
