#include "ledger/core/transaction.h"

#include <busbar/check.h>

/* One row a kind of member: is a word canonical for it, and how does its value get into and out of the field
 * of struct action that the table of types names. A string's word is looked at apart, with its text. */
struct codec {
    bool (*fits)(const eip712_word word);
    void (*get)(const struct transaction *from, size_t index, void *field);
    void (*put)(struct transaction *to, size_t index, const void *field);
};

static bool fits_address(const eip712_word word)
{
    struct address value;
    return eip712_read_address(word, &value);
}

static void get_address(const struct transaction *from, size_t index, void *field)
{
    CHECK(eip712_read_address(from->words[index], field));
}

static void put_address(struct transaction *to, size_t index, const void *field)
{
    eip712_address(to->words[index], field);
}

static bool fits_uint64(const eip712_word word)
{
    uint64_t value;
    return eip712_read_uint(word, &value);
}

static void get_uint64(const struct transaction *from, size_t index, void *field)
{
    CHECK(eip712_read_uint(from->words[index], field));
}

static void put_uint64(struct transaction *to, size_t index, const void *field)
{
    eip712_uint(to->words[index], *(const uint64_t *)field);
}

static bool fits_int64(const eip712_word word)
{
    int64_t value;
    return eip712_read_int(word, &value);
}

static void get_int64(const struct transaction *from, size_t index, void *field)
{
    CHECK(eip712_read_int(from->words[index], field));
}

static void put_int64(struct transaction *to, size_t index, const void *field)
{
    eip712_int(to->words[index], *(const int64_t *)field);
}

static bool fits_uint8(const eip712_word word)
{
    uint64_t value;
    return eip712_read_uint(word, &value) && value <= UINT8_MAX;
}

static void get_uint8(const struct transaction *from, size_t index, void *field)
{
    uint64_t value = 0;
    CHECK(eip712_read_uint(from->words[index], &value) && value <= UINT8_MAX);
    *(uint8_t *)field = (uint8_t)value;
}

static void put_uint8(struct transaction *to, size_t index, const void *field)
{
    eip712_uint(to->words[index], *(const uint8_t *)field);
}

static bool fits_any(const eip712_word word)
{
    (void)word;
    return true;
}

static void get_bytes32(const struct transaction *from, size_t index, void *field)
{
    memcpy(field, from->words[index], 32);
}

static void put_bytes32(struct transaction *to, size_t index, const void *field)
{
    memcpy(to->words[index], field, 32);
}

static void get_string(const struct transaction *from, size_t index, void *field)
{
    (void)index;
    *(struct bytes *)field = (struct bytes){(const uint8_t *)from->text, from->text_size};
}

static void put_string(struct transaction *to, size_t index, const void *field)
{
    const struct bytes *text = field;
    eip712_string(to->words[index], *text);
    to->text_size = (uint16_t)text->size;
    if (text->size > 0)
        memcpy(to->text, text->data, text->size);
}

static const struct codec codecs[] = {
    [MEMBER_ADDRESS] = {fits_address, get_address, put_address},
    [MEMBER_UINT64] = {fits_uint64, get_uint64, put_uint64},
    [MEMBER_INT64] = {fits_int64, get_int64, put_int64},
    [MEMBER_UINT8] = {fits_uint8, get_uint8, put_uint8},
    [MEMBER_BYTES32] = {fits_any, get_bytes32, put_bytes32},
    [MEMBER_STRING] = {fits_any, get_string, put_string},
};

/* The place of a type's string, 0 when it has none (the actor is never one). */
static size_t string_of(const struct transaction_type *type)
{
    for (size_t i = 3; i < type->count; i++)
        if (type->members[i].kind == MEMBER_STRING)
            return i;
    return 0;
}

/* The bytes that a UTF-8 sequence with this first byte has, 0 when none begins so; *low and *high bound the
 * second byte, so that there are no overlong forms, surrogates, or code points above U+10FFFF. Source: RFC
 * 3629 §4. */
static size_t sequence_of(uint8_t first, uint8_t *low, uint8_t *high)
{
    *low = first == 0xE0 ? 0xA0 : first == 0xF0 ? 0x90 : 0x80;
    *high = first == 0xED ? 0x9F : first == 0xF4 ? 0x8F : 0xBF;
    if (first >= 0x01 && first <= 0x7F)
        return 1;
    if (first >= 0xC2 && first <= 0xDF)
        return 2;
    if (first >= 0xE0 && first <= 0xEF)
        return 3;
    return first >= 0xF0 && first <= 0xF4 ? 4 : 0;
}

/* UTF-8 without a NUL, within the bound. */
static bool text_fits(struct bytes text)
{
    if (text.size > TRANSACTION_TEXT_MAX)
        return false;
    for (size_t i = 0; i < text.size;) {
        uint8_t low, high;
        size_t size = sequence_of(text.data[i], &low, &high);
        if (size == 0 || size > text.size - i)
            return false;
        for (size_t k = 1; k < size; k++, low = 0x80, high = 0xBF)
            if (text.data[i + k] < low || text.data[i + k] > high)
                return false;
        i += size;
    }
    return true;
}

static bool words_fit(const struct transaction_type *type, const struct transaction *transaction)
{
    for (size_t i = 0; i < type->count; i++)
        if (!codecs[type->members[i].kind].fits(transaction->words[i]))
            return false;
    return true;
}

static bool take_text(struct reader *r, size_t index, struct transaction *out)
{
    struct bytes text = read_bytes(r, read_u16(r));
    eip712_word word;
    eip712_string(word, text);
    if (!r->ok || !text_fits(text) || memcmp(word, out->words[index], sizeof word) != 0)
        return false;
    out->text_size = (uint16_t)text.size;
    if (text.size > 0)
        memcpy(out->text, text.data, text.size);
    return true;
}

enum status transaction_decode(struct bytes bytes, struct transaction *out)
{
    struct reader r = reader_at(bytes);
    const struct transaction_type *type = transaction_type(read_u8(&r));
    if (type == NULL)
        return BB_MALFORMED;
    struct bytes words = read_bytes(&r, type->count * sizeof(eip712_word));
    struct bytes signature = read_bytes(&r, SIGNATURE_SIZE);
    if (!r.ok)
        return BB_MALFORMED;
    struct transaction read = {.type = type->action};
    memcpy(read.words, words.data, words.size);
    memcpy(read.signature, signature.data, SIGNATURE_SIZE);
    size_t string = string_of(type);
    if (!words_fit(type, &read) || (string != 0 && !take_text(&r, string, &read)) || r.left.size != 0)
        return BB_MALFORMED;
    *out = read;
    return BB_OK;
}

size_t transaction_encode(const struct transaction *transaction, uint8_t *out)
{
    const struct transaction_type *type = transaction_type(transaction->type);
    CHECK(type != NULL);
    struct writer w = writer_at(out, TRANSACTION_BYTES_MAX);
    write_u8(&w, (uint8_t)type->action);
    write_bytes(&w, (struct bytes){transaction->words[0], type->count * sizeof(eip712_word)});
    write_bytes(&w, (struct bytes){transaction->signature, SIGNATURE_SIZE});
    if (string_of(type) != 0) {
        write_u16(&w, transaction->text_size);
        write_bytes(&w, (struct bytes){(const uint8_t *)transaction->text, transaction->text_size});
    }
    CHECK(w.ok);
    return w.size;
}

void transaction_action(const struct transaction *transaction, struct action *action_out, uint64_t *nonce_out,
                        uint64_t *deadline_out)
{
    const struct transaction_type *type = transaction_type(transaction->type);
    CHECK(type != NULL);
    memset(action_out, 0, sizeof *action_out);
    action_out->type = type->action;
    for (size_t i = 0; i < type->count; i++) {
        const struct member *member = &type->members[i];
        if (member->at != SIZE_MAX)
            codecs[member->kind].get(transaction, i, (uint8_t *)action_out + member->at);
    }
    get_uint64(transaction, 1, nonce_out);
    get_uint64(transaction, 2, deadline_out);
}

enum status transaction_make(const struct action *action, uint64_t nonce, uint64_t deadline,
                             struct transaction *out)
{
    const struct transaction_type *type = transaction_type(action->type);
    if (type == NULL)
        return BB_RANGE;
    size_t string = string_of(type);
    const uint8_t *fields = (const uint8_t *)action;
    if (string != 0 && !text_fits(*(const struct bytes *)(const void *)(fields + type->members[string].at)))
        return BB_RANGE;
    memset(out, 0, sizeof *out);
    out->type = type->action;
    put_uint64(out, 1, &nonce);
    put_uint64(out, 2, &deadline);
    for (size_t i = 0; i < type->count; i++) {
        const struct member *member = &type->members[i];
        if (member->at != SIZE_MAX)
            codecs[member->kind].put(out, i, fields + member->at);
    }
    return BB_OK;
}

struct hash transaction_id(const struct transaction *transaction, const struct hash *separator)
{
    const struct transaction_type *type = transaction_type(transaction->type);
    CHECK(type != NULL);
    struct hash structure =
        eip712_struct(transaction_type_hash(type->action), transaction->words, type->count);
    return eip712_digest(separator, &structure);
}
