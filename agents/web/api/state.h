/* What the API knows, and who looks after which part of it. Private to this folder. */
#ifndef AGENTS_WEB_API_STATE_H
#define AGENTS_WEB_API_STATE_H

#include "agents/web/api.h"
#include "agents/web/api/relay.h"
#include "agents/web/model/alarms.h"
#include "agents/web/model/overview.h"
#include "agents/web/model/runs.h"

#include <jansson.h>

#define API_AGENT_MAX 64

/* A board, as it was last heard of. */
struct known_board {
    char name[BB_NAME_MAX], agent[API_AGENT_MAX];
    json_t *object; /* without "frame" */
    bool online;
    int64_t offline_mono; /* since when; 0: it is online */
};

struct api {
    struct api_options with;
    struct relay *relay;
    struct alarms alarms;
    struct runs runs;
    struct overview_telling telling;
    struct known_board boards[BB_BOARDS_MAX];
    size_t board_count;
    json_t *present; /* the identities on the bus, as keys */
    int64_t started_mono;
    int64_t heard_ms;    /* the last board object, since 1970; 0: none */
    int64_t price_micro; /* of the last trade; -1: none */
    struct overview_balance balance;
    bool bus, ledger;          /* as they were told last */
    uint32_t run_id, run_told; /* the run whose frames go out, and how many have */
    bool run_open;             /* its end has not been told */
    bool sniffs;
    int64_t sniffed_second;
    uint32_t sniffed, skipped; /* within that second */
    size_t logs;               /* channels log:… that somebody listens to */
    int timer;
};

#endif
