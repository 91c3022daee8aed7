/* The machine: its clock, its disk, and what its kernel and its limits allow. */
#include "agents/care/doctor.h"

#include <errno.h>
#include <linux/magic.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/timex.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

/* No clock that is right can show less: 2026-01-01 UTC. */
#define RELEASED_S ((time_t)1767225600)
#define MIB        ((uint64_t)1 << 20)
/* What busbard asks for, for a thousand connections of each door. */
#define DESCRIPTORS 4096
/* Source: landlock_create_ruleset(2). */
#define LANDLOCK_ASK_VERSION 1u

static void look_clock(const struct patient *p, struct finding *f)
{
    time_t now = time(NULL);
    char text[32];
    struct tm utc;
    (void)p;
    gmtime_r(&now, &utc);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &utc);
    if (now < RELEASED_S) {
        doctor_say(f, FINDING_FAIL,
                   "the clock says %s, before this program was made: orders, certificates and "
                   "readings would get wrong times",
                   text);
        doctor_remedy(f, "timedatectl set-ntp true, or date -s; then restart the services");
        return;
    }
    struct timex state = {.modes = 0};
    int code = adjtimex(&state);
    if (code < 0 || (code != TIME_ERROR && (state.status & STA_UNSYNC) == 0)) {
        doctor_say(f, FINDING_OK,
                   code < 0 ? "the clock says %s" : "the clock says %s and is kept by a time server", text);
        return;
    }
    doctor_say(f, FINDING_WARN, "the clock says %s, but nothing keeps it right", text);
    doctor_remedy(f, "timedatectl set-ntp true (systemd-timesyncd), or install chrony");
}

static void look_disk(const struct patient *p, struct finding *f)
{
    struct statvfs about;
    if (statvfs(p->home, &about) != 0)
        return;
    uint64_t free_mib = (uint64_t)about.f_bavail * about.f_frsize / MIB;
    unsigned percent =
        about.f_blocks == 0 ? 100 : (unsigned)(100.0 * (double)about.f_bavail / (double)about.f_blocks);
    enum finding_level level = free_mib < 64                    ? FINDING_FAIL
                               : free_mib < 1024 || percent < 5 ? FINDING_WARN
                                                                : FINDING_OK;
    doctor_say(f, level, "%llu MiB are free below the home, %u %%", (unsigned long long)free_mib, percent);
    if (level != FINDING_OK)
        doctor_remedy(f,
                      "make room: a full disk refuses transactions and durable messages until there is some");
    if (level == FINDING_OK && about.f_files > 0 && about.f_favail < 1000) {
        doctor_say(f, FINDING_WARN, "only %llu more files fit below the home",
                   (unsigned long long)about.f_favail);
        doctor_remedy(f, "remove files: this file system has nearly no inodes left");
    }
}

static void look_descriptors(const struct patient *p, struct finding *f)
{
    struct rlimit limit;
    (void)p;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    if (limit.rlim_max >= DESCRIPTORS) {
        doctor_say(f, FINDING_OK, "a process may have %llu descriptors", (unsigned long long)limit.rlim_max);
        return;
    }
    doctor_say(f, FINDING_WARN,
               "a process may have %llu descriptors, busbard wants %d for a thousand peers a door",
               (unsigned long long)limit.rlim_max, DESCRIPTORS);
    doctor_remedy(f, "ulimit -Hn %d, or LimitNOFILE= in its unit", DESCRIPTORS);
}

static void look_landlock(const struct patient *p, struct finding *f)
{
    (void)p;
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_ASK_VERSION);
    if (version >= 1) {
        doctor_say(f, FINDING_OK,
                   "the kernel has Landlock, version %ld: hosted agents see only their own files", version);
        return;
    }
    doctor_say(f, FINDING_WARN,
               "the kernel has no Landlock (%s): hosted agents can read what their user can read",
               strerror(errno));
    doctor_remedy(f,
                  "boot with landlock among lsm=, Linux 5.13 or later; or host only agents that are trusted");
}

static void look_limits(const struct patient *p, struct finding *f)
{
    struct statfs about;
    const char *force = json_string_value(json_object_get(p->limits, "limits"));
    bool v2 = statfs("/sys/fs/cgroup", &about) == 0 && (uint64_t)about.f_type == CGROUP2_SUPER_MAGIC;
    if (force != NULL && strcmp(force, "cgroup") == 0) {
        doctor_say(f, FINDING_OK,
                   "agents are limited by the kernel: memory, processor and processes by cgroup");
        return;
    }
    if (force == NULL && v2) {
        doctor_say(f, FINDING_OK,
                   "cgroups v2 are there; whether they are delegated shows when busbar-agentd runs");
        return;
    }
    doctor_say(
        f, FINDING_WARN,
        "agents are limited without cgroups: memory as address space, and counted four times a second; "
        "a processor hog is slowed after ten seconds%s",
        v2 ? "" : " (no cgroups v2 at /sys/fs/cgroup)");
    doctor_remedy(f, "run busbar-agentd as the service of its unit, whose Delegate= gives it a cgroup");
}

const struct check doctor_machine[] = {{"machine", "clock", look_clock},
                                       {"machine", "disk", look_disk},
                                       {"machine", "descriptors", look_descriptors},
                                       {"machine", "landlock", look_landlock},
                                       {"machine", "limits", look_limits},
                                       {NULL, NULL, NULL}};
