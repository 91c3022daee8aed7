/* The demo's dashboard: busbar-webd among its processes. */
#ifndef AGENTS_CLI_DEMO_WEB_H
#define AGENTS_CLI_DEMO_WEB_H

#include "agents/cli/crew.h"

#include <stdbool.h>

#define DEMO_WEB_URL_SIZE 320

/* Whether a demo is to have one: `where` is what --web says (NULL: not given), "none" is no. A demo that ends
 * by itself has one only when it is asked for. */
bool demo_web_wanted(const char *where, bool once);

/* Starts it at `where`, or without it at 127.0.0.1:8087 or the next port that is free. BB_NOT_FOUND (the
 * program), BB_IO, BB_FULL. */
BB_MUST_CHECK enum status demo_web_start(struct crew *crew, const char *where, struct bb_reason *reason);

/* Its address to url_out[DEMO_WEB_URL_SIZE]; false: it does not serve yet. */
bool demo_web_url(const char *home, char *url_out);

#endif
