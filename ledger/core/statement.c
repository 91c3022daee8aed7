#include "ledger/core/statement.h"

#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"

#include <busbar/check.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define VALUE_MAX (TRANSACTION_TEXT_MAX + 1)

struct speaker {
    statement_line *line;
    void *context;
};

__attribute__((format(printf, 2, 3))) static void say(const struct speaker *speaker, const char *format, ...)
{
    char text[STATEMENT_LINE_MAX];
    va_list values;
    va_start(values, format);
    vsnprintf(text, sizeof text, format, values);
    va_end(values);
    speaker->line(speaker->context, text);
}

/* -- values ---------------------------------------------------------------------------------------------- */

/* A whole number of the 10^-digits of a unit, without zeros at the end: 98200 of 4 digits is "9.82". */
static void format_decimal(int64_t value, unsigned digits, const char *unit, char out[VALUE_MAX])
{
    uint64_t scale = 1, size = value < 0 ? -(uint64_t)value : (uint64_t)value;
    for (unsigned i = 0; i < digits; i++)
        scale *= 10;
    uint64_t rest = size % scale;
    while (digits > 0 && rest % 10 == 0) {
        rest /= 10;
        digits--;
    }
    const char *sign = value < 0 ? "-" : "";
    if (digits == 0)
        snprintf(out, VALUE_MAX, "%s%" PRIu64 " %s", sign, size / scale, unit);
    else
        snprintf(out, VALUE_MAX, "%s%" PRIu64 ".%0*" PRIu64 " %s", sign, size / scale, (int)digits, rest,
                 unit);
}

static void format_energy(int64_t wh, char out[VALUE_MAX])
{
    format_decimal(wh, 3, "kWh", out);
}

static void format_money(int64_t nano, char out[VALUE_MAX])
{
    format_decimal(nano, 7, "cents", out);
}

static void format_price(int64_t micro, char out[VALUE_MAX])
{
    format_decimal(micro, 4, "cent/kWh", out);
}

static void format_time(int64_t ms, char out[VALUE_MAX])
{
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    char date[64];
    if (ms < 0 || gmtime_r(&seconds, &parts) == NULL ||
        strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S", &parts) == 0)
        snprintf(out, VALUE_MAX, "%" PRId64 " ms after 1970", ms);
    else
        snprintf(out, VALUE_MAX, "%s.%03d UTC", date, (int)(ms % 1000));
}

/* Zero is "none"; seconds that no calendar reaches are shown as a number. */
static void format_seconds(uint64_t seconds, const char *none, char out[VALUE_MAX])
{
    if (seconds == 0)
        snprintf(out, VALUE_MAX, "%s", none);
    else if (seconds > INT64_MAX / 1000)
        snprintf(out, VALUE_MAX, "%" PRIu64 " s after 1970", seconds);
    else
        format_time((int64_t)seconds * 1000, out);
}

/* Somebody else's text on a terminal: control characters (C0, DEL, C1) become dots. */
static void format_text(struct bytes text, char out[VALUE_MAX])
{
    size_t size = text.size < VALUE_MAX - 1 ? text.size : VALUE_MAX - 1;
    for (size_t i = 0; i < size; i++) {
        uint8_t c = text.data[i];
        bool second_of_c1 = i > 0 && text.data[i - 1] == 0xC2 && c < 0xA0;
        out[i] = (char)(c < 0x20 || c == 0x7F || second_of_c1 ? '.' : c);
    }
    out[size] = '\0';
}

static void format_name(uint8_t number, const char *const *names, size_t count, char out[VALUE_MAX])
{
    if (number < count && names[number] != NULL)
        snprintf(out, VALUE_MAX, "%s", names[number]);
    else
        snprintf(out, VALUE_MAX, "number %u, which does not exist", number);
}

/* -- the transaction's members --------------------------------------------------------------------------- */

static void show_energy(const void *field, char out[VALUE_MAX])
{
    format_energy(*(const int64_t *)field, out);
}

static void show_money(const void *field, char out[VALUE_MAX])
{
    format_money(*(const int64_t *)field, out);
}

static void show_price(const void *field, char out[VALUE_MAX])
{
    format_price(*(const int64_t *)field, out);
}

static void show_start(const void *field, char out[VALUE_MAX])
{
    format_seconds(*(const uint64_t *)field, "none", out);
}

static void show_end(const void *field, char out[VALUE_MAX])
{
    format_seconds(*(const uint64_t *)field, "never", out);
}

static void show_order(const void *field, char out[VALUE_MAX])
{
    uint64_t order = *(const uint64_t *)field;
    snprintf(out, VALUE_MAX, "%s%" PRIu64, order & MARKET_BID_FLAG ? "bid " : "post ",
             order & ~MARKET_BID_FLAG);
}

static void show_duration(const void *field, char out[VALUE_MAX])
{
    snprintf(out, VALUE_MAX, "%" PRIu64 " s", *(const uint64_t *)field);
}

static void show_address(const void *field, char out[VALUE_MAX])
{
    address_format(field, out);
}

static void show_hash(const void *field, char out[VALUE_MAX])
{
    const struct hash *hash = field;
    hex_format((struct bytes){hash->bytes, sizeof hash->bytes}, out);
}

static void show_text(const void *field, char out[VALUE_MAX])
{
    format_text(*(const struct bytes *)field, out);
}

static void show_fill(const void *field, char out[VALUE_MAX])
{
    static const char *const names[] = {"all or nothing", "partial", "rest"};
    format_name(*(const uint8_t *)field, names, 3, out);
}

static void show_role(const void *field, char out[VALUE_MAX])
{
    static const char *const names[] = {NULL, "operator", "distribution", "prosumer", "consumer", "meter"};
    format_name(*(const uint8_t *)field, names, 6, out);
}

static void show_mode(const void *field, char out[VALUE_MAX])
{
    static const char *const names[] = {"none", "limit", "penalty"};
    format_name(*(const uint8_t *)field, names, 3, out);
}

static void show_recipient(const void *field, char out[VALUE_MAX])
{
    static const char *const names[] = {"distribution", "seller"};
    format_name(*(const uint8_t *)field, names, 2, out);
}

static void show_state(const void *field, char out[VALUE_MAX])
{
    static const char *const names[] = {"open", "halted"};
    format_name(*(const uint8_t *)field, names, 2, out);
}

/* How a member of any type is shown, by its name. */
static const struct shown {
    const char *name, *label;
    void (*show)(const void *field, char out[VALUE_MAX]);
} shown[] = {
    {"energyWh", "energy", show_energy},
    {"priceMicroPerKWh", "price", show_price},
    {"maxPriceMicroPerKWh", "highest price", show_price},
    {"minPriceMicroPerKWh", "lowest price", show_price},
    {"penaltyMicroPerKWh", "penalty", show_price},
    {"amountNano", "amount", show_money},
    {"capacityWh", "line's capacity", show_energy},
    {"intervalStart", "delivery from", show_start},
    {"expires", "expires", show_end},
    {"intervalSeconds", "interval", show_duration},
    {"gateSeconds", "gate closure", show_duration},
    {"order", "order", show_order},
    {"fill", "fill", show_fill},
    {"role", "role", show_role},
    {"mode", "mode", show_mode},
    {"recipient", "penalty goes to", show_recipient},
    {"state", "market", show_state},
    {"name", "name", show_text},
    {"reason", "reason", show_text},
    {"transaction", "transaction", show_hash},
    {"to", "to", show_address},
    {"from", "from", show_address},
    {"participant", "participant", show_address},
    {"successor", "successor", show_address},
    {"buyer", "buyer", show_address},
    {"seller", "seller", show_address},
    {"sealer", "sealer", show_address},
};

static void say_member(const struct speaker *speaker, const struct member *member,
                       const struct action *action)
{
    char value[VALUE_MAX];
    for (size_t i = 0; i < sizeof shown / sizeof *shown; i++)
        if (strcmp(shown[i].name, member->name) == 0) {
            shown[i].show((const uint8_t *)action + member->at, value);
            say(speaker, "    %-16s %s", shown[i].label, value);
            return;
        }
    CHECK(!"a member of the table of types is not shown");
}

static void say_transaction(const struct speaker *speaker, const struct proof *proof, const struct hash *id)
{
    struct transaction transaction;
    struct action action;
    uint64_t nonce, deadline;
    CHECK(transaction_decode(proof->transaction, &transaction) == BB_OK);
    transaction_action(&transaction, &action, &nonce, &deadline);
    const struct transaction_type *type = transaction_type(transaction.type);
    char text[VALUE_MAX];
    show_hash(id, text);
    say(speaker, "Transaction %s", text);
    show_address(&action.actor, text);
    say(speaker, "  %s, signed by %s (its number %" PRIu64 ")", type->name, text, nonce);
    for (size_t i = 3; i < type->count; i++)
        say_member(speaker, &type->members[i], &action);
}

/* -- the receipt and the blocks -------------------------------------------------------------------------- */

static void say_trade(const struct speaker *speaker, const struct receipt_trade *trade)
{
    char buyer[VALUE_MAX], seller[VALUE_MAX], energy[VALUE_MAX], price[VALUE_MAX], fee[VALUE_MAX],
        cost[VALUE_MAX];
    show_address(&trade->buyer, buyer);
    show_address(&trade->seller, seller);
    format_energy(trade->energy.wh, energy);
    format_price(trade->price.micro_per_kwh, price);
    format_price(trade->fee.micro_per_kwh, fee);
    struct money paid;
    struct price all;
    bool sums =
        !__builtin_add_overflow(trade->price.micro_per_kwh, trade->fee.micro_per_kwh, &all.micro_per_kwh) &&
        money_of(trade->energy, all, &paid);
    format_money(sums ? paid.nano : 0, cost);
    say(speaker, "    %s bought %s from %s", buyer, energy, seller);
    say(speaker, "      at %s%s%s%s%s", price, trade->fee.micro_per_kwh != 0 ? " + " : "",
        trade->fee.micro_per_kwh != 0 ? fee : "", sums ? " = " : "", sums ? cost : "");
}

static void say_receipt(const struct speaker *speaker, const struct receipt *receipt)
{
    say(speaker, "  The contract said: %s (%s)", verdict_word(receipt->verdict),
        verdict_text(receipt->verdict));
    char address[VALUE_MAX], money[VALUE_MAX], energy[VALUE_MAX];
    if (receipt->order != 0) {
        show_order(&receipt->order, money);
        say(speaker, "    about %s", money);
    }
    for (uint32_t i = 0; i < receipt->trade_count; i++) {
        struct receipt_trade trade;
        receipt_trade(receipt, i, &trade);
        say_trade(speaker, &trade);
    }
    for (uint32_t i = 0; i < receipt->passed_count; i++) {
        struct receipt_passed passed;
        receipt_passed(receipt, i, &passed);
        show_address(&passed.seller, address);
        say(speaker, "    passed over: post %" PRIu64 " of %s, for its line", passed.post, address);
    }
    for (uint32_t i = 0; i < receipt->balance_count; i++) {
        struct receipt_balance balance;
        receipt_balance(receipt, i, &balance);
        show_address(&balance.address, address);
        format_money(balance.money.nano, money);
        format_energy(balance.energy.wh, energy);
        say(speaker, "    afterwards %s has %s and %s", address, money, energy);
    }
}

static void say_block(const struct speaker *speaker, const struct block_header *header, struct bytes bytes)
{
    char text[VALUE_MAX];
    struct hash hash = block_hash(bytes);
    show_hash(&hash, text);
    say(speaker, "    hash      %s", text);
    format_time(header->time.ms, text);
    say(speaker, "    time      %s", text);
    show_address(&header->sealer, text);
    say(speaker, "    sealed by %s", text);
}

void statement_say(const struct proof *proof, statement_line *line, void *context)
{
    struct speaker speaker = {line, context};
    struct block_header header;
    struct receipt receipt;
    CHECK(receipt_decode(proof->receipt, &receipt) == BB_OK &&
          block_header_decode(proof->header, &header) == BB_OK);
    say_transaction(&speaker, proof, &receipt.id);
    say_receipt(&speaker, &receipt);
    say(&speaker, "  In block %" PRIu64 ", transaction %u of %u", header.height, proof->index + 1,
        header.count);
    say_block(&speaker, &header, proof->header);
    if (proof->has_head) {
        CHECK(block_header_decode(proof->head_header, &header) == BB_OK);
        say(&speaker, "  Which is in the history of block %" PRIu64, header.height);
        say_block(&speaker, &header, proof->head_header);
    }
}
