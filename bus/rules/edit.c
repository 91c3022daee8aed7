#include "bus/rules/edit.h"

#include "bus/client/keys.h"
#include "bus/rules/rules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOCK_TRIES    100
#define LOCK_PAUSE_NS 20000000

static enum status fail(struct bb_reason *reason, const char *path, enum status status, const char *what)
{
    bb_reason_say(reason, "%s: %s", path, what);
    return status;
}

/* The path of the file itself, where `path` is a link. False when it does not fit; a file that is not there
 * is called by its own path. */
static bool real_path(const char *path, char *out, size_t size)
{
    char *real = realpath(path, NULL);
    bool fits = (size_t)snprintf(out, size, "%s", real != NULL ? real : path) < size;
    free(real);
    return fits;
}

/* The lock is a file beside it, since the file itself is replaced. */
static enum status take_lock(const char *path, int tries, struct bb_reason *reason, int *lock_out)
{
    char real[BB_PATH_MAX], lock[BB_PATH_MAX + 8];
    if (!real_path(path, real, sizeof real))
        return fail(reason, path, BB_RANGE, "its path is too long");
    snprintf(lock, sizeof lock, "%s.lock", real);
    int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(reason, lock, BB_IO, strerror(errno));
    for (int i = 0; i < tries; i++) {
        if (i > 0)
            (void)nanosleep(&(struct timespec){0, LOCK_PAUSE_NS}, NULL);
        if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
            *lock_out = fd;
            return BB_OK;
        }
    }
    close(fd);
    return fail(reason, path, BB_TIMEOUT, "somebody else is editing the rules; try again when that is done");
}

enum status edit_lock(const char *path, struct bb_reason *reason, int *lock_out)
{
    return take_lock(path, LOCK_TRIES, reason, lock_out);
}

/* Judges a text as the broker would. */
static enum status judge(const char *name, const char *text, size_t size, struct bb_reason *reason)
{
    struct access *rules = malloc(sizeof *rules);
    if (rules == NULL)
        return fail(reason, name, BB_FULL, "there is no memory");
    enum status status = rules_parse(name, text, size, rules, reason);
    free(rules);
    return status;
}

static enum status load(struct edit *edit, struct bb_reason *reason)
{
    struct access *rules = malloc(sizeof *rules);
    uint64_t digest;
    json_error_t error;
    if (rules == NULL)
        return fail(reason, edit->path, BB_FULL, "there is no memory");
    enum status status = rules_load(edit->path, rules, &digest, reason);
    free(rules);
    if (status != BB_OK)
        return status;
    edit->document = json_load_file(edit->path, JSON_REJECT_DUPLICATES, &error);
    return edit->document != NULL ? BB_OK : fail(reason, edit->path, BB_MALFORMED, error.text);
}

enum status edit_open(const char *path, enum edit_purpose purpose, struct bb_reason *reason, struct edit *out)
{
    struct edit edit = {.lock = -1};
    if (access(path, F_OK) != 0)
        return fail(reason, path, errno == ENOENT ? BB_NOT_FOUND : BB_IO, strerror(errno));
    if (!real_path(path, edit.path, sizeof edit.path))
        return fail(reason, path, BB_RANGE, "its path is too long");
    enum status status = BB_OK;
    if (purpose != EDIT_READ)
        status = take_lock(edit.path, purpose == EDIT_WRITE ? LOCK_TRIES : 1, reason, &edit.lock);
    if (status == BB_OK)
        status = load(&edit, reason);
    if (status == BB_OK)
        *out = edit;
    else
        edit_close(&edit);
    return status;
}

static bool write_all(int fd, const char *text, size_t size)
{
    while (size > 0) {
        ssize_t count = write(fd, text, size);
        if (count < 0 && errno != EINTR)
            return false;
        text += count > 0 ? count : 0;
        size -= count > 0 ? (size_t)count : 0;
    }
    return true;
}

/* Forces the new name to the disk; what is renamed but not forced is still one of the two files. */
static void sync_folder(const char *path)
{
    char folder[BB_PATH_MAX];
    const char *slash = strrchr(path, '/');
    snprintf(folder, sizeof folder, "%.*s", slash == NULL ? 1 : (int)(slash - path) + 1,
             slash == NULL ? "." : path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return;
    (void)fsync(fd);
    close(fd);
}

static enum status replace(const char *path, const char *text, size_t size, struct bb_reason *reason)
{
    char draft[BB_PATH_MAX + 8];
    struct stat old;
    snprintf(draft, sizeof draft, "%s.new", path);
    if (stat(path, &old) != 0)
        return fail(reason, path, BB_IO, strerror(errno));
    (void)unlink(draft);
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool done = fd >= 0 && write_all(fd, text, size);
    /* The owner first: changing it may take bits off the mode. Who may not give a file away keeps it. */
    if (done && (old.st_uid != geteuid() || old.st_gid != getegid()))
        (void)!fchown(fd, old.st_uid, old.st_gid);
    done = done && fchmod(fd, old.st_mode & 07777) == 0 && fsync(fd) == 0;
    done = fd >= 0 && close(fd) == 0 && done && rename(draft, path) == 0;
    if (done) {
        sync_folder(path);
        return BB_OK;
    }
    enum status status = fail(reason, path, BB_IO, strerror(errno));
    (void)unlink(draft);
    return status;
}

/* The document as text with a line end, malloc'd, once it is found to be good. */
static enum status print(const struct edit *edit, char **text_out, size_t *size_out, struct bb_reason *reason)
{
    char *json = json_dumps(edit->document, JSON_INDENT(1) | JSON_REAL_PRECISION(17)), *text = NULL;
    int size = json == NULL ? -1 : asprintf(&text, "%s\n", json);
    free(json);
    if (size < 0)
        return fail(reason, edit->path, BB_FULL, "there is no memory");
    enum status status = judge(edit->path, text, (size_t)size, reason);
    if (status != BB_OK) {
        free(text);
        return status;
    }
    *text_out = text;
    *size_out = (size_t)size;
    return BB_OK;
}

enum status edit_check(const struct edit *edit, struct bb_reason *reason)
{
    char *text;
    size_t size;
    enum status status = print(edit, &text, &size, reason);
    if (status == BB_OK)
        free(text);
    return status;
}

static void let_go(struct edit *edit)
{
    if (edit->lock >= 0)
        close(edit->lock);
    edit->lock = -1;
}

enum status edit_save(struct edit *edit, uint64_t *digest_out, struct bb_reason *reason)
{
    char *text;
    size_t size;
    enum status status = print(edit, &text, &size, reason);
    if (status != BB_OK)
        return status;
    status = replace(edit->path, text, size, reason);
    if (status == BB_OK)
        *digest_out = rules_digest(text, size);
    let_go(edit);
    free(text);
    return status;
}

void edit_close(struct edit *edit)
{
    json_decref(edit->document);
    edit->document = NULL;
    let_go(edit);
}

json_t *edit_entries(const struct edit *edit)
{
    return json_object_get(edit->document, "entries");
}

json_t *edit_find(const struct edit *edit, const char *key)
{
    char wanted[KEY_Z85_SIZE], found[KEY_Z85_SIZE];
    size_t i;
    json_t *entry;
    if (keys_from_text(key, wanted) != BB_OK)
        return NULL;
    json_array_foreach(edit_entries(edit), i, entry)
    {
        const char *text = json_string_value(json_object_get(entry, "key"));
        if (text != NULL && keys_from_text(text, found) == BB_OK && strcmp(found, wanted) == 0)
            return entry;
    }
    return NULL;
}

json_t *edit_add(struct edit *edit, const char *key, const char *comment)
{
    json_t *entry = json_pack("{s:s, s:[], s:[], s:[]}", "key", key, "identities", "publish", "subscribe");
    if (comment != NULL)
        json_object_set_new(entry, "comment", json_string(comment));
    json_array_append_new(edit_entries(edit), entry);
    return entry;
}

void edit_remove(struct edit *edit, const json_t *entry)
{
    json_t *entries = edit_entries(edit);
    for (size_t i = 0; i < json_array_size(entries); i++)
        if (json_array_get(entries, i) == entry) {
            json_array_remove(entries, i);
            return;
        }
}

const char *edit_list_name(enum access_kind kind)
{
    static const char *const NAMES[ACCESS_KINDS] = {[ACCESS_IDENTITY] = "identities",
                                                    [ACCESS_PUBLISH] = "publish",
                                                    [ACCESS_SUBSCRIBE] = "subscribe",
                                                    [ACCESS_CAPABILITY] = "capabilities"};
    return NAMES[kind];
}

bool edit_grant(json_t *entry, enum access_kind kind, json_t *item)
{
    const char *name = edit_list_name(kind);
    json_t *list = json_object_get(entry, name);
    size_t i;
    json_t *there;
    if (list == NULL) {
        list = json_array();
        json_object_set_new(entry, name, list);
    }
    json_array_foreach(list, i, there)
    {
        if (json_equal(there, item))
            return false;
    }
    json_array_append(list, item);
    return true;
}

bool edit_revoke(json_t *entry, enum access_kind kind, const char *item)
{
    json_t *list = json_object_get(entry, edit_list_name(kind));
    bool found = false;
    for (size_t i = json_array_size(list); i-- > 0;) {
        json_t *there = json_array_get(list, i);
        const char *text = json_string_value(there);
        bool same = text != NULL ? strcmp(text, item) == 0 : json_object_del(there, item) == 0;
        if (same && (text != NULL || json_object_size(there) == 0))
            json_array_remove(list, i);
        found = found || same;
    }
    return found;
}
