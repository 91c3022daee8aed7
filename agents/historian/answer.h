/* Questions to the history and their answers, as JSON texts: what other agents call. */
#ifndef AGENTS_HISTORIAN_ANSWER_H
#define AGENTS_HISTORIAN_ANSWER_H

#include "agents/historian/history.h"

/* Values of one answer, and about how many bytes of texts: in JSON they may become six times as many. */
#define ANSWER_VALUES_MAX 10000
#define ANSWER_BYTES_MAX  (1536 * 1024)
/* A list that is longer does not fit a frame of the bus with all that stands around it. */
#define ANSWER_LIST_MAX   (12 * 1024 * 1024)
#define ANSWER_TOPICS_MAX 100

/* The questions; params (an object) as VOLTTRON's historians take them. The answer is malloc'd JSON.
 * BB_RANGE, BB_MALFORMED: what is asked is wrong; BB_TIMEOUT; anything else: the target is away. The reason
 * says why. */
typedef enum status answer_method(struct history *history, const char *params, char **json_out,
                                  struct bb_reason *reason);

/* topic (a name or a list), start, end, agg_type, agg_period, skip, count, order →
 * {"values":[[time,value],…], "metadata":{…}}; for a list {"values":{topic:[…],…},"metadata":{}}. "next" when
 * there is more of one topic: the start (or, backwards, the end) that goes on. */
answer_method answer_query;

/* prefix, after, max → the names, in the order of their bytes. */
answer_method answer_topic_list;

/* topic_pattern → {name: number}. */
answer_method answer_topics_by_pattern;

/* prefix, after, max → [[name, kinds, period],…], one for each period that is kept. */
answer_method answer_aggregate_topics;

/* prefix, after, max → {"topics":[{"topic","metadata","aggregates":[period,…]}],"next"}. */
answer_method answer_topics;

#endif
