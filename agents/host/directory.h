/* The directory: who on this bus offers what. A peer's services are its own word, so that nobody can register
 * for another; they are bounded, checked for their shape, and gone when the peer leaves the bus. Nothing here
 * sends or reads a clock. Source: docs/platform.md, "Calls to agentd". */
#ifndef AGENTS_HOST_DIRECTORY_H
#define AGENTS_HOST_DIRECTORY_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* Of one peer: services, and bytes of what it says of them, as JSON. */
#define DIRECTORY_SERVICES_MAX   64
#define DIRECTORY_PEER_BYTES_MAX (128 * 1024)
/* Of one service. */
#define DIRECTORY_METHODS_MAX 128
#define DIRECTORY_TOPICS_MAX  256
/* Of all peers. 4096 services of 2 KiB are 8 MiB. */
#define DIRECTORY_ALL_MAX   4096
#define DIRECTORY_BYTES_MAX (8 * 1024 * 1024)
/* Names of services, versions and methods, with their NUL; schemas within schemas. */
#define DIRECTORY_NAME_SIZE  128
#define DIRECTORY_SCHEMA_MAX 16

struct directory;

/* A service has come ("add", also when it is another than before) or gone ("drop"). */
typedef void directory_on_change(void *context, const char *change, const char *peer, const char *service);

/* An empty directory; `on_change` may be NULL. Aborts without memory. */
struct directory *directory_open(directory_on_change *on_change, void *context);

/* Accepts NULL; tells no changes. */
void directory_close(struct directory *directory);

/* Replaces what `peer` has registered by the "services" of params (borrowed), at the time `now_ms`; a service
 * that stays as it was keeps its time. BB_RANGE: not as docs/platform.md has it, or too large; BB_EXISTS: a
 * name twice; BB_FULL: no room; the reason names the place, and all stays as it was. */
BB_MUST_CHECK enum status directory_register(struct directory *directory, const char *peer,
                                             const json_t *params, int64_t now_ms, struct bb_reason *reason);

/* Takes back the service that the "name" of params (NULL: none) says, or all of the peer's. BB_RANGE;
 * BB_NOT_FOUND: it has none of that name. */
BB_MUST_CHECK enum status directory_withdraw(struct directory *directory, const char *peer,
                                             const json_t *params, struct bb_reason *reason);

/* The peer has left the bus: its services go. */
void directory_leave(struct directory *directory, const char *peer);

/* Only these peers (an array of texts, borrowed) are on the bus: the services of all others go. */
void directory_keep(struct directory *directory, const json_t *peers);

/* {"services":[…]}, new, by name and peer: those that meet every condition of params (borrowed, NULL: none):
 * "name" (may end in `*`), "peer", "method", "properties" (each with exactly that value). BB_RANGE. */
BB_MUST_CHECK enum status directory_lookup(const struct directory *directory, const char *platform,
                                           const json_t *params, struct bb_reason *reason, json_t **out);

/* Services in all. */
size_t directory_count(const struct directory *directory);

#endif
