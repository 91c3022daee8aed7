#include "agents/web/intake.h"
#include "agents/web/server_state.h"

#include "bus/client/log.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WATCH_MS  500
#define TURNS_MAX 16
/* What the system keeps for a client that does not read, instead of megabytes. */
#define SEND_BYTES   65536
#define MEMORY_BYTES 16384 /* of a connection: its headers, and what is being sent */

/* -- the loop -----------------------------------------------------------------------------------------------
 */

static void turn(void *context);

static void turn_again(void *context)
{
    struct server *server = context;
    server->again = 0;
    turn(server);
}

void server_stir(struct server *server)
{
    if (server->again == 0 &&
        bb_loop_after(server->options.loop, 1, turn_again, server, &server->again) != BB_OK)
        server->again = 0;
}

/* Serves what is ready; not for ever: others live in the loop, too. */
static void turn(void *context)
{
    struct server *server = context;
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    for (int i = 0; i < TURNS_MAX; i++) {
        MHD_run(server->daemon);
        if (MHD_get_timeout(server->daemon, &wait_ms) == MHD_NO || wait_ms > 0)
            return;
    }
    server_stir(server);
}

/* -- connections --------------------------------------------------------------------------------------------
 */

static struct line *line_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

void server_deadline(struct exchange *exchange, unsigned in_ms)
{
    struct line *line = exchange->connection == NULL ? NULL : line_of(exchange->connection);
    if (line != NULL)
        line->deadline_ms = in_ms == 0 ? 0 : bb_loop_mono_ms() + in_ms;
}

static void begin_line(struct server *server, struct MHD_Connection *connection, void **context)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct line *line = calloc(1, sizeof *line);
    if (line == NULL || info == NULL) {
        free(line);
        return;
    }
    line->fd = info->connect_fd;
    (void)!setsockopt(line->fd, SOL_SOCKET, SO_SNDBUF, &(int){SEND_BYTES}, sizeof(int));
    line->deadline_ms = bb_loop_mono_ms() + server->options.header_ms;
    line->next = server->lines;
    if (line->next != NULL)
        line->next->previous = line;
    server->lines = line;
    *context = line;
}

static void end_line(struct server *server, struct line *line)
{
    *(line->previous != NULL ? &line->previous->next : &server->lines) = line->next;
    if (line->next != NULL)
        line->next->previous = line->previous;
    free(line);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct server *server = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        server->counts.connections++;
        server->counts.open++;
        begin_line(server, connection, socket_context);
    } else {
        server->counts.open--;
        if (*socket_context != NULL)
            end_line(server, *socket_context);
    }
}

/* Cuts those that let the server wait: libmicrohttpd's own time-out counts from the last byte, so that a byte
 * now and then would hold a connection for ever. */
static void watch_lines(void *context)
{
    struct server *server = context;
    int64_t now_ms = bb_loop_mono_ms();
    for (struct line *line = server->lines; line != NULL; line = line->next)
        if (line->deadline_ms != 0 && line->deadline_ms <= now_ms) {
            line->deadline_ms = 0;
            server->counts.cut++;
            shutdown(line->fd, SHUT_RDWR);
        }
    turn(server);
}

/* -- exchanges ----------------------------------------------------------------------------------------------
 */

void server_forget(struct exchange *exchange)
{
    struct server *server = exchange->server;
    *(exchange->previous != NULL ? &exchange->previous->next : &server->exchanges) = exchange->next;
    if (exchange->next != NULL)
        exchange->next->previous = exchange->previous;
    if (exchange->response != NULL)
        MHD_destroy_response(exchange->response);
    free(exchange->target);
    free(exchange->request);
    free(exchange->body);
    free(exchange);
}

/* -- its life -----------------------------------------------------------------------------------------------
 */

__attribute__((format(printf, 2, 0))) static void on_library_log(void *context, const char *format,
                                                                 va_list values)
{
    char text[512];
    (void)context;
    if (!log_wants(LOG_LEVEL_DEBUG))
        return;
    vsnprintf(text, sizeof text, format, values);
    text[strcspn(text, "\n")] = '\0';
    log_debug("http", LOG_TEXT("text", text));
}

/* The target is taken apart by request.c, once. */
static size_t leave_escapes(void *context, struct MHD_Connection *connection, char *text)
{
    (void)context;
    (void)connection;
    return strlen(text);
}

static struct MHD_Daemon *start(struct server *server)
{
    const struct server_options *o = &server->options;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     (o->certificate != NULL ? MHD_USE_TLS : 0);
    static char priorities[] = "SECURE192:SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";
    struct MHD_OptionItem tls[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)o->certificate},
                                   {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)o->key},
                                   {MHD_OPTION_HTTPS_PRIORITIES, 0, priorities},
                                   {MHD_OPTION_END, 0, NULL}};
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(
        flags, 0, NULL, NULL, intake_request, server, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
        MHD_OPTION_LISTEN_SOCKET, o->socket, MHD_OPTION_CONNECTION_LIMIT, o->connections,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, o->connections_per_address, MHD_OPTION_CONNECTION_TIMEOUT,
        (o->idle_ms + 999) / 1000, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)MEMORY_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_SIGPIPE_HANDLED_BY_APP, 1, MHD_OPTION_URI_LOG_CALLBACK,
        intake_target, server, MHD_OPTION_UNESCAPE_CALLBACK, leave_escapes, NULL, MHD_OPTION_NOTIFY_COMPLETED,
        intake_completed, server, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_ARRAY,
        o->certificate != NULL ? tls : none, MHD_OPTION_END);
}

static enum status join_loop(struct server *server)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL)
        return BB_IO;
    server->epoll_fd = info->epoll_fd;
    enum status status =
        bb_loop_every(server->options.loop, WATCH_MS, watch_lines, server, &server->watchman);
    if (status == BB_OK)
        status = bb_loop_watch(server->options.loop, server->epoll_fd, 0, turn, server);
    return status;
}

enum status server_open(const struct server_options *options, struct bb_reason *reason, struct server **out)
{
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return BB_FULL;
    server->options = *options;
    server->epoll_fd = -1;
    server->daemon = start(server);
    if (server->daemon == NULL) {
        bb_reason_say(reason, options->certificate != NULL
                                  ? "the HTTP server does not start: are certificate and key a pair, in PEM?"
                                  : "the HTTP server does not start");
        free(server);
        return options->certificate != NULL ? BB_MALFORMED : BB_IO;
    }
    enum status status = join_loop(server);
    if (status != BB_OK) {
        bb_reason_say(reason, "the event loop is full");
        server_close(server);
        return status;
    }
    *out = server;
    return BB_OK;
}

/* libmicrohttpd takes it for a bug when it is stopped with suspended connections. */
static void release(struct server *server)
{
    for (struct exchange *x = server->exchanges, *next; x != NULL; x = next) {
        next = x->next;
        if (x->phase == EXCHANGE_WAITING) {
            exchange_fail(x, 503, "stopping", "the server is being stopped");
        } else if (x->suspended) {
            x->suspended = false;
            MHD_resume_connection(x->connection);
        }
    }
    for (int i = 0; i < 4; i++)
        MHD_run(server->daemon);
}

void server_close(struct server *server)
{
    if (server == NULL)
        return;
    server->stopping = true;
    bb_loop_cancel(server->options.loop, server->watchman);
    bb_loop_cancel(server->options.loop, server->again);
    if (server->epoll_fd >= 0)
        bb_loop_unwatch(server->options.loop, server->epoll_fd);
    release(server);
    MHD_stop_daemon(server->daemon);
    while (server->exchanges != NULL)
        server_forget(server->exchanges);
    free(server);
}

struct server_counts server_counts(const struct server *server)
{
    return server->counts;
}
