#include "agents/host/sweep.h"

#include "agents/bundle/folder.h"
#include "agents/host/grants.h"
#include "bus/client/keys.h"
#include "bus/client/log.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define DIGEST_SIZE (BUNDLE_DIGEST_ROOM - 1)

static bool is_used(const struct host *host, const char *digest)
{
    for (size_t i = 0; i < host->count; i++) {
        if (strncmp(host->agents[i]->row.digest, digest, DIGEST_SIZE) == 0)
            return true;
    }
    return false;
}

/* <64 hexadecimal digits>, or the same with .agent: nothing else is ours to remove. */
static bool is_bundle(const char *name)
{
    return strspn(name, "0123456789abcdef") == DIGEST_SIZE &&
           (name[DIGEST_SIZE] == '\0' || strcmp(name + DIGEST_SIZE, ".agent") == 0);
}

void sweep_bundles(const struct host *host)
{
    char path[BB_PATH_MAX];
    DIR *list = opendir(paths_below(&host->paths, "agents/bundles", path));
    if (list == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (is_bundle(entry->d_name) && !is_used(host, entry->d_name))
            (void)!folder_remove(dirfd(list), entry->d_name, NULL);
    }
    (void)folder_sweep(dirfd(list));
    closedir(list);
}

/* Takes back what the keys below an agent's home were granted. False: perhaps not all. */
static bool drop_grants(const struct host *host, const char *name)
{
    char folder[BB_PATH_MAX], path[BB_PATH_MAX + 300], key[KEY_BASE64_SIZE];
    struct keys keys;
    bool good = true;
    DIR *list = opendir(paths_agent(&host->paths, name, PATH_KEYS, folder));
    for (struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;) {
        const char *end = strrchr(entry->d_name, '.');
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        if (end == NULL || strcmp(end, ".json") != 0 || keys_load(path, &keys, NULL) != BB_OK)
            continue;
        good = keys_to_base64(keys.public_key, key) == BB_OK &&
               grants_drop(&host->paths, key, NULL) == BB_OK && good;
        keys_wipe(&keys);
    }
    if (list != NULL)
        closedir(list);
    return good;
}

static void sweep_home(const struct host *host, const char *name)
{
    char path[BB_PATH_MAX];
    if (access(paths_agent(&host->paths, name, PATH_HOME, path), F_OK) != 0 || !drop_grants(host, name))
        return;
    int folder = open(paths_agent(&host->paths, name, PATH_FOLDER, path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0)
        return;
    log_info("swept", LOG_TEXT("name", name), LOG_TEXT("reason", "an installation was cut off"));
    (void)!folder_remove(folder, "config.json", NULL);
    (void)!folder_remove(folder, "home", NULL);
    close(folder);
}

void sweep_homes(const struct host *host)
{
    char path[BB_PATH_MAX];
    DIR *list = opendir(paths_below(&host->paths, "agents", path));
    if (list == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(list)) != NULL;) {
        if (manifest_is_name(entry->d_name) && host_find(host, entry->d_name) == NULL)
            sweep_home(host, entry->d_name);
    }
    closedir(list);
}
