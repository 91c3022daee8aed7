/* busbar backup, busbar restore: a whole home, while its programs run, and its way back. */
#include "agents/care/backup.h"
#include "agents/care/inventory.h"
#include "agents/cli/call.h"
#include "agents/cli/home.h"
#include "agents/cli/json.h"
#include "agents/cli/verbs.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct totals {
    size_t files, databases;
    uint64_t bytes;
    bool chain;
};

static struct totals total(const json_t *manifest)
{
    struct totals totals = {0};
    struct inventory_entry entry;
    for (size_t i = 0; i < inventory_count(manifest); i++) {
        inventory_entry(manifest, i, &entry);
        totals.files += entry.kind == INVENTORY_FILE;
        totals.databases += entry.kind == INVENTORY_DATABASE;
        totals.bytes += entry.size;
        totals.chain = totals.chain || strcmp(entry.path, "ledger/chain.db") == 0;
    }
    return totals;
}

static void print(const struct call *call, const char *done, const char *place, const json_t *manifest)
{
    struct totals totals = total(manifest);
    if (call_flag(call, "json")) {
        json_t *document = json_document();
        json_object_set_new(document, done, json_string(place));
        json_object_set(document, "home", json_object_get(manifest, "home"));
        json_object_set(document, "made", json_object_get(manifest, "made"));
        json_object_set_new(document, "files", json_integer((json_int_t)totals.files));
        json_object_set_new(document, "databases", json_integer((json_int_t)totals.databases));
        json_object_set_new(document, "bytes", json_integer((json_int_t)totals.bytes));
        json_object_set_new(document, "chain", json_boolean(totals.chain));
        json_print(stdout, document);
        return;
    }
    printf("%s %s: %zu databases, %zu files, %" PRIu64 " bytes, of %s\n", done, place, totals.databases,
           totals.files, totals.bytes, json_string_value(json_object_get(manifest, "made")));
    if (totals.chain && strcmp(done, "restored") == 0)
        puts("\nBefore the ledger serves from this chain: blocks that were sealed after the backup would be "
             "sealed again with other\n"
             "transactions. Import the last export when it is later: busbar-ledgerd(8), OLD BACKUPS.");
}

/* Damage is integrity; a home that is in the way is refused. */
static enum exit_code fail(const struct call *call, enum status status, const struct bb_reason *reason)
{
    enum exit_code code = status == BB_MALFORMED ? EXIT_INTEGRITY
                          : status == BB_EXISTS  ? EXIT_REFUSED
                                                 : exit_of(status);
    return call_fail(call, code, "%s", *reason->text != '\0' ? reason->text : bb_status_text(status));
}

enum exit_code verb_backup(const struct call *call)
{
    struct bb_reason reason = {""};
    char home[512];
    json_t *manifest = NULL;
    enum status status = home_find(call_value(call, "home"), &reason, home, sizeof home);
    if (status == BB_OK)
        status = backup_make(home, call->args[0], &reason, &manifest);
    if (status != BB_OK)
        return fail(call, status, &reason);
    print(call, "saved", call->args[0], manifest);
    json_decref(manifest);
    return EXIT_DONE;
}

enum exit_code verb_restore(const struct call *call)
{
    struct bb_reason reason = {""};
    char home[512];
    json_t *manifest = NULL;
    bool check = call_flag(call, "check");
    enum status status = check ? BB_OK : home_find(call_value(call, "home"), &reason, home, sizeof home);
    if (status == BB_OK)
        status = check ? backup_check(call->args[0], &reason, &manifest)
                       : backup_restore(call->args[0], home, &reason, &manifest);
    if (status != BB_OK)
        return fail(call, status, &reason);
    print(call, check ? "checked" : "restored", check ? call->args[0] : home, manifest);
    json_decref(manifest);
    return EXIT_DONE;
}
