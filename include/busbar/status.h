/* How a function says that something outside the program went wrong.
 *
 * Three kinds of error exist and are never mixed: a bug aborts (check.h); a failure (I/O, malformed bytes,
 * capacity) is an `enum status`; a refusal by a rule of the domain is an enum of that domain's own.
 * Outputs of a function that returns a status come last, end in `_out`, and are untouched unless BB_OK. */
#ifndef BUSBAR_STATUS_H
#define BUSBAR_STATUS_H

#define BB_MUST_CHECK __attribute__((warn_unused_result))

#define BB_STATUSES(X)                                                                                       \
    X(BB_OK, "ok", "done")                                                                                   \
    X(BB_IO, "io", "the operating system refused a read, a write or an open")                                \
    X(BB_CLOSED, "closed", "the other side is gone")                                                         \
    X(BB_MALFORMED, "malformed", "the bytes do not follow their format")                                     \
    X(BB_RANGE, "range", "a value is outside its range")                                                     \
    X(BB_FULL, "full", "a bounded store or queue has no room left")                                          \
    X(BB_NOT_FOUND, "not-found", "there is no such thing")                                                   \
    X(BB_EXISTS, "exists", "it is there already, or another process holds it")                               \
    X(BB_TIMEOUT, "timeout", "no answer in time")                                                            \
    X(BB_UNREACHABLE, "unreachable", "the address does not answer, or no such peer is connected")            \
    X(BB_DENIED, "denied", "not authorised")                                                                 \
    X(BB_VERSION, "version", "the two sides speak different versions")                                       \
    X(BB_REMOTE, "remote", "the peer answered with an error of its own")                                     \
    X(BB_INTERRUPTED, "interrupted", "stopped by a signal")

enum status {
#define BB_X(name, word, text) name,
    BB_STATUSES(BB_X)
#undef BB_X
};

/* The stable word of a status ("timeout"), for logs and JSON. Static storage; never NULL. */
static inline const char *bb_status_word(enum status status)
{
    static const char *const words[] = {
#define BB_X(name, word, text) word,
        BB_STATUSES(BB_X)
#undef BB_X
    };
    return (unsigned)status < sizeof words / sizeof *words ? words[status] : "unknown";
}

/* The sentence of a status, for people. Static storage; never NULL. */
static inline const char *bb_status_text(enum status status)
{
    static const char *const texts[] = {
#define BB_X(name, word, text) text,
        BB_STATUSES(BB_X)
#undef BB_X
    };
    return (unsigned)status < sizeof texts / sizeof *texts ? texts[status] : "unknown";
}

#endif
