#include "agents/uart/updates.h"

#include "agents/uart/agent.h"
#include "agents/uart/publisher.h"
#include "bus/client/log.h"

#include <inttypes.h>
#include <stdio.h>

#define TELL_MS 1000

static struct mono now_mono(void)
{
    return (struct mono){bb_loop_mono_ms()};
}

json_t *updates_object(const struct machine *m)
{
    const struct transfer *t = &m->transfer;
    char crc32[9];
    if (t->phase == TRANSFER_NONE)
        return json_null();
    snprintf(crc32, sizeof crc32, "%08" PRIx32, t->crc32);
    return json_pack("{s:I,s:I,s:s,s:s,s:s}", "received", (json_int_t)t->offset, "total",
                     (json_int_t)t->total, "crc32", crc32, "phase", transfer_word(t->phase), "text", t->text);
}

void updates_tell(struct agent *agent, struct machine *m)
{
    const struct transfer *t = &m->transfer;
    int64_t now = bb_loop_mono_ms();
    bool changed = t->phase != m->told_phase;
    if (m->name == NULL || (!changed && (t->offset == m->told_offset || now - m->told_ms < TELL_MS)))
        return;
    if (changed)
        log_info("update", LOG_TEXT("board", m->name), LOG_TEXT("phase", transfer_word(t->phase)),
                 LOG_TEXT("text", t->text));
    m->told_phase = t->phase;
    m->told_offset = t->offset;
    m->told_ms = now;
    char topic[64];
    json_t *object = updates_object(m);
    snprintf(topic, sizeof topic, "boards/%s/update", m->name);
    json_object_set_new(object, "name", json_string(m->name));
    publisher_publish(agent, topic, object);
}

void updates_start(struct agent *agent, struct machine *m, struct image *image)
{
    m->image = image;
    transfer_start(&m->transfer, image->total, image->crc32, m->hello.session,
                   agent->settings->update_s * 1000, now_mono());
    updates_tell(agent, m);
}

static bool send_piece(struct machine *m, uint32_t size)
{
    struct transfer *t = &m->transfer;
    struct link_message message = {.type = LINK_FIRMWARE};
    message.firmware.total = t->total;
    message.firmware.offset = t->offset;
    message.firmware.crc32 = t->crc32;
    message.firmware.data = (struct bytes){m->image->data + t->offset, size};
    if (line_send(m->line, &message) != BB_OK)
        return false;
    transfer_sent(t, size, now_mono());
    return true;
}

static bool send_question(struct machine *m)
{
    struct link_message message = {.type = LINK_ASK, .ask.what = LINK_ASK_SLOTS};
    if (line_send(m->line, &message) != BB_OK)
        return false;
    transfer_asked(&m->transfer, now_mono());
    return true;
}

void updates_pump(struct agent *agent, struct machine *m, bool held)
{
    struct transfer *t = &m->transfer;
    if (m->image == NULL)
        return;
    images_use(m->image, bb_loop_mono_ms());
    bool goes = true;
    while (goes) {
        /* A broadcast that waits for the wire is not to wait for a piece, too. */
        bool busy = held || m->line == NULL || link_output(&m->line->link).size > 0;
        unsigned unacknowledged = busy ? BB_LINK_WINDOW : link_unacknowledged(&m->line->link);
        uint32_t size = 0;
        enum transfer_step step = transfer_next(t, unacknowledged, now_mono(), &size);
        goes = (step == TRANSFER_SEND && send_piece(m, size)) || (step == TRANSFER_ASK && send_question(m));
    }
    if (!transfer_active(t))
        m->image = NULL;
    updates_tell(agent, m);
}
