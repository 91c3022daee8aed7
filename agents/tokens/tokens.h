/* The tokens with which one acts through the dashboard: a file of names, roles and hashes. A token itself is
 * shown once, when it is made, and kept nowhere.
 *
 *   {"version":1,"tokens":[{"name":"wall","role":"viewer","sha256":"…64 hexadecimal
 * digits…","created_ms":0}]}
 *
 * A token has 256 random bits, so that a plain hash is enough: there is nothing to be guessed. */
#ifndef AGENTS_TOKENS_TOKENS_H
#define AGENTS_TOKENS_TOKENS_H

#include <busbar/bytes.h>
#include <busbar/reason.h>
#include <busbar/status.h>

#define TOKENS_MAX         256
#define TOKENS_NAME_MAX    63        /* bytes: letters, digits, and . _ - */
#define TOKENS_SECRET_SIZE 48        /* "bbw_", 43 characters, NUL */
#define TOKENS_FILE_MAX    (1 << 17) /* bytes of the file */

enum token_role { TOKEN_NOBODY, TOKEN_VIEWER, TOKEN_OPERATOR };

struct token {
    char name[TOKENS_NAME_MAX + 1];
    enum token_role role;
    uint8_t hash[32];
    int64_t created_ms; /* since 1970 */
};

struct tokens {
    struct token list[TOKENS_MAX];
    size_t count;
};

/* "viewer" or "operator". Static storage. */
const char *tokens_role_word(enum token_role role);

/* The role of that word; TOKEN_NOBODY: none. */
enum token_role tokens_role(const char *word);

/* Reads a file's text. BB_MALFORMED with the reason; *out is then empty. */
BB_MUST_CHECK enum status tokens_parse(struct bytes text, struct bb_reason *reason, struct tokens *out);

/* Reads a file; one that is not there holds none. BB_IO, BB_DENIED (others may read it), BB_MALFORMED. */
BB_MUST_CHECK enum status tokens_read(const char *path, struct bb_reason *reason, struct tokens *out);

/* Writes the file anew, mode 0600, in one step. BB_IO. */
BB_MUST_CHECK enum status tokens_write(const char *path, const struct tokens *tokens,
                                       struct bb_reason *reason);

/* Makes a token: the secret goes to secret_out, its hash to the list. BB_RANGE (a name that is none),
 * BB_EXISTS, BB_FULL, BB_IO (no randomness). */
BB_MUST_CHECK enum status tokens_add(struct tokens *tokens, const char *name, enum token_role role,
                                     int64_t now_ms, char secret_out[TOKENS_SECRET_SIZE]);

/* BB_NOT_FOUND. */
BB_MUST_CHECK enum status tokens_remove(struct tokens *tokens, const char *name);

/* The token with this secret; NULL: none. Takes the same time whichever it is, and whether it is one. */
const struct token *tokens_find(const struct tokens *tokens, const char *secret);

#endif
