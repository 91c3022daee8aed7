#include "tests/ledger/store/shim.h"

#include <busbar/check.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

struct shim_file {
    sqlite3_file base;
    sqlite3_file *real; /* behind this struct */
};

static struct {
    sqlite3_vfs vfs, *real;
    sqlite3_io_methods methods;
    enum shim_fault fault;
    long at, count;
    bool armed, lasting, happened;
} shim;

static sqlite3_file *real(sqlite3_file *file)
{
    return ((struct shim_file *)(void *)file)->real;
}

/* What an operation returns instead of being done; SQLITE_OK: it is done. */
static int strike(bool sync)
{
    if (!shim.armed)
        return SQLITE_OK;
    shim.count++;
    if (shim.count < shim.at || (shim.count > shim.at && !shim.lasting))
        return SQLITE_OK;
    if (shim.fault == SHIM_SYNC_ERROR && !sync)
        return SQLITE_OK;
    shim.happened = true;
    switch (shim.fault) {
    case SHIM_KILL:
        kill(getpid(), SIGKILL);
        pause();
        return SQLITE_IOERR;
    case SHIM_FULL:
        return sync ? SQLITE_OK : SQLITE_FULL;
    case SHIM_IO_ERROR:
    case SHIM_SYNC_ERROR:
        break;
    }
    return sync ? SQLITE_IOERR_FSYNC : SQLITE_IOERR_WRITE;
}

static int shim_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
    int code = strike(false);
    /* A failed write has often written a part. */
    if (code != SQLITE_OK && size > 1)
        (void)real(file)->pMethods->xWrite(real(file), bytes, size / 2, at);
    return code != SQLITE_OK ? code : real(file)->pMethods->xWrite(real(file), bytes, size, at);
}

static int shim_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    int code = strike(false);
    return code != SQLITE_OK ? code : real(file)->pMethods->xTruncate(real(file), size);
}

static int shim_sync(sqlite3_file *file, int flags)
{
    int code = strike(true);
    return code != SQLITE_OK ? code : real(file)->pMethods->xSync(real(file), flags);
}

static int shim_close(sqlite3_file *file)
{
    return real(file)->pMethods->xClose(real(file));
}
static int shim_read(sqlite3_file *file, void *out, int size, sqlite3_int64 at)
{
    return real(file)->pMethods->xRead(real(file), out, size, at);
}
static int shim_size(sqlite3_file *file, sqlite3_int64 *out)
{
    return real(file)->pMethods->xFileSize(real(file), out);
}
static int shim_lock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xLock(real(file), level);
}
static int shim_unlock(sqlite3_file *file, int level)
{
    return real(file)->pMethods->xUnlock(real(file), level);
}
static int shim_reserved(sqlite3_file *file, int *out)
{
    return real(file)->pMethods->xCheckReservedLock(real(file), out);
}
static int shim_control(sqlite3_file *file, int what, void *argument)
{
    return real(file)->pMethods->xFileControl(real(file), what, argument);
}
static int shim_sector(sqlite3_file *file)
{
    return real(file)->pMethods->xSectorSize(real(file));
}
static int shim_device(sqlite3_file *file)
{
    return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
static int shim_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
    return real(file)->pMethods->xShmMap(real(file), page, size, extend, out);
}
static int shim_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real(file)->pMethods->xShmLock(real(file), offset, n, flags);
}
static void shim_barrier(sqlite3_file *file)
{
    real(file)->pMethods->xShmBarrier(real(file));
}
static int shim_unmap(sqlite3_file *file, int remove)
{
    return real(file)->pMethods->xShmUnmap(real(file), remove);
}

static int shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out)
{
    struct shim_file *own = (struct shim_file *)(void *)file;
    (void)vfs;
    own->real = (sqlite3_file *)(void *)(own + 1);
    own->base.pMethods = NULL;
    int code = shim.real->xOpen(shim.real, name, own->real, flags, flags_out);
    if (code == SQLITE_OK)
        own->base.pMethods = &shim.methods;
    return code;
}

void shim_install(void)
{
    shim.real = sqlite3_vfs_find(NULL);
    CHECK(shim.real != NULL);
    shim.vfs = *shim.real;
    shim.vfs.zName = "shim";
    shim.vfs.szOsFile = (int)sizeof(struct shim_file) + shim.real->szOsFile;
    shim.vfs.xOpen = shim_open;
    shim.methods = (sqlite3_io_methods){
        2,           shim_close, shim_read,     shim_write,    shim_truncate, shim_sync,
        shim_size,   shim_lock,  shim_unlock,   shim_reserved, shim_control,  shim_sector,
        shim_device, shim_map,   shim_shm_lock, shim_barrier,  shim_unmap,    NULL,
        NULL};
    CHECK(sqlite3_vfs_register(&shim.vfs, 1) == SQLITE_OK);
}

void shim_arm(enum shim_fault fault, long n, bool lasting)
{
    shim.fault = fault;
    shim.at = n;
    shim.lasting = lasting;
    shim.count = 0;
    shim.happened = false;
    shim.armed = true;
}

void shim_calm(void)
{
    shim.armed = false;
}

long shim_count(void)
{
    return shim.count;
}

bool shim_happened(void)
{
    return shim.happened;
}
