#include "agents/historian/settings.h"

#include "bus/client/bus_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define AT(member) .offset = offsetof(struct settings, member)
#define SECRET_MAX 1000
#define TOPICS_MAX 64

static const char *const targets[] = {"sqlite", "postgres", "influx", NULL};
const struct target_ops *const SETTINGS_TARGETS[] = {&TARGET_SQLITE, &TARGET_POSTGRES, &TARGET_INFLUX};

static const struct setting table[] = {
    BUS_SETTING_IDENTITY(struct settings, 64, "historian"),
    BUS_SETTING_ADDRESS(struct settings),
    BUS_SETTING_HOME(struct settings),
    BUS_SETTING_HEARTBEAT(struct settings),
    {.key = "topics",
     .kind = SETTING_LIST,
     AT(topics),
     .low = 1,
     .high = TOPICS_MAX,
     .preset = "devices/ analysis/ datalogger/ record/ Data/",
     .help = "beginnings of the topics whose readings are kept"},
    {.key = "durable",
     .kind = SETTING_TEXT,
     AT(durable),
     .high = 64,
     .help =
         "read the topics as this durable subscriber: what is published while the agent is away comes, too"},
    {.key = "durable_from",
     .kind = SETTING_TEXT,
     AT(durable_from),
     .high = 5,
     .preset = "now",
     .help = "where a new durable subscriber begins: now or start"},
    {.key = "target", .kind = SETTING_WORD, AT(target), .words = targets, .help = "where readings are kept"},
    {.key = "database",
     .kind = SETTING_TEXT,
     AT(database),
     .low = 1,
     .high = 4000,
     .preset = "historian.db",
     .help = "sqlite: the file; relative paths are below the home"},
    {.key = "connection",
     .kind = SETTING_TEXT,
     AT(connection),
     .high = 2000,
     .help = "postgres: a connection string without a password: \"host=db dbname=grid user=busbar\", "
             "\"service=…\""},
    {.key = "url", .kind = SETTING_TEXT, AT(url), .high = 1000, .help = "influx: http://host:8086"},
    {.key = "influx_database",
     .kind = SETTING_TEXT,
     AT(influx_database),
     .high = 200,
     .help = "influx 1: its database"},
    {.key = "bucket", .kind = SETTING_TEXT, AT(bucket), .high = 200, .help = "influx 2: the bucket"},
    {.key = "organisation",
     .kind = SETTING_TEXT,
     AT(organisation),
     .high = 200,
     .help = "influx 2: its owner"},
    {.key = "username", .kind = SETTING_TEXT, AT(username), .high = 200, .help = "influx 1: at the server"},
    {.key = "secret_file",
     .kind = SETTING_TEXT,
     AT(secret_file),
     .high = 4000,
     .help = "its first line is the password or token; mode 0600; relative paths are below the home"},
    {.key = "timeout_ms",
     .kind = SETTING_INTEGER,
     AT(timeout_ms),
     .low = 100,
     .high = 600000,
     .unit = "ms",
     .preset = "10000",
     .help = "for one step of a target over the network"},
    {.key = "retry_min_ms",
     .kind = SETTING_INTEGER,
     AT(retry_min_ms),
     .low = 10,
     .high = 60000,
     .unit = "ms",
     .preset = "500",
     .help = "the first pause before the target is tried again; it doubles"},
    {.key = "retry_max_ms",
     .kind = SETTING_INTEGER,
     AT(retry_max_ms),
     .low = 10,
     .high = 3600000,
     .unit = "ms",
     .preset = "30000",
     .help = "the longest pause before the target is tried again"},
    {.key = "batch_readings",
     .kind = SETTING_INTEGER,
     AT(batch_readings),
     .low = 1,
     .high = 100000,
     .preset = "5000",
     .help = "readings of one batch, at most"},
    {.key = "batch_ms",
     .kind = SETTING_INTEGER,
     AT(batch_ms),
     .low = 10,
     .high = 60000,
     .unit = "ms",
     .preset = "200",
     .help = "after so long a batch is written, full or not"},
    {.key = "cache",
     .kind = SETTING_TEXT,
     AT(cache),
     .low = 1,
     .high = 4000,
     .preset = "historian-cache.db",
     .help = "the file where batches wait for the target; relative paths are below the home"},
    {.key = "cache_bytes",
     .kind = SETTING_INTEGER,
     AT(cache_bytes),
     .low = 65536,
     .high = 1099511627776.0,
     .unit = "bytes",
     .preset = "1073741824",
     .help = "of waiting batches; beyond, the oldest go, counted and with an alert"},
    {.key = "memory_bytes",
     .kind = SETTING_INTEGER,
     AT(memory_bytes),
     .low = 1048576,
     .high = 4294967296.0,
     .unit = "bytes",
     .preset = "33554432",
     .help = "of batches that the disk has not taken yet; beyond, the oldest go"},
    {.key = "series_max",
     .kind = SETTING_INTEGER,
     AT(series_max),
     .low = 1,
     .high = 1000000,
     .preset = "100000",
     .help = "series that are kept; readings of further ones are counted and left"},
    {.key = "retention",
     .kind = SETTING_LIST,
     AT(retention),
     .high = RULES_MAX,
     .help = "how long readings stay, by beginnings of series: \"Data/ 30d\", \"* 365d\"; without: for ever"},
    {.key = "aggregation",
     .kind = SETTING_LIST,
     AT(aggregation),
     .high = RULES_MAX,
     .help = "which aggregates are kept, by beginnings of series: \"Data/ 15m 1h\", of 1m 15m 1h 1d"},
};

const struct config settings_config = {"historian-agent", "keeps the readings of chosen topics.", table,
                                       sizeof table / sizeof *table};

static enum status read_rules(const struct settings *s, struct rules *out, struct bb_reason *reason)
{
    enum status status = BB_OK;
    *out = (struct rules){.retention_count = 0};
    for (size_t i = 0; i < s->retention.count && status == BB_OK; i++)
        status = rules_retention(out, s->retention.items[i], reason);
    for (size_t i = 0; i < s->aggregation.count && status == BB_OK; i++)
        status = rules_aggregation(out, s->aggregation.items[i], reason);
    return status;
}

/* A hosted agent has a folder of its own for what it writes (BUSBAR_AGENT_STATE). */
static enum status place(const char *home, char **path, bool written, struct bb_reason *reason)
{
    const char *state = written ? getenv("BUSBAR_AGENT_STATE") : NULL;
    return config_place(state != NULL && *state == '/' ? state : home, path, reason);
}

/* A word at the beginning of a text or behind a space. */
static bool has_word(const char *text, const char *word)
{
    const char *at = strstr(text, word);
    return at != NULL && (at == text || at[-1] == ' ');
}

static const char *influx_discord(const struct settings *s)
{
    bool first = s->influx_database[0] != '\0', second = s->bucket[0] != '\0';
    if (strncmp(s->url, "http://", 7) != 0 && strncmp(s->url, "https://", 8) != 0)
        return "the target influx wants an url: http://host:8086";
    if (first == second)
        return "the target influx wants either influx_database (version 1) or bucket (version 2)";
    if (second && (s->organisation[0] == '\0' || s->secret_file[0] == '\0'))
        return "bucket wants organisation, and secret_file with the token";
    if (s->retention.count + s->aggregation.count > 0)
        return "retention and aggregation are InfluxDB's own affair with the target influx";
    return NULL;
}

static const char *discord(const struct settings *s)
{
    if (s->retry_max_ms < s->retry_min_ms)
        return "retry_max_ms is less than retry_min_ms";
    if (strcmp(s->durable_from, "now") != 0 && strcmp(s->durable_from, "start") != 0)
        return "durable_from is now or start";
    if (s->target == 1 && s->connection[0] == '\0')
        return "the target postgres wants a connection: \"host=db dbname=grid user=busbar\"";
    if (has_word(s->connection, "password") || strstr(s->connection, "://") != NULL)
        return "connection is of the form \"host=… dbname=… user=…\", without a password: that belongs into "
               "secret_file, a service or PGPASSFILE";
    return s->target == 2 ? influx_discord(s) : NULL;
}

enum status settings_check(struct settings *settings, struct rules *rules_out, struct bb_reason *reason)
{
    char **const paths[] = {&settings->database, &settings->cache, &settings->secret_file};
    const size_t written = 2;
    const char *fault = discord(settings);
    if (fault != NULL) {
        bb_reason_say(reason, "%s", fault);
        return BB_RANGE;
    }
    enum status status = read_rules(settings, rules_out, reason);
    for (size_t i = 0; i < sizeof paths / sizeof *paths && status == BB_OK; i++)
        status = place(settings->home, paths[i], i < written, reason);
    return status;
}

static enum status read_secret(int fd, const char *path, struct bb_reason *reason, char **out)
{
    struct stat about;
    char text[SECRET_MAX + 2];
    if (fstat(fd, &about) != 0 || (about.st_mode & 077) != 0) {
        bb_reason_say(reason, "%.300s: others can read it; chmod 600 it", path);
        return BB_DENIED;
    }
    ssize_t size = read(fd, text, sizeof text - 1);
    if (size < 0) {
        bb_reason_say(reason, "%.300s: %s", path, strerror(errno));
        return BB_IO;
    }
    text[size] = '\0';
    size_t length = strcspn(text, "\r\n");
    text[length] = '\0';
    if (length == 0 || length > SECRET_MAX) {
        bb_reason_say(reason, "%.300s: its first line is to be a secret of 1 to %d bytes", path, SECRET_MAX);
        return BB_RANGE;
    }
    *out = strdup(text);
    explicit_bzero(text, sizeof text);
    return *out == NULL ? BB_FULL : BB_OK;
}

enum status settings_secret(const struct settings *settings, struct bb_reason *reason, char **out)
{
    const char *path = settings->secret_file;
    if (path[0] == '\0') {
        *out = strdup("");
        return *out == NULL ? BB_FULL : BB_OK;
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        bb_reason_say(reason, "%.300s: %s", path, strerror(errno));
        return BB_NOT_FOUND;
    }
    enum status status = read_secret(fd, path, reason, out);
    close(fd);
    return status;
}

struct target_settings settings_target(const struct settings *s, const char *secret)
{
    return (struct target_settings){.path = s->database,
                                    .connection = s->connection,
                                    .url = s->url,
                                    .database = s->influx_database,
                                    .bucket = s->bucket,
                                    .organisation = s->organisation,
                                    .username = s->username,
                                    .secret = secret,
                                    .timeout_ms = (uint32_t)s->timeout_ms};
}
