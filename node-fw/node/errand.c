#include "node-fw/node/errand.h"

#include "node-fw/node/inbox.h"

/* The queue holds errands back to back: u8 type, u8 size, payload. */
#define HEADER 2

void node_supervise(struct node *n, bool enrolled, uint32_t version)
{
    n->features |= LINK_FEATURE_FIRMWARE | LINK_FEATURE_CARD;
    if (!enrolled)
        n->features |= LINK_FEATURE_NEW;
    n->version = version;
}

void errand_refuse(struct node *n, uint8_t code, const char *why, struct mono now)
{
    struct link_message m = {.type = LINK_REFUSE, .source = n->settings.id, .refuse.code = code};
    link_set_text(m.refuse.text, sizeof m.refuse.text, why);
    (void)!link_send(&n->link, &m, now); /* a lost refusal shows in STATUS, which does not change */
    n->refusal = why;
    n->events |= NODE_REFUSED;
}

void errand_relay(struct node *n, const struct link_message *message, struct mono now)
{
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    struct writer w = writer_at(payload, sizeof payload);
    if (!(n->features & LINK_FEATURE_CARD)) {
        errand_refuse(n, LINK_REFUSE_UNKNOWN, "this board has no card", now);
        return;
    }
    size_t room = sizeof n->errands - n->errands_size;
    if (link_encode(message, &w) != BB_OK || room < HEADER + w.size) {
        node_errand_failed(n, (uint8_t)message->type, now);
        return;
    }
    uint8_t *at = n->errands + n->errands_size;
    at[0] = (uint8_t)message->type;
    at[1] = (uint8_t)w.size;
    memcpy(at + HEADER, payload, w.size);
    n->errands_size = (uint16_t)(n->errands_size + HEADER + w.size);
}

bool node_errand(const struct node *n, uint8_t *type_out, struct bytes *payload_out)
{
    if (n->errands_size == 0)
        return false;
    *type_out = n->errands[0];
    *payload_out = (struct bytes){n->errands + HEADER, n->errands[1]};
    return true;
}

void node_errand_done(struct node *n)
{
    uint16_t size = (uint16_t)(HEADER + n->errands[1]);
    n->errands_size = (uint16_t)(n->errands_size - size);
    memmove(n->errands, n->errands + size, n->errands_size);
}

void node_errand_failed(struct node *n, uint8_t type, struct mono now)
{
    /* A piece of firmware that is missed is asked for again by the supervisor's next SLOTS. */
    if (type != LINK_FIRMWARE)
        errand_refuse(n, LINK_REFUSE_NOT_NOW, "the card is busy: say it again", now);
}

void node_pass(struct node *n, uint8_t type, struct bytes payload, struct mono now)
{
    struct link_message message;
    bool meant = type == LINK_SLOTS || type == LINK_REFUSE || type == LINK_LOG;
    if (type == LINK_SLOTS && n->host_minor < 1)
        return; /* it would count them as bad frames */
    if (!meant || !node_up(n) || link_decode(type, n->settings.id, payload, &message) != BB_OK)
        return;
    (void)!link_send(&n->link, &message, now); /* datagrams: the host asks again */
}
