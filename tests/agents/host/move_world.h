/* Two platforms in a box, for tests of moves: two agentd with disks that outlive them, and a link that loses,
 * delays, reorders and repeats what crosses it. Each agentd dies at any moment, the moments around each write
 * to its disk above all. One seed is one world. */
#ifndef TESTS_AGENTS_HOST_MOVE_WORLD_H
#define TESTS_AGENTS_HOST_MOVE_WORLD_H

#include "agents/host/moves_talk.h"

#include <stdint.h>

#define WORLD_ROWS_MAX 256
#define WORLD_AGENT    "meter"

/* Chances in thousandths. */
struct world_weather {
    unsigned lose, repeat, slow; /* of a message */
    unsigned die;                /* of an agentd, before or after each write */
    unsigned die_at;             /* … or at this one of all these moments; 0: at none */
    unsigned full;               /* of a write that the disk refuses */
    unsigned spoil;              /* of a stop, a pack, a receive that fails, of an offer that is refused */
    unsigned cut;                /* of the link, in each step of time */
};

struct world_node {
    struct world *world;
    char name[8];
    struct moves_world hooks;
    /* On the disk. */
    struct move rows[WORLD_ROWS_MAX];
    size_t row_count;
    bool installed;
    enum move_hold hold;
    char state; /* the agent's saved state: what it was when it ran last */
    char parcel[64];
    size_t parcel_size;
    /* Alive. */
    struct moves *moves; /* NULL: dead */
    bool dying;          /* has died in the middle of something: nothing that it does counts */
    int64_t back_ms;     /* when it is started again; INT64_MAX: never */
    bool running;
    unsigned alerts;
};

struct world {
    uint64_t chance;
    int64_t now_ms;
    struct world_weather weather;
    struct world_node nodes[2];
    bool cut;
    struct world_mail *mail;
    bool operator_spoke; /* from then on two may run until they hear of each other */
    uint64_t calls;
    unsigned deaths, moments;
};

/* A world of the seed in which node 0 has the agent, running. */
void world_open(struct world *world, uint64_t seed, const struct world_weather *weather);
void world_close(struct world *world);

/* Lets `ms` pass. Fails the test when both nodes run the agent and no operator has spoken. */
void world_pass(struct world *world, int64_t ms);

/* A number below `below`. */
unsigned world_chance(struct world *world, unsigned below);

/* The agentd dies now, and is back `for_ms` later (INT64_MAX: never). */
void world_kill(struct world *world, int node, int64_t for_ms);

/* Starts to move the agent from the node; false: it cannot be now. */
bool world_move(struct world *world, int from);

/* Prints what is on the disks. */
void world_tell(const struct world *world);

/* How many nodes run it, and whether anything is under way, or undecided and told. */
int world_running(const struct world *world);
bool world_is_calm(const struct world *world);
bool world_is_reported(const struct world *world, int node);

#endif
