#include "bus/reload.h"

#include "bus/client/log.h"
#include "bus/plain.h"
#include "bus/rules/rules.h"
#include "bus/settings.h"
#include "bus/vip.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct reload_stamp stamp_of(const char *path)
{
    struct stat found;
    if (stat(path, &found) != 0)
        return (struct reload_stamp){.size = -1};
    return (struct reload_stamp){(uint64_t)found.st_dev, (uint64_t)found.st_ino, found.st_size,
                                 found.st_mtim.tv_sec,   found.st_mtim.tv_nsec,  found.st_ctim.tv_sec,
                                 found.st_ctim.tv_nsec};
}

static bool same(const struct reload_stamp *a, const struct reload_stamp *b)
{
    return a->device == b->device && a->file == b->file && a->size == b->size &&
           a->written_s == b->written_s && a->written_ns == b->written_ns && a->changed_s == b->changed_s &&
           a->changed_ns == b->changed_ns;
}

static bool find_path(const struct broker *b, const char *below, char *path, size_t size)
{
    return config_home(b->settings->home, below, path, size) == BB_OK;
}

/* Tells in run/access.state which rules are in force, for who edits the file and has no connection here.
 * Written beside and renamed. Without it nothing else is worse. */
static void write_state(const struct broker *b)
{
    char path[BB_PATH_MAX], fresh[BB_PATH_MAX + 8], digest[24];
    if (!find_path(b, "run/access.state", path, sizeof path))
        return;
    snprintf(digest, sizeof digest, "%016" PRIx64, b->reload.digest);
    snprintf(fresh, sizeof fresh, "%s.new", path);
    json_t *state = json_pack("{s:s, s:s, s:i, s:s}", "security", b->secure ? "curve" : "none", "digest",
                              digest, "entries", (int)b->access->entry_count, "held", b->reload.error);
    if (state != NULL && json_dump_file(state, fresh, JSON_COMPACT) == 0)
        (void)!rename(fresh, path);
    json_decref(state);
}

/* Reads the file into the spare rules and exchanges them with those in force. */
static enum status exchange(struct broker *b, const char *path, struct bb_reason *reason)
{
    uint64_t digest;
    enum status status = rules_load(path, b->spare, &digest, reason);
    if (status != BB_OK)
        return status;
    struct access *old = b->access;
    b->access = b->spare;
    b->spare = old;
    b->reload.digest = digest;
    b->reload.generation++;
    router_use_access(b->router, b->access);
    return BB_OK;
}

enum status reload_first(struct broker *b, struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    enum status status = config_home(b->settings->home, "access.json", path, sizeof path);
    if (status == BB_OK && b->secure) {
        b->reload.read = b->reload.seen = stamp_of(path);
        status = exchange(b, path, reason);
    }
    if (status == BB_OK)
        write_state(b);
    return status;
}

/* The new rules in force, the old ones in b->spare: ends what they do not grant. */
static void enforce(struct broker *b)
{
    uint32_t peers = vip_rebind(b);
    uint32_t scripts = plain_rebind(b, b->spare);
    pending_prune(&b->pending, b->access);
    log_info("rules-read", LOG_INT("entries", b->access->entry_count), LOG_INT("peers_shut", peers),
             LOG_INT("scripts_shut", scripts));
}

static void take(struct broker *b, const char *path)
{
    struct bb_reason reason = {""};
    uint64_t before = b->reload.digest;
    enum status status = exchange(b, path, &reason);
    if (status == BB_OK) {
        b->reload.error[0] = '\0';
        if (b->reload.digest != before)
            enforce(b);
    } else {
        snprintf(b->reload.error, sizeof b->reload.error, "%s", reason.text);
        log_error("rules-kept", LOG_TEXT("status", bb_status_word(status)), LOG_TEXT("reason", reason.text),
                  LOG_TEXT("hint", "the rules that were read before stay in force"));
    }
    write_state(b);
}

void reload_look(struct broker *b)
{
    char path[BB_PATH_MAX];
    if (b->reload.asked)
        reload_now(b);
    if (!b->secure || b->now_ms - b->reload.looked_ms < RELOAD_LOOK_MS ||
        !find_path(b, "access.json", path, sizeof path))
        return;
    b->reload.looked_ms = b->now_ms;
    struct reload_stamp now = stamp_of(path);
    bool settled = same(&now, &b->reload.seen);
    b->reload.seen = now;
    if (!settled || same(&now, &b->reload.read))
        return;
    b->reload.read = now;
    take(b, path);
}

void reload_now(struct broker *b)
{
    char path[BB_PATH_MAX];
    if (!b->secure || !find_path(b, "access.json", path, sizeof path))
        return;
    b->reload.asked = false;
    b->reload.read = b->reload.seen = stamp_of(path);
    take(b, path);
}

void reload_close(const struct broker *b)
{
    char path[BB_PATH_MAX];
    if (find_path(b, "run/access.state", path, sizeof path))
        (void)unlink(path);
}
