#include "node-fw/card/ring.h"

#include "node-fw/node/decimal.h"

#include <busbar/check.h>

void ring_add(struct ring *ring, int64_t uptime_ms, uint8_t severity, const char *text)
{
    struct link_log log = {.severity = severity};
    struct writer w = writer_at((uint8_t *)log.text, 16);
    uint32_t ms = (uint32_t)(uptime_ms % 1000);
    decimal_write(&w, (uint32_t)(uptime_ms / 1000), 0);
    write_bytes(&w, (struct bytes){(const uint8_t *)".000 ", 5});
    CHECK(w.ok);
    for (size_t digit = 0; digit < 3; digit++, ms /= 10)
        log.text[w.size - 2 - digit] = (char)('0' + ms % 10);
    link_set_text(log.text + w.size, sizeof log.text - w.size, text);

    struct ring_line *line = &ring->lines[ring->next];
    line->severity = severity;
    line->size = (uint8_t)strlen(log.text);
    memcpy(line->text, log.text, line->size);
    ring->next = (ring->next + 1) % LINK_LOG_LINES_MAX;
    if (ring->count < LINK_LOG_LINES_MAX)
        ring->count++;
}

struct link_log ring_log(const struct ring *ring, unsigned back)
{
    CHECK(back < ring->count);
    const struct ring_line *line =
        &ring->lines[(ring->next + LINK_LOG_LINES_MAX - 1 - back) % LINK_LOG_LINES_MAX];
    struct link_log log = {.severity = line->severity};
    memcpy(log.text, line->text, line->size);
    log.text[line->size] = '\0';
    return log;
}
