/* The databases: which format, and whether they are sound; and a restore that broke off. */
#include "agents/care/doctor.h"

#include "agents/care/database.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATH_ROOM 1024
/* A chain of gigabytes is not read through for a quick look. */
#define CHECK_MS 5000

static void look_database(const struct patient *p, const char *below, struct finding *f)
{
    char path[PATH_ROOM];
    struct bb_reason reason = {""};
    int64_t application, version;
    const struct database_kind *kind = database_kinds;
    while (strcmp(kind->path, below) != 0)
        kind++;
    snprintf(path, sizeof path, "%s/%s", strncmp(below, "ledger/", 7) == 0 ? p->ledger_home : p->home, below);
    if (access(path, F_OK) != 0)
        return;
    if (!database_head(path, &application, &version)) {
        bool readable = access(path, R_OK) == 0;
        doctor_say(f, FINDING_FAIL, readable ? "%s: no database, or empty" : "%s: it cannot be read", path);
        doctor_remedy(f, readable
                             ? "stop its program, move the file away, and restore a backup (busbar restore)"
                             : "run busbar doctor as its owner, or as root");
        return;
    }
    if (application != kind->application || version > kind->version) {
        bool newer = application == kind->application;
        doctor_say(f, FINDING_FAIL,
                   newer ? "%s: format %lld is of a newer Busbar" : "%s: of another program (%llx)", path,
                   (long long)(newer ? version : application));
        doctor_remedy(f, newer ? "update Busbar; this one does not open it" : "move the file away");
        return;
    }
    enum status status = database_check(path, CHECK_MS, &reason);
    if (status == BB_OK) {
        doctor_say(f, FINDING_OK, "%s: %s, format %lld, sound", below, kind->what, (long long)version);
        return;
    }
    if (status == BB_TIMEOUT) {
        doctor_say(f, FINDING_OK, "%s: %s, format %lld; too large for a quick look", below, kind->what,
                   (long long)version);
        return;
    }
    doctor_say(f, FINDING_FAIL, "%s", reason.text);
    doctor_remedy(f, status == BB_MALFORMED
                         ? "stop its program, move the file away, and restore a backup (busbar restore)"
                         : "look at the disk, and who may read the file");
}

static void look_config(const struct patient *p, struct finding *f)
{
    look_database(p, "config.db", f);
}

static void look_durable(const struct patient *p, struct finding *f)
{
    look_database(p, "durable.db", f);
}

static void look_chain(const struct patient *p, struct finding *f)
{
    look_database(p, "ledger/chain.db", f);
}

static void look_agents(const struct patient *p, struct finding *f)
{
    look_database(p, "agents/agents.db", f);
}

static void look_historian(const struct patient *p, struct finding *f)
{
    look_database(p, "historian.db", f);
}

static void look_cache(const struct patient *p, struct finding *f)
{
    look_database(p, "historian-cache.db", f);
}

const struct check doctor_stores[] = {{"stores", "config", look_config},
                                      {"stores", "durable", look_durable},
                                      {"stores", "chain", look_chain},
                                      {"stores", "agents", look_agents},
                                      {"stores", "historian", look_historian},
                                      {"stores", "cache", look_cache},
                                      {NULL, NULL, NULL}};
