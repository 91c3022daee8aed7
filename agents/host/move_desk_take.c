#include "agents/host/move_desk_state.h"

#include "agents/bundle/folder.h"
#include "ledger/crypto/hex.h"

#include <busbar/check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/* Room that stays free on the disk beside the parcel, what is unpacked of it, and the bundle's folder. */
#define ROOM_LEFT (16ll * 1024 * 1024)

/* -- whether it is welcome ----------------------------------------------------------------------------------
 */

static enum status check_platform(const struct host *host, const struct move *move, struct bb_reason *reason)
{
    const struct setting_list *from = &host->settings->moves_from;
    if (move->to[0] == '\0') {
        bb_reason_say(reason, "that platform has no name: federation.json or agentd.json give it one");
        return BB_RANGE;
    }
    for (size_t i = 0; i < from->count; i++)
        if (strcmp(from->items[i], move->from) == 0 || strcmp(from->items[i], "*") == 0)
            return host->ending ? BB_CLOSED : BB_OK;
    bb_reason_say(reason, "%s takes no agents from %s: moves_from in its agentd.json does not name it",
                  move->to, move->from);
    return BB_DENIED;
}

static enum status check_signer(const struct host *host, const json_t *about, struct bb_reason *reason)
{
    const char *signer = json_string_value(json_object_get(about, "signer")),
               *agent = json_string_value(json_object_get(about, "agent"));
    char path[BB_PATH_MAX];
    struct trust trust;
    struct address address;
    if (signer == NULL || agent == NULL ||
        (signer[0] != '\0' && hex_parse(signer, address.bytes, sizeof address.bytes) != BB_OK)) {
        bb_reason_say(reason, "the offer does not say who has signed the bundle");
        return BB_RANGE;
    }
    enum status status = trust_load(paths_below(&host->paths, TRUST_FILE, path), reason, &trust);
    if (status != BB_OK)
        return status;
    status = trust_allows(&trust, signer[0] != '\0' ? &address : NULL, agent, reason);
    trust_free(&trust);
    return status;
}

static enum status check_names(const struct host *host, const struct move *move, const json_t *about,
                               struct bb_reason *reason)
{
    const char *identity = json_string_value(json_object_get(about, "identity"));
    char path[BB_PATH_MAX];
    if (host_find(host, move->name) != NULL) {
        bb_reason_say(reason, "an agent %s is installed on %s already", move->name, move->to);
        return BB_EXISTS;
    }
    for (size_t i = 0; i < host->count; i++)
        if (identity != NULL && strcmp(host->agents[i]->row.identity, identity) == 0) {
            bb_reason_say(reason, "%s has the identity %s on %s already", host->agents[i]->row.name, identity,
                          move->to);
            return BB_EXISTS;
        }
    if (access(paths_agent(&host->paths, move->name, PATH_STATE, path), F_OK) == 0) {
        bb_reason_say(reason, "the state of an earlier agent %s was kept on %s: it has to go first",
                      move->name, move->to);
        return BB_EXISTS;
    }
    if (host->count >= (size_t)host->settings->agents_max) {
        bb_reason_say(reason, "%zu agents are installed on %s, as many as its agents_max allows", host->count,
                      move->to);
        return BB_FULL;
    }
    return BB_OK;
}

/* The parcel, what it unpacks to, and the bundle's folder are there at the same time. */
static enum status check_room(const struct move_desk *desk, const json_t *about, struct bb_reason *reason)
{
    const json_t *size = json_object_get(about, "size");
    int64_t bytes = json_integer_value(size);
    struct statvfs disk;
    int folder;
    if (!json_is_integer(size) || bytes < 0 || bytes > MOVES_PARCEL_MAX) {
        bb_reason_say(reason, "it is larger than what can be moved, %d MiB",
                      (int)(MOVES_PARCEL_MAX / 1024 / 1024));
        return BB_RANGE;
    }
    enum status status = move_desk_folder(desk, &folder, reason);
    if (status != BB_OK)
        return status;
    bool known = fstatvfs(folder, &disk) == 0;
    close(folder);
    if (known && (int64_t)(disk.f_bavail * disk.f_frsize) >= 3 * bytes + ROOM_LEFT)
        return BB_OK;
    bb_reason_say(reason, "the disk there has not enough room for %lld MiB",
                  (long long)(3 * bytes + ROOM_LEFT) / 1024 / 1024);
    return BB_FULL;
}

static enum status admit(void *context, const struct move *move, const json_t *about,
                         struct bb_reason *reason)
{
    const struct move_desk *desk = context;
    enum status status = check_platform(desk->host, move, reason);
    if (status == BB_OK)
        status = check_names(desk->host, move, about, reason);
    if (status == BB_OK)
        status = check_signer(desk->host, about, reason);
    if (status == BB_OK)
        status = check_room(desk, about, reason);
    return status;
}

/* -- the parcel ---------------------------------------------------------------------------------------------
 */

static enum status write_piece(void *context, const struct move *move, int64_t offset, struct bytes piece,
                               struct bb_reason *reason)
{
    const struct move_desk *desk = context;
    char path[BB_PATH_MAX];
    int folder;
    enum status status = move_desk_folder(desk, &folder, reason);
    if (status != BB_OK)
        return status;
    close(folder);
    int file = open(move_desk_path(desk, move->id, ".parcel", path),
                    O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    size_t done = 0;
    ssize_t put = 1;
    while (file >= 0 && put > 0 && done < piece.size) {
        put = pwrite(file, piece.data + done, piece.size - done, offset + (int64_t)done);
        done += put > 0 ? (size_t)put : 0;
    }
    bool good = file >= 0 && done == piece.size;
    if (!good)
        bb_reason_say(reason, "the parcel cannot be written there: %s", strerror(errno));
    if (file >= 0)
        close(file);
    return good ? BB_OK : BB_IO;
}

static void receive(void *context, const struct move *move, const char *sha256)
{
    struct move_desk *desk = context;
    char parcel[BB_PATH_MAX], open_path[BB_PATH_MAX], name[MOVE_ID_SIZE + 8];
    struct bb_reason reason = {"no thread can be started there"};
    int folder;
    enum status status = move_desk_folder(desk, &folder, &reason);
    if (status == BB_OK) {
        snprintf(name, sizeof name, "%s.open", move->id);
        status = folder_remove(folder, name, &reason);
        status = status == BB_NOT_FOUND ? BB_OK : status;
        close(folder);
    }
    if (status == BB_OK)
        status = move_job_unpack(desk->jobs, move->id, move_desk_path(desk, move->id, ".parcel", parcel),
                                 sha256, move_desk_path(desk, move->id, ".open", open_path));
    if (status != BB_OK)
        moves_received(desk->moves, move->id, reason.text);
}

/* -- putting it in its place
 * --------------------------------------------------------------------------------- */

/* An unpacked parcel. */
struct unpacked {
    struct move_desk *desk;
    const struct move *move;
    char bundle[BB_PATH_MAX], about[BB_PATH_MAX], state[BB_PATH_MAX];
    json_t *json; /* what `about` says */
};

static enum status install(const struct unpacked *u, struct bb_reason *reason)
{
    struct hosted *agent = NULL;
    struct stat about;
    void *data = MAP_FAILED;
    int file = open(u->bundle, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (file >= 0 && fstat(file, &about) == 0 && about.st_size > 0 && about.st_size <= (off_t)BUNDLE_SIZE_MAX)
        data = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
    if (file >= 0)
        close(file);
    if (data == MAP_FAILED) {
        bb_reason_say(reason, "the parcel holds no bundle");
        return BB_MALFORMED;
    }
    const json_t *priority = json_object_get(u->json, "priority");
    const struct install_order order = {
        .archive = {data, (size_t)about.st_size},
        .name = u->move->name,
        .identity = json_string_value(json_object_get(u->json, "identity")),
        .config = json_object_get(u->json, "config"),
        .grant = json_object_get(u->json, "grant"),
        .enable = json_is_true(json_object_get(u->json, "enabled")),
        .priority = json_is_integer(priority) && json_integer_value(priority) >= 0 &&
                            json_integer_value(priority) <= 100
                        ? (int)json_integer_value(priority)
                        : -1,
        .hold = HOLD_MOVING,
    };
    enum status status = install_put(u->desk->host, &order, reason, &agent);
    munmap(data, (size_t)about.st_size);
    return status;
}

/* Onto the disk: the names in a folder. */
static bool sync_folder(const char *path)
{
    int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool good = folder >= 0 && fsync(folder) == 0;
    if (folder >= 0)
        close(folder);
    return good;
}

/* The state in place of the empty one that installing made. Not there any more: an earlier call has moved it.
 */
static enum status place_state(const struct unpacked *u, struct bb_reason *reason)
{
    char state[BB_PATH_MAX], folder[BB_PATH_MAX];
    const struct paths *paths = &u->desk->host->paths;
    paths_agent(paths, u->move->name, PATH_STATE, state);
    paths_agent(paths, u->move->name, PATH_FOLDER, folder);
    if (access(u->state, F_OK) != 0)
        return BB_OK;
    if ((rmdir(state) != 0 && errno != ENOENT) || rename(u->state, state) != 0 || !sync_folder(folder)) {
        bb_reason_say(reason, "the state of %s cannot be put in its place there: %s", u->move->name,
                      strerror(errno));
        return BB_IO;
    }
    return BB_OK;
}

static enum status place(struct unpacked *u, struct bb_reason *reason)
{
    const struct hosted *there = host_find(u->desk->host, u->move->name);
    const char *name = json_string_value(json_object_get(u->json, "name"));
    enum status status = BB_OK;
    if (name == NULL || strcmp(name, u->move->name) != 0) {
        bb_reason_say(reason, "the parcel is of another agent");
        return BB_MALFORMED;
    }
    if (there == NULL || there->row.hold != HOLD_MOVING)
        status = install(u, reason);
    if (status == BB_OK)
        status = place_state(u, reason);
    return status;
}

void move_desk_unpacked(struct move_desk *desk, const struct move_job_end *end)
{
    const struct move *move = moves_find(desk->moves, end->id);
    struct bb_reason reason = end->reason;
    enum status status = end->status;
    struct unpacked u = {.desk = desk, .move = move};
    if (move == NULL)
        return;
    if (status == BB_OK) {
        move_desk_path(desk, end->id, ".open/" PARCEL_BUNDLE, u.bundle);
        move_desk_path(desk, end->id, ".open/" PARCEL_ABOUT, u.about);
        move_desk_path(desk, end->id, ".open/" PARCEL_STATE, u.state);
        u.json = json_load_file(u.about, JSON_REJECT_DUPLICATES, NULL);
        status = place(&u, &reason);
        json_decref(u.json);
    }
    if (status == BB_OK)
        status = move_desk_sweep(desk, end->id, &reason);
    moves_received(desk->moves, end->id, status == BB_OK ? NULL : reason.text);
}

void move_desk_take(struct moves_world *world)
{
    world->admit = admit;
    world->write = write_piece;
    world->receive = receive;
}
