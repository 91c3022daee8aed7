/* store_backup: SQLite's own online backup. A copy sees the database as it was at one moment, and the writer
 * goes on meanwhile (WAL). */
#include "ledger/new_file.h"
#include "ledger/store_inside.h"

#include <unistd.h>

static enum status copy(struct database *from, sqlite3 *to, struct bb_reason *reason)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from->handle, "main");
    if (backup == NULL) {
        bb_reason_say(reason, "backup: %s", sqlite3_errmsg(to));
        return BB_IO;
    }
    int code = sqlite3_backup_step(backup, -1);
    sqlite3_backup_finish(backup);
    if (code == SQLITE_DONE)
        return BB_OK;
    return database_status(from, code == SQLITE_OK ? SQLITE_IOERR : code, "backup", reason);
}

enum status store_backup(struct store *store, const char *path, struct bb_reason *reason)
{
    char part[BB_PATH_MAX];
    enum status status = new_file_begin(path, part, reason);
    if (status != BB_OK)
        return status;
    sqlite3 *to = NULL;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE;
    if (sqlite3_open_v2(part, &to, flags, NULL) != SQLITE_OK) {
        bb_reason_say(reason, "%s: %s", part, sqlite3_errmsg(to));
        status = BB_IO;
    } else {
        status = copy(store->database, to, reason);
    }
    sqlite3_close(to);
    if (status == BB_OK)
        status = new_file_finish(part, path, reason);
    if (status != BB_OK)
        unlink(part);
    return status;
}
