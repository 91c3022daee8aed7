#include "agents/cli/advice.h"

#include "agents/cli/amount.h"
#include "agents/cli/answer.h"
#include "agents/cli/inquiry.h"
#include "agents/cli/listing.h"

#include <string.h>

/* NAME stands for the account that acted. */
static const struct {
    const char *word, *advice;
} advices[] = {
    {"not-admitted",
     "busbar account list tells who is admitted; the operator admits others: busbar account admit"},
    {"revoked", "the operator can give the account another key: busbar account rekey"},
    {"wrong-role", "busbar account list tells who has which role; choose the right key with --key"},
    {"already-admitted", "busbar account list tells the names and addresses that are taken"},
    {"bad-name", "an address that is all zeros is none either"},
    {"bad-amount", "an order is for 0.001 to 1000000 kWh; what is given or sent is more than nothing"},
    {"bad-price", "0 to 100000 cent/kWh"},
    {"bad-policy", "penalty and band: 0 to 100000 cent/kWh; --band-low is not above --band-high"},
    {"outside-price-band", "busbar market policy shows the band"},
    {"insufficient-money", "busbar account show NAME tells what is free"},
    {"insufficient-energy",
     "busbar account show NAME tells what is free; busbar market post cancel frees what is on sale"},
    {"unknown-order", "it may be sold, cancelled or expired: busbar market book"},
    {"not-owner", "busbar account show NAME lists the orders that are NAME's"},
    {"not-a-post", "cancel the bid and give another: busbar market bid cancel"},
    {"market-halted", "the operator opens it: busbar market open"},
    {"gate-closed", "choose a later --interval; busbar market policy shows when the gate closes"},
    {"bad-interval", "busbar market policy shows the length of the intervals"},
    {"already-expired", "give an --expires in the future: --expires +1h"},
    {"not-enough-offers", "busbar market book shows what is offered; --fill partial takes what there is, "
                          "--fill rest waits for the rest"},
    {"price-too-low",
     "busbar market book shows the prices; raise --max-price, or take less with --fill partial"},
    {"line-full", "busbar market policy shows the lines; --fill partial takes what they carry"},
    {"unknown-transaction", "busbar account statement lists the transactions of an account"},
    {"wrong-signer", "the ledger may have another genesis than it said: busbar chain status"},
    {"signer-not-admitted", "the operator admits it: busbar account admit"},
    {"signer-revoked",
     "sign with the account's present key; the operator gives it another one: busbar account rekey"},
    {"wrong-nonce", "leave --nonce away: it is asked for"},
    {"deadline-passed", "give a later --deadline, in seconds from now"},
    {"busy", "try again"},
    {"read-only", "busbar chain status tells why"},
};

const char *advice_for(const char *word)
{
    for (size_t i = 0; word != NULL && i < sizeof advices / sizeof *advices; i++)
        if (strcmp(advices[i].word, word) == 0)
            return advices[i].advice;
    return NULL;
}

/* Writes the advice with the account's name in the place of NAME. */
static void put_advice(FILE *to, const char *advice, const char *name)
{
    for (const char *at; (at = strstr(advice, "NAME")) != NULL; advice = at + 4)
        fprintf(to, "%.*s%s", (int)(at - advice), advice, name);
    fprintf(to, "%s\n", advice);
}

/* What the contract refuses is recorded too; what the ledger refuses is not. People are also told which
 * cheaper sellers were passed over. */
static void tell_record(const json_t *entry)
{
    char id[LISTING_TEXT_MAX], height[LISTING_TEXT_MAX];
    listing_text(entry, "height", LISTING_COUNT, FORMAT_PEOPLE, height);
    if (*height == '\0')
        return;
    fprintf(stderr, "Nothing has changed; the refusal stands in block %s: busbar chain tx %s\n", height,
            listing_text(entry, "id", LISTING_TEXT, FORMAT_PEOPLE, id));
    answer_lists(entry);
}

static enum exit_code tell_refusal(const struct call *call, const char *word, const json_t *entry,
                                   const char *name)
{
    const char *text = json_string_value(json_object_get(entry, "text"));
    char expected[LISTING_TEXT_MAX];
    call_fail(call, EXIT_REFUSED, "refused, %s: %s", word,
              text == NULL ? "the ledger gives no reason" : text);
    const char *advice = advice_for(word);
    if (advice != NULL)
        put_advice(stderr, advice, name);
    listing_text(entry, "expected_nonce", LISTING_COUNT, FORMAT_PEOPLE, expected);
    if (*expected != '\0' && strcmp(word, "wrong-nonce") == 0)
        fprintf(stderr, "The next nonce is %s.\n", expected);
    return EXIT_REFUSED;
}

/* Of a purchase that is not whole: what became of the rest. `bid` is "" or "0" when none stands. */
static void tell_rest(const struct call *call, const json_t *trades, const char *bid)
{
    struct bb_reason reason;
    int64_t left = 0, part;
    const char *asked = strcmp(call->verb->name, "buy") == 0 ? call_value(call, "kwh") : NULL;
    if (asked == NULL || amount_parse("--kwh", asked, AMOUNT_KWH, &reason, &left) != BB_OK)
        return;
    for (size_t i = 0; i < json_array_size(trades); i++)
        if (!listing_int(json_array_get(trades, i), "energy", &part) ||
            __builtin_sub_overflow(left, part, &left))
            return;
    char kwh[DECIMAL_TEXT_MAX];
    amount_format(left, AMOUNT_KWH, kwh);
    if (left > 0 && (*bid == '\0' || strcmp(bid, "0") == 0))
        printf("\n%s kWh of what was asked for were not to be had, and have not been bought\n", kwh);
    else if (left > 0)
        printf("\n%s kWh are not bought yet: the bid %s waits for them, with the money in escrow\n", kwh,
               bid);
}

static void tell_done(const struct call *call, const char *proof, const json_t *entry)
{
    char id[LISTING_TEXT_MAX], height[LISTING_TEXT_MAX], order[LISTING_TEXT_MAX];
    listing_text(entry, "id", LISTING_TEXT, FORMAT_PEOPLE, id);
    listing_text(entry, "height", LISTING_COUNT, FORMAT_PEOPLE, height);
    listing_text(entry, "order", LISTING_ORDER, FORMAT_PEOPLE, order);
    bool again = json_is_true(json_object_get(entry, "again"));
    printf("%s: done%s, in block %s", call->verb->name, again ? " before" : "", height);
    if (*order != '\0' && strcmp(order, "0") != 0)
        printf(", order %s", order);
    putchar('\n');
    answer_lists(entry);
    tell_rest(call, json_object_get(entry, "trades"), order);
    printf("\ntransaction %s\n", id);
    if (proof != NULL)
        printf("its proof is in %s: busbar chain verify-receipt %s\n", proof, proof);
    else
        printf("keep the proof of it: busbar chain receipt %s --output FILE\n", id);
}

enum exit_code advice_tell(const struct call *call, enum format format, const char *name, const char *proof,
                           json_t *entry)
{
    const char *verdict = json_string_value(json_object_get(entry, "verdict"));
    const char *refused = json_string_value(json_object_get(entry, "refused"));
    enum exit_code code = EXIT_DONE;
    if (refused != NULL)
        code = tell_refusal(call, refused, entry, name);
    else if (verdict == NULL || strcmp(verdict, "ok") != 0)
        code = tell_refusal(call, verdict == NULL ? "no verdict" : verdict, entry, name);
    else if (format != FORMAT_JSON)
        tell_done(call, proof, entry);
    if (code == EXIT_REFUSED && format != FORMAT_JSON)
        tell_record(entry);
    if (format == FORMAT_JSON)
        inquiry_print(json_incref(entry));
    json_decref(entry);
    return code;
}
