/* A TCP connection to a broker with a buffer each way. */
#ifndef TESTS_BENCH_STREAM_H
#define TESTS_BENCH_STREAM_H

#include <stddef.h>
#include <stdint.h>

#define STREAM_SIZE 65536

struct stream {
    int fd;
    size_t at, end; /* what was read and not taken: in[at … end) */
    size_t out_size;
    uint8_t in[STREAM_SIZE], out[STREAM_SIZE];
};

/* A free port of 127.0.0.1; somebody else could take it before it is used. */
uint16_t stream_free_port(void);

/* Connects to the port, trying for up to 10 s. */
struct stream *stream_open(uint16_t port);

/* Closes the connection and frees it. */
void stream_close(struct stream *stream);

/* Appends bytes to what is to be written; writes first when there is no room. */
void stream_put(struct stream *stream, const void *data, size_t size);

/* Writes all of it. */
void stream_flush(struct stream *stream);

/* Reads what is there, waiting up to `wait_ms` for it, behind what was not taken yet. */
void stream_fill(struct stream *stream, int wait_ms);

#endif
