/* Questions to the ledger on the bus, for the verbs that only read. */
#ifndef AGENTS_CLI_INQUIRY_H
#define AGENTS_CLI_INQUIRY_H

#include "agents/cli/format.h"
#include "agents/cli/session.h"

/* The peer that is the ledger. */
#define INQUIRY_PEER "ledger"

/* A connection for several questions, with the format that the call wants. */
struct inquiry {
    const struct call *call;
    struct session session;
    enum format format;
};

/* Reads the format, connects. Everything but EXIT_DONE has been told, and nothing is to be closed then. */
enum exit_code inquiry_open(const struct call *call, struct inquiry *out);
void inquiry_close(struct inquiry *inquiry);

/* Asks; takes `params`. *result_out is the result, to be decref'd. Everything but EXIT_DONE has been told:
 * EXIT_MISSING for what is not there. */
enum exit_code inquiry_ask(struct inquiry *inquiry, const char *method, json_t *params, json_t **result_out);

/* One question from open to close; *format_out is what the answer is wanted in. */
enum exit_code inquiry_once(const struct call *call, const char *method, json_t *params,
                            enum format *format_out, json_t **result_out);

/* Asks for up to `count` items of a list that the ledger tells newest first in pages: calls `method` with
 * `params` (taken) again and again, with "before" as the page before said in "next". *result_out is the last
 * page, with all the items in its `member`. */
enum exit_code inquiry_gather(const struct call *call, const char *method, json_t *params, const char *member,
                              size_t count, enum format *format_out, json_t **result_out);

/* Prints the ledger's result as this program's document, with its version; takes `result`. */
void inquiry_print(json_t *result);

/* Prints "label   text" of a fact for people. */
void inquiry_fact(const char *label, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Writes the value of an option that is a time as the ledger's JSON, "0" when it was not given, to
 * text[DECIMAL_TEXT_MAX]. BB_MALFORMED with the reason. */
BB_MUST_CHECK enum status inquiry_moment(const struct call *call, const char *option,
                                         struct bb_reason *reason, char *text);

#endif
