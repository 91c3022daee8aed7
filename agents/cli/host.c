#include "agents/cli/host.h"

#include "agents/cli/call.h"
#include "bus/client/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATH_ROOM 512
/* Open folders of a walk. */
#define WALK_DEPTH 16

/* configs/host/busbard.json; embed.cmake makes it. */
extern const char host_busbard[];

static const char environment_text[] =
    "# Read by busbar(1), below the flags, the environment and ~/.config/busbar/environment.\n"
    "BUSBAR_HOME=" HOST_HOME "\n";

/* One of the two service users. */
struct account {
    const char *name;
    uid_t user;
    gid_t group;
    bool known;
};

struct host {
    const char *root;
    struct bb_reason *reason;
    struct home_item *items;
    size_t count;
    struct account busbar, ledger;
};

static const char *at(const struct host *h, const char *path, char *text)
{
    snprintf(text, PATH_ROOM, "%s%s", h->root, path);
    return text;
}

static void note(struct host *h, const char *path, bool made)
{
    char full[PATH_ROOM];
    struct stat about = {0};
    if (h->count == HOME_ITEMS_MAX)
        return;
    struct home_item *item = &h->items[h->count++];
    (void)!lstat(at(h, path, full), &about);
    snprintf(item->path, sizeof item->path, "%s", path);
    item->mode = about.st_mode & 07777;
    item->made = made;
}

/* Looks the user up in the root's own /etc/passwd. */
static void find_account(const struct host *h, struct account *account)
{
    char path[PATH_ROOM];
    FILE *file = fopen(at(h, "/etc/passwd", path), "re");
    const struct passwd *entry;
    while (file != NULL && !account->known && (entry = fgetpwent(file)) != NULL)
        if (strcmp(entry->pw_name, account->name) == 0)
            *account = (struct account){account->name, entry->pw_uid, entry->pw_gid, true};
    if (file != NULL)
        fclose(file);
}

/* systemd-sysusers makes what is missing, and knows where users are kept in an image. */
static enum status make_accounts(struct host *h)
{
    extern char **environ;
    char root[PATH_ROOM + 8];
    pid_t child;
    int status = 0;
    h->busbar.name = "busbar";
    h->ledger.name = "busbar-ledger";
    find_account(h, &h->busbar);
    find_account(h, &h->ledger);
    if (h->busbar.known && h->ledger.known)
        return BB_OK;
    snprintf(root, sizeof root, "--root=%s", *h->root == '\0' ? "/" : h->root);
    const char *const words[] = {"systemd-sysusers",
                                 root,
                                 "--inline",
                                 "u busbar - \"Busbar\" " HOST_HOME,
                                 "u busbar-ledger - \"Busbar ledger\" " HOST_LEDGER_HOME,
                                 "m busbar-ledger busbar",
                                 "m busbar dialout",
                                 NULL};
    fflush(stdout);
    int code = posix_spawnp(&child, words[0], NULL, NULL, (char *const *)(const void *)words, environ);
    if (code != 0 || waitpid(child, &status, 0) != child || status != 0)
        return call_reason(
            h->reason, BB_NOT_FOUND,
            "there are no users busbar and busbar-ledger, and systemd-sysusers did not make them; make "
            "them by hand: useradd --system, busbar-ledger also in the group busbar");
    find_account(h, &h->busbar);
    find_account(h, &h->ledger);
    note(h, "/etc/passwd", true);
    return h->busbar.known && h->ledger.known
               ? BB_OK
               : call_reason(h->reason, BB_IO, "/etc/passwd: the new users are not there");
}

static enum status make_folder(struct host *h, const char *path, unsigned mode, const struct account *owner)
{
    char full[PATH_ROOM];
    bool made = false;
    enum status status = home_folder(at(h, path, full), h->reason, &made);
    if (status != BB_OK)
        return status;
    if (chmod(full, (mode_t)mode) != 0 || (owner != NULL && lchown(full, owner->user, owner->group) != 0))
        return call_reason(h->reason, BB_IO, "%s: %s", full, strerror(errno));
    note(h, path, made);
    return BB_OK;
}

/* `run` of a home leads to the doors, which are in a folder of the running system. */
static enum status make_link(struct host *h, const char *path, const char *to)
{
    char full[PATH_ROOM];
    bool made = symlink(to, at(h, path, full)) == 0;
    if (!made && errno != EEXIST)
        return call_reason(h->reason, BB_IO, "%s: %s", full, strerror(errno));
    note(h, path, made);
    return BB_OK;
}

static enum status make_file(struct host *h, const char *path, const char *text)
{
    char full[PATH_ROOM];
    bool there = access(at(h, path, full), F_OK) == 0;
    enum status status = there ? BB_OK : home_write(full, text, 0644, h->reason);
    if (status == BB_OK)
        note(h, path, !there);
    return status;
}

/* The ledger's own key pair, which its user alone can read; the broker's home has a link to it. */
static enum status make_ledger_key(struct host *h)
{
    struct keys keys;
    char full[PATH_ROOM];
    at(h, HOST_LEDGER_HOME "/keys/ledger.json", full);
    bool there = access(full, F_OK) == 0;
    enum status status = there ? BB_OK : keys_generate(&keys);
    if (!there && status == BB_OK)
        status = keys_save(full, &keys, h->reason);
    keys_wipe(&keys);
    if (status != BB_OK)
        return status;
    note(h, HOST_LEDGER_HOME "/keys/ledger.json", !there);
    return make_link(h, HOST_HOME "/keys/ledger.json", "../../busbar-ledger/keys/ledger.json");
}

static enum status copy_public(struct host *h)
{
    char from[PATH_ROOM], to[PATH_ROOM], key[KEY_Z85_SIZE];
    bool there = access(at(h, HOST_LEDGER_HOME "/keys/busbard.pub", to), F_OK) == 0;
    enum status status = keys_load_public(at(h, HOST_HOME "/keys/busbard.pub", from), key, h->reason);
    if (status == BB_OK)
        status = keys_save_public(to, key, h->reason);
    if (status == BB_OK)
        note(h, HOST_LEDGER_HOME "/keys/busbard.pub", !there);
    return status;
}

static const struct account *giving; /* nftw has no context */

static int give(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)kind;
    (void)where;
    bool right = about->st_uid == giving->user && about->st_gid == giving->group;
    return right || lchown(path, giving->user, giving->group) == 0 ? 0 : -1;
}

static enum status give_home(struct host *h, const char *home, const struct account *owner)
{
    char full[PATH_ROOM];
    giving = owner;
    if (nftw(at(h, home, full), give, WALK_DEPTH, FTW_PHYS) != 0)
        return call_reason(h->reason, BB_IO, "%s: it cannot be given to %s: %s", full, owner->name,
                           strerror(errno));
    return BB_OK;
}

/* An empty image has none of these; what fails here fails below, with its reason. */
static void make_above(const struct host *h)
{
    static const char *const above[] = {"/etc", "/var", "/var/lib"};
    char full[PATH_ROOM];
    for (size_t i = 0; i < sizeof above / sizeof *above; i++)
        (void)!mkdir(at(h, above[i], full), 0755);
}

static enum status make_places(struct host *h)
{
    static const char *const folders[] = {HOST_LEDGER_HOME "/keys", HOST_LEDGER_HOME "/ledger",
                                          HOST_LEDGER_HOME "/wallet", HOST_HOME "/keys"};
    enum status status = make_folder(h, HOST_SETTINGS, 0755, NULL);
    if (status == BB_OK)
        status = make_folder(h, HOST_HOME, 0750, &h->busbar);
    if (status == BB_OK)
        status = make_folder(h, HOST_LEDGER_HOME, 0700, &h->ledger);
    for (size_t i = 0; i < sizeof folders / sizeof *folders && status == BB_OK; i++)
        status = make_folder(h, folders[i], 0700, NULL);
    if (status == BB_OK)
        status = make_link(h, HOST_HOME "/run", HOST_RUN);
    if (status == BB_OK)
        status = make_link(h, HOST_LEDGER_HOME "/run", HOST_RUN);
    return status;
}

static enum status make_settings(struct host *h)
{
    enum status status = make_file(h, HOST_SETTINGS "/busbard.json", host_busbard);
    return status == BB_OK ? make_file(h, HOST_SETTINGS "/environment", environment_text) : status;
}

/* The items of the home, below the root again. */
static void note_home(struct host *h, const struct home_item *items, size_t count)
{
    static const char *const noted[] = {".", "run", "keys", "keys/ledger.json"};
    char path[PATH_ROOM];
    for (size_t i = 0; i < count; i++) {
        bool before = false;
        for (size_t k = 0; k < sizeof noted / sizeof *noted; k++)
            before = before || strcmp(items[i].path, noted[k]) == 0;
        if (before)
            continue;
        snprintf(path, sizeof path, HOST_HOME "/%.400s", items[i].path);
        note(h, path, items[i].made);
    }
}

enum status host_make(const char *root, struct home_more *more, struct bb_reason *reason,
                      struct home_item *items, size_t *count_out)
{
    struct host host = {.root = root, .reason = reason, .items = items};
    struct home_item below[HOME_ITEMS_MAX];
    size_t count = 0;
    char home[PATH_ROOM];
    if (geteuid() != 0)
        return call_reason(reason, BB_DENIED,
                           "a host's users, homes and settings are made by root: sudo busbar init --host");
    make_above(&host);
    enum status status = make_accounts(&host);
    if (status == BB_OK)
        status = make_places(&host);
    if (status == BB_OK)
        status = make_ledger_key(&host);
    if (status == BB_OK)
        status = home_make(at(&host, HOST_HOME, home), more, reason, below, &count);
    if (status == BB_OK)
        status = copy_public(&host);
    if (status == BB_OK)
        status = make_settings(&host);
    if (status == BB_OK)
        status = give_home(&host, HOST_HOME, &host.busbar);
    if (status == BB_OK)
        status = give_home(&host, HOST_LEDGER_HOME, &host.ledger);
    if (status != BB_OK)
        return status;
    note_home(&host, below, count);
    *count_out = host.count;
    return BB_OK;
}
