#include "node-fw/node/settings.h"

#include "node-fw/node/decimal.h"

#include <stdbool.h>
#include <string.h>

/* -- the table of keys -- */

enum form { WHOLE, MILLIONTHS, KIND, LOSS, NAME, PATH };
enum whose { ANY = 3, GENERATORS = 1 << CURVE_GENERATOR, CONSUMERS = 1 << CURVE_CONSUMER };

struct key {
    const char *word;
    enum form form;
    enum whose whose;
    bool required;
    uint16_t offset;
    const char *expected;
};

#define AT(member) offsetof(struct settings, member)
#define NUMBER     "a number 0 … 4294.967295 with at most six decimals"

static const struct key keys[] = {
    {"id", WHOLE, ANY, true, AT(id), "a whole number 1 … 65534"},
    {"name", NAME, ANY, true, AT(name), "1 to 15 letters, digits, '-', '_' or '.'"},
    {"kind", KIND, ANY, true, AT(parameters.kind), "generator or consumer"},
    {"omega", MILLIONTHS, CONSUMERS, true, AT(parameters.intercept), NUMBER},
    {"sigma", MILLIONTHS, CONSUMERS, true, AT(parameters.slope), NUMBER},
    {"beta", MILLIONTHS, GENERATORS, true, AT(parameters.intercept), NUMBER},
    {"alpha", MILLIONTHS, GENERATORS, true, AT(parameters.slope), NUMBER},
    {"pmax_kw", MILLIONTHS, ANY, true, AT(parameters.pmax), NUMBER},
    {"on_link_loss", LOSS, ANY, false, AT(on_link_loss), "hold, zero or fixed"},
    {"fixed_kw", MILLIONTHS, ANY, false, AT(fixed_mw), NUMBER},
    {"ramp_kw_per_s", MILLIONTHS, ANY, false, AT(ramp_mw_per_s), NUMBER},
    {"state", PATH, ANY, false, AT(state), "a path of 1 to 255 bytes"},
};

#define KEYS (sizeof keys / sizeof *keys)

static const char *const kinds[] = {[CURVE_GENERATOR] = "generator", [CURVE_CONSUMER] = "consumer"};
static const char *const losses[] = {
    [LINK_LOSS_HOLD] = "hold", [LINK_LOSS_ZERO] = "zero", [LINK_LOSS_FIXED] = "fixed"};

/* -- words -- */

static bool is_space(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bool is_word(struct bytes text, const char *word)
{
    return bytes_equal(text, bytes_of(word));
}

/* The next line of `text`, without its end; `text` is advanced. */
static struct bytes take_line(struct bytes *text)
{
    const uint8_t *end = memchr(text->data, '\n', text->size);
    struct bytes line = {text->data, end ? (size_t)(end - text->data) : text->size};
    size_t taken = line.size + (end ? 1 : 0);
    text->data += taken;
    text->size -= taken;
    return line;
}

/* The next word of `line` before a comment; empty when there is none. `line` is advanced past it. */
static struct bytes take_word(struct bytes *line)
{
    size_t from = 0;
    while (from < line->size && is_space(line->data[from]))
        from++;
    size_t to = from;
    while (to < line->size && !is_space(line->data[to]) && line->data[to] != '#')
        to++;
    struct bytes word = {line->data + from, to - from};
    line->data += to;
    line->size -= to;
    return word;
}

static void append(struct settings_error *error, struct bytes text)
{
    size_t used = strlen(error->text);
    size_t room = sizeof error->text - 1 - used;
    size_t size = text.size < room ? text.size : room;
    for (size_t i = 0; i < size; i++)
        error->text[used + i] = (char)(text.data[i] < ' ' || text.data[i] > '~' ? '?' : text.data[i]);
    error->text[used + size] = '\0';
}

/* Fills *error with "what: value why"; value may be empty. Texts of our own are copied as they are. */
static enum status complain(struct settings_error *error, unsigned line, const char *what, struct bytes value,
                            const char *why, enum status status)
{
    *error = (struct settings_error){.line = line};
    append(error, bytes_of(what));
    append(error, bytes_of(": "));
    if (value.size > 32)
        value.size = 32;
    append(error, value);
    size_t used = strlen(error->text);
    size_t size = strnlen(why, sizeof error->text - 1 - used);
    memcpy(error->text + used, why, size);
    error->text[used + size] = '\0';
    return status;
}

/* -- values -- */

static bool parse_choice(struct bytes word, const char *const *words, size_t count, void *out)
{
    for (unsigned i = 0; i < count; i++)
        if (is_word(word, words[i])) {
            memcpy(out, &i, sizeof i);
            return true;
        }
    return false;
}

static bool is_name(struct bytes word)
{
    for (size_t i = 0; i < word.size; i++) {
        uint8_t c = word.data[i];
        bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!letter && !(c >= '0' && c <= '9') && c != '-' && c != '_' && c != '.')
            return false;
    }
    return true;
}

static bool copy_text(struct bytes word, size_t capacity, char *out)
{
    if (word.size == 0 || word.size >= capacity || memchr(word.data, 0, word.size))
        return false;
    memcpy(out, word.data, word.size);
    out[word.size] = '\0';
    return true;
}

static bool parse_value(const struct key *key, struct bytes word, struct settings *out)
{
    uint8_t *at = (uint8_t *)out + key->offset;
    uint32_t number = 0;
    switch (key->form) {
    case WHOLE:
        if (decimal_parse(word, 0, &number) != BB_OK || number == 0 || number > SETTINGS_ID_MAX)
            return false;
        memcpy(at, &(uint16_t){(uint16_t)number}, sizeof(uint16_t));
        return true;
    case MILLIONTHS:
        if (decimal_parse(word, 6, &number) != BB_OK)
            return false;
        memcpy(at, &number, sizeof number);
        return true;
    case KIND:
        return parse_choice(word, kinds, 2, at);
    case LOSS:
        return parse_choice(word, losses, 3, at);
    case NAME:
        return is_name(word) && copy_text(word, BB_NAME_MAX, (char *)at);
    case PATH:
        return copy_text(word, SETTINGS_STATE_MAX, (char *)at);
    }
    return false;
}

/* -- lines and the whole -- */

static const struct key *find_key(struct bytes word)
{
    for (size_t i = 0; i < KEYS; i++)
        if (is_word(word, keys[i].word))
            return &keys[i];
    return NULL;
}

static enum status parse_line(struct bytes line, unsigned number, unsigned *lines,
                              struct settings_error *error, struct settings *out)
{
    const struct bytes none = {NULL, 0};
    struct bytes word = take_word(&line);
    if (word.size == 0)
        return BB_OK;
    const struct key *key = find_key(word);
    if (!key)
        return complain(error, number, "no such key", word, "", BB_MALFORMED);
    unsigned *seen = &lines[key - keys];
    if (*seen)
        return complain(error, number, key->word, none, "is given twice", BB_MALFORMED);
    *seen = number;
    struct bytes value = take_word(&line);
    struct settings_error expected = {.text = " is not "};
    memcpy(expected.text + 8, key->expected, strlen(key->expected) + 1);
    if (!parse_value(key, value, out))
        return complain(error, number, key->word, value.size ? value : bytes_of("nothing"), expected.text,
                        BB_RANGE);
    if (take_word(&line).size > 0)
        return complain(error, number, key->word, none, "one value is enough", BB_MALFORMED);
    return BB_OK;
}

/* What only the whole file tells: keys that are missing, of the other kind, or do not go together. */
static enum status check_whole(const unsigned *lines, struct settings_error *error,
                               const struct settings *settings)
{
    const struct bytes none = {NULL, 0};
    for (size_t i = 0; i < KEYS; i++) {
        bool mine = keys[i].whose & 1 << settings->parameters.kind || !lines[2];
        if (lines[i] && !mine)
            return complain(error, lines[i], keys[i].word, none, "belongs to the other kind of board",
                            BB_MALFORMED);
        if (!lines[i] && keys[i].required && mine)
            return complain(error, 0, keys[i].word, none, "is missing", BB_MALFORMED);
    }
    unsigned fixed_line = lines[find_key(bytes_of("fixed_kw")) - keys];
    if (settings->on_link_loss == LINK_LOSS_FIXED && !fixed_line)
        return complain(error, 0, "fixed_kw", none, "is missing, but on_link_loss is fixed", BB_MALFORMED);
    if (settings->fixed_mw > settings->parameters.pmax)
        return complain(error, fixed_line, "fixed_kw", none, "is more than pmax_kw", BB_RANGE);
    struct curve curve;
    if (curve_of(&settings->parameters, &curve) != BB_OK)
        return complain(error, 0, "alpha", none, "beta + 2 alpha pmax_kw is more than 4294.967295", BB_RANGE);
    return BB_OK;
}

enum status settings_parse(struct bytes text, struct settings_error *error, struct settings *out)
{
    const struct bytes none = {NULL, 0};
    if (text.size > SETTINGS_TEXT_MAX)
        return complain(error, 0, "the file", none, "is longer than 4096 bytes", BB_RANGE);
    struct settings settings = {.on_link_loss = LINK_LOSS_HOLD};
    unsigned lines[KEYS] = {0};
    for (unsigned number = 1; text.size > 0; number++) {
        enum status status = parse_line(take_line(&text), number, lines, error, &settings);
        if (status != BB_OK)
            return status;
    }
    enum status status = check_whole(lines, error, &settings);
    if (status == BB_OK)
        *out = settings;
    return status;
}

/* -- writing -- */

static void write_value(struct writer *w, const struct key *key, const struct settings *settings)
{
    const uint8_t *at = (const uint8_t *)settings + key->offset;
    uint32_t number;
    memcpy(&number, at, sizeof number);
    switch (key->form) {
    case WHOLE:
        decimal_write(w, settings->id, 0);
        break;
    case MILLIONTHS:
        decimal_write(w, number, 6);
        break;
    case KIND:
        write_bytes(w, bytes_of(kinds[settings->parameters.kind]));
        break;
    case LOSS:
        write_bytes(w, bytes_of(losses[settings->on_link_loss]));
        break;
    case NAME:
    case PATH:
        write_bytes(w, bytes_of((const char *)at));
        break;
    }
}

enum status settings_format(const struct settings *settings, struct writer *w)
{
    for (size_t i = 0; i < KEYS; i++) {
        bool empty = keys[i].form == PATH && settings->state[0] == '\0';
        if (empty || !(keys[i].whose & 1 << settings->parameters.kind))
            continue;
        write_bytes(w, bytes_of(keys[i].word));
        write_u8(w, ' ');
        write_value(w, &keys[i], settings);
        write_u8(w, '\n');
    }
    return w->ok ? BB_OK : BB_FULL;
}

/* The value of a key that a parameter change moves; NULL for every other key. */
static const uint32_t *moved(const struct key *key, const struct curve_parameters *p)
{
    if (!key)
        return NULL;
    if (key->offset == AT(parameters.intercept))
        return &p->intercept;
    if (key->offset == AT(parameters.slope))
        return &p->slope;
    return key->offset == AT(parameters.pmax) ? &p->pmax : NULL;
}

enum status settings_rewrite(struct bytes text, const struct curve_parameters *parameters, struct writer *w)
{
    while (text.size > 0) {
        const uint8_t *start = text.data;
        struct bytes line = take_line(&text);
        const uint8_t *end = text.data;
        struct bytes rest = line;
        const uint32_t *value = moved(find_key(take_word(&rest)), parameters);
        if (value) {
            struct bytes old = take_word(&rest);
            write_bytes(w, (struct bytes){start, (size_t)(old.data - start)});
            decimal_write(w, *value, 6);
            start = rest.data;
        }
        write_bytes(w, (struct bytes){start, (size_t)(end - start)});
    }
    return w->ok ? BB_OK : BB_FULL;
}

/* The line of `text` that begins with this word, with its end; empty when there is none. */
static struct bytes line_of(struct bytes text, struct bytes word)
{
    while (text.size > 0) {
        const uint8_t *start = text.data;
        struct bytes line = take_line(&text);
        if (bytes_equal(take_word(&line), word))
            return (struct bytes){start, (size_t)(text.data - start)};
    }
    return (struct bytes){NULL, 0};
}

/* A line that others may follow. */
static void write_line(struct writer *w, struct bytes line)
{
    write_bytes(w, line);
    if (line.size > 0 && line.data[line.size - 1] != '\n')
        write_u8(w, '\n');
}

/* Each line of `from`, or the one of `other` with the same key. With `fresh`, only lines whose key `other`
 * has not. */
static void merge_lines(struct bytes from, struct bytes other, bool fresh, struct writer *w)
{
    while (from.size > 0) {
        struct bytes line = {from.data, 0};
        struct bytes rest = take_line(&from);
        line.size = (size_t)(from.data - line.data);
        struct bytes word = take_word(&rest);
        struct bytes same = line_of(other, word);
        bool found = word.size > 0 && same.size > 0;
        if (fresh ? word.size > 0 && !found : true)
            write_line(w, found ? same : line);
    }
}

enum status settings_merge(struct bytes text, struct bytes changes, struct writer *w)
{
    struct bytes rest = changes;
    if (changes.size > 0 && is_word(take_line(&rest), "+")) {
        merge_lines(text, rest, false, w);
        merge_lines(rest, text, true, w);
    } else {
        write_bytes(w, changes);
    }
    return w->ok ? BB_OK : BB_FULL;
}

bool settings_agree(struct bytes text, const char *key, const char *value)
{
    while (text.size > 0) {
        struct bytes line = take_line(&text);
        if (is_word(take_word(&line), key) && !is_word(take_word(&line), value))
            return false;
    }
    return true;
}
