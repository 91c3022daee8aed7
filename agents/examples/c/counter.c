/* counter: an agent in C that busbar-agentd hosts. It reads its configuration, keeps its count in its state
 * folder, publishes counter/count, and answers the call `count`. With <busbar/directory.h> and jansson,
 * nothing else of Busbar's. */
#include <busbar/directory.h>

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

struct counter {
    struct bb_client *client;
    char path[4096]; /* the count is here between two runs */
    long long count;
};

static uint32_t read_pause(void)
{
    const char *path = getenv("BUSBAR_AGENT_CONFIG");
    json_t *config = path != NULL ? json_load_file(path, 0, NULL) : NULL;
    const json_t *every = json_object_get(config, "every_ms"); /* the schema has a default: it is there */
    uint32_t pause = json_is_integer(every) ? (uint32_t)json_integer_value(every) : 1000;
    json_decref(config);
    return pause;
}

/* Beside the file first, then renamed: a kill leaves the old count or the new one. */
static void save(const struct counter *counter)
{
    char fresh[4200];
    snprintf(fresh, sizeof fresh, "%s.fresh", counter->path);
    FILE *file = fopen(fresh, "w");
    if (file == NULL)
        return;
    bool good = fprintf(file, "%lld\n", counter->count) > 0;
    if (fclose(file) == 0 && good)
        (void)rename(fresh, counter->path);
}

static void load(struct counter *counter)
{
    const char *state = getenv("BUSBAR_AGENT_STATE");
    snprintf(counter->path, sizeof counter->path, "%s/count", state != NULL ? state : ".");
    FILE *file = fopen(counter->path, "r");
    if (file == NULL)
        return;
    if (fscanf(file, "%lld", &counter->count) != 1)
        counter->count = 0;
    fclose(file);
}

static void on_time(void *context)
{
    struct counter *counter = context;
    char message[64];
    counter->count++;
    save(counter);
    snprintf(message, sizeof message, "{\"count\":%lld}", counter->count);
    if (bb_publish(counter->client, "counter/count", NULL, message) != BB_OK)
        fprintf(stderr, "%s\n", bb_client_reason(counter->client));
}

static enum status on_call(void *context, const char *caller, const char *params, char **result_out)
{
    const struct counter *counter = context;
    (void)caller, (void)params;
    return asprintf(result_out, "{\"count\":%lld}", counter->count) > 0 ? BB_OK : BB_FULL;
}

int main(void)
{
    struct counter counter = {0};
    struct bb_loop *loop = NULL;
    struct bb_reason reason = {"no event loop"};
    /* Its home and the broker's address are in the environment. */
    struct bb_client_options options = {
        .identity = getenv("BUSBAR_IDENTITY"), .heartbeat_ms = 5000, .reason = &reason};
    int timer;
    setvbuf(stdout, NULL, _IOLBF, 0); /* each line is in the log as soon as it is printed */
    load(&counter);
    if (bb_loop_open(&loop) != BB_OK || bb_client_open(loop, &options, &counter.client) != BB_OK ||
        bb_serve(counter.client, "count", on_call, &counter) != BB_OK ||
        bb_offer_served(counter.client, "counter", "[\"counter/\"]") != BB_OK ||
        bb_loop_every(loop, read_pause(), on_time, &counter, &timer) != BB_OK) {
        fprintf(stderr, "counter: %s\n", reason.text);
        return 1;
    }
    printf("counting from %lld\n", counter.count);
    (void)!bb_loop_run(loop); /* until SIGTERM */
    printf("stopped at %lld\n", counter.count);
    bb_client_close(counter.client);
    bb_loop_close(loop);
}
