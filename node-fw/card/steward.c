#include "node-fw/card/steward.h"

#include <busbar/check.h>

#define ANSWER_MS 500 /* least pause between two answers to pieces that are out of place */

static const char *const names[] = {"built in", "A", "B"};

void steward_init(struct steward *s, struct card *card, const struct image_mark *mark,
                  const struct steward_settings *settings, const struct steward_ports *ports, struct mono now)
{
    *s = (struct steward){.card = card,
                          .mark = mark,
                          .settings = *settings,
                          .ports = *ports,
                          .boots = card->boots,
                          .began = now,
                          .pause = now,
                          .answered = {now.ms - ANSWER_MS},
                          .cause = settings->cause};
    intake_init(&s->intake, card, mark);
    settings_intake_init(&s->settings_intake, card);
}

/* -- saying -- */

static void say(struct steward *s, const struct link_message *message)
{
    uint8_t payload[BB_LINK_PAYLOAD_MAX];
    struct writer w = writer_at(payload, sizeof payload);
    if (link_encode(message, &w) == BB_OK)
        s->ports.say(s->ports.context, (uint8_t)message->type, written(&w));
}

static void say_refuse(struct steward *s, uint8_t code, const char *why)
{
    struct link_message m = {.type = LINK_REFUSE, .refuse.code = code};
    link_set_text(m.refuse.text, sizeof m.refuse.text, why);
    say(s, &m);
    s->ports.note(s->ports.context, "refused", why);
}

static bool on_trial(const struct steward *s)
{
    return s->running != IMAGE_BUILTIN && s->card->images.trial == s->running;
}

static uint32_t version_of(const struct images *im, enum image image)
{
    return images_slot(im, image)->size > 0 ? images_slot(im, image)->version : 0;
}

static struct link_message slots(const struct steward *s)
{
    const struct images *im = &s->card->images;
    struct link_message m = {.type = LINK_SLOTS};
    m.slots.running = (uint8_t)s->running;
    m.slots.state = on_trial(s)       ? LINK_IMAGE_ON_TRIAL
                    : im->rolled_back ? LINK_IMAGE_ROLLED_BACK
                                      : LINK_IMAGE_CONFIRMED;
    m.slots.version_builtin = s->mark->version;
    m.slots.version_a = version_of(im, IMAGE_A);
    m.slots.version_b = version_of(im, IMAGE_B);
    if (im->intake.image != IMAGE_BUILTIN) {
        m.slots.received = s->intake.received;
        m.slots.total = im->intake.total;
        m.slots.crc32 = im->intake.crc32;
    }
    m.slots.boots = s->boots.boots;
    m.slots.cause = s->boots.cause;
    return m;
}

static void say_slots(struct steward *s)
{
    struct link_message m = slots(s);
    say(s, &m);
}

static void note_image(struct steward *s, const char *event, enum image image, const char *why)
{
    char text[160];
    struct writer w = writer_at((uint8_t *)text, sizeof text - 1);
    write_bytes(&w, bytes_of("image=\""));
    write_bytes(&w, bytes_of(names[image]));
    write_bytes(&w, bytes_of("\" reason=\""));
    write_bytes(&w, bytes_of(why));
    write_bytes(&w, bytes_of("\""));
    text[w.size] = '\0';
    s->ports.note(s->ports.context, event, text);
}

void steward_log(struct steward *s, uint8_t severity, const char *text, struct mono now)
{
    ring_add(&s->ring, mono_since(now, s->began), severity, text);
    struct link_message m = {.type = LINK_LOG, .log = ring_log(&s->ring, 0)};
    say(s, &m);
}

/* -- starts -- */

static bool save_images(struct steward *s, const struct images *images)
{
    bool saved = card_save_images(s->card, images) == BB_OK;
    if (!saved)
        s->ports.note(s->ports.context, "card-failed", "record=images");
    return saved;
}

static void save_boots(struct steward *s)
{
    if (card_save_boots(s->card, &s->boots) != BB_OK)
        s->ports.note(s->ports.context, "card-failed", "record=boots");
}

/* The image for the next start. A try that cannot be counted is not made. */
static enum image choose(struct steward *s)
{
    struct images images = s->card->images;
    bool trial = images.trial != IMAGE_BUILTIN;
    enum image image = images_choose(&images);
    if (!trial)
        return image;
    if (images.trial == IMAGE_BUILTIN) {
        note_image(s, "rolled-back", s->card->images.trial, "the board died with it");
        s->cause = LINK_CAUSE_ROLLBACK;
    }
    return save_images(s, &images) ? image : s->card->images.confirmed;
}

static void count_start(struct steward *s)
{
    if (s->boots.boots < UINT16_MAX)
        s->boots.boots++;
    s->boots.incarnation = s->boots.incarnation == UINT16_MAX ? 1 : (uint16_t)(s->boots.incarnation + 1);
    s->boots.cause = s->cause;
    save_boots(s);
}

bool steward_begin(struct steward *s, struct mono now, struct steward_start *out)
{
    if (s->phase != STEWARD_STOPPED || mono_since(now, s->pause) < 0)
        return false;
    s->running = choose(s);
    count_start(s);
    s->phase = STEWARD_RUNNING;
    s->condemned = NULL;
    s->asked = s->told = s->up = false;
    s->started = s->progressed = now;
    *out = (struct steward_start){s->running, s->boots.incarnation};
    return true;
}

/* -- ends -- */

/* The worker is to end, by wish, and the next start has this cause. */
static void restart(struct steward *s, uint8_t cause, struct mono now)
{
    s->cause = cause;
    if (s->phase != STEWARD_RUNNING)
        return;
    s->phase = STEWARD_ENDING;
    s->asked = true;
    s->ending = now;
}

static void condemn(struct steward *s, const char *why, struct mono now)
{
    s->phase = STEWARD_ENDING;
    s->asked = false;
    s->told = true;
    s->condemned = why;
    s->ending = now;
}

static void give_up(struct steward *s, const char *why)
{
    struct images images = s->card->images;
    images_give_up(&images);
    note_image(s, "rolled-back", s->running, why);
    s->cause = LINK_CAUSE_ROLLBACK;
    (void)save_images(s, &images); /* if not, its tries run out */
}

static void fall_back(struct steward *s, const char *why)
{
    struct images images = s->card->images;
    images_fall_back(&images);
    note_image(s, "fell-back", s->running, why);
    s->cause = LINK_CAUSE_ROLLBACK;
    s->quick = 0;
    if (!save_images(s, &images))
        s->card->images = images; /* until the next loss of power, at least */
}

static void lengthen_pause(struct steward *s, struct mono now)
{
    s->quick = mono_since(now, s->started) < STEWARD_QUICK_MS ? s->quick + 1 : 1;
    unsigned steps = s->quick < STEWARD_QUICK_MAX ? s->quick : STEWARD_QUICK_MAX;
    s->pause = mono_after(now, 50 << steps);
}

void steward_unusable(struct steward *s, const char *why, struct mono now)
{
    s->phase = STEWARD_STOPPED;
    lengthen_pause(s, now);
    if (on_trial(s))
        give_up(s, why);
    else if (s->running != IMAGE_BUILTIN && s->running == s->card->images.confirmed)
        fall_back(s, why);
    else
        note_image(s, "not-started", s->running, why);
}

void steward_ended(struct steward *s, const char *how, struct mono now)
{
    const char *why = s->condemned ? s->condemned : how;
    bool asked = s->asked;
    s->phase = STEWARD_STOPPED;
    s->pause = now;
    s->up = false;
    if (asked)
        return;
    if (on_trial(s)) {
        give_up(s, why);
        return;
    }
    note_image(s, "ended", s->running, why);
    s->cause = LINK_CAUSE_CRASH;
    lengthen_pause(s, now);
    bool slot = s->running != IMAGE_BUILTIN && s->running == s->card->images.confirmed;
    if (slot && s->quick >= STEWARD_QUICK_MAX)
        fall_back(s, why);
}

/* -- packets -- */

static void take_firmware(struct steward *s, const struct link_message *m, struct mono now)
{
    uint8_t code = 0;
    const char *why = "";
    struct link_message done = slots(s);
    switch (intake_take(&s->intake, &m->firmware, s->running, &code, &why)) {
    case INTAKE_TAKEN:
        if (m->firmware.offset == 0)
            say_slots(s);
        break;
    case INTAKE_STEPPED:
        say_slots(s);
        break;
    case INTAKE_MISPLACED:
        if (mono_since(now, s->answered) >= ANSWER_MS) {
            s->answered = now;
            say_slots(s);
        }
        break;
    case INTAKE_COMPLETE:
        done = slots(s);
        done.slots.received = done.slots.total = m->firmware.total;
        done.slots.crc32 = m->firmware.crc32;
        say(s, &done);
        note_image(s, "image-received", s->card->images.trial, "the next start tries it");
        restart(s, LINK_CAUSE_UPDATE, now);
        break;
    case INTAKE_REFUSED:
        say_refuse(s, code, why);
        say_slots(s);
        break;
    }
}

static void take_settings(struct steward *s, const struct link_message *m, struct mono now)
{
    struct link_refuse refuse;
    switch (settings_intake_take(&s->settings_intake, &m->board_file, &refuse)) {
    case SETTINGS_TAKEN:
        break;
    case SETTINGS_KEPT:
        s->ports.note(s->ports.context, "settings-kept", "the board starts with them");
        restart(s, LINK_CAUSE_SETTINGS, now);
        break;
    case SETTINGS_REFUSED:
        say_refuse(s, refuse.code, refuse.text);
        break;
    }
}

static void switch_image(struct steward *s, struct mono now)
{
    struct images images = s->card->images;
    if (!images_switch(&images, s->running))
        say_refuse(s, LINK_REFUSE_NOT_NOW, "RESET: there is no other image, or one is on trial");
    else if (!save_images(s, &images))
        say_refuse(s, LINK_REFUSE_NOT_NOW, "RESET: the card cannot be written");
    else
        restart(s, LINK_CAUSE_ASKED, now);
}

static void forget_settings(struct steward *s, struct mono now)
{
    if (card_save_settings(s->card, (struct bytes){NULL, 0}) != BB_OK)
        say_refuse(s, LINK_REFUSE_NOT_NOW, "RESET: the card cannot be written");
    else
        restart(s, LINK_CAUSE_SETTINGS, now);
}

static void take_reset(struct steward *s, const struct link_message *m, struct mono now)
{
    if (m->reset.what == LINK_RESET_OTHER_SLOT)
        switch_image(s, now);
    else if (m->reset.what == LINK_RESET_FORGET)
        forget_settings(s, now);
    else
        restart(s, LINK_CAUSE_ASKED, now);
}

static void take_ask(struct steward *s, const struct link_message *m, struct mono now)
{
    (void)now;
    if (m->ask.what == LINK_ASK_SLOTS) {
        say_slots(s);
        return;
    }
    unsigned lines = m->ask.lines < s->ring.count ? m->ask.lines : s->ring.count;
    for (unsigned back = lines; back > 0; back--) {
        struct link_message line = {.type = LINK_LOG, .log = ring_log(&s->ring, back - 1)};
        say(s, &line);
    }
}

/* The whole curve, as the worker has it after a PARAMETER that it took. */
static void take_parameter(struct steward *s, const struct link_message *m, struct mono now)
{
    (void)now;
    struct curve_parameters p = {
        .slope = m->parameter.slope, .intercept = m->parameter.intercept, .pmax = m->parameter.pmax};
    enum status status = settings_intake_curve(s->card, &p);
    s->ports.note(s->ports.context, "parameters-persisted", bb_status_word(status));
}

static void take_log(struct steward *s, const struct link_message *m, struct mono now)
{
    steward_log(s, m->log.severity, m->log.text, now);
}

typedef void take(struct steward *s, const struct link_message *m, struct mono now);

static take *const takers[] = {
    [LINK_FIRMWARE] = take_firmware, [LINK_SETTINGS] = take_settings,   [LINK_RESET] = take_reset,
    [LINK_ASK] = take_ask,           [LINK_PARAMETER] = take_parameter, [LINK_LOG] = take_log,
};

/* The worker has gone round its loop; an image on trial whose link stays up is confirmed. */
static void take_progress(struct steward *s, bool up, struct mono now)
{
    s->progress = true;
    s->progressed = now;
    if (up && !s->up)
        s->up_since = now;
    s->up = up;
    if (!up || !on_trial(s) || mono_since(now, s->up_since) < STEWARD_PROOF_MS)
        return;
    struct images images = s->card->images;
    images_confirm(&images);
    if (!save_images(s, &images))
        return; /* again at the next progress */
    note_image(s, "confirmed", s->running, "its link is up");
    say_slots(s);
}

static void take_counter(struct steward *s, uint16_t incarnation)
{
    s->boots.incarnation = incarnation;
    save_boots(s);
}

/* What a worker may still say when it is to end. Other settings are not to be changed by its old curve. */
static bool last_word(const struct steward *s, uint8_t type)
{
    return type == LINK_LOG || type == TETHER_COUNTER ||
           (type == LINK_PARAMETER && s->cause != LINK_CAUSE_SETTINGS);
}

void steward_take(struct steward *s, struct bytes packet, struct mono now)
{
    struct reader r = reader_at(packet);
    uint8_t type = read_u8(&r);
    struct link_message message;
    if (!r.ok || s->phase == STEWARD_STOPPED || (s->phase == STEWARD_ENDING && !last_word(s, type)))
        return;
    if (type == TETHER_PROGRESS && r.left.size == 1)
        take_progress(s, read_u8(&r) != 0, now);
    else if (type == TETHER_COUNTER && r.left.size == 2)
        take_counter(s, read_u16(&r));
    else if (type < sizeof takers / sizeof *takers && takers[type] &&
             link_decode(type, 0, r.left, &message) == BB_OK)
        takers[type](s, &message, now);
}

/* -- time -- */

static struct mono trial_end(const struct steward *s)
{
    return mono_after(s->started, s->settings.trial_ms);
}

enum steward_wish steward_poll(struct steward *s, struct mono now)
{
    if (s->phase == STEWARD_RUNNING) {
        if (mono_since(now, s->progressed) >= s->settings.stall_ms)
            condemn(s, "no progress", now);
        else if (on_trial(s) && !s->up && mono_since(now, trial_end(s)) >= 0)
            condemn(s, "its link did not come up in time", now);
    }
    if (s->phase != STEWARD_ENDING)
        return STEWARD_KEEP;
    if (!s->asked || mono_since(now, s->ending) >= STEWARD_GRACE_MS)
        return STEWARD_KILL;
    bool told = s->told;
    s->told = true;
    return told ? STEWARD_KEEP : STEWARD_END;
}

struct mono steward_due(const struct steward *s)
{
    if (s->phase == STEWARD_STOPPED)
        return s->pause;
    if (s->phase == STEWARD_ENDING)
        return s->told ? mono_after(s->ending, STEWARD_GRACE_MS) : s->ending;
    struct mono due = mono_after(s->progressed, s->settings.stall_ms);
    bool waits = on_trial(s) && !s->up;
    return waits && trial_end(s).ms < due.ms ? trial_end(s) : due;
}

bool steward_progress(struct steward *s)
{
    bool progress = s->progress;
    s->progress = false;
    return progress;
}
