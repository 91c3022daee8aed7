/* A board that a test plays by hand: a pty and one end of the link, nothing behind it. It can babble, stop
 * reading, be unplugged and come back. */
#ifndef TESTS_SUPPORT_SCRIPTED_BOARD_H
#define TESTS_SUPPORT_SCRIPTED_BOARD_H

#include "node-fw/link/session.h"

#include <stdbool.h>
#include <stdint.h>

#define SCRIPTED_HEARD_MAX 64

struct scripted_heard {
    uint16_t source;
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    size_t size;
};

struct scripted_board {
    char path[96]; /* a symbolic link to the pty's other end */
    int master;    /* −1: unplugged */
    struct link_hello hello;
    struct link link;
    bool deaf;           /* does not read */
    bool babbling;       /* writes noise whenever there is room */
    const char *refuses; /* answers every COMMAND and PARAMETER by this */
    unsigned configs, setpoints, commands, refusals, noise;
    unsigned asks;           /* each answered with `slots` */
    struct link_slots slots; /* what it says of its images; `received` counts FIRMWARE that is in order */
    struct link_config config;
    struct link_setpoint setpoint;
    struct link_command command;
    struct link_refuse refusal;
    struct scripted_heard heard[SCRIPTED_HEARD_MAX]; /* DISPATCH messages */
    size_t heard_count;
};

/* An unplugged board. role: LINK_ROLE_CONSUMER or LINK_ROLE_GENERATOR. */
void scripted_board_init(struct scripted_board *b, const char *folder, const char *name, uint16_t id,
                         uint8_t role);

/* Makes the pty and the link to it, and a new session. False when the system has none. */
bool scripted_board_plug(struct scripted_board *b);

/* Hangs up. The link to the pty goes. */
void scripted_board_unplug(struct scripted_board *b);

/* Reads, answers and writes what is due; never waits. */
void scripted_board_pump(struct scripted_board *b);

/* Sends a message, or aborts the test's wait by false when there is no room or no link. */
bool scripted_board_send(struct scripted_board *b, const struct link_message *message);

#endif
