/* What VOLTTRON's files say about keys, made into entries of access.json: keystores, known_hosts, auth.json
 * and protected_topics.json. All files are read before anything is translated. What cannot be said in
 * access.json without granting more than the file does is left out, and the report says so. Source: VOLTTRON
 * 9's documentation of these files, and the files themselves. */
#ifndef BUS_RULES_IMPORT_H
#define BUS_RULES_IMPORT_H

#include "bus/rules/edit.h"

#define IMPORT_FILES_MAX 64

enum import_kind { IMPORT_KEYSTORE, IMPORT_KNOWN_HOSTS, IMPORT_AUTH, IMPORT_TOPICS };

/* A file that was read. */
struct import_file {
    const char *name; /* borrowed */
    enum import_kind kind;
    json_t *root;
};

/* What the files do not say, since VOLTTRON grants it to everybody. Borrowed. */
struct import_options {
    const char *identity; /* of a keystore; NULL: the name of the folder it is in */
    const char *const *publish;
    size_t publish_count;
    const char *const *subscribe;
    size_t subscribe_count;
};

struct import {
    struct edit *edit; /* borrowed */
    const struct import_options *options;
    struct import_file files[IMPORT_FILES_MAX];
    size_t file_count;
    json_t *entries; /* that came from the files: references into the document */
    json_t *guarded; /* topics with the capabilities that publishing them takes */
    json_t *report;  /* {"file","about","result":"granted"|"refused"|"note","text"} */
    size_t file;     /* being translated */
};

/* Nothing read yet. */
void import_open(struct edit *edit, const struct import_options *options, struct import *out);

/* Recognises text[size], a file called `name` (borrowed), as one of VOLTTRON's. `#` comments are VOLTTRON's
 * own and go. BB_MALFORMED: it is none, with the reason; BB_FULL: more than IMPORT_FILES_MAX. */
BB_MUST_CHECK enum status import_read(struct import *import, const char *name, const char *text, size_t size,
                                      struct bb_reason *reason);

/* Translates what was read into the document, which is not saved, and writes the report. */
void import_apply(struct import *import);

/* Frees what was read, and the report. */
void import_close(struct import *import);

#endif
