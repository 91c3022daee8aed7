/* The hub's private members, shared by stream.c (what is published) and stream_client.c (who reads). */
#ifndef AGENTS_WEB_STREAM_STATE_H
#define AGENTS_WEB_STREAM_STATE_H

#include "agents/web/stream_client.h"

#define STREAM_BUCKETS         4096
#define STREAM_CHANNEL_BUCKETS 1024
/* A value may come so much before its time: ten a second that are not quite regular are all sent. */
#define STREAM_SLACK_MS 50

/* An event as it is sent, shared by all that send it. */
struct stream_text {
    size_t references, size;
    char data[];
};

/* There while somebody listens or something is kept: so names that nobody publishes take nobody's place. */
struct stream_channel {
    struct stream_channel *chain; /* in its bucket */
    char name[STREAM_CHANNEL_MAX + 1];
    size_t listeners;
    size_t keys;
    struct stream_entry *first, *last; /* in the order in which they were sent last: `serial` grows */
    uint64_t serial;                   /* of the last one sent */
    uint64_t passed;                   /* number of the newest passing value */
};

/* A key and its newest value. */
struct stream_entry {
    struct stream_channel *channel;
    struct stream_entry *previous, *next;       /* in the channel */
    struct stream_entry *older, *newer;         /* of all, by the time of publishing */
    struct stream_entry *due_next, *due_before; /* among those that wait for being sent */
    struct stream_entry *chain;                 /* in its bucket */
    struct stream_text *text;
    uint64_t serial; /* of its last sending; 0: never sent */
    int64_t free_ms; /* when its share of sendings is whole again */
    bool due;
    size_t key_size;
    char key[];
};

struct stream_passing {
    struct stream_channel *channel;
    struct stream_text *text;
    char *key;
};

struct stream_wish {
    struct stream_channel *channel;
    uint64_t serial; /* what has been read */
};

struct stream_client {
    struct stream_hub *hub;
    struct stream_client *previous, *next;
    stream_wake *wake;
    void *context;
    char *filter;
    struct stream_wish wishes[STREAM_WISHES_MAX + 1];
    size_t wish_count;
    uint64_t passed;          /* number of the last passing value looked at */
    uint64_t missed;          /* and not told yet */
    struct stream_text *text; /* being sent */
    size_t sent;              /* bytes of it */
    int64_t second;           /* in which `in_second` filtered messages were sent */
    unsigned in_second;
    bool asleep;
};

struct stream_hub {
    struct stream_channel *channels[STREAM_CHANNEL_BUCKETS];
    struct stream_entry *buckets[STREAM_BUCKETS];
    struct stream_entry *oldest, *newest;
    struct stream_entry *due, *due_last;
    struct stream_passing passing[STREAM_PASSING_MAX]; /* by number, modulo */
    uint64_t passing_first, passing_next;              /* numbers from 1; next: not there yet */
    size_t passing_bytes;
    struct stream_client *clients;
    struct stream_counts counts;
    uint64_t serial;
    int64_t now_ms;
    bool told; /* on_due has been called since the last flush that left nothing */
    void (*on_due)(void *context);
    void *due_context;
    stream_interest *on_interest;
    void *interest_context;
};

/* The channel of that name, made when it is not there; NULL: no name. */
struct stream_channel *stream_channel_of(struct stream_hub *hub, const char *name, size_t size);

/* The same, NULL when it is not there. */
struct stream_channel *stream_channel_find(struct stream_hub *hub, const char *name, size_t size);

/* Frees it when nobody listens and nothing of it is kept. */
void stream_channel_tidy(struct stream_hub *hub, struct stream_channel *channel);

/* One reference less. Accepts NULL. */
void stream_text_drop(struct stream_text *text);

/* Whether a client listens to a passing value. */
bool stream_client_wants(const struct stream_client *client, const struct stream_passing *passing);

#endif
