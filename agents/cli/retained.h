/* The present state before what comes: the last message of every topic below some prefixes, then what is
 * published, without a gap and without a message twice. The broker answers pages in the order of the topics,
 * on the connection on which it delivers; what was delivered before a page came is therefore older than the
 * page, or in it. */
#ifndef AGENTS_CLI_RETAINED_H
#define AGENTS_CLI_RETAINED_H

#include "agents/cli/message.h"
#include "agents/cli/session.h"

#define RETAINED_PREFIXES_MAX VERB_ARGS_MAX
/* Messages that wait for the page of their topic. */
#define RETAINED_WAITING_MAX 10000

typedef void retained_show(void *context, const struct message *message);

struct retained_waiting;

struct retained {
    struct session *session;
    retained_show *show;
    void *context;
    const char *prefixes[RETAINED_PREFIXES_MAX]; /* none begins with another */
    size_t count;
    size_t present; /* the prefix that is being read; `count`: all are */
    char *after;    /* the last topic of it that was read; NULL: none */
    struct retained_waiting *waiting;
    size_t waiting_count;
    bool finished;
    enum status failed;
    char error[200];
};

/* Asks for the first page; the subscriptions are in force by now. `show` gets what is to be shown. */
enum status retained_start(struct retained *retained);

/* A message was delivered: shows it now, later or never. */
void retained_take(struct retained *retained, const struct message *message);

/* Frees what waits. */
void retained_free(struct retained *retained);

#endif
