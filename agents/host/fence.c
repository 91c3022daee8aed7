#include "agents/host/fence.h"

#include <fcntl.h>
#include <glob.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Rights that the headers of an older system do not name yet. Source: Linux, uapi/linux/landlock.h. */
#define RIGHT_REFER    (1ULL << 13)
#define RIGHT_TRUNCATE (1ULL << 14)

#define RIGHTS_READ    (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define RIGHTS_EXECUTE (RIGHTS_READ | LANDLOCK_ACCESS_FS_EXECUTE)
#define RIGHTS_DEVICE  (RIGHTS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | RIGHT_TRUNCATE)
#define RIGHTS_MAKE                                                                                          \
    (LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR |         \
     LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK |              \
     LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_MAKE_SYM)
/* What a file, not a folder, can be given. */
#define RIGHTS_OF_FILE                                                                                       \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE |             \
     RIGHT_TRUNCATE)

/* Lower descriptors are the new process's own. */
#define FD_ABOVE 16

static const uint64_t RIGHTS[] = {[FENCE_READ] = RIGHTS_READ,
                                  [FENCE_EXECUTE] = RIGHTS_EXECUTE,
                                  [FENCE_DEVICE] = RIGHTS_DEVICE,
                                  [FENCE_OWN] = RIGHTS_DEVICE | RIGHTS_MAKE | RIGHT_REFER};

/* What every program needs. Serial ports are devices that their own modes guard. */
static const struct fence_place SYSTEM[] = {
    {"/usr", FENCE_EXECUTE},        {"/bin", FENCE_EXECUTE},        {"/sbin", FENCE_EXECUTE},
    {"/lib", FENCE_EXECUTE},        {"/lib32", FENCE_EXECUTE},      {"/lib64", FENCE_EXECUTE},
    {"/libx32", FENCE_EXECUTE},     {"/etc", FENCE_READ},           {"/proc", FENCE_READ},
    {"/sys/devices", FENCE_READ},   {"/sys/class", FENCE_READ},     {"/run/systemd/resolve", FENCE_READ},
    {"/dev/null", FENCE_DEVICE},    {"/dev/zero", FENCE_DEVICE},    {"/dev/full", FENCE_DEVICE},
    {"/dev/random", FENCE_DEVICE},  {"/dev/urandom", FENCE_DEVICE}, {"/dev/serial", FENCE_READ},
    {"/dev/ttyUSB*", FENCE_DEVICE}, {"/dev/ttyACM*", FENCE_DEVICE}, {"/dev/ttyS*", FENCE_DEVICE},
    {"/dev/ttyAMA*", FENCE_DEVICE},
};

int fence_version(void)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return version < 0 ? 0 : (int)version;
}

static uint64_t handled(int version)
{
    uint64_t rights = RIGHTS[FENCE_EXECUTE] | RIGHTS[FENCE_OWN];
    if (version < 2)
        rights &= ~RIGHT_REFER;
    if (version < 3)
        rights &= ~RIGHT_TRUNCATE;
    return rights;
}

/* True when the place may be gone or was added. */
static int add(int set, const char *path, uint64_t rights)
{
    struct stat about;
    struct landlock_path_beneath_attr rule = {.parent_fd = open(path, O_PATH | O_CLOEXEC)};
    if (rule.parent_fd < 0)
        return 1;
    int good = fstat(rule.parent_fd, &about) == 0;
    rule.allowed_access = good && S_ISDIR(about.st_mode) ? rights : rights & RIGHTS_OF_FILE;
    good = good && syscall(SYS_landlock_add_rule, set, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
    close(rule.parent_fd);
    return good;
}

static int add_all(int set, const char *pattern, uint64_t rights)
{
    glob_t found;
    int good = 1;
    if (glob(pattern, GLOB_NOSORT, NULL, &found) != 0)
        return 1;
    for (size_t i = 0; i < found.gl_pathc; i++)
        good = good && add(set, found.gl_pathv[i], rights);
    globfree(&found);
    return good;
}

enum status fence_open(const struct fence_place *places, size_t count, int *fd_out)
{
    int version = fence_version();
    if (version == 0)
        return BB_NOT_FOUND;
    uint64_t all = handled(version);
    struct landlock_ruleset_attr attributes = {.handled_access_fs = all};
    int set = (int)syscall(SYS_landlock_create_ruleset, &attributes, sizeof attributes, 0);
    if (set < 0)
        return BB_IO;
    int good = 1;
    for (size_t i = 0; good && i < sizeof SYSTEM / sizeof *SYSTEM; i++)
        good = add_all(set, SYSTEM[i].path, RIGHTS[SYSTEM[i].kind] & all);
    for (size_t i = 0; good && i < count; i++)
        good = add(set, places[i].path, RIGHTS[places[i].kind] & all);
    if (!good) {
        close(set);
        return BB_IO;
    }
    int moved = fcntl(set, F_DUPFD_CLOEXEC, FD_ABOVE);
    close(set);
    if (moved < 0)
        return BB_IO;
    *fd_out = moved;
    return BB_OK;
}

enum status fence_enter(int fd)
{
    return syscall(SYS_landlock_restrict_self, fd, 0) == 0 ? BB_OK : BB_IO;
}
