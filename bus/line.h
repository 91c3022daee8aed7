/* One connection of the vip door: its socket, its ZMTP session, what came and is not whole yet, and what is
 * about to be sent. Between messages it holds no buffers. */
#ifndef BUS_LINE_H
#define BUS_LINE_H

#include "bus/outbox.h"
#include "bus/zmtp/session.h"

#define LINE_ADDRESS_SIZE 64
/* A key in base64url, with its NUL. */
#define LINE_USER_SIZE 44
/* How long a connection that was turned away stays open, to hear why. */
#define LINE_DOOMED_MS 100

struct lines;

/* What came of a message that is not whole. */
struct line_input {
    size_t size, capacity;
    struct zmtp_parts parts;
    uint8_t data[];
};

/* A message that waits until it is known whose the routing id is. */
struct line_held {
    size_t count;
    struct bytes frames[];
};

struct line {
    struct lines *lines;
    int fd;                       /* −1: closed, and freed before the next turn */
    struct line *previous, *next; /* among all open ones, the oldest first */
    struct zmtp zmtp;
    struct line_input *input; /* NULL: nothing came of the next message */
    struct line_held *held;   /* not NULL: nothing is read */
    struct outbox outbox;
    int64_t opened_ms, heard_ms;
    int64_t due_ms;            /* when it is closed, having been told why; 0: it is not */
    uint32_t reads;            /* how often something came */
    uint32_t events;           /* that it waits for */
    uint32_t peer;             /* of the router core; 0: it has not spoken */
    bool blocked;              /* its socket takes no more for now */
    bool dirty;                /* in lines->dirty */
    char user[LINE_USER_SIZE]; /* "" without security */
    char address[LINE_ADDRESS_SIZE];
    uint8_t identity_size;
    uint8_t identity[BB_IDENTITY_MAX];
};

/* True while it takes another message; tries to send what it has first when it looks full. */
bool line_ready(struct line *line);

/* Appends a message; lines_flush sends it. */
void line_put(struct line *line, struct packet *packet);

/* Sends what it has as far as that goes; a line that turns out to be gone is closed. */
void line_flush(struct line *line);

/* Asks the other side for a sign of life; false for a peer of ZMTP 3.0, which has none. */
bool line_ping(struct line *line);

/* Reads once and takes what came. */
void line_read(struct line *line);

/* Goes on with what was held back, and with what came behind it. */
void line_resume(struct line *line);

/* Holds a message back, copied, and reads nothing until line_resume. */
void line_hold(struct line *line, const struct bytes *frames, size_t count);

/* Closes it at `due_ms`: nothing more is read, what it has is sent. */
void line_doom(struct line *line, int64_t due_ms);

/* Closes it now, and tells the owner of the lines. The struct stays until the next turn. */
void line_close(struct line *line);

/* Waits for what it has to wait for now. */
void line_watch(struct line *line);

#endif
