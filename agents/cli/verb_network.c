/* busbar market policy, market line: what the distribution company sets, and what is in force. */
#include "agents/cli/listing.h"
#include "agents/cli/signing.h"
#include "agents/cli/terms.h"
#include "agents/cli/verbs.h"

#include <inttypes.h>
#include <string.h>

static const char *const modes[] = {
    [POLICY_NONE] = "none", [POLICY_LIMIT] = "limit", [POLICY_PENALTY] = "penalty"};
static const char *const recipients[] = {
    [RECIPIENT_DISTRIBUTION] = "distribution", [RECIPIENT_SELLER] = "seller"};

static void print_policy(const json_t *parameters)
{
    static const struct listing_column columns[] = {
        {"buyer", "buyer", "buyer_name", LISTING_TEXT},
        {"seller", "seller", "seller_name", LISTING_TEXT},
        {"kWh per interval", "capacity_kwh", "capacity", LISTING_KWH},
        {"used without interval", "used_kwh", "used", LISTING_KWH}};
    const json_t *policy = json_object_get(parameters, "policy"),
                 *lines = json_object_get(parameters, "lines");
    char a[LISTING_TEXT_MAX], b[LISTING_TEXT_MAX];
#define TEXT(member, kind, room) listing_text(policy, member, kind, FORMAT_PEOPLE, room)
    inquiry_fact("mode", "%s", TEXT("mode", LISTING_TEXT, a));
    inquiry_fact("penalty", "%s cent/kWh to %s", TEXT("penalty", LISTING_CENTS_PER_KWH, a),
                 strcmp(TEXT("recipient", LISTING_TEXT, b), "seller") == 0 ? "the seller"
                                                                           : "the distribution company");
    inquiry_fact("price band", "%s to %s cent/kWh (0 to 0: none)", TEXT("band_low", LISTING_CENTS_PER_KWH, a),
                 TEXT("band_high", LISTING_CENTS_PER_KWH, b));
    inquiry_fact("intervals", "of %s s (0: any start), closed %s s before",
                 TEXT("interval_seconds", LISTING_COUNT, a), TEXT("gate_seconds", LISTING_COUNT, b));
#undef TEXT
    if (json_array_size(lines) == 0) {
        puts("no line has a limit");
        return;
    }
    putchar('\n');
    listing_print(FORMAT_PEOPLE, columns, sizeof columns / sizeof *columns, lines);
}

static enum exit_code show(const struct call *call)
{
    enum format format;
    json_t *result = NULL;
    enum exit_code code = inquiry_once(call, "parameters", NULL, &format, &result);
    if (code == EXIT_DONE && format == FORMAT_JSON)
        inquiry_print(json_incref(result));
    else if (code == EXIT_DONE)
        print_policy(result);
    json_decref(result);
    return code;
}

/* The place of the policy's word in words[count]; 0 when it is none of them. */
static uint8_t word_of(const json_t *policy, const char *member, const char *const *words, size_t count)
{
    const char *word = json_string_value(json_object_get(policy, member));
    for (size_t i = 0; word != NULL && i < count; i++)
        if (strcmp(words[i], word) == 0)
            return (uint8_t)i;
    return 0;
}

/* Overwrites what the options give. */
static enum exit_code take_policy(const struct call *call, struct policy *policy)
{
    terms_word(call, "mode", modes, POLICY_END, &policy->mode);
    terms_word(call, "recipient", recipients, RECIPIENT_END, &policy->recipient);
    enum exit_code code = terms_price(call, "penalty", NULL, &policy->penalty);
    if (code == EXIT_DONE)
        code = terms_price(call, "band-low", NULL, &policy->band_low);
    if (code == EXIT_DONE)
        code = terms_price(call, "band-high", NULL, &policy->band_high);
    if (code == EXIT_DONE)
        code = terms_seconds(call, "interval-seconds", &policy->interval_seconds);
    return code == EXIT_DONE ? terms_seconds(call, "gate-seconds", &policy->gate_seconds) : code;
}

/* The policy in force, with what the options change in it. */
static enum exit_code complete_policy(struct signing *signing, struct action *action)
{
    const json_t *in_force = json_object_get(signing->parameters, "policy");
    struct policy *policy = &action->policy;
    *policy = (struct policy){.mode = word_of(in_force, "mode", modes, POLICY_END),
                              .recipient = word_of(in_force, "recipient", recipients, RECIPIENT_END)};
    bool known = listing_int(in_force, "penalty", &policy->penalty.micro_per_kwh) &&
                 listing_int(in_force, "band_low", &policy->band_low.micro_per_kwh) &&
                 listing_int(in_force, "band_high", &policy->band_high.micro_per_kwh) &&
                 listing_uint(in_force, "interval_seconds", &policy->interval_seconds) &&
                 listing_uint(in_force, "gate_seconds", &policy->gate_seconds);
    if (!known)
        return call_fail(signing->inquiry.call, EXIT_FAILED,
                         "the ledger does not say what policy is in force");
    return take_policy(signing->inquiry.call, policy);
}

enum exit_code verb_market_policy(const struct call *call)
{
    static const char *const options[] = {"mode",      "penalty",          "recipient",   "band-low",
                                          "band-high", "interval-seconds", "gate-seconds"};
    struct action action = {.type = ACTION_SET_POLICY};
    bool change = false;
    for (size_t i = 0; i < sizeof options / sizeof *options; i++)
        change = change || call_value(call, options[i]) != NULL;
    if (!change)
        return show(call);
    enum exit_code code = take_policy(call, &action.policy);
    return code == EXIT_DONE ? signing_run(call, &action, complete_policy) : code;
}

static enum exit_code complete_line(struct signing *signing, struct action *action)
{
    const struct call *call = signing->inquiry.call;
    enum exit_code code = signing_account(signing, call->args[0], &action->line.buyer);
    return code == EXIT_DONE ? signing_account(signing, call->args[1], &action->line.seller) : code;
}

enum exit_code verb_market_line(const struct call *call)
{
    struct action action = {.type = ACTION_SET_LINE, .line.capacity = {-1}};
    bool limited = false, free = call_flag(call, "unlimited");
    enum exit_code code = terms_energy(call, "kwh", 0, &limited, &action.line.capacity);
    if (code == EXIT_DONE && limited == free)
        code = call_fail(call, EXIT_USAGE,
                         "give --kwh, what the line carries per delivery interval, or --unlimited");
    return code == EXIT_DONE ? signing_run(call, &action, complete_line) : code;
}
