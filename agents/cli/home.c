#include "agents/cli/home.h"

#include "agents/cli/call.h"
#include "bus/client/config.h"
#include "bus/client/keys.h"
#include "bus/rules/edit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* "/run/vip.sock" behind it must fit the 107 bytes of a unix socket's path. */
#define HOME_PATH_MAX 90
/* Any path below a home. */
#define HOME_ROOM 512
/* An agent's identity, with its NUL. */
#define AGENT_NAME_MAX 65
/* A platform's name. */
#define PLATFORM_MAX 63

/* Which homes have a key: a user's own, a host's, or both. */
enum { OWN = 1, HOST = 2 };

/* What a key may do. NULL-terminated lists. */
struct grant {
    const char *key; /* keys/<key>.json */
    const char *comment;
    const char *const *identities, *const *publish, *const *subscribe;
    const char *const *capabilities; /* NULL: none */
    unsigned homes;
};

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static const struct grant grants[] = {
    {"consumer-agent", "the consumers' boards", WORDS("consumer-agent"),
     WORDS("Data/consumer/", "dispatch/", "alerts/dispatch/", "boards/", "heartbeat/consumer-agent"),
     WORDS("Data/", "dispatch/"), NULL, OWN | HOST},
    {"dg-agent", "the generators' boards", WORDS("dg-agent"),
     WORDS("Data/dg/", "dispatch/", "alerts/dispatch/", "boards/", "heartbeat/dg-agent"),
     WORDS("Data/", "dispatch/"), NULL, OWN | HOST},
    {"ledger", "the Bit-Energy ledger", WORDS("ledger"), WORDS("market/", "heartbeat/ledger"), WORDS(""),
     NULL, OWN | HOST},
    {"cli", "the command line", WORDS("cli", "cli.*"), WORDS(""), WORDS(""), WORDS("admin", "agents"),
     OWN | HOST},
    {"agentd", "hosts agents", WORDS("agentd"),
     WORDS("agents/", "alerts/agent/", "directory/", "heartbeat/agentd"), WORDS(""), WORDS("admin"),
     OWN | HOST},
    {"listener-agent", "prints what is on the bus", WORDS("listener-agent"),
     WORDS("heartbeat/listener-agent"), WORDS(""), NULL, OWN | HOST},
    {"historian", "keeps readings", WORDS("historian"), WORDS("alerts/historian/", "heartbeat/historian"),
     WORDS(""), NULL, OWN | HOST},
    {"web", "the dashboard", WORDS("web"), WORDS("heartbeat/web"), WORDS(""), WORDS("agents", "watch"),
     OWN | HOST},
    {"example-agent", "agents/example, to be copied", WORDS("example-agent"),
     WORDS("example/", "heartbeat/example-agent"), WORDS(""), NULL, OWN},
    {"script", "scripts at the plain doors", WORDS("script", "script.*"),
     WORDS("script/", "devices/", "record/", "heartbeat/script"), WORDS(""), NULL, OWN},
    {"federation", "the links to other platforms", WORDS("federation"), WORDS(""), WORDS(""), NULL, HOST},
    {"mqtt-agent", "the bridge to MQTT", WORDS("mqtt-agent"), WORDS("devices/", "heartbeat/mqtt-agent"),
     WORDS(""), NULL, HOST},
    {"modbus-agent", "Modbus devices", WORDS("modbus-agent"),
     WORDS("devices/", "alerts/modbus/", "heartbeat/modbus-agent"), WORDS(""), NULL, HOST},
};

enum status home_find(const char *given, struct bb_reason *reason, char *path_out, size_t size)
{
    enum status status = config_home(given, "", path_out, size);
    if (status != BB_OK)
        return call_reason(reason, status, "there is no home folder: give --home DIR or set BUSBAR_HOME");
    size_t length = strlen(path_out);
    while (length > 1 && path_out[length - 1] == '/')
        path_out[--length] = '\0';
    return BB_OK;
}

/* What home_make carries along. */
struct making {
    const char *home;
    struct home_more *more;
    unsigned homes; /* OWN or HOST */
    struct bb_reason *reason;
    struct home_item *items;
    size_t count;
};

/* Writes <home>/<below> to path[size]; below may be "". */
static const char *below(const struct making *m, const char *what, char *path, size_t size)
{
    snprintf(path, size, "%s%s%s", m->home, *what == '\0' ? "" : "/", what);
    return path;
}

static void note(struct making *m, const char *what, bool made)
{
    struct home_item *item = &m->items[m->count++];
    char path[HOME_ROOM];
    struct stat found = {0};
    (void)!stat(below(m, what, path, sizeof path), &found);
    snprintf(item->path, sizeof item->path, "%s", *what == '\0' ? "." : what);
    item->mode = found.st_mode & 07777;
    item->made = made;
}

enum status home_folder(const char *path, struct bb_reason *reason, bool *made_out)
{
    char part[HOME_ROOM];
    for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        snprintf(part, sizeof part, "%.*s", (int)(slash - path), path);
        if (mkdir(part, 0700) != 0 && errno != EEXIST)
            return call_reason(reason, BB_IO, "%s: %s", part, strerror(errno));
    }
    *made_out = mkdir(path, 0700) == 0;
    if (!*made_out && errno != EEXIST)
        return call_reason(reason, BB_IO, "%s: %s", path, strerror(errno));
    return BB_OK;
}

static enum status make_folders(struct making *m)
{
    static const char *const folders[] = {"", "keys", "run", "boards", "log", "ledger", "wallet"};
    char path[HOME_ROOM];
    for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
        bool made;
        enum status status = home_folder(below(m, folders[i], path, sizeof path), m->reason, &made);
        if (status != BB_OK)
            return status;
        note(m, folders[i], made);
    }
    return BB_OK;
}

/* Loads keys/<name>.json or makes it. */
static enum status make_key(struct making *m, const char *name, struct keys *keys, bool *made_out)
{
    char what[128], path[HOME_ROOM];
    snprintf(what, sizeof what, "keys/%s.json", name);
    below(m, what, path, sizeof path);
    enum status status = keys_load(path, keys, m->reason);
    *made_out = status == BB_NOT_FOUND;
    if (*made_out) {
        status = keys_generate(keys);
        if (status != BB_OK)
            return call_reason(m->reason, status, "libzmq gave no key: %s", bb_status_text(status));
        status = keys_save(path, keys, m->reason);
        if (status == BB_OK)
            bb_reason_say(m->reason, "%s", ""); /* that there was none is no complaint any more */
    }
    if (status == BB_OK)
        note(m, what, *made_out);
    return status;
}

static json_t *list_of(const char *const *words)
{
    json_t *list = json_array();
    for (; *words != NULL; words++)
        json_array_append_new(list, json_string(*words));
    return list;
}

static enum status add_entry(json_t *entries, const struct grant *grant, const struct keys *keys)
{
    char text[KEY_BASE64_SIZE];
    enum status status = keys_to_base64(keys->public_key, text);
    if (status != BB_OK)
        return status;
    json_t *entry = json_pack("{s:s, s:o, s:o, s:o, s:s}", "key", text, "identities",
                              list_of(grant->identities), "publish", list_of(grant->publish), "subscribe",
                              list_of(grant->subscribe), "comment", grant->comment);
    if (grant->capabilities != NULL)
        json_object_set_new(entry, "capabilities", list_of(grant->capabilities));
    json_array_append_new(entries, entry);
    return BB_OK;
}

/* Reads access.json, or starts an empty one; *new_out tells which. */
static enum status load_access(struct making *m, const char *path, bool *new_out, json_t **out)
{
    json_error_t error;
    *new_out = access(path, F_OK) != 0;
    json_t *document = *new_out ? json_pack("{s:i, s:[]}", "version", 1, "entries")
                                : json_load_file(path, JSON_REJECT_DUPLICATES, &error);
    if (document == NULL)
        return call_reason(m->reason, BB_MALFORMED, "%s:%d:%d: %s", path, error.line, error.column,
                           error.text);
    if (!json_is_array(json_object_get(document, "entries"))) {
        json_decref(document);
        return call_reason(m->reason, BB_MALFORMED, "%s: entries: expected a list", path);
    }
    *out = document;
    return BB_OK;
}

/* One agent's key, and its entry in `entries` when the key is new or the file is. */
static enum status make_agent(struct making *m, json_t *entries, const struct grant *grant, bool all,
                              bool *added_out)
{
    struct keys keys;
    bool made;
    enum status status = make_key(m, grant->key, &keys, &made);
    if (status == BB_OK && (made || all)) {
        *added_out = true;
        status = add_entry(entries, grant, &keys);
    }
    keys_wipe(&keys);
    return status;
}

static const struct grant *grant_of(const char *key)
{
    for (size_t i = 0; i < sizeof grants / sizeof *grants; i++)
        if (strcmp(grants[i].key, key) == 0)
            return &grants[i];
    return NULL;
}

/* An agent that comes with Busbar gets its row. One of the user's own may hear all, and publish below its
 * name and its heartbeat. */
static enum status make_own(struct making *m, json_t *entries, bool *added_out)
{
    const char *agent = m->more->agent;
    char topics[AGENT_NAME_MAX + 1], heartbeat[AGENT_NAME_MAX + 16];
    const struct grant *known = grant_of(agent);
    if (known != NULL)
        return (known->homes & m->homes) != 0 ? BB_OK : make_agent(m, entries, known, false, added_out);
    snprintf(topics, sizeof topics, "%s/", agent);
    snprintf(heartbeat, sizeof heartbeat, "heartbeat/%s", agent);
    struct grant grant = {
        agent, "an agent of your own", WORDS(agent), WORDS(topics, heartbeat), WORDS(""), NULL, OWN};
    return make_agent(m, entries, &grant, false, added_out);
}

/* The key of `federation`, and the one with which it is a guest elsewhere, which has no entry here. */
static enum status make_federation(struct making *m, json_t *entries, bool *added_out)
{
    char name[AGENT_NAME_MAX + 16];
    struct keys keys;
    bool made;
    const struct grant *gate = grant_of("federation");
    enum status status = BB_OK;
    if ((gate->homes & m->homes) == 0)
        status = make_agent(m, entries, gate, false, added_out);
    snprintf(name, sizeof name, "federation.%s", m->more->federation);
    if (status == BB_OK)
        status = make_key(m, name, &keys, &made);
    if (status == BB_OK) {
        status = keys_to_base64(keys.public_key, m->more->guest_key);
        keys_wipe(&keys);
    }
    return status;
}

static enum status make_agents(struct making *m, json_t *entries, bool all, bool *added_out)
{
    enum status status = BB_OK;
    *added_out = all;
    for (size_t i = 0; i < sizeof grants / sizeof *grants && status == BB_OK; i++)
        if ((grants[i].homes & m->homes) != 0)
            status = make_agent(m, entries, &grants[i], all, added_out);
    if (status == BB_OK && m->more->agent != NULL)
        status = make_own(m, entries, added_out);
    if (status == BB_OK && m->more->federation != NULL)
        status = make_federation(m, entries, added_out);
    return status;
}

static enum status write_access(struct making *m, const char *path, bool *new_out)
{
    bool added = false;
    json_t *document = NULL;
    enum status status = load_access(m, path, new_out, &document);
    if (status == BB_OK)
        status = make_agents(m, json_object_get(document, "entries"), *new_out, &added);
    if (status == BB_OK && added) {
        char *text = json_dumps(document, JSON_INDENT(1));
        status = text == NULL ? BB_FULL : home_write(path, text, 0600, m->reason);
        free(text);
    }
    json_decref(document);
    return status;
}

static enum status make_access(struct making *m)
{
    char path[HOME_ROOM];
    bool fresh = false;
    int lock;
    below(m, "access.json", path, sizeof path);
    enum status status = edit_lock(path, m->reason, &lock);
    if (status != BB_OK)
        return status;
    status = write_access(m, path, &fresh);
    close(lock);
    if (status == BB_OK)
        note(m, "access.json", fresh);
    return status;
}

/* A federation.json without links, for the names; one that is there stays. */
static enum status make_links(struct making *m)
{
    static const char what[] = "federation.json";
    char path[HOME_ROOM];
    bool made = access(below(m, what, path, sizeof path), F_OK) != 0;
    json_t *document = json_pack("{s:s,s:[]}", "platform", m->more->federation, "links");
    char *text = json_dumps(document, JSON_INDENT(1));
    enum status status = text == NULL ? BB_FULL : BB_OK;
    if (status == BB_OK && made)
        status = home_write(path, text, 0644, m->reason);
    free(text);
    json_decref(document);
    if (status == BB_OK)
        note(m, what, made);
    return status;
}

static enum status make_broker(struct making *m)
{
    struct keys keys;
    bool made;
    char path[HOME_ROOM];
    enum status status = make_key(m, "busbard", &keys, &made);
    if (status != BB_OK)
        return status;
    bool missing = access(below(m, "keys/busbard.pub", path, sizeof path), F_OK) != 0;
    if (made || missing)
        status = keys_save_public(path, keys.public_key, m->reason);
    if (status == BB_OK)
        status = keys_to_base64(keys.public_key, m->more->broker_key);
    keys_wipe(&keys);
    if (status == BB_OK)
        note(m, "keys/busbard.pub", made || missing);
    return status;
}

/* An identity that can also be the name of a file: letters, digits, _ . -, no dot in front. */
static bool agent_name_valid(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t length = strspn(name, letters);
    return length > 0 && length < AGENT_NAME_MAX && name[length] == '\0' && name[0] != '.' &&
           strcmp(name, "busbard") != 0;
}

static enum status check_names(const char *home, const struct home_more *more, struct bb_reason *reason)
{
    if (more->agent != NULL && !agent_name_valid(more->agent))
        return call_reason(reason, BB_RANGE,
                           "--agent %s: an identity is letters, digits, _ . and -, at most %d of them",
                           more->agent, AGENT_NAME_MAX - 1);
    /* As in federation.json: a number would be a kind of address. */
    if (more->federation != NULL &&
        (!agent_name_valid(more->federation) || strlen(more->federation) > PLATFORM_MAX ||
         strspn(more->federation, "0123456789") == strlen(more->federation)))
        return call_reason(
            reason, BB_RANGE,
            "--federation %s: a platform's name is letters, digits, _ . and -, at most %d of them, "
            "and no number",
            more->federation, PLATFORM_MAX);
    if (strlen(home) > HOME_PATH_MAX)
        return call_reason(
            reason, BB_RANGE,
            "%s: more than %d bytes: the sockets below it would not fit; give a shorter --home", home,
            HOME_PATH_MAX);
    return BB_OK;
}

enum status home_make(const char *home, struct home_more *more, struct bb_reason *reason,
                      struct home_item *items, size_t *count_out)
{
    struct home_more nothing = {.agent = NULL};
    struct making making = {
        .home = home, .more = more != NULL ? more : &nothing, .reason = reason, .items = items};
    enum status status = check_names(home, making.more, reason);
    making.homes = making.more->host ? HOST : OWN;
    if (status == BB_OK)
        status = make_folders(&making);
    if (status == BB_OK)
        status = make_broker(&making);
    if (status == BB_OK)
        status = make_access(&making);
    if (status == BB_OK && making.more->federation != NULL)
        status = make_links(&making);
    if (status == BB_OK)
        *count_out = making.count;
    return status;
}

json_t *home_site(const char *home)
{
    char path[HOME_ROOM];
    snprintf(path, sizeof path, "%s/site.json", home);
    json_t *site = json_load_file(path, 0, NULL);
    if (site != NULL && !json_is_object(site)) {
        json_decref(site);
        site = NULL;
    }
    return site;
}

static bool write_all(int fd, const char *text)
{
    size_t left = strlen(text);
    while (left > 0) {
        ssize_t count = write(fd, text, left);
        if (count < 0)
            return false;
        text += count;
        left -= (size_t)count;
    }
    return true;
}

enum status home_write(const char *path, const char *text, unsigned mode, struct bb_reason *reason)
{
    char draft[HOME_ROOM + 8];
    snprintf(draft, sizeof draft, "%s.new", path);
    int fd = open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
    bool done = fd >= 0 && write_all(fd, text) && fsync(fd) == 0;
    if (fd >= 0 && close(fd) != 0)
        done = false;
    if (!done || rename(draft, path) != 0)
        return call_reason(reason, BB_IO, "%s: %s", path, strerror(errno));
    return BB_OK;
}
