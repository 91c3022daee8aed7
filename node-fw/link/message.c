#include "node-fw/link/message.h"

#include <busbar/limits.h>
#include <string.h>

/* -- fields: put_* write one, get_* read one -- */

#define SCALAR(type, ctype, bits)                                                                            \
    static void put_##type(struct writer *w, const ctype *value)                                             \
    {                                                                                                        \
        write_u##bits(w, (uint##bits##_t) * value);                                                          \
    }                                                                                                        \
    static void get_##type(struct reader *r, ctype *value)                                                   \
    {                                                                                                        \
        *value = (ctype)read_u##bits(r);                                                                     \
    }

SCALAR(u8, uint8_t, 8)
SCALAR(u16, uint16_t, 16)
SCALAR(u32, uint32_t, 32)
SCALAR(u64, uint64_t, 64)
SCALAR(i64, int64_t, 64)

/* Size of the UTF-8 character at text[left], 0 when it is none or a control character. */
static size_t character_size(const uint8_t *text, size_t left)
{
    uint8_t first = text[0];
    if (first < 0x80)
        return first >= 0x20 && first != 0x7F ? 1 : 0;
    size_t size = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    if (first < 0xC2 || first > 0xF4 || left < size)
        return 0;
    for (size_t i = 1; i < size; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (first == 0xE0 && text[1] < 0xA0) || (first == 0xF0 && text[1] < 0x90);
    bool surrogate = first == 0xED && text[1] > 0x9F;
    bool beyond = first == 0xF4 && text[1] > 0x8F;
    return overlong || surrogate || beyond ? 0 : size;
}

/* The longest beginning of text[size] that is clean. */
static size_t clean_size(const uint8_t *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        size_t step = character_size(text + at, size - at);
        if (step == 0)
            break;
        at += step;
    }
    return at;
}

static void put_text(struct writer *w, const char *text, size_t capacity)
{
    size_t size = strnlen(text, capacity);
    if (size == capacity || clean_size((const uint8_t *)text, size) != size)
        w->ok = false;
    else
        write_bytes(w, (struct bytes){(const uint8_t *)text, size});
}

static void get_text(struct reader *r, char *text, size_t capacity)
{
    struct bytes rest = read_bytes(r, r->left.size);
    if (rest.size >= capacity || clean_size(rest.data, rest.size) != rest.size) {
        r->ok = false;
        return;
    }
    if (rest.size > 0)
        memcpy(text, rest.data, rest.size);
    text[rest.size] = '\0';
}

static void put_BLOB(struct writer *w, const struct bytes *value)
{
    write_bytes(w, *value);
}

static void get_BLOB(struct reader *r, struct bytes *value)
{
    *value = read_bytes(r, r->left.size);
}

static void put_IDS(struct writer *w, const struct link_ids *ids)
{
    if (ids->count > BB_NEIGHBOURS_MAX)
        w->ok = false;
    write_u8(w, ids->count);
    for (size_t i = 0; w->ok && i < ids->count; i++)
        write_u16(w, ids->id[i]);
}

static void get_IDS(struct reader *r, struct link_ids *ids)
{
    ids->count = read_u8(r);
    if (ids->count > BB_NEIGHBOURS_MAX)
        r->ok = false;
    for (size_t i = 0; r->ok && i < ids->count; i++)
        ids->id[i] = read_u16(r);
}

#define put_TEXT(w, member) put_text(w, *(member), sizeof *(member))
#define get_TEXT(r, member) get_text(r, *(member), sizeof *(member))

/* -- messages, from the table -- */

#define PUT(type, name, text) put_##type(w, &m->name);
#define GET(type, name, text) get_##type(r, &m->name);
#define CODEC(number, NAME, name, reliable, text)                                                            \
    static void encode_##name(struct writer *w, const struct link_message *message)                          \
    {                                                                                                        \
        const struct link_##name *m = &message->name;                                                        \
        (void)w, (void)m;                                                                                    \
        LINK_##NAME##_FIELDS(PUT)                                                                            \
    }                                                                                                        \
    static void decode_##name(struct reader *r, struct link_message *message)                                \
    {                                                                                                        \
        struct link_##name *m = &message->name;                                                              \
        (void)r, (void)m;                                                                                    \
        LINK_##NAME##_FIELDS(GET)                                                                            \
    }
LINK_MESSAGES(CODEC)

struct codec {
    const char *word;
    void (*encode)(struct writer *w, const struct link_message *message);
    void (*decode)(struct reader *r, struct link_message *message);
    bool reliable;
};

static const struct codec codecs[] = {
#define ROW(number, NAME, name, reliable, text) [number] = {#NAME, encode_##name, decode_##name, reliable},
    LINK_MESSAGES(ROW)
#undef ROW
};

static const struct codec *codec_of(uint8_t type)
{
    return type < sizeof codecs / sizeof *codecs && codecs[type].word ? &codecs[type] : NULL;
}

/* -- ranges of the coded fields -- */

struct range {
    enum link_type type;
    uint16_t offset;
    uint8_t size;
    uint16_t least, most;
};

#define RANGE(NAME, member, least, most)                                                                     \
    {                                                                                                        \
        LINK_##NAME, offsetof(struct link_message, member), sizeof((struct link_message *)0)->member, least, \
            most                                                                                             \
    }

static const struct range ranges[] = {
    RANGE(CONFIG, config.method, 0, 1),
    RANGE(CONFIG, config.where, 0, 1),
    RANGE(CONFIG, config.size, 1, BB_BOARDS_MAX),
    RANGE(STATUS, status.mode, 0, 4),
    RANGE(STATUS, status.flags, 0, 7),
    RANGE(COMMAND, command.mode, 0, 3),
    RANGE(LEAVE, leave.reason, 0, 2),
    RANGE(CURVE, curve.kind, 0, 1),
    RANGE(LOG, log.severity, 0, 7),
    RANGE(REFUSE, refuse.code, 0, 4),
    RANGE(SLOTS, slots.running, 0, 2),
    RANGE(SLOTS, slots.state, 0, 2),
    RANGE(SLOTS, slots.cause, 0, 6),
    RANGE(RESET, reset.what, 0, 2),
    RANGE(SETTINGS, board_file.total, 1, LINK_SETTINGS_MAX),
    RANGE(ASK, ask.what, 0, 1),
    RANGE(ASK, ask.lines, 0, LINK_LOG_LINES_MAX),
};

static bool in_ranges(const struct link_message *message)
{
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        if (ranges[i].type != message->type)
            continue;
        const uint8_t *at = (const uint8_t *)message + ranges[i].offset;
        uint16_t value = *at;
        if (ranges[i].size == 2)
            memcpy(&value, at, 2);
        if (value < ranges[i].least || value > ranges[i].most)
            return false;
    }
    return true;
}

static bool hello_sound(const struct link_hello *hello)
{
    bool host = hello->role == LINK_ROLE_HOST;
    return (host || hello->role <= LINK_ROLE_CONSUMER) && host == (hello->board == 0) &&
           hello->session != 0 && strnlen(hello->name, BB_NAME_MAX) < BB_NAME_MAX;
}

static bool sound(const struct link_message *message)
{
    if (message->type == LINK_HELLO)
        return hello_sound(&message->hello);
    if (message->type == LINK_CURVE && message->curve.lo > message->curve.hi)
        return false;
    return in_ranges(message);
}

/* -- public -- */

enum status link_encode(const struct link_message *message, struct writer *w)
{
    const struct codec *codec = codec_of((uint8_t)message->type);
    if (!codec || !sound(message))
        return BB_RANGE;
    codec->encode(w, message);
    return w->ok && w->size <= BB_LINK_PAYLOAD_MAX ? BB_OK : BB_RANGE;
}

enum status link_decode(uint8_t type, uint16_t source, struct bytes payload, struct link_message *out)
{
    const struct codec *codec = codec_of(type);
    if (!codec)
        return BB_NOT_FOUND;
    struct link_message message = {.type = type, .source = source};
    struct reader r = reader_at(payload);
    codec->decode(&r, &message);
    if (!r.ok || r.left.size > 0)
        return BB_MALFORMED;
    if (!sound(&message))
        return BB_RANGE;
    *out = message;
    return BB_OK;
}

bool link_known(uint8_t type)
{
    return codec_of(type) != NULL;
}

bool link_reliable(uint8_t type)
{
    const struct codec *codec = codec_of(type);
    return codec && codec->reliable;
}

const char *link_type_word(uint8_t type)
{
    const struct codec *codec = codec_of(type);
    return codec ? codec->word : "?";
}

void link_set_text(char *member, size_t capacity, const char *text)
{
    size_t size = clean_size((const uint8_t *)text, strnlen(text, capacity - 1));
    memcpy(member, text, size);
    member[size] = '\0';
}
