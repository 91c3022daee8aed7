/* A connection to PostgreSQL that never blocks in libpq: a server that is stopped, or a network that swallows
 * everything, would hold the thread for ever. Each statement has its time. */
#ifndef AGENTS_HISTORIAN_POSTGRES_H
#define AGENTS_HISTORIAN_POSTGRES_H

#include "agents/historian/target.h"

#include <libpq-fe.h>

#define POSTGRES_PARAMS_MAX 9
#define POSTGRES_NUMBER_MAX 32

struct postgres {
    PGconn *link;
    const atomic_bool *stop; /* borrowed: true ends every wait */
    int64_t timeout_ms, deadline_ms;
    bool dead; /* what is on the way may come at any time: the connection is of no use any more */
};

/* Parameters of a statement, as texts. */
struct postgres_params {
    const char *values[POSTGRES_PARAMS_MAX];
    char numbers[POSTGRES_PARAMS_MAX][POSTGRES_NUMBER_MAX];
    int count;
};

/* Adds a parameter; a text is borrowed. One too many is a bug. */
void postgres_add_text(struct postgres_params *params, const char *text);
void postgres_add_integer(struct postgres_params *params, int64_t number);
void postgres_add_real(struct postgres_params *params, double number);

/* Connects. BB_UNREACHABLE; the reason says why. */
BB_MUST_CHECK enum status postgres_connect(const struct target_settings *settings, struct postgres *out,
                                           struct bb_reason *reason);

/* Closes what postgres_connect has made. */
void postgres_disconnect(struct postgres *postgres);

/* Runs a statement (params NULL: statements); *result_out (may be NULL) is to be cleared. BB_MALFORMED: the
 * data will never be taken; BB_TIMEOUT: the server gave up; BB_CLOSED: the connection is dead; BB_IO. */
BB_MUST_CHECK enum status postgres_run(struct postgres *postgres, const char *sql,
                                       const struct postgres_params *params, PGresult **result_out,
                                       struct bb_reason *reason);

/* Takes a row; false: enough. */
typedef bool postgres_row(void *context, const PGresult *row);

/* Runs a question row by row, so that no answer needs memory of its own; what comes after enough is read and
 * left. As postgres_run. */
BB_MUST_CHECK enum status postgres_ask(struct postgres *postgres, const char *sql,
                                       const struct postgres_params *params, postgres_row *take,
                                       void *context, struct bb_reason *reason);

/* Sends a piece of a COPY under way; false: the connection is dead. */
bool postgres_copy(struct postgres *postgres, const char *text, size_t size);

/* Ends it: BB_OK when `sent` and the server took it. As postgres_run. */
BB_MUST_CHECK enum status postgres_copied(struct postgres *postgres, bool sent, struct bb_reason *reason);

#endif
