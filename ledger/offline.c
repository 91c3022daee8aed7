#include "ledger/offline.h"

#include "ledger/archive.h"
#include "ledger/audit.h"
#include "ledger/crypto/hex.h"
#include "ledger/genesis_file.h"
#include "ledger/json_writer.h"
#include "ledger/new_file.h"

#include <busbar/check.h>
#include <busbar/limits.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define BAR 30

/* A bar on a terminal: "[=====>     ] 1234 of 5678". */
static void draw(uint64_t height, uint64_t of)
{
    int filled = of > 0 ? (int)((double)height / (double)of * BAR) : 0;
    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r[%.*s%*s] %" PRIu64 "/%" PRIu64 " ", filled,
            "==============================", BAR - filled, "", height, of);
    fflush(stderr);
}

static void end_drawing(void)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\r%*s\r", BAR + 48, "");
}

static void on_audit(void *context, const struct audit_report *report)
{
    (void)context;
    draw(report->height, report->of);
}

static void on_archive(void *context, uint64_t height, uint64_t of)
{
    (void)context;
    draw(height, of);
}

/* What was done, for whoever asked: as a line of JSON, or in words. */
struct done {
    const char *what, *file; /* NULL file: verified */
    uint64_t height;
    struct hash genesis;
    uint64_t chain_id;
    bool verified;
    struct audit_report report;
};

static enum status name_chain(struct bytes genesis, struct done *done, struct bb_reason *reason)
{
    struct genesis read;
    enum status status = genesis_decode(genesis, &read);
    if (status != BB_OK) {
        bb_reason_say(reason, "the genesis does not hold");
        return BB_MALFORMED;
    }
    done->genesis = genesis_hash(genesis);
    done->chain_id = read.chain_id;
    genesis_free(&read);
    return BB_OK;
}

static void say_words(const struct done *done)
{
    char genesis[HEX_HASH], block[HEX_HASH];
    hex_format((struct bytes){done->genesis.bytes, sizeof done->genesis.bytes}, genesis);
    hex_format((struct bytes){done->report.head.bytes, sizeof done->report.head.bytes}, block);
    if (done->file != NULL)
        printf("%s %s: %" PRIu64 " blocks", done->what, done->file, done->height);
    else if (done->verified)
        printf("the chain holds: %" PRIu64 " blocks, %" PRIu64 " transactions, last block %s", done->height,
               done->report.transactions, block);
    else
        printf("the chain does not hold: good up to block %" PRIu64, done->height);
    printf(", chain id %" PRIu64 ", genesis %s\n", done->chain_id, genesis);
}

static void say_json(const struct done *done)
{
    const struct audit_report *report = &done->report;
    struct json_writer w = {0};
    json_writer_open(&w, NULL, '{');
    json_writer_number(&w, "version", 1);
    if (done->file != NULL)
        json_writer_word(&w, done->what, done->file);
    else
        json_writer_bool(&w, "verified", done->verified);
    json_writer_uint(&w, "height", done->height);
    json_writer_hex(&w, "genesis", (struct bytes){done->genesis.bytes, sizeof done->genesis.bytes});
    json_writer_uint(&w, "chain_id", done->chain_id);
    if (done->file == NULL) {
        json_writer_hex(&w, "block", (struct bytes){report->head.bytes, sizeof report->head.bytes});
        json_writer_uint(&w, "transactions", report->transactions);
        json_writer_number(&w, "ms", (int64_t)(report->seconds * 1000));
    }
    json_writer_close(&w, '}');
    puts(w.text);
    free(w.text);
}

static void say(const struct service_settings *settings, const struct done *done)
{
    end_drawing();
    if (settings->text)
        say_words(done);
    else
        say_json(done);
}

/* The genesis that the home knows, canonical: ledger/genesis, else ledger/genesis.json; empty when there is
 * neither. */
static enum status known_genesis(const struct service_settings *settings, struct bb_reason *reason,
                                 uint8_t **bytes_out, size_t *size_out)
{
    char path[BB_PATH_MAX];
    *bytes_out = NULL;
    *size_out = 0;
    enum status status = config_home(settings->home, "ledger/genesis", path, sizeof path);
    FILE *file = status == BB_OK ? fopen(path, "re") : NULL;
    if (file != NULL) {
        struct stat found = {.st_size = 0};
        size_t room = fstat(fileno(file), &found) == 0 && found.st_size < GENESIS_FILE_MAX
                          ? (size_t)found.st_size
                          : GENESIS_FILE_MAX;
        uint8_t *bytes = malloc(room + 1);
        CHECK(bytes != NULL);
        *size_out = fread(bytes, 1, room + 1, file);
        *bytes_out = bytes;
        status = ferror(file) ? BB_IO : *size_out == 0 ? BB_RANGE : BB_OK;
        fclose(file);
        if (status != BB_OK)
            bb_reason_say(reason, "%.300s cannot be read, or is empty", path);
        return status;
    }
    if (status == BB_OK && errno != ENOENT) {
        bb_reason_say(reason, "%.300s: %m", path);
        return BB_IO;
    }
    if (status == BB_OK)
        status = config_home(settings->home, "ledger/genesis.json", path, sizeof path);
    if (status == BB_OK)
        status = genesis_file_load(path, reason, bytes_out, size_out);
    return status == BB_NOT_FOUND ? BB_OK : status == BB_MALFORMED ? BB_RANGE : status;
}

static enum status verify(struct store *store, const struct service_settings *settings, struct done *done,
                          struct bb_reason *reason)
{
    uint8_t *known;
    size_t size;
    enum status status = known_genesis(settings, reason, &known, &size);
    if (status == BB_OK && size > 0 && !bytes_equal((struct bytes){known, size}, store_genesis(store))) {
        bb_reason_say(reason, "ledger/chain.db is another chain than the home's: its genesis differs from "
                              "the one in ledger/");
        status = BB_MALFORMED;
    }
    free(known);
    if (status != BB_OK)
        return status;
    status = audit_run(store, (uint32_t)settings->threads, on_audit, NULL, reason, &done->report);
    done->verified = status == BB_OK;
    done->height = done->report.height;
    say(settings, done);
    return status;
}

static enum status copy_store(struct store *store, const struct service_settings *settings, struct done *done,
                              struct bb_reason *reason)
{
    bool backup = settings->backup[0] != '\0';
    done->file = backup ? settings->backup : settings->export_to;
    done->what = backup ? "backup" : "export";
    done->height = store_height(store);
    enum status status = backup ? store_backup(store, done->file, reason)
                                : archive_export(store, done->file, on_archive, NULL, reason, &done->height);
    if (status == BB_OK)
        say(settings, done);
    return status;
}

static enum status read_store(const char *path, const struct service_settings *settings,
                              struct bb_reason *reason)
{
    struct store *store = NULL;
    struct done done = {.file = NULL};
    enum status status = store_open(path, STORE_READ, (struct bytes){NULL, 0}, reason, &store);
    if (status == BB_NOT_FOUND)
        bb_reason_say(reason, "%.300s: there is no chain; `busbar chain init` makes a ledger", path);
    if (status != BB_OK)
        return status;
    status = name_chain(store_genesis(store), &done, reason);
    if (status == BB_OK && settings->verify)
        status = verify(store, settings, &done, reason);
    else if (status == BB_OK)
        status = copy_store(store, settings, &done, reason);
    store_close(store);
    return status;
}

/* Writes <home>/ledger/genesis where it is not there. */
static enum status save_genesis(const struct service_settings *settings, struct bytes genesis,
                                struct bb_reason *reason)
{
    char path[BB_PATH_MAX], part[BB_PATH_MAX];
    enum status status = config_home(settings->home, "ledger/genesis", path, sizeof path);
    if (status != BB_OK || access(path, F_OK) == 0)
        return status;
    status = new_file_begin(path, part, reason);
    if (status != BB_OK)
        return status;
    FILE *file = fopen(part, "wbe");
    bool written = file != NULL && fwrite(genesis.data, 1, genesis.size, file) == genesis.size;
    if (file != NULL && fclose(file) != 0)
        written = false;
    if (written)
        return new_file_finish(part, path, reason);
    bb_reason_say(reason, "the chain is imported, but %.300s: %m; `busbar chain genesis` gives it", path);
    unlink(part);
    return BB_IO;
}

static enum status import(const char *path, const struct service_settings *settings, struct bb_reason *reason)
{
    struct done done = {.what = "import", .file = settings->import_from};
    struct store *store = NULL;
    uint8_t *known;
    size_t size;
    enum status status = known_genesis(settings, reason, &known, &size);
    if (status == BB_OK)
        status = archive_import(done.file, path, (struct bytes){known, size}, (uint32_t)settings->threads,
                                on_archive, NULL, reason, &done.height);
    free(known);
    if (status == BB_OK)
        status = store_open(path, STORE_READ, (struct bytes){NULL, 0}, reason, &store);
    if (status != BB_OK)
        return status;
    status = name_chain(store_genesis(store), &done, reason);
    if (status == BB_OK)
        status = save_genesis(settings, store_genesis(store), reason);
    store_close(store);
    if (status == BB_OK)
        say(settings, &done);
    return status;
}

static int count_wanted(const struct service_settings *s)
{
    return s->verify + (s->backup[0] != '\0') + (s->export_to[0] != '\0') + (s->import_from[0] != '\0');
}

bool offline_wanted(const struct service_settings *settings)
{
    return count_wanted(settings) > 0;
}

enum status offline_run(const struct service_settings *settings, struct bb_reason *reason)
{
    char path[BB_PATH_MAX], folder[BB_PATH_MAX];
    if (count_wanted(settings) > 1) {
        bb_reason_say(reason, "--verify, --backup, --export and --import: one at a time");
        return BB_RANGE;
    }
    enum status status = config_home(settings->home, "ledger/chain.db", path, sizeof path);
    if (status != BB_OK) {
        bb_reason_say(reason, "there is no home folder: give --home DIR or set BUSBAR_HOME");
        return status;
    }
    if (settings->import_from[0] == '\0')
        return read_store(path, settings, reason);
    if (config_home(settings->home, "ledger", folder, sizeof folder) == BB_OK && access(folder, F_OK) != 0) {
        bb_reason_say(reason, "%.300s is not there; `busbar init` makes a home", folder);
        return BB_NOT_FOUND;
    }
    return import(path, settings, reason);
}
