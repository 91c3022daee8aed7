#include "node-fw/card/images.h"

#include <busbar/check.h>

/* -- as bytes -- */

static void write_slot(struct writer *w, const struct image_slot *slot)
{
    write_u32(w, slot->size);
    write_u32(w, slot->crc32);
    write_u32(w, slot->version);
    write_u8(w, slot->proven);
}

static void read_slot(struct reader *r, struct image_slot *slot)
{
    slot->size = read_u32(r);
    slot->crc32 = read_u32(r);
    slot->version = read_u32(r);
    slot->proven = read_u8(r) != 0;
}

void images_write(const struct images *im, struct writer *w)
{
    write_u8(w, (uint8_t)im->confirmed);
    write_u8(w, (uint8_t)im->trial);
    write_u8(w, im->tries);
    write_u8(w, im->rolled_back);
    write_slot(w, &im->slot[0]);
    write_slot(w, &im->slot[1]);
    write_u8(w, (uint8_t)im->intake.image);
    write_u32(w, im->intake.total);
    write_u32(w, im->intake.crc32);
    write_u32(w, im->intake.received);
}

/* True when a slot may be started: the built-in image always. */
static bool holds(const struct images *im, enum image image)
{
    return image == IMAGE_BUILTIN || images_slot(im, image)->size > 0;
}

static bool intake_sound(const struct images *im)
{
    const struct image_intake *in = &im->intake;
    if (in->image == IMAGE_BUILTIN)
        return true;
    return in->total > 0 && in->total <= IMAGE_MAX && in->received <= in->total && !holds(im, in->image);
}

static bool sound(const struct images *im)
{
    if (im->confirmed > IMAGE_B || im->trial > IMAGE_B || im->intake.image > IMAGE_B)
        return false;
    if (im->slot[0].size > IMAGE_MAX || im->slot[1].size > IMAGE_MAX)
        return false;
    bool apart = im->trial == IMAGE_BUILTIN || im->trial != im->confirmed;
    return apart && holds(im, im->confirmed) && holds(im, im->trial) && intake_sound(im);
}

bool images_read(struct bytes payload, struct images *out)
{
    struct reader r = reader_at(payload);
    struct images im = {0};
    im.confirmed = (enum image)read_u8(&r);
    im.trial = (enum image)read_u8(&r);
    im.tries = read_u8(&r);
    im.rolled_back = read_u8(&r) != 0;
    read_slot(&r, &im.slot[0]);
    read_slot(&r, &im.slot[1]);
    im.intake.image = (enum image)read_u8(&r);
    im.intake.total = read_u32(&r);
    im.intake.crc32 = read_u32(&r);
    im.intake.received = read_u32(&r);
    if (!r.ok || r.left.size > 0 || !sound(&im))
        return false;
    *out = im;
    return true;
}

/* -- the rules -- */

const struct image_slot *images_slot(const struct images *im, enum image image)
{
    CHECK(image == IMAGE_A || image == IMAGE_B);
    return &im->slot[image - IMAGE_A];
}

struct image_slot *images_own(struct images *im, enum image image)
{
    CHECK(image == IMAGE_A || image == IMAGE_B);
    return &im->slot[image - IMAGE_A];
}

enum image images_choose(struct images *im)
{
    if (im->trial == IMAGE_BUILTIN)
        return im->confirmed;
    if (im->tries >= IMAGE_TRIES) {
        images_give_up(im);
        return im->confirmed;
    }
    im->tries++;
    return im->trial;
}

void images_confirm(struct images *im)
{
    CHECK(im->trial != IMAGE_BUILTIN);
    images_own(im, im->trial)->proven = true;
    im->confirmed = im->trial;
    im->trial = IMAGE_BUILTIN;
    im->tries = 0;
    im->rolled_back = false;
}

void images_give_up(struct images *im)
{
    CHECK(im->trial != IMAGE_BUILTIN);
    images_own(im, im->trial)->proven = false;
    im->trial = IMAGE_BUILTIN;
    im->tries = 0;
    im->rolled_back = true;
}

static enum image beside(enum image image)
{
    return image == IMAGE_A ? IMAGE_B : IMAGE_A;
}

void images_fall_back(struct images *im)
{
    CHECK(im->confirmed != IMAGE_BUILTIN);
    images_own(im, im->confirmed)->proven = false;
    enum image other = beside(im->confirmed);
    bool good = other != im->trial && holds(im, other) && images_slot(im, other)->proven;
    im->confirmed = good ? other : IMAGE_BUILTIN;
    im->rolled_back = true;
}

enum image images_idle(const struct images *im, enum image running)
{
    if (im->trial != IMAGE_BUILTIN)
        return IMAGE_NONE;
    if (im->intake.image != IMAGE_BUILTIN && im->intake.image != running && im->intake.image != im->confirmed)
        return im->intake.image;
    enum image used = im->confirmed != IMAGE_BUILTIN ? im->confirmed : running;
    if (used != IMAGE_BUILTIN)
        return beside(used);
    /* Both are free: an image that was good before is worth more than one that was not. */
    return im->slot[0].size > 0 && im->slot[0].proven && !im->slot[1].proven ? IMAGE_B : IMAGE_A;
}

bool images_switch(struct images *im, enum image running)
{
    enum image other = running == IMAGE_BUILTIN && !holds(im, IMAGE_A) ? IMAGE_B : beside(running);
    if (im->trial != IMAGE_BUILTIN)
        return false;
    if (holds(im, other) && other != im->confirmed) {
        im->trial = other;
        im->tries = 0;
        return true;
    }
    if (running == IMAGE_BUILTIN)
        return false;
    im->confirmed = IMAGE_BUILTIN;
    im->rolled_back = false;
    return true;
}
