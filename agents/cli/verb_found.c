/* busbar chain init: founds a chain; nothing runs yet. */
#include "agents/cli/amount.h"
#include "agents/cli/founding.h"
#include "agents/cli/home.h"
#include "agents/cli/inquiry.h"
#include "agents/cli/owner.h"
#include "agents/cli/terms.h"
#include "agents/cli/verbs.h"
#include "ledger/crypto/hex.h"

#include <string.h>
#include <unistd.h>

/* NAME:ROLE:KEY:CENTS:KWH. */
#define PARTS 5

/* Splits at the colons; how many parts there are, more than PARTS when there are too many. */
static size_t split(char *text, const char *parts[PARTS])
{
    size_t count = 0;
    for (char *at = text; at != NULL;) {
        char *colon = strchr(at, ':');
        if (colon != NULL)
            *colon++ = '\0';
        if (count < PARTS)
            parts[count] = at;
        count++;
        at = colon;
    }
    return count;
}

static bool role_of(const char *word, uint8_t *out)
{
    static const char *const words[] = {
        [ROLE_PROSUMER] = "prosumer", [ROLE_CONSUMER] = "consumer", [ROLE_METER] = "meter"};
    for (uint8_t role = ROLE_PROSUMER; role < ROLE_END; role++)
        if (strcmp(words[role], word) == 0) {
            *out = role;
            return true;
        }
    return false;
}

static enum exit_code balances(const struct call *call, const char *what, const char *cents, const char *kwh,
                               struct genesis_participant *p)
{
    struct bb_reason reason;
    enum status status = BB_OK;
    if (cents != NULL && *cents != '\0')
        status = amount_parse(what, cents, AMOUNT_CENTS, &reason, &p->money.nano);
    if (status == BB_OK && kwh != NULL && *kwh != '\0')
        status = amount_parse(what, kwh, AMOUNT_KWH, &reason, &p->energy.wh);
    return status == BB_OK ? EXIT_DONE : call_fail(call, EXIT_USAGE, "%s", reason.text);
}

/* One participant as an argument. */
static enum exit_code add_argument(const struct call *call, struct founding *f, const char *argument)
{
    const char *parts[PARTS] = {NULL};
    struct genesis_participant p = {.role = 0};
    struct bb_reason reason;
    char text[256];
    snprintf(text, sizeof text, "%s", argument);
    size_t count = split(text, parts);
    if (count < 2 || count > PARTS || strlen(argument) >= sizeof text || strlen(parts[0]) > MARKET_NAME_MAX)
        return call_fail(call, EXIT_USAGE, "\"%s\": expected NAME:ROLE, or NAME:ROLE:KEY:CENTS:KWH",
                         argument);
    if (!role_of(parts[1], &p.role))
        return call_fail(call, EXIT_USAGE, "%s: the role \"%s\" is none of: prosumer consumer meter",
                         argument, parts[1]);
    snprintf(p.name, sizeof p.name, "%s", parts[0]);
    const char *key = count > 2 && *parts[2] != '\0' ? parts[2] : p.name;
    enum exit_code code =
        balances(call, "--cents or --kwh", call_value(call, "cents"), call_value(call, "kwh"), &p);
    if (code == EXIT_DONE)
        code = balances(call, argument, parts[3], parts[4], &p);
    if (code == EXIT_DONE)
        code = owner_address(call, key, &p.address);
    if (code == EXIT_DONE && founding_add(f, &p, &reason) != BB_OK)
        code = call_fail(call, EXIT_USAGE, "%s", reason.text);
    return code;
}

/* --operator and --distribution: the wallet's name is the account's too; with an address it is the role's. */
static enum exit_code add_office(const struct call *call, struct founding *f, const char *option,
                                 uint8_t role, const char *preset)
{
    const char *given = call_value(call, option);
    const char *key = given == NULL ? preset : given;
    struct genesis_participant p = {.role = role};
    struct bb_reason reason;
    if (strlen(key) > MARKET_NAME_MAX && strncmp(key, "0x", 2) != 0)
        return call_fail(call, EXIT_USAGE, "--%s: \"%s\": a name has at most %d characters", option, key,
                         MARKET_NAME_MAX);
    snprintf(p.name, sizeof p.name, "%.*s", MARKET_NAME_MAX, strncmp(key, "0x", 2) == 0 ? option : key);
    enum exit_code code = owner_address(call, key, &p.address);
    if (code != EXIT_DONE && given == NULL)
        fprintf(stderr, "Make it with: busbar key new %s, or name another: --%s NAME|ADDRESS\n", preset,
                option);
    if (code == EXIT_DONE && founding_add(f, &p, &reason) != BB_OK)
        code = call_fail(call, EXIT_USAGE, "%s", reason.text);
    return code;
}

static void print_done(const struct call *call, const struct founding *f, const char *hash)
{
    if (call_flag(call, "json")) {
        inquiry_print(json_pack("{s:s, s:s, s:I, s:i}", "home", f->home, "genesis", hash, "chain_id",
                                (json_int_t)f->genesis.chain_id, "participants",
                                (int)f->genesis.participant_count));
        return;
    }
    printf("chain %s\n\n", hash);
    inquiry_fact("genesis", "%s/ledger/genesis.json", f->home);
    inquiry_fact("its bytes", "%s/ledger/genesis (what a participant needs to verify receipts)", f->home);
    inquiry_fact("sealer's key", "%s/ledger/sealer.key (signs blocks; keep it secret, and a copy of it)",
                 f->home);
    inquiry_fact("participants", "%u", f->genesis.participant_count);
    printf("\nStart the ledger beside the broker, then look at it:\n\n"
           "  busbar-ledgerd --home %s\n"
           "  busbar account list --home %s\n",
           f->home, f->home);
}

static enum exit_code gather(const struct call *call, struct founding *f)
{
    enum exit_code code = add_office(call, f, "operator", ROLE_OPERATOR, "operator");
    if (code == EXIT_DONE)
        code = add_office(call, f, "distribution", ROLE_DISTRIBUTION, "edc");
    for (size_t i = 0; i < call->arg_count && code == EXIT_DONE; i++)
        code = add_argument(call, f, call->args[i]);
    return code;
}

enum exit_code verb_chain_init(const struct call *call)
{
    struct bb_reason reason;
    struct founding f;
    struct hash hash;
    char home[512], path[600], text[HEX_HASH];
    int64_t chain_id;
    enum status status = home_find(call_value(call, "home"), &reason, home, sizeof home);
    if (status == BB_OK)
        status = call_integer(call, "chain-id", 1, (INT64_C(1) << 53) - 1, 1337, &reason, &chain_id);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s", reason.text);
    snprintf(path, sizeof path, "%s/ledger", home);
    if (access(path, F_OK) != 0)
        return call_fail(call, EXIT_MISSING, "%s is not there; run: busbar init --home %s", path, home);
    founding_start(&f, home, (uint64_t)chain_id);
    enum exit_code code = gather(call, &f);
    if (code != EXIT_DONE)
        return code;
    status = founding_write(&f, &reason, &hash);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s", reason.text);
    hex_format((struct bytes){hash.bytes, sizeof hash.bytes}, text);
    print_done(call, &f, text);
    return EXIT_DONE;
}
