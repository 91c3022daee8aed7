#include "agents/host/install.h"

#include "agents/bundle/folder.h"
#include "agents/host/grants.h"
#include "agents/host/roster.h"
#include "agents/host/sweep.h"
#include "bus/client/keys.h"
#include "bus/client/vip_address.h"
#include "ledger/crypto/address.h"

#include <busbar/check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* An installation under way. */
struct installing {
    struct host *host;
    const struct install_order *order;
    struct hosted *old; /* that is replaced; NULL: none */
    struct bundle bundle;
    struct store_agent row;
    json_t *config;      /* checked and filled in */
    int agents, bundles; /* open folders */
    bool fresh;          /* its folder is new, and goes when something fails */
};

static enum status read_trust(const struct host *host, struct trust *out, struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    return trust_load(paths_below(&host->paths, TRUST_FILE, path), reason, out);
}

/* Names that are files of ours beside the agents' folders. */
static bool is_reserved(const char *name)
{
    return strcmp(name, "bundles") == 0 || strcmp(name, "moves") == 0 || strncmp(name, "agents.db", 9) == 0 ||
           strcmp(name, "agentd.lock") == 0;
}

static enum status check_names(struct installing *in, struct bb_reason *reason)
{
    const struct store_agent *row = &in->row;
    if (!manifest_is_name(row->name) || is_reserved(row->name)) {
        bb_reason_say(reason, "%.64s: no name for an agent: [a-z0-9][a-z0-9.-]{0,62}", row->name);
        return BB_RANGE;
    }
    if (!vip_address_identity_valid(row->identity)) {
        bb_reason_say(reason, "%.200s: no identity", row->identity);
        return BB_RANGE;
    }
    in->old = host_find(in->host, row->name);
    if (in->old != NULL && !in->order->replace) {
        bb_reason_say(reason, "%s is installed already; replace it, or give another name", row->name);
        return BB_EXISTS;
    }
    if (in->old != NULL && in->old->row.hold != HOLD_FREE) {
        bb_reason_say(reason, "%s is %s (move.list)", row->name, host_state_word(in->old));
        return BB_EXISTS;
    }
    for (size_t i = 0; i < in->host->count; i++) {
        const struct hosted *other = in->host->agents[i];
        if (other != in->old && strcmp(other->row.identity, row->identity) == 0) {
            bb_reason_say(reason, "%s has the identity %.200s already", other->row.name, row->identity);
            return BB_EXISTS;
        }
    }
    if (in->old == NULL || in->old->life.state == LIFE_STOPPED || in->old->life.state == LIFE_CRASHED)
        return BB_OK;
    bb_reason_say(reason, "%s is not stopped", row->name);
    return BB_EXISTS;
}

static enum status read_bundle(struct installing *in, struct bb_reason *reason)
{
    struct trust trust;
    enum status status = read_trust(in->host, &trust, reason);
    if (status != BB_OK)
        return status;
    status = bundle_read(in->order->archive, &trust, reason, &in->bundle);
    trust_free(&trust);
    return status;
}

static void describe(struct installing *in)
{
    const struct manifest *manifest = &in->bundle.manifest;
    const struct install_order *order = in->order;
    struct store_agent *row = &in->row;
    snprintf(row->name, sizeof row->name, "%s", order->name == NULL ? manifest->name : order->name);
    snprintf(row->identity, sizeof row->identity, "%s",
             order->identity != NULL ? order->identity : manifest->identity);
    snprintf(row->release, sizeof row->release, "%s", manifest->release);
    (void)bundle_digest(&in->bundle, row->digest);
    if (in->bundle.is_signed)
        address_format(&in->bundle.signer, row->signer);
    row->enabled = order->enable;
    row->priority = order->priority < 0 ? manifest->priority : order->priority;
    row->hold = order->hold;
    row->installed_ms = bb_loop_wall_ms();
}

/* Everything that can be said without touching the disk. */
static enum status check(struct installing *in, struct bb_reason *reason)
{
    enum status status = grants_check(in->order->grant, reason);
    if (status == BB_OK)
        status = check_names(in, reason);
    if (status == BB_OK && in->old == NULL && in->host->count == (size_t)in->host->settings->agents_max) {
        bb_reason_say(reason, "%zu agents are installed, as many as agents_max allows", in->host->count);
        status = BB_FULL;
    }
    return status == BB_OK ? manifest_configure(&in->bundle.manifest, in->order->config, reason, &in->config)
                           : status;
}

/* The bundle in its folder, unless it is there as it should be. */
static enum status unpack(struct installing *in, struct bb_reason *reason)
{
    char archive[BUNDLE_DIGEST_ROOM + 8];
    enum status status = folder_unpack(&in->bundle, in->bundles, in->row.digest, reason);
    if (status == BB_EXISTS) {
        status = folder_matches(&in->bundle, in->bundles, in->row.digest, reason);
        if (status == BB_MALFORMED)
            status = folder_remove(in->bundles, in->row.digest, reason);
        else if (status == BB_OK)
            status = BB_EXISTS;
        if (status == BB_OK)
            status = folder_unpack(&in->bundle, in->bundles, in->row.digest, reason);
    }
    if (status != BB_OK && status != BB_EXISTS)
        return status;
    snprintf(archive, sizeof archive, "%s.agent", in->row.digest);
    return folder_store(in->bundles, archive, in->order->archive, 0444, reason);
}

static enum status make_folder(const struct installing *in, enum path_of_agent which,
                               struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    int fd;
    enum status status = paths_folder(paths_agent(&in->host->paths, in->row.name, which, path),
                                      which == PATH_STATE || which == PATH_KEYS, &fd, reason);
    if (status == BB_OK)
        close(fd);
    return status;
}

/* The key pair of its identity, the one that is there or a new one, and the broker's public key beside it. */
static enum status make_keys(struct installing *in, struct bb_reason *reason)
{
    char folder[BB_PATH_MAX], path[BB_PATH_MAX + 300], broker[KEY_Z85_SIZE];
    struct keys keys;
    paths_agent(&in->host->paths, in->row.name, PATH_KEYS, folder);
    snprintf(path, sizeof path, "%s/%s.json", folder, in->row.identity);
    enum status status = keys_load(path, &keys, reason);
    if (status == BB_NOT_FOUND) {
        status = keys_generate(&keys);
        if (status == BB_OK)
            status = keys_save(path, &keys, reason);
    }
    if (status == BB_OK)
        status = keys_to_base64(keys.public_key, in->row.public_key);
    keys_wipe(&keys);
    if (status != BB_OK)
        return status;
    status = keys_load_public(paths_below(&in->host->paths, "keys/busbard.pub", path), broker, reason);
    if (status == BB_NOT_FOUND)
        return BB_OK;
    snprintf(path, sizeof path, "%s/busbard.pub", folder);
    return status == BB_OK ? keys_save_public(path, broker, reason) : status;
}

static enum status store_config(const struct host *host, const char *name, const json_t *config,
                                struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    int folder;
    char *text = json_dumps(config, JSON_INDENT(2));
    CHECK(text != NULL);
    enum status status = paths_folder(paths_agent(&host->paths, name, PATH_FOLDER, path), 0, &folder, reason);
    if (status == BB_OK) {
        status = folder_store(folder, "config.json", bytes_of(text), 0600, reason);
        close(folder);
    }
    free(text);
    return status;
}

/* A key that the agent of that name had under another identity is of no use any more. */
static enum status drop_old_key(const struct installing *in, struct bb_reason *reason)
{
    if (in->old == NULL || strcmp(in->old->row.public_key, in->row.public_key) == 0)
        return BB_OK;
    return grants_drop(&in->host->paths, in->old->row.public_key, reason);
}

/* Onto the disk, the store's row last. */
static enum status lay_down(struct installing *in, struct bb_reason *reason)
{
    static const enum path_of_agent FOLDERS[] = {PATH_FOLDER, PATH_HOME, PATH_KEYS, PATH_STATE};
    enum status status = unpack(in, reason);
    for (size_t i = 0; status == BB_OK && i < sizeof FOLDERS / sizeof *FOLDERS; i++)
        status = make_folder(in, FOLDERS[i], reason);
    if (status == BB_OK)
        status = make_keys(in, reason);
    if (status == BB_OK)
        status = store_config(in->host, in->row.name, in->config, reason);
    const struct grants_entry entry = {in->row.public_key, in->row.identity, in->row.name, in->order->grant};
    if (status == BB_OK)
        status = grants_put(&in->host->paths, &entry, reason);
    if (status == BB_OK)
        status = drop_old_key(in, reason);
    return status == BB_OK ? store_put_agent(in->host->store, &in->row, reason) : status;
}

static enum status gone(enum status status)
{
    return status == BB_NOT_FOUND ? BB_OK : status;
}

/* Takes back what was laid down, as far as it is not an older agent's. */
static void undo(struct installing *in)
{
    sweep_bundles(in->host);
    if (in->old != NULL)
        return;
    if (in->row.public_key[0] != '\0')
        (void)!grants_drop(&in->host->paths, in->row.public_key, NULL);
    if (in->fresh)
        (void)!folder_remove(in->agents, in->row.name, NULL);
}

/* The new one in the list, in place of the old one. */
static enum status enlist(struct installing *in, struct bb_reason *reason, struct hosted **out)
{
    if (in->old != NULL)
        roster_drop(in->old);
    enum status status = roster_add(in->host, &in->row, out, reason);
    if (status == BB_OK)
        sweep_bundles(in->host);
    return status;
}

static enum status open_folders(struct installing *in, struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    enum status status = paths_folder(paths_below(&in->host->paths, "agents", path), 1, &in->agents, reason);
    if (status != BB_OK)
        return status;
    status = paths_folder(paths_below(&in->host->paths, "agents/bundles", path), 0, &in->bundles, reason);
    if (status != BB_OK)
        close(in->agents);
    in->fresh = status == BB_OK && faccessat(in->agents, in->row.name, F_OK, AT_SYMLINK_NOFOLLOW) != 0;
    return status;
}

enum status install_put(struct host *host, const struct install_order *order, struct bb_reason *reason,
                        struct hosted **out)
{
    struct installing in = {.host = host, .order = order};
    enum status status = read_bundle(&in, reason);
    if (status != BB_OK)
        return status;
    describe(&in);
    status = check(&in, reason);
    if (status == BB_OK)
        status = open_folders(&in, reason);
    if (status == BB_OK) {
        status = lay_down(&in, reason);
        if (status != BB_OK)
            undo(&in);
        else
            status = enlist(&in, reason, out);
        close(in.agents);
        close(in.bundles);
    }
    json_decref(in.config);
    bundle_free(&in.bundle);
    return status;
}

const char *install_name(const struct install_order *order, char *name_out)
{
    struct bundle bundle;
    bool good = order->name == NULL && bundle_read(order->archive, NULL, NULL, &bundle) == BB_OK;
    snprintf(name_out, MANIFEST_NAME_ROOM, "%s",
             order->name != NULL ? order->name
             : good              ? bundle.manifest.name
                                 : "");
    if (good)
        bundle_free(&bundle);
    return name_out;
}

enum status install_grant(const struct hosted *agent, struct bb_reason *reason, json_t **grant_out)
{
    return grants_get(&agent->host->paths, agent->row.public_key, reason, grant_out);
}

enum status install_configure(struct hosted *agent, const json_t *config, struct bb_reason *reason)
{
    json_t *filled;
    enum status status = manifest_configure(&agent->manifest, config, reason, &filled);
    if (status != BB_OK)
        return status;
    status = store_config(agent->host, agent->row.name, filled, reason);
    json_decref(filled);
    return status;
}

/* The bundle as it was installed, malloc'd. */
static enum status load_archive(const struct hosted *agent, uint8_t **data_out, size_t *size_out,
                                struct bb_reason *reason)
{
    char path[BB_PATH_MAX];
    struct stat about;
    paths_archive(&agent->host->paths, agent->row.digest, path);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 || fstat(fd, &about) != 0 || !S_ISREG(about.st_mode) ||
        about.st_size > (off_t)BUNDLE_SIZE_MAX) {
        bb_reason_say(reason, "%.400s: %s", path, fd < 0 ? strerror(errno) : "no bundle");
        if (fd >= 0)
            close(fd);
        return fd < 0 && errno == ENOENT ? BB_NOT_FOUND : BB_IO;
    }
    size_t size = (size_t)about.st_size, got = 0;
    uint8_t *data = malloc(size + 1);
    CHECK(data != NULL);
    for (ssize_t piece = 1; piece > 0 && got<size; got += piece> 0 ? (size_t)piece : 0)
        piece = read(fd, data + got, size - got);
    close(fd);
    *data_out = data;
    *size_out = got;
    return BB_OK;
}

static enum status check_bundle(const struct hosted *agent, struct bytes archive, const struct trust *trust,
                                struct bb_reason *reason)
{
    struct bundle bundle;
    char digest[BUNDLE_DIGEST_ROOM], path[BB_PATH_MAX];
    int bundles;
    enum status status = bundle_read(archive, trust, reason, &bundle);
    if (status != BB_OK)
        return status;
    if (strcmp(bundle_digest(&bundle, digest), agent->row.digest) != 0) {
        bb_reason_say(reason, "%s: its bundle is another than was installed", agent->row.name);
        status = BB_MALFORMED;
    }
    if (status == BB_OK)
        status = paths_folder(paths_below(&agent->host->paths, "agents/bundles", path), 0, &bundles, reason);
    if (status == BB_OK) {
        status = folder_matches(&bundle, bundles, agent->row.digest, reason);
        close(bundles);
    }
    bundle_free(&bundle);
    return status;
}

enum status install_check(const struct hosted *agent, struct bb_reason *reason)
{
    struct trust trust;
    uint8_t *data;
    size_t size;
    enum status status = read_trust(agent->host, &trust, reason);
    if (status != BB_OK)
        return status;
    status = load_archive(agent, &data, &size, reason);
    if (status == BB_OK) {
        status = check_bundle(agent, (struct bytes){data, size}, &trust, reason);
        free(data);
    }
    trust_free(&trust);
    return status;
}

enum status install_wipe(struct hosted *agent, bool keep_state, struct bb_reason *reason)
{
    static const char *const PARTS[] = {"home", "config.json", "lock"};
    const struct host *host = agent->host;
    char path[BB_PATH_MAX];
    int folder = -1;
    enum status status = grants_drop(&host->paths, agent->row.public_key, reason);
    if (status != BB_OK)
        return status;
    if (!keep_state) {
        status = paths_folder(paths_below(&host->paths, "agents", path), 1, &folder, reason);
        if (status == BB_OK)
            status = gone(folder_remove(folder, agent->row.name, reason));
    } else {
        status =
            paths_folder(paths_agent(&host->paths, agent->row.name, PATH_FOLDER, path), 0, &folder, reason);
        for (size_t i = 0; status == BB_OK && i < sizeof PARTS / sizeof *PARTS; i++)
            status = gone(folder_remove(folder, PARTS[i], reason));
    }
    if (folder >= 0)
        close(folder);
    return status;
}
