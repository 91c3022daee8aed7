/* The other side of the hub (stream.h): those who listen, and the time. */
#ifndef AGENTS_WEB_STREAM_CLIENT_H
#define AGENTS_WEB_STREAM_CLIENT_H

#include "agents/web/stream.h"

/* The channel that every client gets. */
#define STREAM_CLOCK "clock"
/* The channel to which a client's filter applies, and at most so many of its messages a second. */
#define STREAM_FILTERED      "bus"
#define STREAM_FILTERED_RATE 200

/* Joins the hub for `channels` (names, with commas between them) and, on the channel STREAM_FILTERED, for
 * keys that begin with `filter` (NULL: all). `wake` is called from stream_flush only. BB_MALFORMED (a name
 * that is none, or more than STREAM_WISHES_MAX), BB_FULL. */
BB_MUST_CHECK enum status stream_join(struct stream_hub *hub, const char *channels, const char *filter,
                                      stream_wake *wake, void *context, struct stream_client **out);

/* Accepts NULL. */
void stream_leave(struct stream_client *client);

/* The next bytes for the client, at most `size`; 0: nothing now, and it will be woken. */
size_t stream_read(struct stream_client *client, char *buffer, size_t size);

/* Sends what is due and wakes who has something to read. Returns in how many milliseconds it is to be called
 * again, 0: when something is published. `now_ms` is of the monotonic clock. */
int64_t stream_flush(struct stream_hub *hub, int64_t now_ms);

/* Calls `on_due` when, after a stream_flush that returned 0, something has been published. */
void stream_on_due(struct stream_hub *hub, void (*on_due)(void *context), void *context);

/* Values that were dropped because they were too long or their names were none, or pushed out by others. */
struct stream_counts {
    uint64_t published, passed, dropped, missed;
    size_t clients, keys, bytes;
};
struct stream_counts stream_counts(const struct stream_hub *hub);

#endif
