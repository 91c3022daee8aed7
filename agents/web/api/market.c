/* The book, trades, the policy, lines and accounts: what the ledger says of the market. */
#include "agents/views/views.h"
#include "agents/web/api/handlers.h"
#include "agents/web/api/ledger.h"

#include <stdlib.h>
#include <string.h>

/* Lists of one document. */
#define ROWS_MAX  5000
#define ROWS      50
#define DEPTH_MAX 1000
#define DEPTH     20
/* Accounts and lines asked for at once, and in all. */
#define PAGE      1000
#define TOTAL_MAX 20000

static json_t *decimal(json_int_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, value);
    return json_string(text);
}

void on_book(void *context, struct exchange *exchange)
{
    json_int_t interval, depth;
    if (job_integer(exchange, "interval", 0, 999999999999, 0, &interval) &&
        job_integer(exchange, "depth", 1, DEPTH_MAX, DEPTH, &depth))
        ledger_relay(context, exchange, "book",
                     json_pack("{s:o, s:o}", "interval", decimal(interval), "depth", decimal(depth)));
}

/* A member of the query, when it is there, as a member of the parameters. */
static void carry(struct exchange *exchange, const char *name, json_t *params)
{
    const char *text = exchange_query(exchange, name);
    if (text != NULL)
        json_object_set_new(params, name, json_string(text));
}

void on_trades(void *context, struct exchange *exchange)
{
    json_int_t count;
    if (!job_integer(exchange, "count", 1, ROWS_MAX, ROWS, &count))
        return;
    json_t *params = json_object();
    carry(exchange, "account", params);
    carry(exchange, "before", params);
    ledger_gather(job_open(context, exchange), "trades", params, "trades", count);
}

void on_policy(void *context, struct exchange *exchange)
{
    ledger_relay(context, exchange, "parameters", NULL);
}

/* -- lists that count from the first
 * ------------------------------------------------------------------------- */

static void take_page(struct job *job, const json_t *page);

static void ask_page(struct job *job)
{
    bool lines = strcmp(job->word, "lines") == 0;
    json_object_set_new(job->params, "from", decimal((json_int_t)json_array_size(job->document)));
    if (!lines)
        json_object_set_new(job->params, "count", json_integer(PAGE));
    job_read(job, LEDGER, lines ? "parameters" : "account", json_copy(job->params), take_page);
}

/* The rest of the last page stays, but of the parameters: those have nothing to do with lines. */
static json_t *listed(const struct job *job, const json_t *page)
{
    static const char *const kept[] = {"height", "block", "state", "lines_total"};
    if (strcmp(job->word, "lines") != 0) {
        json_t *document = views_of(page);
        json_object_set(document, job->word, job->document);
        return document;
    }
    json_t *document = views_document();
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++)
        json_object_set(document, kept[i], json_object_get(page, kept[i]));
    json_object_set(document, "interval", json_object_get(job->params, "interval"));
    json_object_set(document, "lines", job->document);
    return document;
}

static void take_page(struct job *job, const json_t *page)
{
    const json_t *items = json_object_get(page, job->word),
                 *total = json_object_get(page, strcmp(job->word, "lines") == 0 ? "lines_total" : "total");
    json_int_t all =
        json_is_string(total) ? strtoll(json_string_value(total), NULL, 10) : json_integer_value(total);
    json_array_extend(job->document, (json_t *)(uintptr_t)items);
    json_int_t got = (json_int_t)json_array_size(job->document);
    if (json_array_size(items) > 0 && got < all && got < TOTAL_MAX && ++job->pages < JOB_PAGES_MAX)
        ask_page(job);
    else
        job_answer(job, listed(job, page));
}

static void list(void *context, struct exchange *exchange, json_t *params, const char *member)
{
    struct job *job = job_open(context, exchange);
    job->params = params;
    job->word = member;
    job->document = json_array();
    ask_page(job);
}

void on_accounts(void *context, struct exchange *exchange)
{
    list(context, exchange, json_object(), "accounts");
}

void on_lines(void *context, struct exchange *exchange)
{
    json_int_t interval;
    if (job_integer(exchange, "interval", 0, 999999999999, 0, &interval))
        list(context, exchange, json_pack("{s:o}", "interval", decimal(interval)), "lines");
}

/* -- one account
 * ---------------------------------------------------------------------------------------------- */

static void answer_account(struct job *job, const json_t *orders)
{
    job_answer(job, views_account(job->document, orders));
}

static void ask_orders(struct job *job, const json_t *account)
{
    job->document = json_incref((json_t *)(uintptr_t)account);
    job_read(job, LEDGER, "orders", json_incref(job->params), answer_account);
}

void on_account(void *context, struct exchange *exchange)
{
    struct job *job = job_open(context, exchange);
    job->params = json_pack("{s:s}", "account", exchange_part(exchange, 0));
    job_read(job, LEDGER, "account", json_incref(job->params), ask_orders);
}

void on_statement(void *context, struct exchange *exchange)
{
    json_int_t count;
    if (!job_integer(exchange, "count", 1, ROWS_MAX, ROWS, &count))
        return;
    json_t *params = json_pack("{s:s}", "account", exchange_part(exchange, 0));
    carry(exchange, "before", params);
    ledger_gather(job_open(context, exchange), "statement", params, "entries", count);
}

void on_orders(void *context, struct exchange *exchange)
{
    ledger_relay(context, exchange, "orders", json_pack("{s:s}", "account", exchange_part(exchange, 0)));
}
