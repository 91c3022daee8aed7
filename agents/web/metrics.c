#include "agents/web/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* One sample without labels. */
struct sample {
    const char *name, *type, *unit, *help;
    double value;
};

static void print(FILE *to, const struct sample *s)
{
    bool counter = s->type[0] == 'c';
    fprintf(to, "# TYPE %s %s\n", s->name, s->type);
    if (s->unit != NULL)
        fprintf(to, "# UNIT %s %s\n", s->name, s->unit);
    fprintf(to, "# HELP %s %s\n%s%s %.15g\n", s->name, s->help, s->name, counter ? "_total" : "", s->value);
}

static void print_all(FILE *to, const struct sample *samples, size_t count)
{
    for (size_t i = 0; i < count; i++)
        print(to, &samples[i]);
}

static void print_answers(FILE *to, const struct server_counts *counts)
{
    fputs("# TYPE busbar_web_responses counter\n# HELP busbar_web_responses Answers, by hundreds of their "
          "status.\n",
          to);
    for (int hundred = 1; hundred <= 5; hundred++)
        fprintf(to, "busbar_web_responses_total{code=\"%dxx\"} %" PRIu64 "\n", hundred,
                counts->answers[hundred]);
}

static void print_server(FILE *to, const struct metrics *m)
{
    const struct server_counts *server = &m->server;
    const struct stream_counts *stream = &m->stream;
    const struct sample samples[] = {
        {"busbar_web_uptime_seconds", "gauge", "seconds", "Since busbar-webd was started.", m->uptime_s},
        {"busbar_web_requests", "counter", NULL, "Requests.", (double)server->requests},
        {"busbar_web_refused", "counter", NULL, "Requests that were refused for what they are.",
         (double)server->refused},
        {"busbar_web_connections", "gauge", NULL, "Connections that are open.", (double)server->open},
        {"busbar_web_connections_opened", "counter", NULL, "Connections so far.",
         (double)server->connections},
        {"busbar_web_connections_cut", "counter", NULL, "Connections that were cut for being slow.",
         (double)server->cut},
        {"busbar_web_streams", "gauge", NULL, "Streams of events that are open.", (double)stream->clients},
        {"busbar_web_kept_values", "gauge", NULL, "Values kept for who comes.", (double)stream->keys},
        {"busbar_web_kept_bytes", "gauge", "bytes", "Bytes of them.", (double)stream->bytes},
        {"busbar_web_published", "counter", NULL, "Values published on the channels.",
         (double)stream->published},
        {"busbar_web_passed", "counter", NULL, "Passing values on the channels.", (double)stream->passed},
        {"busbar_web_missed", "counter", NULL, "Passing values that slow clients missed.",
         (double)stream->missed},
        {"busbar_web_dropped", "counter", NULL, "Values pushed out or refused.", (double)stream->dropped},
        {"process_cpu_seconds", "counter", "seconds", "Processor time of busbar-webd.", m->cpu_s},
        {"process_resident_memory_bytes", "gauge", "bytes", "Memory of busbar-webd.",
         (double)m->resident_bytes},
    };
    print_all(to, samples, sizeof samples / sizeof *samples);
    print_answers(to, server);
}

/* No price before the first trade, and no incremental cost without a board: no sample, then. */
static void print_grid(FILE *to, const struct overview *o)
{
    const struct sample samples[] = {
        {"busbar_bus_up", "gauge", NULL, "1 while the broker is connected.", o->bus},
        {"busbar_ledger_up", "gauge", NULL, "1 while the ledger is on the bus.", o->ledger},
        {"busbar_boards", "gauge", NULL, "Boards that are known.", (double)o->boards},
        {"busbar_boards_online", "gauge", NULL, "Boards that are online.", (double)o->online},
        {"busbar_boards_certified", "gauge", NULL, "Boards with a certificate of the optimum.",
         (double)o->certified},
        {"busbar_alarms", "gauge", NULL, "Alarms that are active or acknowledged.", (double)o->alarms},
        {"busbar_generation_watts", "gauge", "watts", "Generation of the boards that are online.",
         (double)o->generation_mw / 1e3},
        {"busbar_load_watts", "gauge", "watts", "Load of the boards that are online.",
         (double)o->load_mw / 1e3},
        {"busbar_mismatch_watts", "gauge", "watts", "Load less generation.",
         (double)(o->load_mw - o->generation_mw) / 1e3},
    };
    const struct sample lambda = {"busbar_lambda_dollars_per_kwh", "gauge", NULL, "The incremental cost.",
                                  (double)overview_lambda(o) / 1e6};
    const struct sample price = {"busbar_price_dollars_per_kwh", "gauge", NULL,
                                 "The price of the last trade.", (double)o->price_micro / 1e6};
    print_all(to, samples, sizeof samples / sizeof *samples);
    if (o->online > 0)
        print(to, &lambda);
    if (o->price_micro >= 0)
        print(to, &price);
}

char *metrics_text(const struct metrics *metrics)
{
    char *text = NULL;
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    if (to == NULL)
        return NULL;
    fputs("# TYPE busbar_build info\n# HELP busbar_build What this "
          "is.\nbusbar_build_info{version=\"" BUSBAR_VERSION "\"} 1\n",
          to);
    print_grid(to, &metrics->overview);
    print_server(to, metrics);
    fputs("# EOF\n", to);
    if (fclose(to) == 0)
        return text;
    free(text);
    return NULL;
}
