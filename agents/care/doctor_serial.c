/* Serial ports: which are there, and whether the home's owner may use them. */
#include "agents/care/doctor.h"

#include <glob.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#define GROUPS_MAX 128

/* Whether `user` may read and write what `about` tells of, by its mode alone. */
static bool may_use(const struct passwd *user, const struct stat *about)
{
    gid_t groups[GROUPS_MAX];
    int count = GROUPS_MAX;
    unsigned mode = about->st_mode;
    if (user->pw_uid == 0 || (mode & 0006) == 0006)
        return true;
    if (user->pw_uid == about->st_uid)
        return (mode & 0600) == 0600;
    if (getgrouplist(user->pw_name, user->pw_gid, groups, &count) < 0)
        count = GROUPS_MAX;
    for (int i = 0; i < count; i++)
        if (groups[i] == about->st_gid)
            return (mode & 0060) == 0060;
    return false;
}

static void look_ports(const struct patient *p, struct finding *f)
{
    static const char *const patterns[] = {"/dev/serial/by-id/*", "/dev/ttyUSB*", "/dev/ttyACM*"};
    glob_t found = {0};
    struct stat about, home;
    for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++)
        (void)glob(patterns[i], i > 0 ? GLOB_APPEND : 0, NULL, &found);
    const struct passwd *user = stat(p->home, &home) == 0 ? getpwuid(home.st_uid) : NULL;
    for (size_t i = 0; i < found.gl_pathc && user != NULL && f->level == FINDING_NONE; i++) {
        if (stat(found.gl_pathv[i], &about) != 0 || may_use(user, &about))
            continue;
        const struct group *group = getgrgid(about.st_gid);
        doctor_say(f, FINDING_FAIL, "%s may not use %s", user->pw_name, found.gl_pathv[i]);
        doctor_remedy(f, "usermod -aG %s %s, then log in again or restart the service",
                      group != NULL ? group->gr_name : "dialout", user->pw_name);
    }
    if (f->level == FINDING_NONE && found.gl_pathc > 0)
        doctor_say(f, FINDING_OK, "%zu serial ports, the first %s, can be used", found.gl_pathc,
                   found.gl_pathv[0]);
    else if (f->level == FINDING_NONE)
        doctor_say(f, FINDING_OK, "no serial adapter is plugged in");
    globfree(&found);
}

const struct check doctor_serial[] = {{"serial", "adapters", look_ports}, {NULL, NULL, NULL}};
