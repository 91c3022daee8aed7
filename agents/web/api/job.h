/* The work for one exchange: questions one after another, each with the step that takes its answer, until a
 * document or an error goes to the client. A step ends with job_ask, job_answer or job_fail; after the latter
 * two the job is gone. What a peer refuses, or that it is away, is answered without a word of the step. */
#ifndef AGENTS_WEB_API_JOB_H
#define AGENTS_WEB_API_JOB_H

#include "agents/web/api/relay.h"
#include "agents/web/exchange.h"

#define JOB_READ_MS 5000
/* Pages of one list: a peer that tells of ever more is not followed for ever. */
#define JOB_PAGES_MAX 100

struct job;
typedef void job_step(struct job *job, const json_t *result);

struct job {
    struct api *api;
    struct exchange *exchange;
    json_t *document; /* what is being made; NULL */
    json_t *params;   /* of the next question of a series; NULL */
    const char *word; /* a method, or the member of the answer that holds the list; static storage */
    json_t *agents;   /* identities that are still to be asked; NULL */
    json_int_t left;  /* items that are still wanted */
    unsigned pages;   /* read so far */
    job_step *next;   /* takes the answer */
    job_step *then;   /* after a series */
    char peer[256];   /* who was asked last, for the error */
};

/* A job for the exchange. */
struct job *job_open(struct api *api, struct exchange *exchange);

/* Asks (takes question.params) and has `step` take the result. */
void job_ask(struct job *job, struct relay_question question, job_step *step);

/* The same for reading from a peer. */
void job_read(struct job *job, const char *peer, const char *method, json_t *params, job_step *step);

/* Answers with the document (taken), and ends the job. */
void job_answer(struct job *job, json_t *document);

/* Answers with an error, and ends the job. */
void job_fail(struct job *job, unsigned http_status, const char *code, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* A step: answers with the result as a document. */
void job_relay(struct job *job, const json_t *result);

/* Reads a parameter of the query, an integer from `low` to `high`; `otherwise` when it is not there. False:
 * it is none, and the exchange has been answered. */
bool job_integer(struct exchange *exchange, const char *name, json_int_t low, json_int_t high,
                 json_int_t otherwise, json_int_t *out);

/* Answers an exchange without a job with a document (taken). */
void job_give(struct exchange *exchange, json_t *document);

#endif
