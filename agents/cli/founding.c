#include "agents/cli/founding.h"

#include "agents/cli/blob.h"
#include "agents/cli/home.h"
#include "ledger/crypto/address.h"
#include "ledger/crypto/hex.h"
#include "ledger/crypto/secret.h"

#include <busbar/check.h>
#include <busbar/loop.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 600
/* "0x" and 64 digits: a key as hex.h reads it. */
#define KEY_ROOM HEX_HASH

static const char *const roles[] = {[ROLE_OPERATOR] = "operator",
                                    [ROLE_DISTRIBUTION] = "distribution",
                                    [ROLE_PROSUMER] = "prosumer",
                                    [ROLE_CONSUMER] = "consumer",
                                    [ROLE_METER] = "meter"};

void founding_start(struct founding *founding, const char *home, uint64_t chain_id)
{
    *founding = (struct founding){
        .home = home,
        .genesis = {
            .chain_id = chain_id,
            .contract = {{[17] = 0x0b, [18] = 0x17, [19] = 0xe9}},
            .time = {bb_loop_wall_ms()},
            .limits = {
                .accounts = 100000, .orders = 100000, .lines = 100000, .intervals = 1024, .uses = 1000000}}};
}

enum status founding_add(struct founding *founding, const struct genesis_participant *participant,
                         struct bb_reason *reason)
{
    struct genesis *genesis = &founding->genesis;
    if (genesis->participant_count == FOUNDING_MAX)
        return call_reason(reason, BB_RANGE, "more than %d participants; the operator admits others later",
                           FOUNDING_MAX);
    for (uint32_t i = 0; i < genesis->participant_count; i++) {
        const struct genesis_participant *other = &founding->participants[i];
        if (strcmp(other->name, participant->name) == 0)
            return call_reason(reason, BB_RANGE, "two participants are named %s", participant->name);
        if (memcmp(&other->address, &participant->address, sizeof other->address) == 0)
            return call_reason(reason, BB_RANGE,
                               "%s and %s have the same address: each needs a key of its own", other->name,
                               participant->name);
    }
    founding->participants[genesis->participant_count++] = *participant;
    return BB_OK;
}

/* Writes a new file that nobody else may read, never over another. */
static enum status write_key(const char *path, const char *text, struct bb_reason *reason)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return call_reason(reason, BB_IO, "%s: %s", path, strerror(errno));
    size_t size = strlen(text);
    bool done = write(fd, text, size) == (ssize_t)size && fsync(fd) == 0;
    done = close(fd) == 0 && done;
    return done ? BB_OK : call_reason(reason, BB_IO, "%s cannot be written", path);
}

/* Reads the sealer's key; BB_NOT_FOUND when there is none. */
static enum status read_key(const char *path, struct secret *out, struct bb_reason *reason)
{
    char text[KEY_ROOM + 8] = "0x";
    FILE *file = fopen(path, "re");
    if (file == NULL && errno == ENOENT)
        return BB_NOT_FOUND;
    size_t size = file == NULL ? 0 : fread(text + 2, 1, sizeof text - 3, file);
    if (file != NULL)
        fclose(file);
    text[2 + size] = '\0';
    text[strcspn(text, "\r\n")] = '\0';
    enum status status =
        hex_parse(strncmp(text + 2, "0x", 2) == 0 ? text + 2 : text, out->bytes, sizeof out->bytes);
    explicit_bzero(text, sizeof text);
    return status == BB_OK ? BB_OK
                           : call_reason(reason, BB_MALFORMED, "%s: expected 64 hexadecimal digits", path);
}

static enum status make_key(struct signer *signer, const char *path, struct secret *out,
                            struct bb_reason *reason)
{
    char text[KEY_ROOM + 1];
    enum status status = secret_new(signer, out);
    if (status != BB_OK)
        return call_reason(reason, status, "the kernel gives no randomness");
    hex_format((struct bytes){out->bytes, sizeof out->bytes}, text);
    text[KEY_ROOM - 1] = '\n';
    text[KEY_ROOM] = '\0';
    status = write_key(path, text + 2, reason);
    explicit_bzero(text, sizeof text);
    return status;
}

static enum status find_sealer(struct founding *f, struct bb_reason *reason)
{
    char path[PATH_ROOM];
    struct signer *signer;
    struct secret secret;
    if (signer_open(&signer) != BB_OK)
        return call_reason(reason, BB_IO, "no memory for keys");
    snprintf(path, sizeof path, "%s/ledger/sealer.key", f->home);
    enum status status = read_key(path, &secret, reason);
    if (status == BB_NOT_FOUND)
        status = make_key(signer, path, &secret, reason);
    if (status == BB_OK && !secret_valid(signer, &secret))
        status = call_reason(reason, BB_MALFORMED, "%s: these digits are no key", path);
    if (status == BB_OK)
        f->genesis.sealer = signer_address(signer, &secret);
    secret_wipe(&secret);
    signer_close(signer);
    return status;
}

static json_t *number(int64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, value);
    return json_string(text);
}

static json_t *address_json(const struct address *address)
{
    char text[ADDRESS_TEXT];
    address_format(address, text);
    return json_string(text);
}

static json_t *participants_json(const struct genesis *genesis)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < genesis->participant_count; i++) {
        const struct genesis_participant *p = &genesis->participants[i];
        json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:o, s:o}", "name", p->name, "address",
                                              address_json(&p->address), "role", roles[p->role], "money",
                                              number(p->money.nano), "energy", number(p->energy.wh)));
    }
    return list;
}

/* Everything is written out, also what is as it would be without: it is the whole of what the chain stands
 * on. */
static json_t *document_of(const struct genesis *g)
{
    json_t *limits = json_pack("{s:o, s:o, s:o, s:o, s:o}", "accounts", number(g->limits.accounts), "orders",
                               number(g->limits.orders), "lines", number(g->limits.lines), "intervals",
                               number(g->limits.intervals), "uses", number(g->limits.uses));
    json_t *policy = json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:o}", "mode", "none", "penalty", number(0),
                               "recipient", "distribution", "band_low", number(0), "band_high", number(0),
                               "interval_seconds", number(0), "gate_seconds", number(0));
    json_t *document = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:[]}", "chain_id",
                                 number((int64_t)g->chain_id), "contract", address_json(&g->contract),
                                 "time_ms", number(g->time.ms), "sealer", address_json(&g->sealer), "limits",
                                 limits, "policy", policy, "participants", participants_json(g), "lines");
    CHECK(document != NULL);
    return document;
}

/* The JSON last: it is what says that the chain is founded. */
static enum status write_genesis(const struct founding *f, struct bytes bytes, const char *path,
                                 struct bb_reason *reason)
{
    char canonical[PATH_ROOM];
    snprintf(canonical, sizeof canonical, "%s/ledger/genesis", f->home);
    FILE *file = fopen(canonical, "we");
    bool done = file != NULL && fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
    if (file != NULL && fclose(file) != 0)
        done = false;
    if (!done)
        return call_reason(reason, BB_IO, "%s: %s", canonical, strerror(errno));
    json_t *document = document_of(&f->genesis);
    char *text = json_dumps(document, JSON_INDENT(1));
    CHECK(text != NULL);
    enum status status = home_write(path, text, 0644, reason);
    free(text);
    json_decref(document);
    return status;
}

enum status founding_known(const char *home, struct bb_reason *reason, uint8_t **bytes_out, size_t *size_out,
                           struct hash *hash_out)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/ledger/genesis", home);
    enum status status = blob_read(path, BLOB_GENESIS_MAX, reason, bytes_out, size_out);
    if (status == BB_OK)
        *hash_out = genesis_hash((struct bytes){*bytes_out, *size_out});
    return status;
}

enum status founding_write(struct founding *f, struct bb_reason *reason, struct hash *hash_out)
{
    char path[PATH_ROOM];
    uint8_t *bytes = NULL;
    size_t size = 0;
    snprintf(path, sizeof path, "%s/ledger/genesis.json", f->home);
    if (access(path, F_OK) == 0)
        return call_reason(reason, BB_EXISTS,
                           "%s is there: a chain's genesis is never changed; choose another --home", path);
    f->genesis.participants = f->participants;
    enum status status = find_sealer(f, reason);
    if (status == BB_OK)
        status = genesis_encode(&f->genesis, reason, &bytes, &size);
    if (status == BB_OK)
        status = write_genesis(f, (struct bytes){bytes, size}, path, reason);
    if (status == BB_OK)
        *hash_out = genesis_hash((struct bytes){bytes, size});
    free(bytes);
    return status;
}
