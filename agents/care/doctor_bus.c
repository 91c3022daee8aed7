/* The bus: whether the broker answers, whose program it is, which rules hold, and the ports of its doors. */
#include "agents/care/doctor.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATH_ROOM 1024

static const json_t *stat_of(const struct patient *p, const char *name)
{
    return json_object_get(json_object_get(p->broker, "stats"), name);
}

/* True when a busbard holds this home. */
static bool is_held(const struct patient *p)
{
    char path[PATH_ROOM];
    snprintf(path, sizeof path, "%s/run/busbard.lock", p->home);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    bool held = flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
    close(fd);
    return held;
}

static void say_start(const struct patient *p, struct finding *f)
{
    if (p->host)
        doctor_remedy(f, "systemctl start busbard; journalctl -u busbard says why it does not");
    else
        doctor_remedy(f, "busbard --home %s", p->home);
}

static void look_broker(const struct patient *p, struct finding *f)
{
    if (p->unreachable == NULL) {
        doctor_say(f, FINDING_OK, "busbard answers at %s, %zu peers, up %lld s",
                   json_string_value(json_object_get(p->broker, "address")), json_array_size(p->peers),
                   (long long)json_integer_value(stat_of(p, "uptime_s")));
        return;
    }
    bool held = is_held(p);
    doctor_say(f, FINDING_FAIL,
               held ? "busbard runs on this home but does not answer: %s" : "busbard does not run: %s",
               p->unreachable);
    if (held)
        doctor_remedy(
            f, "look at its log; is keys/cli.json among the keys of access.json (busbar access list)?");
    else
        say_start(p, f);
}

/* True when somebody listens on a port of the loopback. */
static bool is_taken(uint16_t port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
    int yes = 1;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bool taken = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
                 bind(fd, (const struct sockaddr *)&at, sizeof at) != 0 && errno == EADDRINUSE;
    if (fd >= 0)
        close(fd);
    return taken;
}

static void look_ports(const struct patient *p, struct finding *f)
{
    static const uint16_t ports[] = {22916, 22917, 22918};
    if (p->unreachable == NULL || is_held(p))
        return;
    doctor_say(f, FINDING_OK, "the usual ports of the doors are free");
    for (size_t i = 0; i < sizeof ports / sizeof *ports; i++) {
        if (!is_taken(ports[i]))
            continue;
        doctor_say(f, FINDING_WARN, "another program listens on port %u, where busbard's door would be",
                   ports[i]);
        doctor_remedy(f, "ss -ltnp 'sport = :%u' tells which; or other doors: busbard --vip, --sub, --pub",
                      ports[i]);
        return;
    }
}

static void look_version(const struct patient *p, struct finding *f)
{
    const char *theirs = json_string_value(stat_of(p, "version"));
    if (theirs == NULL)
        return;
    doctor_say(f, FINDING_OK, "busbar and busbard are of one version, %s", theirs);
    if (strcmp(theirs, BUSBAR_VERSION) == 0)
        return;
    doctor_say(f, FINDING_WARN, "busbard is %s, this command %s", theirs, BUSBAR_VERSION);
    doctor_remedy(f, "restart the services after an update: systemctl restart busbar.target");
}

static void look_security(const struct patient *p, struct finding *f)
{
    const char *security = json_string_value(stat_of(p, "security"));
    if (security == NULL)
        return;
    bool open = strcmp(security, "none") == 0;
    doctor_say(f, open ? FINDING_WARN : FINDING_OK,
               open ? "no encryption: everybody on this machine may do everything"
                    : "connections are encrypted, "
                      "keys alone open the doors");
    if (open)
        doctor_remedy(f, "busbard --security curve, the default");
}

static void look_rules(const struct patient *p, struct finding *f)
{
    const json_t *rules = stat_of(p, "access");
    if (rules == NULL)
        return;
    doctor_say(f, FINDING_OK, "the rules of access.json are in force");
    if (json_is_true(json_object_get(rules, "held"))) {
        doctor_say(f, FINDING_FAIL, "busbard cannot read the present access.json: the old rules hold");
        doctor_remedy(f, "busbar status says why; mend the file");
    } else if (json_integer_value(json_object_get(rules, "pending")) > 0) {
        doctor_say(f, FINDING_WARN, "%lld keys or grants were asked for and refused",
                   (long long)json_integer_value(json_object_get(rules, "pending")));
        doctor_remedy(f, "busbar access pending");
    }
}

static void look_drops(const struct patient *p, struct finding *f)
{
    const json_t *dropped = stat_of(p, "dropped");
    if (dropped == NULL)
        return;
    json_int_t count = json_integer_value(dropped);
    doctor_say(f, count == 0 ? FINDING_OK : FINDING_WARN,
               count == 0 ? "no message was dropped"
                          : "%lld messages were dropped for peers that are too slow",
               (long long)count);
    if (count != 0)
        doctor_remedy(f, "busbar peers tells whose; --durable for topics that must not be missed");
}

const struct check doctor_bus[] = {{"bus", "broker", look_broker},
                                   {"bus", "ports", look_ports},
                                   {"bus", "version", look_version},
                                   {"bus", "security", look_security},
                                   {"bus", "rules", look_rules},
                                   {"bus", "drops", look_drops},
                                   {NULL, NULL, NULL}};
