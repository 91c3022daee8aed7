/* Hostile files of an exported chain: refused with a reason and nothing left behind, or imported into a
 * database that verifies and exports the same bytes. */
#include "ledger/archive.h"
#include "ledger/audit.h"
#include "tests/ledger/store/folder.h"

#include <busbar/check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct folder folder;
static char file[128], path[128], again[128];

static void same_again(const uint8_t *data, size_t size)
{
    struct bb_reason reason;
    struct audit_report report;
    struct store *store;
    uint64_t height;
    CHECK(store_open(path, STORE_READ, (struct bytes){NULL, 0}, &reason, &store) == BB_OK);
    CHECK(audit_run(store, 1, NULL, NULL, &reason, &report) == BB_OK);
    CHECK(archive_export(store, again, NULL, NULL, &reason, &height) == BB_OK);
    store_close(store);
    size_t exported;
    unsigned char *bytes = folder_read(again, &exported);
    CHECK(exported == size && memcmp(bytes, data, size) == 0);
    free(bytes);
    unlink(again);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bb_reason reason = {""};
    uint64_t height;
    if (folder.path[0] == '\0') {
        folder_make(&folder, true);
        folder_file(&folder, "in.bex", file);
        folder_file(&folder, "chain.db", path);
        folder_file(&folder, "out.bex", again);
    }
    folder_write(file, data, size);
    enum status status = archive_import(file, path, (struct bytes){NULL, 0}, 1, NULL, NULL, &reason, &height);
    if (status == BB_OK)
        same_again(data, size);
    else
        CHECK(reason.text[0] != '\0' && access(path, F_OK) != 0);
    return 0;
}
