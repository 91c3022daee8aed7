/* A real busbard with CURVE in a folder of its own, for tests in C. */
#ifndef TESTS_SUPPORT_BROKER_H
#define TESTS_SUPPORT_BROKER_H

#include <stddef.h>
#include <sys/types.h>

struct broker {
    char home[64]; /* made by mkdtemp, removed at the end */
    char program[512];
    pid_t pid;
};

/* Makes a home below /tmp with a key for each of `identities` (`count` of them, all topics granted, "name.*"
 * too) and starts <programs>/busbard in it. 0, or -1 when it does not come up. */
int broker_start(struct broker *broker, const char *programs, const char *const *identities, size_t count);

/* Ends the process (SIGKILL when `at_once`), and starts it again at the same address. */
void broker_halt(struct broker *broker, int at_once);
int broker_again(struct broker *broker);

/* Ends the process and removes the home with everything in it. */
void broker_end(struct broker *broker);

#endif
