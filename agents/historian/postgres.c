#include "agents/historian/postgres.h"

#include <busbar/check.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

/* Of the server's own limit the server tells; so much later it is taken to hang. */
#define GRACE_MS 1000
/* How often a wait looks whether it is to end. */
#define SLICE_MS 100

void postgres_add_text(struct postgres_params *p, const char *text)
{
    CHECK(p->count < POSTGRES_PARAMS_MAX);
    p->values[p->count++] = text;
}

void postgres_add_integer(struct postgres_params *p, int64_t number)
{
    CHECK(p->count < POSTGRES_PARAMS_MAX);
    snprintf(p->numbers[p->count], POSTGRES_NUMBER_MAX, "%" PRId64, number);
    postgres_add_text(p, p->numbers[p->count]);
}

void postgres_add_real(struct postgres_params *p, double number)
{
    CHECK(p->count < POSTGRES_PARAMS_MAX);
    snprintf(p->numbers[p->count], POSTGRES_NUMBER_MAX, "%.17g", number);
    postgres_add_text(p, p->numbers[p->count]);
}

/* -- statements ----------------------------------------------------------------------------------------- */

/* The first line of what the server or libpq says. */
static void say(struct bb_reason *reason, const char *text)
{
    bb_reason_say(reason, "postgres: %.*s", (int)strcspn(text, "\n"), text);
}

/* Class 22 is about the data, 23 about constraints: the same again will not help. Source: PostgreSQL 15,
 * appendix A. */
static enum status status_of(const struct postgres *t, const PGresult *result, struct bb_reason *reason)
{
    ExecStatusType got = PQresultStatus(result);
    if (got == PGRES_COMMAND_OK || got == PGRES_TUPLES_OK || got == PGRES_SINGLE_TUPLE ||
        got == PGRES_COPY_IN)
        return BB_OK;
    const char *code = result == NULL ? NULL : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    say(reason, result == NULL ? PQerrorMessage(t->link) : PQresultErrorMessage(result));
    if (PQstatus(t->link) != CONNECTION_OK)
        return BB_CLOSED;
    if (code == NULL)
        return BB_IO;
    if (strcmp(code, "57014") == 0)
        return BB_TIMEOUT;
    return strncmp(code, "22", 2) == 0 || strncmp(code, "23", 2) == 0 ? BB_MALFORMED : BB_IO;
}

static int64_t mono_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits until the connection can be read or written; false: not in time, or it is to stop. */
static bool await(struct postgres *t, short events)
{
    for (;;) {
        int64_t left = t->deadline_ms - mono_ms();
        struct pollfd fd = {PQsocket(t->link), events, 0};
        if (fd.fd < 0 || left <= 0 || atomic_load(t->stop))
            return false;
        int ready = poll(&fd, 1, left < SLICE_MS ? (int)left : SLICE_MS);
        if (ready > 0)
            return true;
        if (ready < 0 && errno != EINTR)
            return false;
    }
}

static enum status die(struct postgres *t, struct bb_reason *reason)
{
    t->dead = true;
    if (PQstatus(t->link) != CONNECTION_OK)
        say(reason, PQerrorMessage(t->link));
    else
        bb_reason_say(reason, "postgres: the server does not answer");
    return BB_CLOSED;
}

/* Sends what libpq has collected. */
static bool send_out(struct postgres *t)
{
    int left = PQflush(t->link);
    while (left == 1) {
        if (!await(t, POLLIN | POLLOUT) || PQconsumeInput(t->link) == 0)
            return false;
        left = PQflush(t->link);
    }
    return left == 0;
}

/* The next result of what was sent; NULL: that was all. False: the connection is dead. */
static bool next_result(struct postgres *t, PGresult **out)
{
    while (PQisBusy(t->link))
        if (!await(t, POLLIN) || PQconsumeInput(t->link) == 0)
            return false;
    *out = PQgetResult(t->link);
    return true;
}

/* Sends a statement; the time for it begins. */
static bool send_statement(struct postgres *t, const char *sql, const struct postgres_params *p)
{
    t->deadline_ms = mono_ms() + t->timeout_ms + GRACE_MS;
    int sent = p == NULL ? PQsendQuery(t->link, sql)
                         : PQsendQueryParams(t->link, sql, p->count, NULL, p->values, NULL, NULL, 0);
    return sent == 1;
}

/* Takes all results of what was sent; the last one is *result_out's, which may be NULL. */
static enum status take_results(struct postgres *t, PGresult **result_out, struct bb_reason *reason)
{
    PGresult *result = NULL, *last = NULL;
    enum status status = BB_OK;
    bool alive = true, more = true;
    while (more && (alive = next_result(t, &result)) && result != NULL) {
        if (status == BB_OK)
            status = status_of(t, result, reason);
        more = PQresultStatus(result) != PGRES_COPY_IN;
        PQclear(last);
        last = result;
    }
    if (!alive)
        status = die(t, reason);
    if (status == BB_OK && result_out != NULL)
        *result_out = last;
    else
        PQclear(last);
    return status;
}

/* Runs a statement; *result_out (may be NULL) is to be cleared. */
enum status postgres_run(struct postgres *t, const char *sql, const struct postgres_params *p,
                         PGresult **result_out, struct bb_reason *reason)
{
    if (t->dead || !send_statement(t, sql, p) || !send_out(t))
        return die(t, reason);
    return take_results(t, result_out, reason);
}

/* Runs a question row by row, so that no answer needs memory of its own; what comes after enough is read and
 * left. */
enum status postgres_ask(struct postgres *t, const char *sql, const struct postgres_params *p,
                         postgres_row *take, void *context, struct bb_reason *reason)
{
    bool more = true, alive = true;
    PGresult *row = NULL;
    if (t->dead || !send_statement(t, sql, p) || PQsetSingleRowMode(t->link) != 1 || !send_out(t))
        return die(t, reason);
    enum status status = BB_OK;
    while ((alive = next_result(t, &row)) && row != NULL) {
        if (status == BB_OK)
            status = status_of(t, row, reason);
        if (status == BB_OK && more && PQntuples(row) == 1)
            more = take(context, row);
        PQclear(row);
    }
    return alive ? status : die(t, reason);
}

bool postgres_copy(struct postgres *t, const char *text, size_t size)
{
    return PQputCopyData(t->link, text, (int)size) == 1 && send_out(t);
}

enum status postgres_copied(struct postgres *t, bool sent, struct bb_reason *reason)
{
    sent = sent && PQputCopyEnd(t->link, NULL) == 1 && send_out(t);
    return sent ? take_results(t, NULL, reason) : die(t, reason);
}

/* -- opening -------------------------------------------------------------------------------------------- */

static void on_notice(void *context, const PGresult *result)
{
    (void)context;
    (void)result;
}

/* Makes the connection, in the time given. */
static bool connect_in_time(struct postgres *t)
{
    PostgresPollingStatusType wants = PGRES_POLLING_WRITING;
    if (PQstatus(t->link) == CONNECTION_BAD)
        return false;
    while (wants != PGRES_POLLING_OK) {
        if (wants == PGRES_POLLING_FAILED || !await(t, wants == PGRES_POLLING_READING ? POLLIN : POLLOUT))
            return false;
        wants = PQconnectPoll(t->link);
    }
    return PQsetnonblocking(t->link, 1) == 0;
}

static PGconn *start_connection(const struct target_settings *settings)
{
    char ms[16], options[96];
    snprintf(ms, sizeof ms, "%u", settings->timeout_ms);
    snprintf(options, sizeof options, "-c statement_timeout=%u -c client_min_messages=warning",
             settings->timeout_ms);
    const char *const keys[] = {"dbname",  "tcp_user_timeout",          "client_encoding",
                                "options", "fallback_application_name", "password",
                                NULL};
    const char *const values[] = {settings->connection,
                                  ms,
                                  "UTF8",
                                  options,
                                  "busbar historian",
                                  settings->secret[0] == '\0' ? NULL : settings->secret,
                                  NULL};
    return PQconnectStartParams(keys, values, 1);
}

void postgres_disconnect(struct postgres *t)
{
    PQfinish(t->link);
    t->link = NULL;
}

enum status postgres_connect(const struct target_settings *settings, struct postgres *out,
                             struct bb_reason *reason)
{
    struct postgres t = {.stop = settings->stop, .timeout_ms = settings->timeout_ms};
    t.deadline_ms = mono_ms() + t.timeout_ms;
    t.link = start_connection(settings);
    CHECK(t.link != NULL);
    PQsetNoticeReceiver(t.link, on_notice, NULL);
    if (!connect_in_time(&t)) {
        if (PQstatus(t.link) == CONNECTION_BAD)
            say(reason, PQerrorMessage(t.link));
        else
            bb_reason_say(reason, "postgres: the server does not answer");
        postgres_disconnect(&t);
        return BB_UNREACHABLE;
    }
    *out = t;
    return BB_OK;
}
