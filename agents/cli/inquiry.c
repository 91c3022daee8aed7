#include "agents/cli/inquiry.h"

#include "agents/cli/decimal.h"
#include "agents/cli/json.h"
#include "agents/cli/moment.h"

#include <busbar/loop.h>
#include <inttypes.h>
#include <stdarg.h>

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

void inquiry_print(json_t *result)
{
    json_t *document = json_document();
    json_object_update(document, result);
    json_decref(result);
    json_print(stdout, document);
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
