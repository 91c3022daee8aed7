#include "agents/cli/access_file.h"

#include "agents/cli/home.h"
#include "agents/cli/json.h"
#include "agents/cli/listing.h"
#include "bus/client/keys.h"
#include "bus/rules/rules.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#define HOME_ROOM 512
/* How long to wait for the broker without --timeout, and how often to look. */
#define WAIT_S  5.0
#define LOOK_NS 20000000

/* What the broker made of it. */
enum outcome { IN_FORCE, NOT_RUNNING, WITHOUT_SECURITY, HELD, LATE };

static const struct {
    const char *word, *sentence;
    enum exit_code code;
} OUTCOMES[] = {
    [IN_FORCE] = {"in-force", "the broker has the new rules", EXIT_DONE},
    [NOT_RUNNING] = {"not-running", "no broker runs on this home: the rules hold from its start", EXIT_DONE},
    [WITHOUT_SECURITY] = {"no-security", "the broker runs without security: everybody may do everything",
                          EXIT_DONE},
    [HELD] = {"held", "the broker refuses the file, the old rules hold: busbar status", EXIT_REFUSED},
    [LATE] = {"late", "the file is written, and the broker has not taken it in time", EXIT_TIMEOUT}};

enum exit_code access_file_open(const struct call *call, bool write, struct edit *out)
{
    char home[HOME_ROOM], path[HOME_ROOM + 16];
    struct bb_reason reason = {""};
    enum status status = home_find(call_value(call, "home"), &reason, home, sizeof home);
    if (status != BB_OK)
        return call_fail(call, exit_of(status), "%s", reason.text);
    snprintf(path, sizeof path, "%s/access.json", home);
    status = edit_open(path, write ? EDIT_WRITE : EDIT_READ, &reason, out);
    if (status == BB_NOT_FOUND)
        return call_fail(call, EXIT_MISSING, "%s; busbar init --home %s makes it", reason.text, home);
    bool faulty = status == BB_MALFORMED || status == BB_RANGE || status == BB_EXISTS || status == BB_FULL;
    return status == BB_OK ? EXIT_DONE
                           : call_fail(call, faulty ? EXIT_USAGE : exit_of(status), "%s", reason.text);
}

char *access_file_fingerprint(const char *key, char *fingerprint)
{
    char z85[KEY_Z85_SIZE];
    fingerprint[0] = '\0';
    if (key != NULL && keys_from_text(key, z85) == BB_OK)
        (void)!keys_fingerprint(z85, fingerprint);
    return fingerprint;
}

bool access_file_begins(const char *fingerprint, const char *prefix)
{
    size_t matched = 0;
    for (; *prefix != '\0'; prefix++) {
        if (*prefix == '-')
            continue;
        fingerprint += *fingerprint == '-';
        if (toupper((unsigned char)*prefix) != *fingerprint)
            return false;
        fingerprint++;
        matched++;
    }
    return matched >= 4;
}

/* True when the entry has exactly that identity. */
static bool takes(const json_t *entry, const char *identity)
{
    size_t i;
    json_t *item;
    json_array_foreach(json_object_get(entry, "identities"), i, item)
    {
        if (strcmp(json_string_value(item), identity) == 0)
            return true;
    }
    return false;
}

static bool is_fingerprint_of(const json_t *entry, const char *who)
{
    char fingerprint[KEY_FINGERPRINT_SIZE];
    access_file_fingerprint(json_string_value(json_object_get(entry, "key")), fingerprint);
    return access_file_begins(fingerprint, who);
}

/* The only entry for which `match` holds; *count_out: how many there are. */
static json_t *only(const struct edit *edit, bool (*match)(const json_t *entry, const char *who),
                    const char *who, size_t *count_out)
{
    size_t i;
    json_t *entry, *found = NULL;
    *count_out = 0;
    json_array_foreach(edit_entries(edit), i, entry)
    {
        if (!match(entry, who))
            continue;
        found = entry;
        ++*count_out;
    }
    return found;
}

enum exit_code access_file_find(const struct call *call, const struct edit *edit, const char *who,
                                json_t **out)
{
    size_t count = 1;
    json_t *entry = edit_find(edit, who);
    if (entry == NULL)
        entry = only(edit, takes, who, &count);
    if (entry == NULL)
        entry = only(edit, is_fingerprint_of, who, &count);
    if (count > 1)
        return call_fail(
            call, EXIT_USAGE,
            "%zu entries are called %s: name one by its key or fingerprint, see busbar access list", count,
            who);
    if (entry == NULL)
        return call_fail(
            call, EXIT_MISSING,
            "%s: no entry of access.json has that key, identity or fingerprint: busbar access list", who);
    *out = entry;
    return EXIT_DONE;
}

/* A capability for people: its name, and its parameters behind it. */
static void put_object(json_t *object, char *text, size_t size)
{
    size_t used = 0;
    const char *name;
    json_t *parameters;
    text[0] = '\0';
    json_object_foreach(object, name, parameters)
    {
        char *json = json_dumps(parameters, JSON_COMPACT | JSON_ENCODE_ANY);
        int got = snprintf(text + used, size - used, "%s%s=%s", used > 0 ? ", " : "", name,
                           json == NULL ? "" : json);
        free(json);
        used += got > 0 && (size_t)got < size - used ? (size_t)got : 0;
    }
}

char *access_file_list(const json_t *entry, enum access_kind kind, char *text, size_t size)
{
    size_t i, used = 0;
    json_t *item;
    text[0] = '\0';
    json_array_foreach(json_object_get(entry, edit_list_name(kind)), i, item)
    {
        char one[LISTING_TEXT_MAX], object[LISTING_TEXT_MAX];
        json_t *holder = json_object();
        if (json_is_object(item)) {
            put_object(item, object, sizeof object);
            json_object_set_new(holder, "item", json_string(object));
        } else {
            json_object_set(holder, "item", item);
        }
        listing_text(holder, "item", LISTING_TEXT, FORMAT_PEOPLE, one);
        json_decref(holder);
        int got =
            snprintf(text + used, size - used, "%s%s", used > 0 ? ", " : "", *one == '\0' ? "\"\"" : one);
        if (got < 0 || (size_t)got >= size - used) {
            snprintf(text + used, size - used, "%s", size - used > 4 ? "…" : "");
            break;
        }
        used += (size_t)got;
    }
    return text;
}

void access_file_print(const json_t *entry)
{
    static const char *const NAMES[ACCESS_KINDS] = {"identities", "publish", "subscribe", "capabilities"};
    char text[4096], fingerprint[KEY_FINGERPRINT_SIZE], comment[LISTING_TEXT_MAX];
    const char *key = json_string_value(json_object_get(entry, "key"));
    printf("key           %s\nfingerprint   %s\n", key, access_file_fingerprint(key, fingerprint));
    for (size_t kind = 0; kind < ACCESS_KINDS; kind++) {
        access_file_list(entry, (enum access_kind)kind, text, sizeof text);
        bool all = strcmp(text, "\"\"") == 0;
        printf("%-13s %s%s\n", NAMES[kind], *text == '\0' ? "nothing" : text, all ? " (every topic)" : "");
    }
    if (*listing_text(entry, "comment", LISTING_TEXT, FORMAT_PEOPLE, comment) != '\0')
        printf("comment       %s\n", comment);
}

/* The folder of the edited file is the home, also where the file is a link to elsewhere. */
static enum status path_below(const struct call *call, const char *below, char *path, size_t size)
{
    char home[HOME_ROOM];
    struct bb_reason reason;
    enum status status = home_find(call_value(call, "home"), &reason, home, sizeof home);
    if (status == BB_OK && (size_t)snprintf(path, size, "%s/%s", home, below) >= size)
        status = BB_RANGE;
    return status;
}

/* A broker that runs holds the lock of the home. */
static bool broker_runs(const char *lock)
{
    int fd = open(lock, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool runs = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return runs;
}

/* What run/access.state says about the file with that digest; LATE: nothing yet. */
static enum outcome look(const char *path, const char *digest)
{
    json_t *state = json_load_file(path, 0, NULL);
    const char *security = json_string_value(json_object_get(state, "security"));
    const char *found = json_string_value(json_object_get(state, "digest"));
    const char *held = json_string_value(json_object_get(state, "held"));
    enum outcome outcome = LATE;
    if (security != NULL && strcmp(security, "none") == 0)
        outcome = WITHOUT_SECURITY;
    else if (found != NULL && strcmp(found, digest) == 0)
        outcome = IN_FORCE;
    else if (held != NULL && *held != '\0')
        outcome = HELD;
    json_decref(state);
    return outcome;
}

static int64_t mono_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Waits for the broker to take the file with that digest. A refusal counts at the end only: it may be of the
 * file before this one. */
static enum outcome wait_for_broker(const struct call *call, uint64_t number, double timeout_s)
{
    char lock[HOME_ROOM + 32], state[HOME_ROOM + 32], digest[24];
    snprintf(digest, sizeof digest, "%016" PRIx64, number);
    if (path_below(call, "run/busbard.lock", lock, sizeof lock) != BB_OK ||
        path_below(call, "run/access.state", state, sizeof state) != BB_OK)
        return LATE;
    int64_t end = mono_ms() + (int64_t)(timeout_s * 1000);
    for (;;) {
        if (!broker_runs(lock))
            return NOT_RUNNING;
        enum outcome outcome = look(state, digest);
        if (outcome == IN_FORCE || outcome == WITHOUT_SECURITY || mono_ms() >= end)
            return outcome;
        (void)nanosleep(&(struct timespec){0, LOOK_NS}, NULL);
    }
}

bool access_file_await(const struct call *call)
{
    char path[HOME_ROOM + 32];
    struct access *rules = malloc(sizeof *rules);
    struct bb_reason reason;
    uint64_t digest = 0;
    enum status status = path_below(call, "access.json", path, sizeof path);
    if (status == BB_OK && rules != NULL)
        status = rules_load(path, rules, &digest, &reason);
    free(rules);
    return digest != 0 && OUTCOMES[wait_for_broker(call, digest, WAIT_S)].code == EXIT_DONE;
}

static enum exit_code save(const struct call *call, struct edit *edit, enum outcome *outcome_out)
{
    struct bb_reason reason = {""};
    uint64_t digest;
    double timeout_s;
    enum status status = call_number(call, "timeout", 0, 3600, WAIT_S, &reason, &timeout_s);
    if (status != BB_OK)
        return call_fail(call, EXIT_USAGE, "%s", reason.text);
    status = edit_save(edit, &digest, &reason);
    if (status != BB_OK)
        return call_fail(call, status == BB_IO ? EXIT_FAILED : EXIT_USAGE, "nothing is written: %s",
                         reason.text);
    *outcome_out = wait_for_broker(call, digest, timeout_s);
    return EXIT_DONE;
}

enum exit_code access_file_finish(const struct call *call, struct edit *edit, bool changed, json_t *document)
{
    bool dry_run = call_flag(call, "dry-run");
    enum outcome outcome = LATE;
    bool written = changed && !dry_run;
    enum exit_code code = written ? save(call, edit, &outcome) : EXIT_DONE;
    if (code == EXIT_DONE && written)
        code = OUTCOMES[outcome].code;
    else if (code != EXIT_DONE) {
        json_decref(document);
        return code;
    }
    if (call_flag(call, "json")) {
        json_object_set_new(document, "changed", json_boolean(changed));
        json_object_set_new(document, "dry_run", json_boolean(dry_run));
        json_object_set_new(document, "broker", written ? json_string(OUTCOMES[outcome].word) : json_null());
        json_print(stdout, document);
        return code;
    }
    json_decref(document);
    if (written && code == EXIT_DONE)
        printf("\n%s\n", OUTCOMES[outcome].sentence);
    else if (written)
        return call_fail(call, code, "%s", OUTCOMES[outcome].sentence);
    else
        puts(changed ? "\nnothing is written: --dry-run" : "\nit says so already: nothing is written");
    return code;
}
