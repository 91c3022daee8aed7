/* busbar account admit, revoke, rekey, mint, correct; market halt, open; chain sealer: what the operator
 * does. */
#include "agents/cli/signing.h"
#include "agents/cli/terms.h"
#include "agents/cli/verbs.h"

#include <string.h>

static enum exit_code name_of(const struct call *call, const char *text, struct bytes *out)
{
    if (*text == '\0' || strlen(text) > MARKET_NAME_MAX)
        return call_fail(call, EXIT_USAGE, "\"%s\": a name has 1 to %d characters", text, MARKET_NAME_MAX);
    *out = bytes_of(text);
    return EXIT_DONE;
}

enum exit_code verb_account_admit(const struct call *call)
{
    static const char *const roles[] = {"", "operator", "distribution", "prosumer", "consumer", "meter"};
    struct action action = {.type = ACTION_ADMIT};
    enum exit_code code = terms_need(call, "role", "prosumer");
    if (code == EXIT_DONE)
        code = name_of(call, call->args[0], &action.admit.name);
    if (code == EXIT_DONE)
        code = owner_address(call, call->args[1], &action.admit.participant);
    terms_word(call, "role", roles, ROLE_END, &action.admit.role);
    return code == EXIT_DONE ? signing_run(call, &action, NULL) : code;
}

static enum exit_code complete_revoke(struct signing *signing, struct action *action)
{
    return signing_account(signing, signing->inquiry.call->args[0], &action->revoke.participant);
}

enum exit_code verb_account_revoke(const struct call *call)
{
    struct action action = {.type = ACTION_REVOKE};
    return signing_run(call, &action, complete_revoke);
}

static enum exit_code complete_rekey(struct signing *signing, struct action *action)
{
    return signing_account(signing, signing->inquiry.call->args[0], &action->rekey.participant);
}

enum exit_code verb_account_rekey(const struct call *call)
{
    struct action action = {.type = ACTION_REKEY};
    enum exit_code code = terms_need(call, "to", "0x718faE2E5c6Ba915a210B7f6e85246dB915b9C03");
    if (code == EXIT_DONE)
        code = owner_address(call, call_value(call, "to"), &action.rekey.successor);
    return code == EXIT_DONE ? signing_run(call, &action, complete_rekey) : code;
}

static enum exit_code complete_mint(struct signing *signing, struct action *action)
{
    return signing_account(signing, signing->inquiry.call->args[0], &action->mint.to);
}

enum exit_code verb_account_mint(const struct call *call)
{
    struct action action = {.type = ACTION_MINT};
    enum exit_code code = terms_money(call, "cents", 0, NULL, &action.mint.money);
    if (code == EXIT_DONE)
        code = terms_energy(call, "kwh", 0, NULL, &action.mint.energy);
    if (code == EXIT_DONE && action.mint.money.nano == 0 && action.mint.energy.wh == 0)
        code = call_fail(call, EXIT_USAGE, "how much? give --cents, --kwh or both");
    return code == EXIT_DONE ? signing_run(call, &action, complete_mint) : code;
}

static enum exit_code complete_correct(struct signing *signing, struct action *action)
{
    const struct call *call = signing->inquiry.call;
    enum exit_code code = signing_account(signing, call_value(call, "from"), &action->correction.from);
    return code == EXIT_DONE ? signing_account(signing, call_value(call, "to"), &action->correction.to)
                             : code;
}

/* The options that a correction must have. */
static enum exit_code check_correction(const struct call *call)
{
    static const char *const needed[][2] = {
        {"from", "p1"}, {"to", "c1"}, {"reason", "\"the meter was read wrong\""}};
    enum exit_code code = EXIT_DONE;
    for (size_t i = 0; i < sizeof needed / sizeof *needed && code == EXIT_DONE; i++)
        code = terms_need(call, needed[i][0], needed[i][1]);
    return code;
}

enum exit_code verb_account_correct(const struct call *call)
{
    struct action action = {.type = ACTION_CORRECTION};
    enum exit_code code = check_correction(call);
    if (code == EXIT_DONE)
        code = terms_id(call, 0, &action.correction.transaction);
    if (code == EXIT_DONE)
        code = terms_money(call, "cents", 0, NULL, &action.correction.money);
    if (code == EXIT_DONE)
        code = terms_energy(call, "kwh", 0, NULL, &action.correction.energy);
    if (code == EXIT_DONE && action.correction.money.nano == 0 && action.correction.energy.wh == 0)
        code = call_fail(call, EXIT_USAGE, "how much? give --cents, --kwh or both");
    if (code != EXIT_DONE)
        return code;
    action.correction.reason = bytes_of(call_value(call, "reason"));
    return signing_run(call, &action, complete_correct);
}

static enum exit_code set_market(const struct call *call, uint8_t state)
{
    struct action action = {.type = ACTION_SET_MARKET, .market.state = state};
    return signing_run(call, &action, NULL);
}

enum exit_code verb_market_halt(const struct call *call)
{
    return set_market(call, MARKET_HALTED);
}

enum exit_code verb_market_open(const struct call *call)
{
    return set_market(call, MARKET_OPEN);
}

enum exit_code verb_chain_sealer(const struct call *call)
{
    struct action action = {.type = ACTION_SET_SEALER};
    enum exit_code code = owner_address(call, call->args[0], &action.sealer.sealer);
    return code == EXIT_DONE ? signing_run(call, &action, NULL) : code;
}
