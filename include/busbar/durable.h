/* Messages that are not lost: a named subscriber of durable topics. The broker keeps them on disk; they come
 * in order from where the name has come to, across restarts of either side, and count as received when the
 * handler has returned BB_OK. A message may come again after a crash, but none that was acknowledged.
 *
 * Which topics are durable the broker's configuration says (busbard(8)). A name belongs to the key that made
 * it; one process reads it at a time. */
#ifndef BUSBAR_DURABLE_H
#define BUSBAR_DURABLE_H

#include <busbar/client.h>

struct bb_durable;

struct bb_durable_options {
    const char *name;            /* 1 … 64 of [A-Za-z0-9_.-] */
    const char *const *prefixes; /* beginnings of topics */
    size_t prefix_count;
    const char *from;         /* where a new name begins, JSON: "\"now\"" (as NULL), "\"start\"", an offset,
                                 {"time_ms":…} */
    int seek;                 /* not 0: a name that is there already begins anew at `from`, too */
    int manual;               /* not 0: a message is not received before bb_durable_acknowledge says so */
    struct bb_reason *reason; /* NULL, or receives the sentence when bb_durable_open fails */
};

/* Headers and message are JSON texts. All is borrowed for the call. */
struct bb_durable_message {
    int64_t offset, time_ms;
    const char *topic, *sender, *headers, *message;
};

/* A message: BB_OK acknowledges it and all before it (`manual`: takes it); with any other status it comes
 * again a second later. */
typedef enum status bb_on_durable(void *context, const struct bb_durable_message *message);

/* Registers the name, waiting for the broker's word at most 10 s, then calls `on_message` from the loop.
 * BB_REMOTE: the broker refused; BB_TIMEOUT, BB_UNREACHABLE, BB_RANGE; the reason says why. */
BB_MUST_CHECK enum status bb_durable_open(struct bb_client *client, const struct bb_durable_options *options,
                                          bb_on_durable *on_message, void *context, struct bb_durable **out);

/* With `manual`: all messages up to `offset` are received. An offset that was not handed over is ignored. */
void bb_durable_acknowledge(struct bb_durable *durable, int64_t offset);

/* Acknowledges what was handled, waiting at most 2 s, and ends; the name stays. Not from a handler; before
 * bb_client_close. Accepts NULL. */
void bb_durable_close(struct bb_durable *durable);

/* Messages that the broker had to let go before this name acknowledged them, as of the last page. */
uint64_t bb_durable_lost(const struct bb_durable *durable);

#endif
