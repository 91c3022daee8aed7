#include "ledger/offline.h"

#include "ledger/archive.h"
#include "ledger/audit.h"
#include "ledger/json_writer.h"

#include <busbar/limits.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
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

static void say(struct json_writer *w)
{
    json_writer_close(w, '}');
    puts(w->text);
    free(w->text);
}

static enum status verify(struct store *store, const struct service_settings *settings,
                          struct bb_reason *reason)
{
    struct audit_report report = {0};
    struct json_writer w = {0};
    enum status status = audit_run(store, (uint32_t)settings->threads, on_audit, NULL, reason, &report);
    end_drawing();
    json_writer_open(&w, NULL, '{');
    json_writer_bool(&w, "verified", status == BB_OK);
    json_writer_uint(&w, "height", report.height);
    json_writer_hex(&w, "block", (struct bytes){report.head.bytes, sizeof report.head.bytes});
    json_writer_uint(&w, "transactions", report.transactions);
    json_writer_number(&w, "ms", (int64_t)(report.seconds * 1000));
    say(&w);
    return status;
}

static void tell(const char *what, const char *file, uint64_t height)
{
    struct json_writer w = {0};
    end_drawing();
    json_writer_open(&w, NULL, '{');
    json_writer_word(&w, what, file);
    json_writer_uint(&w, "height", height);
    say(&w);
}

static enum status read_store(const char *path, const struct service_settings *settings,
                              struct bb_reason *reason)
{
    struct store *store = NULL;
    uint64_t height = 0;
    enum status status = store_open(path, STORE_READ, (struct bytes){NULL, 0}, reason, &store);
    if (status == BB_NOT_FOUND)
        bb_reason_say(reason, "%.300s: there is no chain; `busbar chain init` makes a ledger", path);
    if (status != BB_OK)
        return status;
    height = store_height(store);
    if (settings->verify)
        status = verify(store, settings, reason);
    else if (settings->backup[0] != '\0')
        status = store_backup(store, settings->backup, reason);
    else
        status = archive_export(store, settings->export_to, on_archive, NULL, reason, &height);
    store_close(store);
    if (status == BB_OK && !settings->verify)
        tell(settings->backup[0] != '\0' ? "backup" : "export",
             settings->backup[0] != '\0' ? settings->backup : settings->export_to, height);
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
    uint64_t height = 0;
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
    status = archive_import(settings->import_from, path, (uint32_t)settings->threads, on_archive, NULL,
                            reason, &height);
    if (status == BB_OK)
        tell("import", settings->import_from, height);
    return status;
}
