/* The home: what is there, who may read it, whose it is. */
#include "agents/care/doctor.h"

#include "bus/client/keys.h"
#include "bus/rules/rules.h"

#include <busbar/check.h>
#include <dirent.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PATH_ROOM 1024
/* Of a unix socket's name. Source: unix(7), sun_path. */
#define SOCKET_PATH_MAX 107

static void look_folder(const struct patient *p, struct finding *f)
{
    struct stat about;
    if (stat(p->home, &about) != 0 || !S_ISDIR(about.st_mode)) {
        doctor_say(f, FINDING_FAIL, "%s: there is no home", p->home);
        doctor_remedy(f, p->host ? "busbar init --host" : "busbar init --home %s", p->home);
        return;
    }
    unsigned mode = about.st_mode & 07777;
    doctor_say(f, FINDING_OK, "%s, mode %04o", p->home, mode);
    if ((mode & 0022) != 0)
        doctor_say(f, FINDING_FAIL, "%s, mode %04o: others may put files into it", p->home, mode);
    else if ((mode & 0005) != 0)
        doctor_say(f, FINDING_WARN, "%s, mode %04o: everybody may look into it", p->home, mode);
    if (f->level != FINDING_OK)
        doctor_remedy(f, "chmod %s %s", p->host ? "0750" : "0700", p->home);
}

/* Without it the other checks have nothing to look at. */
static bool is_there(const struct patient *p)
{
    struct stat about;
    return stat(p->home, &about) == 0;
}

static void look_sockets(const struct patient *p, struct finding *f)
{
    if (!is_there(p))
        return;
    size_t size = strlen(p->home) + strlen("/run/vip.sock");
    doctor_say(f, FINDING_OK, "the doors' names fit a unix socket");
    if (size <= SOCKET_PATH_MAX)
        return;
    doctor_say(f, FINDING_FAIL, "%s/run/vip.sock: %zu bytes are more than a unix socket's name may have, %d",
               p->home, size, SOCKET_PATH_MAX);
    doctor_remedy(f, "use a home with a shorter path");
}

/* What a walk through a folder looks for. */
typedef bool fault_of(const char *path, const struct stat *about, const void *context,
                      struct finding *finding);

/* Calls `fault` for every file of home/below until it is true; how many it was called for. */
static size_t walk(const char *home, const char *below, fault_of *fault, const void *context,
                   struct finding *finding)
{
    char folder[PATH_ROOM], path[PATH_ROOM * 2];
    size_t count = 0;
    snprintf(folder, sizeof folder, "%s%s%s", home, *below == '\0' ? "" : "/", below);
    DIR *all = opendir(folder);
    if (all == NULL)
        return 0;
    bool found = false;
    for (const struct dirent *one; !found && (one = readdir(all)) != NULL;) {
        struct stat about;
        snprintf(path, sizeof path, "%s/%s", folder, one->d_name);
        if (strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0 || lstat(path, &about) != 0)
            continue;
        count++;
        found = fault(path, &about, context, finding);
    }
    closedir(all);
    return count;
}

static const char *name_of(uid_t user, char *text, size_t size)
{
    const struct passwd *entry = getpwuid(user);
    if (entry != NULL)
        snprintf(text, size, "%s", entry->pw_name);
    else
        snprintf(text, size, "%u", (unsigned)user);
    return text;
}

static bool is_foreign(const char *path, const struct stat *about, const void *context, struct finding *f)
{
    const struct stat *home = context;
    char theirs[64], ours[64];
    if (about->st_uid == home->st_uid || S_ISLNK(about->st_mode))
        return false;
    doctor_say(f, FINDING_FAIL, "%s is of %s, the home of %s, whose programs may not be able to use it", path,
               name_of(about->st_uid, theirs, sizeof theirs), name_of(home->st_uid, ours, sizeof ours));
    doctor_remedy(f, "chown %s: %s", ours, path);
    return true;
}

static void look_owners(const struct patient *p, struct finding *f)
{
    static const char *const folders[] = {"", "keys", "ledger", "wallet", "agents", "boards"};
    const char *const homes[] = {p->home, p->host ? p->ledger_home : NULL};
    size_t count = 0;
    for (size_t h = 0; h < 2 && homes[h] != NULL; h++) {
        struct stat home;
        if (stat(homes[h], &home) != 0)
            continue;
        for (size_t i = 0; i < sizeof folders / sizeof *folders && f->level == FINDING_NONE; i++)
            count += walk(homes[h], folders[i], is_foreign, &home, f);
    }
    if (f->level == FINDING_NONE && count > 0)
        doctor_say(f, FINDING_OK, "all of it is its owner's, %zu files", count);
}

static bool ends_in(const char *text, const char *end)
{
    size_t size = strlen(text), most = strlen(end);
    return size > most && strcmp(text + size - most, end) == 0;
}

static bool is_bad_key(const char *path, const struct stat *about, const void *context, struct finding *f)
{
    struct keys keys;
    struct bb_reason reason = {""};
    (void)context;
    if (S_ISLNK(about->st_mode) || !ends_in(path, ".json")) /* a link is for a key of another home */
        return false;
    enum status status = keys_load(path, &keys, &reason);
    keys_wipe(&keys);
    if (status == BB_OK)
        return false;
    doctor_say(f, FINDING_FAIL, "%s", reason.text[0] != '\0' ? reason.text : path);
    if (status == BB_DENIED)
        doctor_remedy(f, "chmod 0600 %s", path);
    else if (status == BB_IO)
        doctor_remedy(f, "run busbar doctor as the home's owner, or as root");
    else
        doctor_remedy(f, "take it from a backup, or remove it and run busbar init");
    return true;
}

static void look_keys(const struct patient *p, struct finding *f)
{
    if (!is_there(p))
        return;
    size_t count = walk(p->home, "keys", is_bad_key, NULL, f);
    if (p->host && f->level == FINDING_NONE)
        count += walk(p->ledger_home, "keys", is_bad_key, NULL, f);
    if (f->level == FINDING_NONE && count > 0)
        doctor_say(f, FINDING_OK, "every key belongs to its pair and is its owner's alone");
    else if (f->level == FINDING_NONE) {
        doctor_say(f, FINDING_FAIL, "%s/keys: there are none, or they cannot be listed", p->home);
        doctor_remedy(f, "busbar init, or look as the home's owner");
    }
}

static bool is_open_secret(const char *path, const struct stat *about, const void *context, struct finding *f)
{
    (void)context;
    bool secret = ends_in(path, "/sealer.key") || strstr(path, "/wallet/") != NULL;
    if (!secret || !S_ISREG(about->st_mode) || (about->st_mode & 0077) == 0)
        return false;
    doctor_say(f, FINDING_FAIL, "%s, mode %04o: a secret key that others can read", path,
               about->st_mode & 07777u);
    doctor_remedy(f, "chmod 0600 %s; if anybody else was on this machine, make a new key", path);
    return true;
}

static void look_secrets(const struct patient *p, struct finding *f)
{
    size_t count = walk(p->home, "wallet", is_open_secret, NULL, f);
    if (f->level == FINDING_NONE)
        count += walk(p->ledger_home, "ledger", is_open_secret, NULL, f);
    if (f->level == FINDING_NONE && count > 0)
        doctor_say(f, FINDING_OK, "the wallet and the sealer's key are their owner's alone");
}

static void look_rules(const struct patient *p, struct finding *f)
{
    if (!is_there(p))
        return;
    char path[PATH_ROOM];
    struct bb_reason reason = {""};
    uint64_t digest;
    struct access *rules = calloc(1, sizeof *rules);
    CHECK(rules != NULL);
    snprintf(path, sizeof path, "%s/access.json", p->home);
    enum status status = rules_load(path, rules, &digest, &reason);
    if (status == BB_OK) {
        doctor_say(f, FINDING_OK, "access.json is understood: %u keys", (unsigned)rules->entry_count);
    } else {
        doctor_say(f, FINDING_FAIL, "%s", reason.text[0] != '\0' ? reason.text : bb_status_text(status));
        if (status == BB_DENIED)
            doctor_remedy(f, "chmod 0600 %s", path);
        else
            doctor_remedy(f, status == BB_NOT_FOUND ? "busbar init"
                                                    : "mend the named line, or use busbar access");
    }
    free(rules);
}

const struct check doctor_home[] = {{"home", "folder", look_folder},
                                    {"home", "sockets", look_sockets},
                                    {"home", "owners", look_owners},
                                    {"home", "keys", look_keys},
                                    {"home", "secrets", look_secrets},
                                    {"home", "access", look_rules},
                                    {NULL, NULL, NULL}};
