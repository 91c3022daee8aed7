/* The last message of each topic, and what is counted about topics. Every accepted publish passes here. A
 * topic's last message is kept if it begins with one of the prefixes and is not too large; all of them
 * together are bounded: the topic that was quiet for longest goes first. */
#ifndef BUS_RETAIN_H
#define BUS_RETAIN_H

#include "bus/client/config.h"
#include "bus/core/envelope.h"
#include "bus/core/topics.h"

/* A message as it was published: headers and message, JSON texts. */
struct retained {
    struct bytes headers, message;
};

struct retain;

/* Keeps topics that begin with one of `prefixes` (none: all; borrowed), messages of up to `message_most`
 * bytes, and `most` bytes in all. */
struct retain *retain_open(const struct setting_list *prefixes, size_t most, size_t message_most,
                           uint64_t seed);

/* Accepts NULL. */
void retain_close(struct retain *retain);

/* Counts a publish and keeps it. */
void retain_publish(struct retain *retain, struct bytes topic, struct bytes sender,
                    const struct envelope *envelope, int64_t now_ms);

/* The topics with their counts; borrowed. */
const struct topics *retain_topics(const struct retain *retain);

/* What is kept of the topic in `slot`, borrowed until the next publish. False: nothing. */
bool retain_find(const struct retain *retain, uint32_t slot, struct retained *out);

/* Bytes and messages kept. */
size_t retain_bytes(const struct retain *retain);
size_t retain_messages(const struct retain *retain);

#endif
