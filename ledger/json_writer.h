/* Writing JSON into a text that grows, without building a tree first: the answers of the ledger are long.
 *
 * Within an object every call gives a name, within a list NULL. Integers are decimal strings, as everywhere
 * in the ledger's JSON; with `numbers`, JSON numbers, as telemetry on the bus has them. */
#ifndef LEDGER_JSON_WRITER_H
#define LEDGER_JSON_WRITER_H

#include <busbar/address.h>
#include <busbar/bytes.h>

/* Zero is an empty writer. */
struct json_writer {
    char *text; /* malloc'd, NUL-terminated; NULL while nothing is written */
    size_t size, capacity;
    bool comma; /* the next value needs one before it */
    bool numbers;
};

/* Opens and closes an object ('{', '}') or a list ('[', ']'). */
void json_writer_open(struct json_writer *w, const char *name, char bracket);
void json_writer_close(struct json_writer *w, char bracket);

/* One value each. A text that is not UTF-8 is written as far as it is. */
void json_writer_text(struct json_writer *w, const char *name, const char *text, size_t size);
void json_writer_word(struct json_writer *w, const char *name, const char *text);
void json_writer_int(struct json_writer *w, const char *name, int64_t value);
void json_writer_uint(struct json_writer *w, const char *name, uint64_t value);
void json_writer_number(struct json_writer *w, const char *name, int64_t value);
void json_writer_bool(struct json_writer *w, const char *name, bool value);
void json_writer_hex(struct json_writer *w, const char *name, struct bytes bytes);
void json_writer_address(struct json_writer *w, const char *name, const struct address *address);

/* An amount for people: `value` / 10^places without trailing zeros, and the unit behind it: "9.82 cent/kWh".
 */
void json_writer_amount(struct json_writer *w, const char *name, int64_t value, unsigned places,
                        const char *unit);

/* Appends JSON that is there already, as one value. */
void json_writer_raw(struct json_writer *w, const char *name, const char *json, size_t size);

#endif
