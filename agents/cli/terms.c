#include "agents/cli/terms.h"

#include "agents/cli/moment.h"
#include "ledger/crypto/hex.h"

#include <busbar/loop.h>
#include <stdio.h>
#include <string.h>

static enum exit_code take(const struct call *call, const char *option, enum amount_unit unit, int64_t least,
                           bool *given_out, int64_t *out)
{
    const char *text = call_value(call, option);
    struct bb_reason reason;
    char what[32];
    int64_t value = 0;
    if (given_out != NULL)
        *given_out = text != NULL;
    snprintf(what, sizeof what, "--%s", option);
    if (text == NULL)
        return EXIT_DONE;
    enum status status = amount_parse(what, text, unit, &reason, &value);
    if (status == BB_OK)
        status = amount_check(what, value, least, unit, &reason);
    if (status != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    *out = value;
    return EXIT_DONE;
}

enum exit_code terms_energy(const struct call *call, const char *option, int64_t least, bool *given_out,
                            struct energy *out)
{
    return take(call, option, AMOUNT_KWH, least, given_out, &out->wh);
}

enum exit_code terms_price(const struct call *call, const char *option, bool *given_out, struct price *out)
{
    return take(call, option, AMOUNT_CENTS_PER_KWH, 0, given_out, &out->micro_per_kwh);
}

enum exit_code terms_money(const struct call *call, const char *option, int64_t least, bool *given_out,
                           struct money *out)
{
    return take(call, option, AMOUNT_CENTS, least, given_out, &out->nano);
}

enum exit_code terms_need(const struct call *call, const char *option, const char *example)
{
    if (call_value(call, option) != NULL)
        return EXIT_DONE;
    return call_fail(call, EXIT_USAGE, "--%s is missing; for example: --%s %s", option, option, example);
}

enum exit_code terms_moment(const struct call *call, const char *option, uint64_t *out)
{
    const char *text = call_value(call, option);
    struct bb_reason reason;
    char what[32];
    snprintf(what, sizeof what, "--%s", option);
    if (text != NULL && moment_parse(what, text, bb_loop_wall_ms() / 1000, &reason, out) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    return EXIT_DONE;
}

enum exit_code terms_seconds(const struct call *call, const char *option, uint64_t *out)
{
    struct bb_reason reason;
    int64_t value;
    if (call_value(call, option) == NULL)
        return EXIT_DONE;
    if (call_integer(call, option, 0, INT32_MAX, 0, &reason, &value) != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    *out = (uint64_t)value;
    return EXIT_DONE;
}

enum exit_code terms_order(const struct call *call, size_t index, bool bid, uint64_t *out)
{
    const char *text = call->args[index];
    if (amount_order_parse(text, out) != BB_OK)
        return call_fail(call, EXIT_USAGE,
                         "\"%s\" is no order; busbar market book and busbar account show list them (7 is a "
                         "post, b1 a bid)",
                         text);
    if (bid != (*out >> 63 == 1))
        return call_fail(call, EXIT_USAGE,
                         bid ? "%s is a post; see: busbar market post cancel %s"
                             : "%s is a bid, which can be cancelled only: busbar market bid cancel %s",
                         text, text);
    return EXIT_DONE;
}

enum exit_code terms_id(const struct call *call, size_t index, struct hash *out)
{
    if (hex_parse(call->args[index], out->bytes, sizeof out->bytes) == BB_OK)
        return EXIT_DONE;
    return call_fail(call, EXIT_USAGE, "%s is no transaction: 0x and 64 hexadecimal digits",
                     call->args[index]);
}

void terms_word(const struct call *call, const char *option, const char *const *words, size_t count,
                uint8_t *out)
{
    const char *value = call_value(call, option);
    for (size_t i = 0; value != NULL && i < count; i++)
        if (strcmp(words[i], value) == 0)
            *out = (uint8_t)i;
}
