#include "agents/cli/inquiry.h"

#include "agents/cli/decimal.h"
#include "agents/cli/json.h"
#include "agents/cli/moment.h"
#include "agents/views/views.h"

#include <busbar/loop.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

/* What the ledger gives at most of a list at once. */
#define PAGE_MAX ((size_t)500)

enum exit_code inquiry_open(const struct call *call, struct inquiry *out)
{
    struct bb_reason reason;
    struct inquiry inquiry = {.call = call};
    if (format_of(call, &reason, &inquiry.format) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    enum exit_code code = session_open(call, &inquiry.session);
    if (code == EXIT_DONE)
        *out = inquiry;
    return code;
}

void inquiry_close(struct inquiry *inquiry)
{
    session_close(&inquiry->session);
}

enum exit_code inquiry_ask(struct inquiry *inquiry, const char *method, json_t *params, json_t **result_out)
{
    json_t *result = NULL;
    enum exit_code code =
        session_call(inquiry->call, &inquiry->session, INQUIRY_PEER, method, params, EXIT_REFUSED, &result);
    const char *account = json_string_value(json_object_get(params, "account"));
    if (code == EXIT_MISSING && account != NULL && strncmp(account, "0x", 2) != 0)
        fprintf(stderr, "\"%s\" is none; busbar account list tells the names that there are\n", account);
    json_decref(params);
    if (code == EXIT_UNREACHABLE)
        fprintf(stderr, "The ledger does not run on this bus; start it with: busbar-ledgerd --home %s\n",
                inquiry->session.home);
    if (code == EXIT_DONE && !json_is_object(result)) {
        json_decref(result);
        return call_fail(inquiry->call, EXIT_FAILED, "the ledger's answer to %s is no JSON object", method);
    }
    if (code == EXIT_DONE)
        *result_out = result;
    return code;
}

enum exit_code inquiry_once(const struct call *call, const char *method, json_t *params,
                            enum format *format_out, json_t **result_out)
{
    struct inquiry inquiry;
    enum exit_code code = inquiry_open(call, &inquiry);
    if (code != EXIT_DONE) {
        json_decref(params);
        return code;
    }
    code = inquiry_ask(&inquiry, method, params, result_out);
    *format_out = inquiry.format;
    inquiry_close(&inquiry);
    return code;
}

/* Asks for the next page; true when there may be another after it. */
static bool take_page(struct inquiry *inquiry, const char *method, json_t *params, const char *member,
                      json_t *all, enum exit_code *code, json_t **page)
{
    json_decref(*page);
    *page = NULL;
    *code = inquiry_ask(inquiry, method, json_incref(params), page);
    json_t *items = json_object_get(*page, member), *next = json_object_get(*page, "next");
    if (json_is_array(items))
        json_array_extend(all, items);
    if (*code != EXIT_DONE || !json_is_string(next) || *json_string_value(next) == '\0')
        return false;
    if (json_equal(next, json_object_get(params, "before"))) {
        *code = call_fail(inquiry->call, EXIT_FAILED,
                          "the ledger says again and again that more is before %s", json_string_value(next));
        return false;
    }
    json_object_set(params, "before", next);
    return true;
}

enum exit_code inquiry_gather(const struct call *call, const char *method, json_t *params, const char *member,
                              size_t count, enum format *format_out, json_t **result_out)
{
    struct inquiry inquiry;
    json_t *all = json_array(), *page = NULL;
    enum exit_code code = inquiry_open(call, &inquiry);
    bool opened = code == EXIT_DONE, more = opened;
    while (more && json_array_size(all) < count) {
        char left[24];
        snprintf(left, sizeof left, "%zu",
                 count - json_array_size(all) < PAGE_MAX ? count - json_array_size(all) : PAGE_MAX);
        json_object_set_new(params, "count", json_string(left));
        more = take_page(&inquiry, method, params, member, all, &code, &page);
    }
    json_decref(params);
    if (opened) {
        *format_out = inquiry.format;
        inquiry_close(&inquiry);
    }
    if (code == EXIT_DONE) {
        json_object_set(page, member, all);
        *result_out = json_incref(page);
    }
    json_decref(page);
    json_decref(all);
    return code;
}

void inquiry_print(json_t *result)
{
    json_print(stdout, views_of(result));
    json_decref(result);
}

void inquiry_fact(const char *label, const char *format, ...)
{
    va_list values;
    printf("%-14s ", label);
    va_start(values, format);
    vprintf(format, values);
    va_end(values);
    putchar('\n');
}

enum status inquiry_moment(const struct call *call, const char *option, struct bb_reason *reason, char *text)
{
    const char *value = call_value(call, option);
    char what[32];
    uint64_t seconds = 0;
    enum status status = BB_OK;
    snprintf(what, sizeof what, "--%s", option);
    if (value != NULL)
        status = moment_parse(what, value, bb_loop_wall_ms() / 1000, reason, &seconds);
    if (status == BB_OK)
        snprintf(text, DECIMAL_TEXT_MAX, "%" PRIu64, seconds);
    return status;
}
