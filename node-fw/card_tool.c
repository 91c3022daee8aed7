#include "node-fw/card_tool.h"

#include "node-fw/link/message.h"
#include "node-fw/node/settings.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_TURNS 40 /* of 50 ms, with an area that another process holds */

static int complain(const char *path, const char *why)
{
    fprintf(stderr, "busbar-node: %s: %s\n", path, why);
    return 1;
}

static const char *why_not_open(enum status status)
{
    return status == BB_NOT_FOUND ? "there is no such file"
           : status == BB_EXISTS  ? "is held by another process"
           : status == BB_RANGE   ? "is shorter than a card area, 4194304 bytes"
                                  : "cannot be opened, read and written";
}

/* Reads and checks a board's own file into text[SETTINGS_TEXT_MAX + 1]; false when it was complained about.
 */
static bool read_config(const char *path, uint8_t *text, struct bytes *out)
{
    struct settings settings;
    struct settings_error error;
    size_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && size < SETTINGS_TEXT_MAX + 1) {
        n = read(fd, text + size, SETTINGS_TEXT_MAX + 1 - size);
        size += n > 0 ? (size_t)n : 0;
    }
    if (fd >= 0)
        close(fd);
    if (n < 0)
        return complain(path, "cannot be read") == 0;
    *out = (struct bytes){text, size};
    if (settings_parse(*out, &error, &settings) == BB_OK)
        return true;
    if (error.line > 0)
        fprintf(stderr, "%s:%u: %s\n", path, error.line, error.text);
    else
        fprintf(stderr, "%s: %s\n", path, error.text);
    return false;
}

/* Formats an open area. */
static int format(const struct card_file *file, const char *path, const char *config)
{
    uint8_t text[SETTINGS_TEXT_MAX + 1];
    struct bytes settings = {NULL, 0};
    if (config && !read_config(config, text, &settings))
        return 1;
    return card_format(&file->device, settings) == BB_OK ? 0 : complain(path, "cannot be written");
}

int card_tool_format(const char *path, const char *config)
{
    struct card_file file;
    enum status status = card_file_open(&file, path, true);
    if (status != BB_OK)
        return complain(path, why_not_open(status));
    int result = format(&file, path, config);
    card_file_close(&file);
    return result;
}

int card_tool_open(const char *path, const char *config, struct card_file *file_out, struct card *card_out)
{
    enum status status = card_file_open(file_out, path, false);
    for (int i = 0; i < PATIENCE_TURNS && status == BB_EXISTS; i++) {
        poll(NULL, 0, 50);
        status = card_file_open(file_out, path, false);
    }
    if (status != BB_OK)
        return complain(path, why_not_open(status));
    int result = strcmp(path, CARD_MEMORY) == 0 ? format(file_out, path, config) : 0;
    if (result == 0)
        status = card_open(&file_out->device, card_out);
    if (status == BB_NOT_FOUND)
        result = complain(path, "holds no card area: --format makes one");
    else if (status != BB_OK)
        result = complain(path, "cannot be read");
    if (result != 0)
        card_file_close(file_out);
    return result;
}

/* -- showing -- */

static const char *const names[] = {"built-in", "A", "B"};
static const char *const causes[] = {"power", "asked", "watchdog", "update", "crash", "rollback", "settings"};

static void show_slot(const struct images *im, enum image image)
{
    const struct image_slot *slot = images_slot(im, image);
    if (slot->size == 0)
        printf("slot=%s empty\n", names[image]);
    else
        printf("slot=%s version=%u.%u.%u bytes=%u crc32=%08x proven=%d\n", names[image], slot->version >> 16,
               slot->version >> 8 & 0xFF, slot->version & 0xFF, slot->size, slot->crc32, slot->proven);
}

static void show(const struct card *card)
{
    const struct images *im = &card->images;
    printf("boots=%u incarnation=%u cause=%s\n", card->boots.boots, card->boots.incarnation,
           card->boots.cause < sizeof causes / sizeof *causes ? causes[card->boots.cause] : "unknown");
    printf("confirmed=%s trial=%s tries=%u rolled_back=%d\n", names[im->confirmed],
           im->trial == IMAGE_BUILTIN ? "none" : names[im->trial], im->tries, im->rolled_back);
    show_slot(im, IMAGE_A);
    show_slot(im, IMAGE_B);
    if (im->intake.image != IMAGE_BUILTIN)
        printf("receiving=%s bytes=%u of=%u crc32=%08x\n", names[im->intake.image], im->intake.received,
               im->intake.total, im->intake.crc32);
    printf("settings=%u bytes%s\n", card->settings_size, card->settings_size ? "" : ": not enrolled");
    fwrite(card->settings, 1, card->settings_size, stdout);
}

int card_tool_show(const char *path)
{
    struct card_file file;
    static struct card card;
    int result = card_tool_open(path, NULL, &file, &card);
    if (result != 0)
        return result;
    show(&card);
    card_file_close(&file);
    return fflush(stdout) == 0 ? 0 : 1;
}
