#include "ledger/genesis_file.h"

#include "ledger/fields.h"
#include "ledger/words.h"

#include <busbar/check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define CHAIN_ID_MAX     ((UINT64_C(1) << 53) - 1)
#define PARTICIPANTS_MAX 16777216
#define LINES_MAX        16777216

/* A genesis on its way from JSON; `names` finds a participant's index by its name. */
struct making {
    struct genesis genesis;
    json_t *names;
    struct bb_reason *reason;
};

static uint32_t limit(struct fields *f, const char *name, uint32_t preset)
{
    return fields_has(f, name) ? (uint32_t)fields_uint(f, name, UINT32_MAX) : preset;
}

static bool read_limits(struct making *m, struct fields *outer)
{
    static const char *const known[] = {"accounts", "orders", "lines", "intervals", "uses", NULL};
    json_t *empty = json_object();
    json_t *object = fields_has(outer, "limits") ? fields_object(outer, "limits") : empty;
    struct fields f = fields_of(object, "limits", known, m->reason);
    m->genesis.limits = (struct market_limits){.accounts = limit(&f, "accounts", 100000),
                                               .orders = limit(&f, "orders", 100000),
                                               .lines = limit(&f, "lines", 100000),
                                               .intervals = limit(&f, "intervals", 1024),
                                               .uses = limit(&f, "uses", 1000000)};
    json_decref(empty);
    return outer->ok && f.ok;
}

static int64_t amount(struct fields *f, const char *name)
{
    return fields_has(f, name) ? fields_int(f, name) : 0;
}

static bool read_policy(struct making *m, struct fields *outer)
{
    static const char *const known[] = {"mode",      "penalty",          "recipient",    "band_low",
                                        "band_high", "interval_seconds", "gate_seconds", NULL};
    struct policy *policy = &m->genesis.policy;
    if (!fields_has(outer, "policy"))
        return outer->ok;
    struct fields f = fields_of(fields_object(outer, "policy"), "policy", known, m->reason);
    if (fields_has(&f, "mode"))
        policy->mode = (uint8_t)fields_word(&f, "mode", words_modes);
    if (fields_has(&f, "recipient"))
        policy->recipient = (uint8_t)fields_word(&f, "recipient", words_recipients);
    policy->penalty.micro_per_kwh = amount(&f, "penalty");
    policy->band_low.micro_per_kwh = amount(&f, "band_low");
    policy->band_high.micro_per_kwh = amount(&f, "band_high");
    if (fields_has(&f, "interval_seconds"))
        policy->interval_seconds = fields_uint(&f, "interval_seconds", UINT64_MAX);
    if (fields_has(&f, "gate_seconds"))
        policy->gate_seconds = fields_uint(&f, "gate_seconds", UINT64_MAX);
    return outer->ok && f.ok;
}

static bool read_participant(struct making *m, json_t *object, uint32_t index)
{
    static const char *const known[] = {"name", "address", "role", "money", "energy", NULL};
    char place[48];
    struct genesis_participant *p = &m->genesis.participants[index];
    snprintf(place, sizeof place, "participants[%" PRIu32 "]", index);
    struct fields f = fields_of(object, place, known, m->reason);
    snprintf(p->name, sizeof p->name, "%s", fields_text(&f, "name", MARKET_NAME_MAX));
    p->address = fields_address(&f, "address");
    p->role = (uint8_t)(ROLE_OPERATOR + fields_word(&f, "role", words_roles));
    p->money.nano = amount(&f, "money");
    p->energy.wh = amount(&f, "energy");
    if (f.ok && json_object_get(m->names, p->name) != NULL)
        fields_refuse(&f, "name", "there is a participant with this name already");
    json_object_set_new(m->names, p->name, json_integer(index));
    return f.ok;
}

static bool read_participants(struct making *m, struct fields *outer)
{
    json_t *list = fields_list(outer, "participants", PARTICIPANTS_MAX);
    if (list == NULL)
        return false;
    uint32_t count = (uint32_t)json_array_size(list);
    m->genesis.participants = calloc((size_t)count + 1, sizeof *m->genesis.participants);
    CHECK(m->genesis.participants != NULL);
    m->genesis.participant_count = count;
    for (uint32_t i = 0; i < count; i++)
        if (!read_participant(m, json_array_get(list, i), i))
            return false;
    return true;
}

/* An account by its name or its address. */
static struct address account(const struct making *m, struct fields *f, const char *name)
{
    const char *text = fields_text(f, name, 64);
    json_t *index = json_object_get(m->names, text);
    if (index == NULL && strncmp(text, "0x", 2) == 0)
        return fields_address(f, name);
    if (index == NULL) {
        fields_refuse(f, name, "names no participant");
        return (struct address){{0}};
    }
    return m->genesis.participants[json_integer_value(index)].address;
}

static bool read_line(struct making *m, json_t *object, uint32_t index)
{
    static const char *const known[] = {"buyer", "seller", "capacity", NULL};
    char place[48];
    snprintf(place, sizeof place, "lines[%" PRIu32 "]", index);
    struct fields f = fields_of(object, place, known, m->reason);
    struct genesis_line *line = &m->genesis.lines[index];
    line->buyer = account(m, &f, "buyer");
    line->seller = account(m, &f, "seller");
    line->capacity.wh = fields_int(&f, "capacity");
    return f.ok;
}

static bool read_lines(struct making *m, struct fields *outer)
{
    if (!fields_has(outer, "lines"))
        return outer->ok;
    json_t *list = fields_list(outer, "lines", LINES_MAX);
    if (list == NULL)
        return false;
    uint32_t count = (uint32_t)json_array_size(list);
    m->genesis.lines = calloc((size_t)count + 1, sizeof *m->genesis.lines);
    CHECK(m->genesis.lines != NULL);
    m->genesis.line_count = count;
    for (uint32_t i = 0; i < count; i++)
        if (!read_line(m, json_array_get(list, i), i))
            return false;
    return true;
}

static bool read_genesis(struct making *m, json_t *root)
{
    static const char *const known[] = {"chain_id", "contract",     "time_ms", "sealer", "limits",
                                        "policy",   "participants", "lines",   NULL};
    static const struct address contract = {{[17] = 0x0b, [18] = 0x17, [19] = 0xe9}};
    struct fields f = fields_of(root, "", known, m->reason);
    m->genesis.chain_id = fields_uint(&f, "chain_id", CHAIN_ID_MAX);
    m->genesis.contract = fields_has(&f, "contract") ? fields_address(&f, "contract") : contract;
    m->genesis.time.ms = fields_has(&f, "time_ms") ? fields_int(&f, "time_ms") : 0;
    m->genesis.sealer = fields_address(&f, "sealer");
    return f.ok && read_limits(m, &f) && read_policy(m, &f) && read_participants(m, &f) && read_lines(m, &f);
}

enum status genesis_file_read(struct bytes json, struct bb_reason *reason, uint8_t **bytes_out,
                              size_t *size_out)
{
    struct making making = {.names = json_object(), .reason = reason};
    json_t *root = NULL;
    CHECK(making.names != NULL);
    enum status status = fields_parse(json, "the genesis", reason, &root);
    if (status == BB_OK && !read_genesis(&making, root))
        status = BB_MALFORMED;
    if (status == BB_OK)
        status = genesis_encode(&making.genesis, reason, bytes_out, size_out);
    json_decref(root);
    json_decref(making.names);
    free(making.genesis.participants);
    free(making.genesis.lines);
    return status;
}

static enum status read_file(FILE *f, uint8_t **bytes_out, size_t *size_out)
{
    struct stat about;
    if (fstat(fileno(f), &about) != 0 || !S_ISREG(about.st_mode))
        return BB_IO;
    if (about.st_size > GENESIS_FILE_MAX)
        return BB_FULL;
    size_t size = (size_t)about.st_size;
    uint8_t *bytes = malloc(size + 1);
    CHECK(bytes != NULL);
    if (fread(bytes, 1, size, f) != size) {
        free(bytes);
        return BB_IO;
    }
    *bytes_out = bytes;
    *size_out = size;
    return BB_OK;
}

enum status genesis_file_load(const char *path, struct bb_reason *reason, uint8_t **bytes_out,
                              size_t *size_out)
{
    uint8_t *json = NULL;
    size_t size = 0;
    struct bb_reason inner = {""};
    enum status status;
    FILE *f = fopen(path, "re");
    if (f == NULL) {
        status = errno == ENOENT ? BB_NOT_FOUND : BB_IO;
        bb_reason_say(reason, "%.300s: %s", path, strerror(errno));
        return status;
    }
    status = read_file(f, &json, &size);
    fclose(f);
    if (status != BB_OK) {
        bb_reason_say(reason, "%.300s: %s", path,
                      status == BB_FULL ? "too large for a genesis" : bb_status_text(status));
        return status;
    }
    status = genesis_file_read((struct bytes){json, size}, &inner, bytes_out, size_out);
    if (status != BB_OK)
        bb_reason_say(reason, "%.200s: %.300s", path, inner.text);
    free(json);
    return status;
}
