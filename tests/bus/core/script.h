/* A router core and its peers in a test: messages are written as texts, one frame a word between bars. */
#ifndef TESTS_BUS_CORE_SCRIPT_H
#define TESTS_BUS_CORE_SCRIPT_H

#include "bus/core/router.h"

/* What a receiver's frame list is compared to. */
#define SCRIPT_TEXT_MAX 4096

/* A fresh router with room for `subscriptions`; open rules unless `access` is given (borrowed). */
void script_open(uint32_t subscriptions, const struct access *access);

/* Frees it. */
void script_close(void);

/* The router under test and its last result. */
struct router *script_router(void);
struct router_out *script_out(void);

/* Sends "sender|recipient|VIP1|user|id|subsystem|arg…" under `entry`. */
enum router_verdict script_send_as(uint32_t entry, const char *message);

/* The same without security. */
enum router_verdict script_send(const char *message);

/* The parcels of the last result, one a line: "to,to:frame|frame|…", bytes outside ASCII as \xx; borrowed. */
const char *script_result(void);

#endif
