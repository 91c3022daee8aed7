#include "agents/web/request.h"

/* Where the next decoded byte goes. */
struct scribe {
    struct request *request;
    size_t used;
};

const char *request_fault_text(enum request_fault fault)
{
    static const char *const texts[] = {
        [REQUEST_FINE] = "nothing is wrong with it",
        [REQUEST_LONG] = "the address is longer than 4096 bytes",
        [REQUEST_FORM] = "the address is not of the form /path?name=value",
        [REQUEST_ESCAPE] = "a % in the address is not followed by two hexadecimal digits",
        [REQUEST_LETTERS] = "the address is not UTF-8, or holds a control character",
        [REQUEST_DOTS] = "the address holds a segment . or .., or a slash that is hidden",
        [REQUEST_SEGMENTS] = "the address has more than 16 segments",
        [REQUEST_PARAMS] = "the address has more than 32 parameters",
    };
    return texts[fault];
}

static size_t continuation(uint8_t first)
{
    if (first < 0x80)
        return 0;
    if (first >= 0xc2 && first <= 0xdf)
        return 1;
    if ((first & 0xf0) == 0xe0)
        return 2;
    return first >= 0xf0 && first <= 0xf4 ? 3 : SIZE_MAX;
}

/* The second byte's range keeps overlong forms, surrogates and what is beyond U+10FFFF out. */
static bool second_fits(uint8_t first, uint8_t second)
{
    switch (first) {
    case 0xe0:
        return second >= 0xa0;
    case 0xed:
        return second <= 0x9f;
    case 0xf0:
        return second >= 0x90;
    case 0xf4:
        return second <= 0x8f;
    default:
        return true;
    }
}

static bool control(uint8_t byte)
{
    return byte == 0x7f || (byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r');
}

bool request_is_text(struct bytes bytes)
{
    for (size_t i = 0; i < bytes.size;) {
        uint8_t first = bytes.data[i];
        size_t more = continuation(first);
        if (more > bytes.size - i - 1 || control(first))
            return false;
        for (size_t k = 1; k <= more; k++)
            if ((bytes.data[i + k] & 0xc0) != 0x80)
                return false;
        if (more > 0 && !second_fits(first, bytes.data[i + 1]))
            return false;
        i += more + 1;
    }
    return true;
}

static int digit(uint8_t letter)
{
    if (letter >= '0' && letter <= '9')
        return letter - '0';
    letter |= 0x20;
    return letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
}

/* Decodes a piece of the target to a text in the room. In a query "+" is a space. */
static enum request_fault decode(struct scribe *scribe, struct bytes piece, bool query, const char **text_out)
{
    char *text = scribe->request->room + scribe->used;
    size_t size = 0;
    for (size_t i = 0; i < piece.size; i++) {
        uint8_t byte = piece.data[i];
        if (byte == '%') {
            int high = i + 2 < piece.size ? digit(piece.data[i + 1]) : -1;
            int low = i + 2 < piece.size ? digit(piece.data[i + 2]) : -1;
            if (high < 0 || low < 0)
                return REQUEST_ESCAPE;
            byte = (uint8_t)(high << 4 | low);
            i += 2;
        } else if (query && byte == '+') {
            byte = ' ';
        } else if (byte <= ' ' || byte == 0x7f || byte == '#' || byte == '\\') {
            return REQUEST_FORM;
        }
        if (byte < ' ')
            return REQUEST_LETTERS;
        text[size++] = (char)byte;
    }
    text[size] = '\0';
    if (!request_is_text((struct bytes){(const uint8_t *)text, size}))
        return REQUEST_LETTERS;
    scribe->used += size + 1;
    *text_out = text;
    return REQUEST_FINE;
}

/* The part of `bytes` before the first `mark`; what follows the mark stays in `bytes`. False: it was the
 * last. */
static bool cut(struct bytes *bytes, char mark, struct bytes *piece_out)
{
    const uint8_t *at = bytes->size > 0 ? memchr(bytes->data, mark, bytes->size) : NULL;
    *piece_out = (struct bytes){bytes->data, at == NULL ? bytes->size : (size_t)(at - bytes->data)};
    size_t gone = at == NULL ? bytes->size : piece_out->size + 1;
    *bytes = (struct bytes){bytes->data + gone, bytes->size - gone};
    return at != NULL;
}

static bool dots(const char *segment)
{
    return strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0 || strchr(segment, '/') != NULL ||
           strchr(segment, '\\') != NULL;
}

static enum request_fault take_segments(struct scribe *scribe, struct bytes path)
{
    struct request *request = scribe->request;
    struct bytes piece;
    for (bool more = path.size > 0; more;) {
        more = cut(&path, '/', &piece);
        if (request->segment_count == REQUEST_SEGMENTS_MAX)
            return REQUEST_SEGMENTS;
        const char **segment = &request->segments[request->segment_count];
        enum request_fault fault = decode(scribe, piece, false, segment);
        if (fault != REQUEST_FINE)
            return fault;
        if (dots(*segment))
            return REQUEST_DOTS;
        request->segment_count++;
    }
    return REQUEST_FINE;
}

static enum request_fault take_params(struct scribe *scribe, struct bytes query)
{
    struct request *request = scribe->request;
    struct bytes piece, name;
    for (bool more = query.size > 0; more;) {
        more = cut(&query, '&', &piece);
        if (piece.size == 0)
            continue;
        if (request->param_count == REQUEST_PARAMS_MAX)
            return REQUEST_PARAMS;
        (void)cut(&piece, '=', &name);
        enum request_fault fault = decode(scribe, name, true, &request->params[request->param_count].name);
        if (fault == REQUEST_FINE)
            fault = decode(scribe, piece, true, &request->params[request->param_count].value);
        if (fault != REQUEST_FINE)
            return fault;
        request->param_count++;
    }
    return REQUEST_FINE;
}

static void join_path(struct scribe *scribe)
{
    struct request *request = scribe->request;
    char *path = request->room + scribe->used;
    size_t size = 0;
    request->path = path;
    for (size_t i = 0; i < request->segment_count; i++) {
        size_t length = strlen(request->segments[i]);
        path[size++] = '/';
        memcpy(path + size, request->segments[i], length);
        size += length;
    }
    if (size == 0)
        path[size++] = '/';
    path[size] = '\0';
}

enum request_fault request_parse(struct bytes target, struct request *out)
{
    struct scribe scribe = {out, 0};
    struct bytes path;
    out->segment_count = out->param_count = 0;
    if (target.size > REQUEST_TARGET_MAX)
        return REQUEST_LONG;
    if (target.size == 0 || target.data[0] != '/')
        return REQUEST_FORM;
    struct bytes rest = {target.data + 1, target.size - 1};
    (void)cut(&rest, '?', &path);
    enum request_fault fault = take_segments(&scribe, path);
    if (fault == REQUEST_FINE)
        fault = take_params(&scribe, rest);
    if (fault == REQUEST_FINE)
        join_path(&scribe);
    return fault;
}

const char *request_param(const struct request *request, const char *name)
{
    for (size_t i = 0; i < request->param_count; i++)
        if (strcmp(request->params[i].name, name) == 0)
            return request->params[i].value;
    return NULL;
}
