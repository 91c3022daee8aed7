/* Requests as libmicrohttpd hands them over. */
#ifndef AGENTS_WEB_INTAKE_H
#define AGENTS_WEB_INTAKE_H

#include <microhttpd.h>

/* The library's callbacks; `server` is the struct server. A request has a target, is then asked for again
 * and again until it has an answer, and is completed; *exchange is the struct exchange all along. */
void *intake_target(void *server, const char *target, struct MHD_Connection *connection);
enum MHD_Result intake_request(void *server, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *data, size_t *size,
                               void **exchange);
void intake_completed(void *server, struct MHD_Connection *connection, void **exchange,
                      enum MHD_RequestTerminationCode why);

#endif
