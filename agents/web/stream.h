/* The hub of the live streams: what is published on channels, and who is sent it. No sockets and no clock:
 * the server gives the time, is told which client has something to read, and takes it in pieces.
 *
 * A channel carries two kinds of values. A *published* one belongs to a key: the newest is kept, sent first
 * to every client that comes, and then about ten times a second; a client that reads slowly gets the newest
 * value of each key, not every one. A *passing* one (a message on the bus, a line of a log, a frame of a run)
 * is sent once, in order, to those who are there; a client that reads too slowly misses some and is told how
 * many.
 *
 * As Server-Sent Events: `event: <channel>` and `data: {"key":…,"value":…}`; `event: missed` and
 * `data: {"count":n}`. */
#ifndef AGENTS_WEB_STREAM_H
#define AGENTS_WEB_STREAM_H

#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STREAM_CHANNEL_MAX   79           /* bytes of a channel's name: letters, digits, and . : _ - */
#define STREAM_KEY_MAX       1024         /* bytes of a key */
#define STREAM_VALUE_MAX     (256 * 1024) /* bytes of a value */
#define STREAM_KEYS_MAX      8192         /* keys kept; beyond, the one published longest ago goes */
#define STREAM_KEPT_BYTES    (8 << 20)    /* of all kept values; beyond, likewise */
#define STREAM_PASSING_MAX   2048         /* passing values that wait for slow clients */
#define STREAM_PASSING_BYTES (4 << 20)    /* of them */
#define STREAM_WISHES_MAX    32           /* channels of one client */
#define STREAM_KEY_PAUSE_MS  95 /* between two values of one key: a source of ten a second never piles up */

struct stream_hub;
struct stream_client;

/* A client has something to read, after stream_read gave 0. Called once until it reads again. */
typedef void stream_wake(void *context);

/* A channel has got its first listener, or lost its last: who makes its values may begin, or stop. */
typedef void stream_interest(void *context, const char *channel, bool wanted);

/* BB_FULL. */
BB_MUST_CHECK enum status stream_open(struct stream_hub **out);

/* Clients must have left. Accepts NULL. */
void stream_close(struct stream_hub *hub);

/* Publishes a value (JSON, without line breaks) under a key. What is too long, or no name of a channel, is
 * dropped and counted. */
void stream_publish(struct stream_hub *hub, const char *channel, const char *key, const char *json);

/* Forgets a key, or with NULL all of the channel's. */
void stream_forget(struct stream_hub *hub, const char *channel, const char *key);

/* Sends a passing value. `key` is what a client's filter is compared with. */
void stream_pass(struct stream_hub *hub, const char *channel, const char *key, const char *json);

/* Calls `on_interest` whenever it changes. One for the hub; NULL: nobody. */
void stream_on_interest(struct stream_hub *hub, stream_interest *on_interest, void *context);

/* How many clients listen to a channel; NULL: how many there are. */
size_t stream_listeners(const struct stream_hub *hub, const char *channel);

#endif
