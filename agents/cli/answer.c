#include "agents/cli/answer.h"

#include "agents/cli/amount.h"
#include "agents/cli/inquiry.h"
#include "agents/cli/listing.h"

#include <busbar/units.h>
#include <string.h>

static const struct listing_column trade_columns[] = {
    {"seller", "seller", "seller_name", LISTING_TEXT},
    {"buyer", "buyer", "buyer_name", LISTING_TEXT},
    {"energy kWh", "energy_kwh", "energy", LISTING_KWH},
    {"cent/kWh", "price_cents_per_kwh", "price", LISTING_CENTS_PER_KWH},
    {"fee cent/kWh", "fee_cents_per_kwh", "fee", LISTING_CENTS_PER_KWH},
    {"post", "post", "post", LISTING_ORDER},
};
static const struct listing_column passed_columns[] = {
    {"passed over", "seller", "seller_name", LISTING_TEXT},
    {"post", "post", "post", LISTING_ORDER},
    {"its line still carries kWh", "headroom_kwh", "headroom", LISTING_KWH},
};
static const struct listing_column balance_columns[] = {
    {"account", "account", "name", LISTING_TEXT},
    {"money cent", "money_cents", "money", LISTING_CENTS},
    {"in escrow", "escrow_cents", "escrow", LISTING_CENTS},
    {"energy kWh", "energy_kwh", "energy", LISTING_KWH},
    {"on sale", "on_sale_kwh", "on_sale", LISTING_KWH},
};

#define COUNT_OF(list) (sizeof(list) / sizeof *(list))

void answer_lists(const json_t *entry)
{
    static const struct {
        const char *member;
        const struct listing_column *columns;
        size_t count;
    } lists[] = {{"trades", trade_columns, COUNT_OF(trade_columns)},
                 {"passed", passed_columns, COUNT_OF(passed_columns)},
                 {"balances", balance_columns, COUNT_OF(balance_columns)}};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        const json_t *rows = json_object_get(entry, lists[i].member);
        if (json_array_size(rows) == 0)
            continue;
        putchar('\n');
        listing_print(FORMAT_PEOPLE, lists[i].columns, lists[i].count, rows);
        if (i == 0)
            answer_total(rows);
    }
}

void answer_total(const json_t *trades)
{
    struct energy energy = {0};
    struct money money = {0};
    for (size_t i = 0; i < json_array_size(trades); i++) {
        const json_t *trade = json_array_get(trades, i);
        struct energy part;
        struct price price, fee = {0};
        struct money paid;
        bool good =
            listing_int(trade, "energy", &part.wh) && listing_int(trade, "price", &price.micro_per_kwh) &&
            (json_object_get(trade, "fee") == NULL || listing_int(trade, "fee", &fee.micro_per_kwh)) &&
            !__builtin_add_overflow(price.micro_per_kwh, fee.micro_per_kwh, &price.micro_per_kwh) &&
            money_of(part, price, &paid) && money_add(money, paid, &money) &&
            energy_add(energy, part, &energy);
        if (!good)
            return;
    }
    char kwh[DECIMAL_TEXT_MAX], cents[DECIMAL_TEXT_MAX];
    if (energy.wh > 0)
        printf("\n%s kWh for %s cent: %.4f cent/kWh on average\n", amount_format(energy.wh, AMOUNT_KWH, kwh),
               amount_format(money.nano, AMOUNT_CENTS, cents), (double)money.nano / (double)energy.wh / 1e4);
}

/* The unit that a member's name ends in. */
static bool kind_of_member(const char *name, enum listing_kind *out)
{
    static const struct {
        const char *ending;
        enum listing_kind kind;
    } endings[] = {{"Wh", LISTING_KWH}, {"MicroPerKWh", LISTING_CENTS_PER_KWH}, {"Nano", LISTING_CENTS}};
    /* "priceMicroPerKWh" ends in Wh too: the longer ending is the right one. */
    for (size_t i = COUNT_OF(endings); i > 0; i--) {
        size_t length = strlen(name), ending = strlen(endings[i - 1].ending);
        if (length >= ending && strcmp(name + length - ending, endings[i - 1].ending) == 0) {
            *out = endings[i - 1].kind;
            return true;
        }
    }
    return false;
}

static const char *unit_of(enum listing_kind kind)
{
    return kind == LISTING_KWH ? "kWh" : kind == LISTING_CENTS ? "cent" : "cent/kWh";
}

/* What a plain number of a message means: a fill, or a time; "" when there is nothing to add. */
static const char *meaning_of(const json_t *message, const char *name, char *text)
{
    static const char *const fills[] = {"all-or-nothing", "partial", "rest"};
    static const char *const times[] = {"deadline", "expires", "intervalStart"};
    uint64_t number;
    *text = '\0';
    if (strcmp(name, "fill") == 0 && listing_uint(message, name, &number) && number < COUNT_OF(fills))
        return fills[number];
    for (size_t i = 0; i < COUNT_OF(times); i++)
        if (strcmp(name, times[i]) == 0)
            return listing_text(message, name, LISTING_INTERVAL, FORMAT_PEOPLE, text);
    return text;
}

void answer_message(const json_t *message)
{
    const char *name, *meaning;
    json_t *value;
    json_object_foreach((json_t *)message, name, value)
    {
        char plain[LISTING_TEXT_MAX], text[LISTING_TEXT_MAX];
        enum listing_kind kind;
        listing_text(message, name, LISTING_TEXT, FORMAT_PEOPLE, plain);
        if (kind_of_member(name, &kind) && *listing_text(message, name, kind, FORMAT_PEOPLE, text) != '\0')
            printf("  %-20s %s (%s %s)\n", name, plain, text, unit_of(kind));
        else if (json_is_string(value) && *(meaning = meaning_of(message, name, text)) != '\0')
            printf("  %-20s %s (%s)\n", name, plain, meaning);
        else if (json_is_string(value))
            printf("  %-20s %s\n", name, plain);
    }
}
