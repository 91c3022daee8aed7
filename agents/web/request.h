/* The target of a request ("/api/v1/agents/historian?count=5") in parts. Pure. Everything that could be read
 * in two ways is refused: the server knows its paths, and nobody has to be guessed at.
 * Source: RFC 3986 §2.1, §3.3, §3.4; RFC 3629. */
#ifndef AGENTS_WEB_REQUEST_H
#define AGENTS_WEB_REQUEST_H

#include <busbar/bytes.h>

#define REQUEST_TARGET_MAX   4096 /* bytes of a target */
#define REQUEST_SEGMENTS_MAX 16
#define REQUEST_PARAMS_MAX   32

enum request_fault {
    REQUEST_FINE,
    REQUEST_LONG,     /* more than REQUEST_TARGET_MAX bytes */
    REQUEST_FORM,     /* not "/…", or a character that a target cannot have */
    REQUEST_ESCAPE,   /* a "%" without two hexadecimal digits */
    REQUEST_LETTERS,  /* not UTF-8, or a control character */
    REQUEST_DOTS,     /* a segment "." or "..", or one with a slash in it */
    REQUEST_SEGMENTS, /* more than REQUEST_SEGMENTS_MAX */
    REQUEST_PARAMS    /* more than REQUEST_PARAMS_MAX */
};

struct request {
    char room[2 * REQUEST_TARGET_MAX + 128];    /* the texts: each byte twice at most, and their ends */
    const char *path;                           /* decoded, "/" at least */
    const char *segments[REQUEST_SEGMENTS_MAX]; /* decoded; none for "/"; the last is "" for "/a/" */
    size_t segment_count;
    struct {
        const char *name, *value;
    } params[REQUEST_PARAMS_MAX];
    size_t param_count;
};

/* Takes a target apart; *out is to be read only after REQUEST_FINE, and not to be copied. */
enum request_fault request_parse(struct bytes target, struct request *out);

/* The fault in a sentence for people. Static storage. */
const char *request_fault_text(enum request_fault fault);

/* The first value of a parameter; NULL: not there. */
const char *request_param(const struct request *request, const char *name);

/* True when the bytes are UTF-8; control characters but tab and line breaks are refused. */
bool request_is_text(struct bytes bytes);

#endif
