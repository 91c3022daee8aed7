/* One SQLite database as the ledger wants it: our application id, schema migrated forward, WAL,
 * synchronous=FULL, one writing process. Source: SQLite documentation: WAL, PRAGMA, file locking. */
#ifndef LEDGER_DATABASE_H
#define LEDGER_DATABASE_H

#include <busbar/bytes.h>
#include <busbar/reason.h>
#include <busbar/status.h>
#include <sqlite3.h>

struct database {
    sqlite3 *handle;
    char *path;
    bool write;
    int lock; /* descriptor of `path`.lock, held while writing; -1 */
};

/* Opens `path`. Writing: made when it is not there, and no other process may be writing (BB_EXISTS). Reading:
 * beside a writer; BB_NOT_FOUND when it is not there. BB_VERSION: of a newer schema. BB_MALFORMED: not a
 * ledger, or corrupt. BB_DENIED, BB_IO, BB_FULL. */
BB_MUST_CHECK enum status database_open(const char *path, bool write, struct bb_reason *reason,
                                        struct database **out);

/* Closes it; every statement must be finalized. Accepts NULL. */
void database_close(struct database *database);

/* Gives up the connection and makes a new one, as a restart would: what the file says then is the truth about
 * a write whose outcome nobody knows. The lock is kept. Statements must be finalized. The same errors as
 * opening; the connection is then NULL. */
BB_MUST_CHECK enum status database_reopen(struct database *database, struct bb_reason *reason);

/* The status of a result code, and the database's own sentence behind `what`. SQLITE_OK is a bug. */
enum status database_status(const struct database *database, int code, const char *what,
                            struct bb_reason *reason);

/* Runs statements that give no rows. */
BB_MUST_CHECK enum status database_run(struct database *database, const char *sql, struct bb_reason *reason);

/* Prepares one statement for long use. */
BB_MUST_CHECK enum status database_prepare(struct database *database, const char *sql,
                                           struct bb_reason *reason, sqlite3_stmt **out);

/* Steps a statement to its end, whatever rows it has, and resets it. `what` is for the reason. */
BB_MUST_CHECK enum status database_step(struct database *database, sqlite3_stmt *statement, const char *what,
                                        struct bb_reason *reason);

/* Ends a transaction that has failed; never fails itself. */
void database_rollback(struct database *database);

/* PRAGMA quick_check of the whole file. BB_MALFORMED with its first finding. */
BB_MUST_CHECK enum status database_check(struct database *database, struct bb_reason *reason);

#endif
