#include "ledger/core/genesis.h"

#include "ledger/crypto/hash.h"

#include <busbar/check.h>
#include <stdlib.h>

#define CHAIN_ID_MAX         ((UINT64_C(1) << 53) - 1)
#define HEAD_SIZE            (4 + 8 + 20 + 8 + 20 + 5 * 4 + POLICY_SIZE)
#define POLICY_SIZE          (1 + 1 + 8 + 8 + 8 + 8 + 8)
#define PARTICIPANT_SIZE_MIN (20 + 1 + 1 + 1 + 8 + 8)
#define PARTICIPANT_SIZE_MAX (PARTICIPANT_SIZE_MIN - 1 + MARKET_NAME_MAX)
#define LINE_SIZE            (20 + 20 + 8)

static const uint8_t magic[4] = {'B', 'E', 'G', '1'};

/* -- what a genesis may say ------------------------------------------------------------------------------ */

static bool name_fits(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    static const char others[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-";
    size_t size = strlen(name);
    return size >= 1 && size <= MARKET_NAME_MAX && strspn(name, letters) >= 1 && strspn(name, others) == size;
}

static enum status refuse(struct bb_reason *reason, const char *what, const char *name)
{
    bb_reason_say(reason, "genesis: %s%s%s", what, *name != '\0' ? ": " : "", name);
    return BB_RANGE;
}

static enum status check_head(const struct genesis *g, struct bb_reason *reason)
{
    if (g->chain_id == 0 || g->chain_id > CHAIN_ID_MAX)
        return refuse(reason, "chain_id must be 1 to 2^53 - 1", "");
    if (g->time.ms < 0)
        return refuse(reason, "time_ms must not be negative", "");
    if (address_is_none(&g->sealer))
        return refuse(reason, "sealer must be an address", "");
    if (market_size(&g->limits) == 0)
        return refuse(reason, "limits: one of them is outside its range", "");
    if (g->participant_count > g->limits.accounts)
        return refuse(reason, "more participants than limits.accounts", "");
    if (g->line_count > g->limits.lines)
        return refuse(reason, "more lines than limits.lines", "");
    return BB_OK;
}

static enum status check_participants(const struct genesis *g, struct bb_reason *reason)
{
    uint32_t holders[ROLE_END] = {0};
    struct money money = {0};
    struct energy energy = {0};
    for (uint32_t i = 0; i < g->participant_count; i++) {
        const struct genesis_participant *p = &g->participants[i];
        if (!name_fits(p->name))
            return refuse(reason, "a name has 1 to 31 characters out of A-Z a-z 0-9 _ . -, a letter first",
                          p->name);
        if (address_is_none(&p->address))
            return refuse(reason, "a participant has no address", p->name);
        if (p->role == 0 || p->role >= ROLE_END)
            return refuse(reason, "no such role", p->name);
        if (p->money.nano < 0 || p->energy.wh < 0)
            return refuse(reason, "an opening balance must not be negative", p->name);
        if (!money_add(money, p->money, &money) || !energy_add(energy, p->energy, &energy))
            return refuse(reason, "the sum of the opening balances leaves 64 bits at", p->name);
        holders[p->role]++;
    }
    if (holders[ROLE_OPERATOR] != 1)
        return refuse(reason, "exactly one participant must be the operator", "");
    if (holders[ROLE_DISTRIBUTION] != 1)
        return refuse(reason, "exactly one participant must be the distribution company", "");
    return BB_OK;
}

/* Order by address, then by name, then lines by both parties: equal neighbours are duplicates. */
static int by_address(const void *a, const void *b)
{
    const struct genesis_participant *const *left = a, *const *right = b;
    return memcmp(&(*left)->address, &(*right)->address, sizeof(struct address));
}

static int by_name(const void *a, const void *b)
{
    const struct genesis_participant *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static int by_parties(const void *a, const void *b)
{
    const struct genesis_line *const *left = a, *const *right = b;
    int order = memcmp(&(*left)->buyer, &(*right)->buyer, sizeof(struct address));
    return order != 0 ? order : memcmp(&(*left)->seller, &(*right)->seller, sizeof(struct address));
}

static bool has_participant(const struct genesis_participant **sorted, uint32_t count,
                            const struct address *address)
{
    struct genesis_participant sought = {.address = *address};
    const struct genesis_participant *key = &sought;
    return bsearch(&key, sorted, count, sizeof *sorted, by_address) != NULL;
}

static enum status check_lines(const struct genesis *g, const struct genesis_participant **sorted,
                               struct bb_reason *reason)
{
    const struct genesis_line **lines = calloc(g->line_count + (size_t)1, sizeof *lines);
    if (lines == NULL)
        return BB_IO;
    enum status status = BB_OK;
    for (uint32_t i = 0; i < g->line_count && status == BB_OK; i++) {
        const struct genesis_line *line = &g->lines[i];
        lines[i] = line;
        if (address_equal(&line->buyer, &line->seller))
            status = refuse(reason, "a line leads from an account to itself", "");
        else if (!has_participant(sorted, g->participant_count, &line->buyer) ||
                 !has_participant(sorted, g->participant_count, &line->seller))
            status = refuse(reason, "a line names somebody who is no participant", "");
        else if (line->capacity.wh < 0)
            status = refuse(reason, "a line's capacity must not be negative", "");
    }
    if (status == BB_OK)
        qsort(lines, g->line_count, sizeof *lines, by_parties);
    for (uint32_t i = 1; i < g->line_count && status == BB_OK; i++)
        if (by_parties(&lines[i - 1], &lines[i]) == 0)
            status = refuse(reason, "two lines between the same buyer and seller", "");
    free(lines);
    return status;
}

static enum status check_unique(const struct genesis *g, struct bb_reason *reason)
{
    const struct genesis_participant **sorted = calloc(g->participant_count + (size_t)1, sizeof *sorted);
    if (sorted == NULL)
        return BB_IO;
    enum status status = BB_OK;
    for (uint32_t i = 0; i < g->participant_count; i++)
        sorted[i] = &g->participants[i];
    qsort(sorted, g->participant_count, sizeof *sorted, by_name);
    for (uint32_t i = 1; i < g->participant_count && status == BB_OK; i++)
        if (by_name(&sorted[i - 1], &sorted[i]) == 0)
            status = refuse(reason, "two participants have the same name", sorted[i]->name);
    qsort(sorted, g->participant_count, sizeof *sorted, by_address);
    for (uint32_t i = 1; i < g->participant_count && status == BB_OK; i++)
        if (by_address(&sorted[i - 1], &sorted[i]) == 0)
            status = refuse(reason, "two participants have the same address", sorted[i]->name);
    if (status == BB_OK)
        status = check_lines(g, sorted, reason);
    free(sorted);
    return status;
}

/* -- bytes ----------------------------------------------------------------------------------------------- */

static void write_address(struct writer *w, const struct address *address)
{
    write_bytes(w, (struct bytes){address->bytes, sizeof address->bytes});
}

static void write_policy(struct writer *w, const struct policy *policy)
{
    write_u8(w, policy->mode);
    write_u8(w, policy->recipient);
    write_u64(w, (uint64_t)policy->penalty.micro_per_kwh);
    write_u64(w, (uint64_t)policy->band_low.micro_per_kwh);
    write_u64(w, (uint64_t)policy->band_high.micro_per_kwh);
    write_u64(w, policy->interval_seconds);
    write_u64(w, policy->gate_seconds);
}

static void write_genesis(struct writer *w, const struct genesis *g)
{
    write_bytes(w, (struct bytes){magic, sizeof magic});
    write_u64(w, g->chain_id);
    write_address(w, &g->contract);
    write_u64(w, (uint64_t)g->time.ms);
    write_address(w, &g->sealer);
    write_u32(w, g->limits.accounts);
    write_u32(w, g->limits.orders);
    write_u32(w, g->limits.lines);
    write_u32(w, g->limits.intervals);
    write_u32(w, g->limits.uses);
    write_policy(w, &g->policy);
    write_u32(w, g->participant_count);
    for (uint32_t i = 0; i < g->participant_count; i++) {
        const struct genesis_participant *p = &g->participants[i];
        write_address(w, &p->address);
        write_u8(w, (uint8_t)strlen(p->name));
        write_bytes(w, bytes_of(p->name));
        write_u8(w, p->role);
        write_u64(w, (uint64_t)p->money.nano);
        write_u64(w, (uint64_t)p->energy.wh);
    }
    write_u32(w, g->line_count);
    for (uint32_t i = 0; i < g->line_count; i++) {
        write_address(w, &g->lines[i].buyer);
        write_address(w, &g->lines[i].seller);
        write_u64(w, (uint64_t)g->lines[i].capacity.wh);
    }
}

enum status genesis_encode(const struct genesis *genesis, struct bb_reason *reason, uint8_t **bytes_out,
                           size_t *size_out)
{
    enum status status = check_head(genesis, reason);
    if (status == BB_OK)
        status = check_participants(genesis, reason);
    if (status == BB_OK)
        status = check_unique(genesis, reason);
    if (status != BB_OK)
        return status;
    size_t capacity = HEAD_SIZE + 8 + (size_t)genesis->participant_count * PARTICIPANT_SIZE_MAX +
                      (size_t)genesis->line_count * LINE_SIZE;
    uint8_t *bytes = malloc(capacity);
    if (bytes == NULL)
        return BB_IO;
    struct writer w = writer_at(bytes, capacity);
    write_genesis(&w, genesis);
    CHECK(w.ok);
    *bytes_out = bytes;
    *size_out = w.size;
    return BB_OK;
}

static struct address read_address(struct reader *r)
{
    struct address address = {0};
    struct bytes taken = read_bytes(r, sizeof address.bytes);
    if (taken.size > 0)
        memcpy(address.bytes, taken.data, taken.size);
    return address;
}

static int64_t read_i64(struct reader *r)
{
    return (int64_t)read_u64(r);
}

static void read_head(struct reader *r, struct genesis *out)
{
    struct bytes start = read_bytes(r, sizeof magic);
    if (r->ok && memcmp(start.data, magic, sizeof magic) != 0)
        r->ok = false;
    out->chain_id = read_u64(r);
    out->contract = read_address(r);
    out->time.ms = read_i64(r);
    out->sealer = read_address(r);
    out->limits.accounts = read_u32(r);
    out->limits.orders = read_u32(r);
    out->limits.lines = read_u32(r);
    out->limits.intervals = read_u32(r);
    out->limits.uses = read_u32(r);
    out->policy.mode = read_u8(r);
    out->policy.recipient = read_u8(r);
    out->policy.penalty.micro_per_kwh = read_i64(r);
    out->policy.band_low.micro_per_kwh = read_i64(r);
    out->policy.band_high.micro_per_kwh = read_i64(r);
    out->policy.interval_seconds = read_u64(r);
    out->policy.gate_seconds = read_u64(r);
}

/* A name with a NUL in it would not be the bytes that it was read from. */
static void read_participant(struct reader *r, struct genesis_participant *out)
{
    out->address = read_address(r);
    struct bytes name = read_bytes(r, read_u8(r));
    if (name.size == 0 || name.size > MARKET_NAME_MAX || memchr(name.data, 0, name.size) != NULL)
        r->ok = false;
    else
        memcpy(out->name, name.data, name.size);
    out->role = read_u8(r);
    out->money.nano = read_i64(r);
    out->energy.wh = read_i64(r);
}

/* Reads into a genesis whose lists are `block` with room for `participants` and `lines` elements. */
static bool read_lists(struct reader *r, uint32_t participants, uint32_t lines, struct genesis *out)
{
    (void)read_u32(r);
    for (uint32_t i = 0; i < participants && r->ok; i++)
        read_participant(r, &out->participants[i]);
    if (read_u32(r) != lines)
        return false;
    for (uint32_t i = 0; i < lines && r->ok; i++) {
        out->lines[i].buyer = read_address(r);
        out->lines[i].seller = read_address(r);
        out->lines[i].capacity.wh = read_i64(r);
    }
    return r->ok && r->left.size == 0;
}

/* How many participants and lines the rest claims to have: bounded by its size, so that nobody makes us
 * allocate much for a few bytes. The lines are fixed in size and last, so they are counted from the end. */
static bool count_lists(struct reader r, uint32_t *participants_out, uint32_t *lines_out)
{
    uint32_t participants = read_u32(&r);
    if (!r.ok || participants > r.left.size / PARTICIPANT_SIZE_MIN)
        return false;
    for (uint32_t i = 0; i < participants; i++) {
        (void)read_bytes(&r, 20);
        (void)read_bytes(&r, read_u8(&r));
        (void)read_bytes(&r, 1 + 8 + 8);
    }
    uint32_t lines = read_u32(&r);
    if (!r.ok || lines != r.left.size / LINE_SIZE || r.left.size % LINE_SIZE != 0)
        return false;
    *participants_out = participants;
    *lines_out = lines;
    return true;
}

enum status genesis_decode(struct bytes bytes, struct genesis *out)
{
    struct genesis read = {0};
    struct reader r = reader_at(bytes);
    uint32_t participants, lines;
    read_head(&r, &read);
    if (!r.ok || !count_lists(r, &participants, &lines))
        return BB_MALFORMED;
    uint8_t *block = calloc(1, participants * sizeof(struct genesis_participant) +
                                   lines * sizeof(struct genesis_line) + (size_t)1);
    if (block == NULL)
        return BB_IO;
    _Static_assert(_Alignof(struct genesis_participant) >= _Alignof(struct genesis_line) &&
                       sizeof(struct genesis_participant) % _Alignof(struct genesis_line) == 0,
                   "the lines follow the participants in one block");
    read.participants = (void *)block;
    read.lines = (void *)(block + participants * sizeof(struct genesis_participant));
    read.participant_count = participants;
    read.line_count = lines;
    enum status status = read_lists(&r, participants, lines, &read) ? BB_OK : BB_MALFORMED;
    if (status == BB_OK)
        status = check_head(&read, NULL);
    if (status == BB_OK)
        status = check_participants(&read, NULL);
    if (status != BB_OK) {
        genesis_free(&read);
        return status;
    }
    *out = read;
    return BB_OK;
}

void genesis_free(struct genesis *genesis)
{
    free(genesis->participants);
    genesis->participants = NULL;
    genesis->lines = NULL;
}

struct hash genesis_hash(struct bytes bytes)
{
    return hash_sha256(&bytes, 1);
}

struct eip712_domain genesis_domain(const struct genesis *genesis, const struct hash *hash)
{
    return (struct eip712_domain){.name = "Bit-Energy",
                                  .version = "1",
                                  .chain_id = genesis->chain_id,
                                  .contract = genesis->contract,
                                  .salt = *hash};
}
