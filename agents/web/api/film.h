/* Recorded runs as JSON: written directly, since a run may have twenty thousand frames. */
#ifndef AGENTS_WEB_API_FILM_H
#define AGENTS_WEB_API_FILM_H

#include "agents/web/model/runs.h"

/* {"id","started_ms","ended_ms","frames":count,"full","boards":[{"name","kind"}]}; malloc'd. */
char *film_summary(const struct runs *runs, const struct run *run);

/* [summary, …], the newest first; malloc'd. */
char *film_list(const struct runs *runs);

/* {"version","id","started_ms","ended_ms","full","boards":[…],"frames":[…]}; malloc'd. */
char *film_whole(const struct runs *runs, const struct run *run);

/* {"id","from","frames":[…]}: the frames from..to-1; malloc'd. */
char *film_piece(const struct runs *runs, const struct run *run, uint32_t from, uint32_t to);

#endif
