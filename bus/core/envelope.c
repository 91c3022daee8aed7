#include "bus/core/envelope.h"

#include <busbar/check.h>

static const struct {
    const char *name;
    size_t offset;
} PARTS[] = {{"bus", offsetof(struct envelope, bus)},
             {"headers", offsetof(struct envelope, headers)},
             {"message", offsetof(struct envelope, message)}};

static void note_part(struct envelope *e, const struct scan_member *member)
{
    for (size_t i = 0; i < sizeof PARTS / sizeof *PARTS; i++)
        if (scan_key_is(member->key, PARTS[i].name)) {
            *(struct bytes *)(void *)((char *)e + PARTS[i].offset) = member->value;
            return;
        }
}

/* Extends the present run of members to the end of `member`, or starts one. */
static bool keep(struct envelope *e, const struct scan_member *member, bool joined)
{
    const uint8_t *start = member->key.data - 1;
    const uint8_t *end = member->value.data + member->value.size;
    if (!joined) {
        if (e->run_count == ENVELOPE_RUNS_MAX)
            return false;
        e->runs[e->run_count++].data = start;
    }
    struct bytes *run = &e->runs[e->run_count - 1];
    run->size = (size_t)(end - run->data);
    return true;
}

enum status envelope_parse(struct bytes json, struct envelope *out)
{
    struct envelope e = {.run_count = 0};
    struct scan scan = scan_at(json);
    struct scan_member member;
    bool joined = false;
    enum status status = scan_object(&scan);
    for (bool first = true; status == BB_OK; first = false) {
        status = scan_next_member(&scan, first, &member);
        if (status != BB_OK)
            break;
        if (scan_key_is(member.key, "sender")) {
            joined = false;
            continue;
        }
        note_part(&e, &member);
        if (!keep(&e, &member, joined))
            return BB_MALFORMED;
        joined = true;
    }
    if (status != BB_NOT_FOUND || !scan_ended(&scan))
        return BB_MALFORMED;
    if (e.headers.size > 0 && e.headers.data[0] != '{')
        return BB_MALFORMED;
    e.nonfinite = scan.nonfinite;
    e.high = scan.high;
    *out = e;
    return BB_OK;
}

static void add(struct envelope_text *text, struct bytes piece)
{
    CHECK(text->count < ENVELOPE_PIECES_MAX);
    text->pieces[text->count++] = piece;
    text->size += piece.size;
}

#define LITERAL(text) ((struct bytes){(const uint8_t *)(text), sizeof(text) - 1})

void envelope_for_vip(const struct envelope *e, struct bytes sender, struct envelope_text *out)
{
    out->count = out->size = 0;
    add(out, LITERAL("{"));
    for (size_t i = 0; i < e->run_count; i++) {
        add(out, e->runs[i]);
        add(out, LITERAL(","));
    }
    if (e->bus.size == 0)
        add(out, LITERAL("\"bus\":\"\","));
    if (e->headers.size == 0)
        add(out, LITERAL("\"headers\":{},"));
    add(out, LITERAL("\"sender\":\""));
    add(out, sender);
    add(out, LITERAL("\"}"));
}

void envelope_for_sub(const struct envelope *e, struct bytes sender, struct bytes sequence,
                      struct envelope_text *out)
{
    out->count = out->size = 0;
    add(out, LITERAL("{\"sender\":\""));
    add(out, sender);
    add(out, LITERAL("\",\"headers\":"));
    add(out, e->headers.size > 0 ? e->headers : LITERAL("{}"));
    add(out, LITERAL(",\"message\":"));
    add(out, e->message.size > 0 ? e->message : LITERAL("null"));
    add(out, LITERAL(",\"seq\":"));
    add(out, sequence);
    add(out, LITERAL("}"));
}

bool envelope_is_strict(const struct envelope *e)
{
    return !e->nonfinite && !e->high;
}

/* Bytes of the UTF-8 character at `p`; 0 if there is none. Source: RFC 3629. */
static size_t utf8_size(const uint8_t *p, const uint8_t *end)
{
    static const struct {
        uint8_t mask, lead, size;
        uint32_t least;
    } FORMS[] = {{0x80, 0x00, 1, 0}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};
    for (size_t i = 0; i < sizeof FORMS / sizeof *FORMS; i++) {
        if ((*p & FORMS[i].mask) != FORMS[i].lead)
            continue;
        if (end - p < FORMS[i].size)
            return 0;
        uint32_t c = *p & (uint8_t)~FORMS[i].mask;
        for (size_t k = 1; k < FORMS[i].size; k++) {
            if ((p[k] & 0xc0) != 0x80)
                return 0;
            c = c << 6 | (p[k] & 0x3f);
        }
        return c < FORMS[i].least || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ? 0 : FORMS[i].size;
    }
    return 0;
}

static bool is_utf8(struct bytes text)
{
    const uint8_t *end = text.data + text.size;
    for (const uint8_t *p = text.data; p < end;) {
        size_t size = utf8_size(p, end);
        if (size == 0)
            return false;
        p += size;
    }
    return true;
}

static void write_escaped(struct writer *w, uint8_t byte)
{
    static const char HEX[] = "0123456789abcdef";
    const uint8_t escape[6] = {'\\', 'u', '0', '0', (uint8_t)HEX[byte >> 4], (uint8_t)HEX[byte & 15]};
    write_bytes(w, (struct bytes){escape, sizeof escape});
}

void envelope_make_strict(struct bytes value, struct writer *w)
{
    bool utf8 = is_utf8(value);
    bool in_string = false;
    for (size_t i = 0; i < value.size; i++) {
        uint8_t c = value.data[i];
        if (in_string && c == '\\' && i + 1 < value.size) {
            write_u8(w, c);
            c = value.data[++i];
        } else if (c == '"') {
            in_string = !in_string;
        } else if (!in_string &&
                   (c == 'N' || c == 'I' || (c == '-' && value.size - i > 1 && value.data[i + 1] == 'I'))) {
            i += (c == 'N' ? 3 : c == 'I' ? 8 : 9) - 1;
            write_bytes(w, LITERAL("null"));
            continue;
        }
        if (c >= 0x80 && !utf8)
            write_escaped(w, c);
        else
            write_u8(w, c);
    }
}
