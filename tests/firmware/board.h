/* A board with a card, as a process on a cable; this program is its agent, and knows how to update it. */
#ifndef TESTS_FIRMWARE_BOARD_H
#define TESTS_FIRMWARE_BOARD_H

#include "node-fw/link/crc.h"
#include "tests/firmware/bench.h"

static const char board_l7[] = "id 7\nname L7\nkind consumer\nomega 17.17\nsigma 0.0935\npmax_kw 91.79\n";

/* -- images -- */

struct board_image {
    uint32_t size, crc32;
    uint8_t bytes[(1 << 20) + 4096];
};

static inline void board_read_image(struct board_image *image, const char *name)
{
    char path[512];
    snprintf(path, sizeof path, "%s/tests/%s", BUSBAR_BINARY_DIR, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    image->size = (uint32_t)fread(image->bytes, 1, sizeof image->bytes, f);
    fclose(f);
    assert_in_range(image->size, 1, 1 << 20);
    image->crc32 = crc_32(0, (struct bytes){image->bytes, image->size});
}

/* -- the board -- */

/* Starts the board with further options, up to NULL. */
static inline void board_start_with(struct bench *b, const char *const *options)
{
    const char *arguments[16] = {"busbar-node", "--card", b->card, "--port", b->node_end};
    size_t count = 5;
#ifdef BUSBAR_RUNNER
    arguments[count++] = "--runner";
    arguments[count++] = BUSBAR_RUNNER;
#endif
    while (*options && count < 15)
        arguments[count++] = *options++;
    b->node = process_start(arguments);
    fcntl(b->node.err, F_SETFL, O_NONBLOCK);
}

/* The same with one option or none. */
static inline void board_start(struct bench *b, const char *option, const char *value)
{
    board_start_with(b, (const char *const[]){option, value, NULL});
}

static inline void board_format(struct bench *b, const char *text)
{
    bench_write(b->board, text);
    const char *arguments[] = {"busbar-node", "--card", b->card, "--format", "--config", b->board, NULL};
    if (text[0] == '\0')
        arguments[4] = NULL;
    struct process p = process_start(arguments);
    assert_int_equal(process_wait(&p), 0);
}

static inline int board_set_up(void **state)
{
    int result = bench_set_up(state, "3000000");
    struct bench *b = *state;
    board_format(b, board_l7);
    return result;
}

/* Reads away what the board has said, so that it never waits for a reader; BUSBAR_VERBOSE shows it. */
static inline void board_drain(struct bench *b)
{
    char text[4096];
    for (ssize_t n = 1; b->node.pid > 0 && n > 0;) {
        n = read(b->node.err, text, sizeof text);
        if (n > 0 && getenv("BUSBAR_VERBOSE"))
            fprintf(stderr, "%.*s", (int)n, text);
    }
}

/* Runs the agent's end until the last SLOTS since the board's HELLO says this; −1: anything. */
static inline bool board_await_slots(struct bench *b, int running, int state, int64_t ms)
{
    const struct link_slots *s = &b->last[LINK_SLOTS].slots;
    for (int64_t end = process_ms() + ms; process_ms() < end;) {
        if (b->count[LINK_SLOTS] > 0 && (running < 0 || s->running == running) &&
            (state < 0 || s->state == state))
            return true;
        bench_turn(b);
        board_drain(b);
    }
    return false;
}

static inline const struct link_slots *board_slots(const struct bench *b)
{
    return &b->last[LINK_SLOTS].slots;
}

static inline bool board_up(struct bench *b)
{
    return link_state(&b->host) == LINK_UP;
}

/* True while the host may go on with a transfer: the link is up in the same session and nothing was refused.
 */
static inline bool board_same(struct bench *b, uint32_t session, int refusals)
{
    return board_up(b) && session == b->last[LINK_HELLO].hello.session && b->count[LINK_REFUSE] == refusals;
}

/* The bytes of this image that the board has said to have. */
static inline uint32_t board_has(const struct bench *b, const struct board_image *image)
{
    const struct link_slots *s = board_slots(b);
    return s->total == image->size && s->crc32 == image->crc32 ? s->received : 0;
}

/* Sends an image from `at` to `to`, and what the board says that it has missed again; true when it has it, or
 * has begun to start with it. */
static inline bool board_send_image(struct bench *b, const struct board_image *image, uint32_t at,
                                    uint32_t to)
{
    uint32_t session = b->last[LINK_HELLO].hello.session;
    int refusals = b->count[LINK_REFUSE];
    for (int64_t end = process_ms() + 60000; process_ms() < end && board_same(b, session, refusals);) {
        uint32_t size = to - at < 228 ? to - at : 228;
        struct link_message m = {.type = LINK_FIRMWARE};
        m.firmware = (struct link_firmware){image->size, at, image->crc32, {image->bytes + at, size}};
        struct mono now = {process_ms()};
        if (size > 0 && link_send(&b->host, &m, now) == BB_OK) {
            at += size;
            continue;
        }
        bench_turn(b);
        board_drain(b);
        if (size > 0 || !link_idle(&b->host))
            continue;
        m = (struct link_message){.type = LINK_ASK};
        if (board_has(b, image) == to || link_send(&b->host, &m, now) != BB_OK)
            break;
        bench_await(b, LINK_SLOTS, 1000);
        at = board_has(b, image);
    }
    return b->count[LINK_REFUSE] == refusals;
}

/* Sends a whole image, and waits for the HELLO of the next start. */
static inline bool board_update(struct bench *b, const struct board_image *image)
{
    int before = b->count[LINK_HELLO];
    if (!board_send_image(b, image, 0, image->size))
        return false;
    return b->count[LINK_HELLO] > before || bench_await(b, LINK_HELLO, 15000);
}

static inline void board_send_settings(struct bench *b, const char *text)
{
    struct bytes all = bytes_of(text);
    for (size_t at = 0; at < all.size; at += 40) {
        struct link_message m = {.type = LINK_SETTINGS};
        m.board_file = (struct link_board_file){(uint16_t)all.size,
                                                (uint16_t)at,
                                                crc_32(0, all),
                                                {all.data + at, all.size - at < 40 ? all.size - at : 40}};
        while (link_send(&b->host, &m, (struct mono){process_ms()}) == BB_FULL)
            bench_turn(b);
    }
}

#endif
