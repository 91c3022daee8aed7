/* The server's certificate and key from their files. */
#ifndef AGENTS_WEB_PEM_H
#define AGENTS_WEB_PEM_H

#include "agents/web/settings.h"

/* Both as texts, malloc'd. BB_NOT_FOUND, BB_DENIED (others can read the key), BB_RANGE (too long). */
BB_MUST_CHECK enum status pem_read(const struct settings *settings, struct bb_reason *reason,
                                   char **certificate_out, char **key_out);

/* Wipes and frees a key. Accepts NULL. */
void pem_wipe(char *key);

#endif
