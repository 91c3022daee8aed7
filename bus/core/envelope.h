/* The JSON envelope of a published message, `{"bus":"","headers":{…},"message":…}`: found, and written anew
 * for each kind of receiver without touching what it carries. A client's own top-level "sender" is cut out;
 * the router's is appended last. Source: VIP1 pubsub publish. */
#ifndef BUS_CORE_ENVELOPE_H
#define BUS_CORE_ENVELOPE_H

#include "bus/core/scan.h"

/* Members between which a client's own "sender" stood; more such cuts are refused. */
#define ENVELOPE_RUNS_MAX 4
/* Pieces of the longest composition. */
#define ENVELOPE_PIECES_MAX 16

struct envelope {
    struct bytes bus, headers, message; /* {NULL, 0}: not there */
    struct bytes runs[ENVELOPE_RUNS_MAX];
    size_t run_count;
    bool nonfinite; /* holds NaN or Infinity, which JSON has not */
    bool high;      /* holds bytes ≥ 0x80 */
};

/* A text as the concatenation of borrowed pieces. */
struct envelope_text {
    struct bytes pieces[ENVELOPE_PIECES_MAX];
    size_t count;
    size_t size; /* of all pieces */
};

/* Finds the parts of `json`, borrowed. BB_MALFORMED: not one JSON object, headers that are no object, or too
 * many members called "sender". */
BB_MUST_CHECK enum status envelope_parse(struct bytes json, struct envelope *out);

/* The text for a VIP peer: all members as they came, missing `bus` and `headers` added, `"sender":"<sender>"`
 * last. `sender` consists of identity characters and `@`. Borrows the parsed text and `sender`. */
void envelope_for_vip(const struct envelope *envelope, struct bytes sender, struct envelope_text *out);

/* The text for a plain subscriber: `{"sender":…,"headers":…,"message":…,"seq":<sequence>}`. `sequence` is
 * decimal digits. May hold NaN and high bytes: see envelope_is_strict. Borrows the parsed text, `sender` and
 * `sequence`. */
void envelope_for_sub(const struct envelope *envelope, struct bytes sender, struct bytes sequence,
                      struct envelope_text *out);

/* True when headers and message are strict JSON in ASCII as they are; otherwise they need
 * envelope_make_strict. */
bool envelope_is_strict(const struct envelope *envelope);

/* Copies one JSON value and makes it strict: NaN and the infinities become null, and, unless the value is
 * UTF-8, each byte ≥ 0x80 becomes \u00XX. Writes at most 6 bytes per byte of `value`; w->ok false when the
 * buffer ends. */
void envelope_make_strict(struct bytes value, struct writer *w);

#endif
