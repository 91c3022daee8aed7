/* A message as JSON between two agents, and what its headers say of the way that it has gone. */
#ifndef AGENTS_FEDERATION_CARGO_H
#define AGENTS_FEDERATION_CARGO_H

#include "agents/federation/agent.h"

/* The message, new; NULL when one of its texts is not UTF-8. Message and headers go as texts, so that they
 * arrive byte for byte. */
json_t *cargo_json(const struct cargo *cargo);

/* A message of the other side, `number` 0 where it has none; NULL: something is wrong with it, its way among
 * that. Release it. */
struct cargo *cargo_read(const struct link *link, const json_t *item);

/* The headers with the way appended, and with `origin` the offset and time that the message has in the
 * durable log where it was published. malloc'd; NULL: they are no object. */
char *cargo_headers(const struct cargo *cargo, bool origin);

/* Reads the way, and the offset and time at its origin (0: none), from the headers of a message that came
 * over a link to this platform. False: there is no way in them. */
bool cargo_trace(const char *headers, size_t hops, struct rules_way *way_out, uint64_t *offset_out,
                 int64_t *time_ms_out);

#endif
