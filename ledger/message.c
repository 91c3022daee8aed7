#include "ledger/message.h"

#include "ledger/crypto/hex.h"
#include "ledger/fields.h"

#include <busbar/check.h>
#include <stdio.h>
#include <string.h>

#define HEX_TEXT_MAX (2 * TRANSACTION_BYTES_MAX + 3)

static struct bytes trimmed(struct bytes json)
{
    while (json.size > 0 && memchr(" \t\r\n", json.data[0], 4) != NULL)
        json = (struct bytes){json.data + 1, json.size - 1};
    while (json.size > 0 && memchr(" \t\r\n", json.data[json.size - 1], 4) != NULL)
        json.size--;
    return json;
}

/* The fast way: no tree is made of the many digits. */
static enum status read_hex(struct bytes json, const char *place, uint8_t *out, size_t *size_out,
                            struct bb_reason *reason)
{
    char text[HEX_TEXT_MAX];
    size_t size = json.size >= 2 ? json.size - 2 : 0;
    enum status status = size < sizeof text && json.data[json.size - 1] == '"' ? BB_OK : BB_FULL;
    if (status == BB_OK) {
        memcpy(text, json.data + 1, size);
        text[size] = '\0';
        status =
            strlen(text) == size ? hex_parse_some(text, out, TRANSACTION_BYTES_MAX, size_out) : BB_MALFORMED;
    }
    if (status == BB_OK)
        return BB_OK;
    bb_reason_say(reason, "%s: %s", place,
                  status == BB_FULL ? "too long: no transaction has so many bytes"
                                    : "expected 0x and an even number of hexadecimal digits");
    return BB_MALFORMED;
}

static void read_string(struct fields *f, const char *name, struct transaction *t, size_t word)
{
    const char *text = fields_text(f, name, TRANSACTION_TEXT_MAX);
    size_t size = strlen(text);
    memcpy(t->text, text, size);
    t->text_size = (uint16_t)size;
    eip712_string(t->words[word], (struct bytes){(const uint8_t *)text, size});
}

static void read_member(struct fields *f, const struct member *member, struct transaction *t, size_t word)
{
    struct address address;
    switch (member->kind) {
    case MEMBER_ADDRESS:
        address = fields_address(f, member->name);
        eip712_address(t->words[word], &address);
        break;
    case MEMBER_UINT64:
        eip712_uint(t->words[word], fields_uint(f, member->name, UINT64_MAX));
        break;
    case MEMBER_INT64:
        eip712_int(t->words[word], fields_int(f, member->name));
        break;
    case MEMBER_UINT8:
        eip712_uint(t->words[word], fields_uint(f, member->name, UINT8_MAX));
        break;
    case MEMBER_BYTES32:
        fields_hex(f, member->name, t->words[word], sizeof t->words[word]);
        break;
    case MEMBER_STRING:
        read_string(f, member->name, t, word);
        break;
    }
}

static bool read_members(struct fields *outer, const struct transaction_type *type, struct transaction *t)
{
    const char *known[TRANSACTION_MEMBERS_MAX + 1] = {NULL};
    char place[sizeof outer->place];
    json_t *message = fields_object(outer, "message");
    if (message == NULL)
        return false;
    for (size_t i = 0; i < type->count; i++)
        known[i] = type->members[i].name;
    snprintf(place, sizeof place, "%.80s.message", outer->place);
    struct fields f = fields_of(message, place, known, outer->reason);
    for (size_t i = 0; i < type->count; i++)
        read_member(&f, &type->members[i], t, i);
    return f.ok;
}

static bool read_object(json_t *root, const char *place, struct transaction *t, struct bb_reason *reason)
{
    static const char *const known[] = {"type", "message", "signature", NULL};
    struct fields f = fields_of(root, place, known, reason);
    const struct transaction_type *type = transaction_type_named(fields_text(&f, "type", 64));
    if (f.ok && type == NULL)
        return fields_refuse(&f, "type", "there is no such type of transaction");
    memset(t, 0, sizeof *t);
    if (!f.ok || !read_members(&f, type, t))
        return false;
    t->type = type->action;
    fields_hex(&f, "signature", t->signature, SIGNATURE_SIZE);
    return f.ok;
}

enum status message_read(struct bytes json, const char *place, uint8_t *out, size_t *size_out,
                         struct bb_reason *reason)
{
    struct transaction transaction;
    json_t *root = NULL;
    json = trimmed(json);
    if (json.size > 0 && json.data[0] == '"')
        return read_hex(json, place, out, size_out, reason);
    enum status status = fields_parse(json, place, reason, &root);
    if (status != BB_OK)
        return status;
    bool good = read_object(root, place, &transaction, reason);
    json_decref(root);
    if (!good)
        return BB_MALFORMED;
    *size_out = transaction_encode(&transaction, out);
    return BB_OK;
}

static void write_member(struct json_writer *w, const struct member *member, const struct transaction *t,
                         size_t word)
{
    struct address address;
    uint64_t number = 0;
    int64_t integer = 0;
    switch (member->kind) {
    case MEMBER_ADDRESS:
        CHECK(eip712_read_address(t->words[word], &address));
        json_writer_address(w, member->name, &address);
        break;
    case MEMBER_UINT64:
    case MEMBER_UINT8:
        CHECK(eip712_read_uint(t->words[word], &number));
        json_writer_uint(w, member->name, number);
        break;
    case MEMBER_INT64:
        CHECK(eip712_read_int(t->words[word], &integer));
        json_writer_int(w, member->name, integer);
        break;
    case MEMBER_BYTES32:
        json_writer_hex(w, member->name, (struct bytes){t->words[word], sizeof t->words[word]});
        break;
    case MEMBER_STRING:
        json_writer_text(w, member->name, t->text, t->text_size);
        break;
    }
}

void message_write(struct json_writer *w, const struct transaction *t)
{
    const struct transaction_type *type = transaction_type(t->type);
    CHECK(type != NULL);
    json_writer_word(w, "type", type->name);
    json_writer_open(w, "message", '{');
    for (size_t i = 0; i < type->count; i++)
        write_member(w, &type->members[i], t, i);
    json_writer_close(w, '}');
    json_writer_hex(w, "signature", (struct bytes){t->signature, SIGNATURE_SIZE});
}
