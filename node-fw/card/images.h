/* Which image of the firmware is started: the rules, on what the card remembers. Pure.
 *
 * Image 0 is the program that is started at power on; it is built in, never overwritten, and the last resort.
 * Images 1 and 2 are the slots A and B. A new image is on trial until its link has come up; its tries are
 * counted before they are made, so that a board that dies with it comes back on the confirmed one. */
#ifndef NODE_FW_CARD_IMAGES_H
#define NODE_FW_CARD_IMAGES_H

#include <busbar/bytes.h>
#include <stdbool.h>
#include <stdint.h>

enum image { IMAGE_BUILTIN = 0, IMAGE_A = 1, IMAGE_B = 2, IMAGE_NONE = 3 };

#define IMAGE_MAX   (1u << 20) /* bytes of a slot */
#define IMAGE_TRIES 2          /* starts of an image on trial that nobody saw the end of */

struct image_slot {
    uint32_t size; /* 0: empty */
    uint32_t crc32, version;
    bool proven; /* has been confirmed */
};

/* An image that is being received: `received` bytes of it are surely on the card. */
struct image_intake {
    enum image image; /* IMAGE_BUILTIN: none */
    uint32_t total, crc32, received;
};

/* All that is remembered about images. All zero: built in, slots empty. */
struct images {
    enum image confirmed;
    enum image trial; /* IMAGE_BUILTIN: none */
    uint8_t tries;    /* of the trial, so far */
    bool rolled_back; /* the last new image was given up */
    struct image_slot slot[2];
    struct image_intake intake;
};

/* Writes the images as a payload of at most IMAGES_BYTES, and reads it back; false when it is not one: a
 * value outside its range, or one that contradicts another. *out is untouched then. */
#define IMAGES_BYTES 64
void images_write(const struct images *im, struct writer *w);
bool images_read(struct bytes payload, struct images *out);

/* The slot of IMAGE_A or IMAGE_B, and the same to change. */
const struct image_slot *images_slot(const struct images *im, enum image image);
struct image_slot *images_own(struct images *im, enum image image);

/* What is to be started now; counts the try of an image on trial, and gives it up when it has had them all.
 * To be saved before the start. */
enum image images_choose(struct images *im);

/* The image on trial is good; the image on trial is given up; the confirmed one is: then an image that was
 * good before takes its place, at last the one that is built in. */
void images_confirm(struct images *im);
void images_give_up(struct images *im);
void images_fall_back(struct images *im);

/* The slot that a new image may overwrite while `running` runs; IMAGE_NONE during a trial. */
enum image images_idle(const struct images *im, enum image running);

/* Puts the image beside `running` on trial, or goes back to the one that is built in; false when there is no
 * other. */
bool images_switch(struct images *im, enum image running);

#endif
