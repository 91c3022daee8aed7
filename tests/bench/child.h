/* A process under measurement: a loop of the benchmark's own, or busbard in a home of its own. */
#ifndef TESTS_BENCH_CHILD_H
#define TESTS_BENCH_CHILD_H

#include "bus/client/keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Endpoints and keys of one measurement, in a folder of its own. */
struct site {
    char home[64];
    bool secure;
    uint32_t round; /* of load_vip: identities are not used twice */
    struct keys broker, publisher, subscriber;
    char vip[256], sub[256], pub[256]; /* where the child listens */
    uint16_t port;                     /* where another broker listens on 127.0.0.1 */
};

/* Makes the folder with keys and access.json: the publisher is `aa`, the subscriber `bb`. */
void child_site(struct site *site, bool secure);

/* Removes the folder. */
void child_clear(const struct site *site);

/* Runs `loop` in a child; it binds tcp ports of its own and writes them into the site's home as busbard does.
 */
pid_t child_fork(struct site *site, void (*loop)(const struct site *site));

/* Runs the program `busbard` in the site's home. */
pid_t child_busbard(struct site *site, const char *busbard);

/* Ends and reaps it. */
void child_stop(pid_t pid);

/* Microseconds of processor time it has used. */
double child_cpu_us(pid_t pid);

/* Its resident memory. */
size_t child_resident_bytes(pid_t pid);

/* Writes `home`/run/<door>.address, as busbard does. */
void child_announce(const struct site *site, const char *door, const char *endpoint);

#endif
