#include "agents/cli/whatif_line.h"

#include <jansson.h>
#include <stddef.h>

enum kind { KIND_NAME, KIND_SIGNED, KIND_UNSIGNED, KIND_LIMIT, KIND_WORD, KIND_ORDER };

struct field {
    const char *key;
    enum kind kind;
    bool required;
    size_t offset;            /* in struct whatif_words */
    const char *const *words; /* of KIND_WORD, NULL-terminated; the value is the place of the word */
};

#define AT(member) offsetof(struct whatif_words, member)
#define LIST(...)  ((const char *const[]){__VA_ARGS__, NULL})
#define FIELDS(...)                                                                                          \
    (const struct field[])                                                                                   \
    {                                                                                                        \
        __VA_ARGS__,                                                                                         \
        {                                                                                                    \
            0                                                                                                \
        }                                                                                                    \
    }
#define ACCOUNT                                                                                              \
    {                                                                                                        \
        "account", KIND_NAME, true, AT(account), NULL                                                        \
    }

/* Roles as the contract numbers them from 1; the two companies are there already. */
#define ROLES LIST("", "", "", "prosumer", "consumer", "meter")

static const struct {
    const char *word;
    const struct field *fields;
} verbs[WHATIF_VERBS] = {
    [WHATIF_SELL] = {"sell", FIELDS(ACCOUNT, {"energy", KIND_SIGNED, true, AT(energy), NULL},
                                    {"price", KIND_SIGNED, true, AT(price), NULL},
                                    {"interval", KIND_UNSIGNED, false, AT(interval), NULL},
                                    {"expires", KIND_UNSIGNED, false, AT(expires), NULL})},
    [WHATIF_BUY] = {"buy",
                    FIELDS(ACCOUNT, {"energy", KIND_SIGNED, true, AT(energy), NULL},
                           {"max_price", KIND_SIGNED, true, AT(price), NULL},
                           {"fill", KIND_WORD, false, AT(fill), LIST("all-or-nothing", "partial", "rest")},
                           {"interval", KIND_UNSIGNED, false, AT(interval), NULL},
                           {"expires", KIND_UNSIGNED, false, AT(expires), NULL})},
    [WHATIF_UPDATE] = {"update", FIELDS(ACCOUNT, {"post", KIND_ORDER, true, AT(order), NULL},
                                        {"energy", KIND_SIGNED, true, AT(energy), NULL},
                                        {"price", KIND_SIGNED, true, AT(price), NULL})},
    [WHATIF_CANCEL] = {"cancel", FIELDS(ACCOUNT, {"post", KIND_ORDER, false, AT(order), NULL},
                                        {"bid", KIND_ORDER, false, AT(order), NULL})},
    [WHATIF_TRANSFER] = {"transfer", FIELDS({"from", KIND_NAME, true, AT(account), NULL},
                                            {"to", KIND_NAME, true, AT(other), NULL},
                                            {"money", KIND_SIGNED, true, AT(money), NULL})},
    [WHATIF_MINT] = {"mint", FIELDS(ACCOUNT, {"money", KIND_SIGNED, false, AT(money), NULL},
                                    {"energy", KIND_SIGNED, false, AT(energy), NULL})},
    [WHATIF_LINE] = {"line", FIELDS({"buyer", KIND_NAME, true, AT(account), NULL},
                                    {"seller", KIND_NAME, true, AT(other), NULL},
                                    {"capacity", KIND_SIGNED, true, AT(energy), NULL})},
    [WHATIF_POLICY] = {"policy",
                       FIELDS({"mode", KIND_WORD, true, AT(mode), LIST("none", "limit", "penalty")},
                              {"penalty", KIND_SIGNED, false, AT(price), NULL},
                              {"recipient", KIND_WORD, false, AT(recipient), LIST("distribution", "seller")},
                              {"band_low", KIND_SIGNED, false, AT(band_low), NULL},
                              {"band_high", KIND_SIGNED, false, AT(band_high), NULL},
                              {"interval_seconds", KIND_UNSIGNED, false, AT(interval_seconds), NULL},
                              {"gate_seconds", KIND_UNSIGNED, false, AT(gate_seconds), NULL})},
    [WHATIF_ADMIT] = {"admit", FIELDS(ACCOUNT, {"role", KIND_WORD, true, AT(role), ROLES})},
    [WHATIF_REVOKE] = {"revoke", FIELDS(ACCOUNT)},
    [WHATIF_REKEY] = {"rekey", FIELDS(ACCOUNT)},
    [WHATIF_MARKET] = {"market", FIELDS({"state", KIND_WORD, true, AT(state), LIST("open", "halted")})},
    [WHATIF_CORRECT] = {"correct", FIELDS({"from", KIND_NAME, true, AT(account), NULL},
                                          {"to", KIND_NAME, true, AT(other), NULL},
                                          {"money", KIND_SIGNED, false, AT(money), NULL},
                                          {"energy", KIND_SIGNED, false, AT(energy), NULL},
                                          {"transaction", KIND_UNSIGNED, false, AT(transaction), NULL})},
    [WHATIF_TIME] = {"time", FIELDS({"now", KIND_UNSIGNED, true, AT(now), NULL})},
    [WHATIF_LIMITS] = {"limits", FIELDS({"accounts", KIND_LIMIT, false, AT(limits.accounts), NULL},
                                        {"orders", KIND_LIMIT, false, AT(limits.orders), NULL},
                                        {"lines", KIND_LIMIT, false, AT(limits.lines), NULL},
                                        {"intervals", KIND_LIMIT, false, AT(limits.intervals), NULL},
                                        {"uses", KIND_LIMIT, false, AT(limits.uses), NULL})},
};

static enum status refuse(struct bb_reason *reason, const char *key, const char *expected)
{
    bb_reason_say(reason, "\"%s\": expected %s", key, expected);
    return BB_MALFORMED;
}

/* Digits without a sign or leading zeros, as 64 bits. */
static bool parse_digits(const char *text, size_t size, uint64_t *out)
{
    uint64_t value = 0;
    if (size == 0 || (size > 1 && text[0] == '0'))
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(value, UINT64_C(10), &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[i] - '0'), &value))
            return false;
    }
    *out = value;
    return true;
}

static bool take_unsigned(const json_t *value, uint64_t *out)
{
    if (json_is_string(value))
        return parse_digits(json_string_value(value), json_string_length(value), out);
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return false;
    *out = (uint64_t)json_integer_value(value);
    return true;
}

static bool take_signed(const json_t *value, int64_t *out)
{
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    if (!json_is_string(value))
        return false;
    const char *text = json_string_value(value);
    size_t size = json_string_length(value);
    bool negative = size > 0 && text[0] == '-';
    uint64_t magnitude;
    if (!parse_digits(text + negative, size - negative, &magnitude))
        return false;
    if (negative && (magnitude == 0 || magnitude > UINT64_C(1) << 63))
        return false;
    if (!negative && magnitude > INT64_MAX)
        return false;
    *out = negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

/* The number of an order: "1" for the first post, "b1" for the first bid, where a bid is expected "1" too. */
static bool take_order(const json_t *value, bool bid, uint64_t *out)
{
    const char *text = json_string_value(value);
    uint64_t number;
    if (text != NULL && text[0] == 'b') {
        if (!parse_digits(text + 1, json_string_length(value) - 1, &number) || (number & MARKET_BID_FLAG))
            return false;
        bid = true;
    } else if (!take_unsigned(value, &number)) {
        return false;
    }
    *out = bid ? number | MARKET_BID_FLAG : number;
    return true;
}

static bool take_word(const json_t *value, const char *const *words, uint8_t *out)
{
    const char *text = json_string_value(value);
    for (uint8_t i = 0; text != NULL && words[i] != NULL; i++)
        if (words[i][0] != '\0' && strcmp(words[i], text) == 0) {
            *out = i;
            return true;
        }
    return false;
}

static void take_name(const json_t *value, struct whatif_name *out)
{
    size_t size = json_string_length(value);
    out->size = size < WHATIF_NAME_ROOM ? size : WHATIF_NAME_ROOM;
    memcpy(out->text, json_string_value(value), out->size);
}

static enum status refuse_word(struct bb_reason *reason, const struct field *field)
{
    char list[128] = "one of";
    for (size_t i = 0; field->words[i] != NULL; i++) {
        size_t used = strlen(list);
        if (field->words[i][0] != '\0')
            snprintf(list + used, sizeof list - used, " %s", field->words[i]);
    }
    return refuse(reason, field->key, list);
}

static enum status take_field(const struct field *field, const json_t *value, struct bb_reason *reason,
                              struct whatif_words *words)
{
    void *to = (char *)words + field->offset;
    uint64_t number;
    switch (field->kind) {
    case KIND_NAME:
        if (!json_is_string(value))
            return refuse(reason, field->key, "the name of an account");
        take_name(value, to);
        return BB_OK;
    case KIND_SIGNED:
        return take_signed(value, to)
                   ? BB_OK
                   : refuse(reason, field->key,
                            "a whole number of 64 bits with its sign, as a decimal string");
    case KIND_UNSIGNED:
        return take_unsigned(value, to)
                   ? BB_OK
                   : refuse(reason, field->key, "a whole number of 64 bits, 0 or more, as a decimal string");
    case KIND_LIMIT:
        if (!take_unsigned(value, &number) || number > UINT32_MAX)
            return refuse(reason, field->key, "a whole number of 32 bits, 0 or more, as a decimal string");
        *(uint32_t *)to = (uint32_t)number;
        return BB_OK;
    case KIND_WORD:
        return take_word(value, field->words, to) ? BB_OK : refuse_word(reason, field);
    case KIND_ORDER:
        return take_order(value, strcmp(field->key, "bid") == 0, to)
                   ? BB_OK
                   : refuse(reason, field->key, "the number of an order, as a decimal string");
    }
    return BB_MALFORMED;
}

static const struct field *field_named(const struct field *fields, const char *key)
{
    for (; fields->key != NULL; fields++)
        if (strcmp(fields->key, key) == 0)
            return fields;
    return NULL;
}

static enum status take_fields(const json_t *object, struct bb_reason *reason, struct whatif_words *words)
{
    const struct field *fields = verbs[words->verb].fields;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
    {
        if (strcmp(key, "action") == 0)
            continue;
        const struct field *field = field_named(fields, key);
        if (field == NULL) {
            bb_reason_say(reason, "\"%.100s\": \"%s\" has no such field", key, verbs[words->verb].word);
            return BB_MALFORMED;
        }
        enum status status = take_field(field, value, reason, words);
        if (status != BB_OK)
            return status;
    }
    for (; fields->key != NULL; fields++)
        if (fields->required && json_object_get(object, fields->key) == NULL) {
            bb_reason_say(reason, "\"%s\" is missing", fields->key);
            return BB_MALFORMED;
        }
    return BB_OK;
}

static enum status take_object(const json_t *object, struct bb_reason *reason, struct whatif_words *words)
{
    const char *action = json_string_value(json_object_get(object, "action"));
    if (action == NULL) {
        bb_reason_say(reason, "expected an object with \"action\"");
        return BB_MALFORMED;
    }
    while (words->verb < WHATIF_VERBS && strcmp(verbs[words->verb].word, action) != 0)
        words->verb++;
    if (words->verb == WHATIF_VERBS) {
        bb_reason_say(reason, "\"action\": there is no \"%.100s\"", action);
        return BB_MALFORMED;
    }
    enum status status = take_fields(object, reason, words);
    bool post = json_object_get(object, "post") != NULL, bid = json_object_get(object, "bid") != NULL;
    if (status == BB_OK && words->verb == WHATIF_CANCEL && post == bid) {
        bb_reason_say(reason, "expected either \"post\" or \"bid\"");
        return BB_MALFORMED;
    }
    words->has_transaction = json_object_get(object, "transaction") != NULL;
    return status;
}

enum status whatif_line_read(struct bytes line, struct bb_reason *reason, struct whatif_words *out)
{
    json_error_t error;
    json_t *object = json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES, &error);
    if (object == NULL) {
        bb_reason_say(reason, "no JSON: %s, at byte %d", error.text, error.position);
        return BB_MALFORMED;
    }
    struct whatif_words words = {.verb = WHATIF_SELL};
    enum status status = take_object(object, reason, &words);
    json_decref(object);
    if (status == BB_OK)
        *out = words;
    return status;
}
