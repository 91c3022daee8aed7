/* The neighbourhood as site.json describes it: boards, names, topics, agents, and who is whose neighbour. It
 * holds no board's parameters. Source: docs/architecture.md, "site.json". */
#ifndef AGENTS_UART_SITE_H
#define AGENTS_UART_SITE_H

#include <busbar/limits.h>
#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SITE_TOPIC_MAX 128
#define SITE_AGENT_MAX 64

enum site_kind { SITE_GENERATOR = 0, SITE_CONSUMER = 1 };

struct site_board {
    uint16_t id; /* 1 … 65534, unique: 65535 is every board that is not enrolled */
    char name[BB_NAME_MAX];
    enum site_kind kind;
    char agent[SITE_AGENT_MAX]; /* the identity that serves it */
    char topic[SITE_TOPIC_MAX];
    bool agent_runs; /* "dispatch": "agent" */
    uint16_t neighbour_count;
    uint16_t neighbours[BB_NEIGHBOURS_MAX]; /* ids, in the order of the list of boards */
};

struct site {
    char name[64];
    uint8_t method; /* 0 curves, 1 incremental-cost */
    uint16_t exchange_ms, heartbeat_ms, expiry_ms;
    size_t count;
    struct site_board boards[BB_BOARDS_MAX];
};

/* Reads the file. Strict: unknown keys, wrong types, repeated ids, names or topics, unknown names in links,
 * and more than BB_NEIGHBOURS_MAX neighbours are refused with file and line. BB_NOT_FOUND, BB_IO,
 * BB_MALFORMED, BB_RANGE, BB_FULL (too many boards). */
BB_MUST_CHECK enum status site_load(const char *path, struct site *out, struct bb_reason *reason);

/* The board with this id, or this name; NULL when there is none. */
const struct site_board *site_by_id(const struct site *site, uint16_t id);
const struct site_board *site_by_name(const struct site *site, const char *name);

/* True when `id` is among the board's neighbours. */
bool site_are_neighbours(const struct site_board *board, uint16_t id);

#endif
