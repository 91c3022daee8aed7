#include "agents/modbus/scan.h"

#include "agents/modbus/line.h"
#include "agents/modbus/plan.h"
#include "agents/modbus/settings.h"
#include "agents/modbus/sunspec.h"
#include "agents/modbus/value.h"

#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 2000
#define DUMP       100

static struct job *job_of(int unit, size_t count)
{
    struct job *job = line_job(count);
    if (job != NULL) {
        job->unit = unit;
        job->timeout_ms = TIMEOUT_MS;
    }
    return job;
}

/* Reads registers; the result, and why it is none in `why`. */
static enum step_result read_at(struct port *port, int unit, enum point_table table, uint16_t address,
                                uint16_t count, uint16_t *registers, char *why, size_t size)
{
    struct job *job = job_of(unit, 1);
    if (job == NULL)
        return STEP_FAILED;
    job->steps[0] = (struct step){.table = table, .address = address, .count = count};
    line_run(port, job);
    enum step_result result = job->steps[0].result;
    memcpy(registers, job->steps[0].data, count * sizeof *registers);
    snprintf(why, size, "%s", job->text);
    free(job);
    return result;
}

static void print_point(const struct points *points, const struct plan *plan, const struct job *job,
                        const size_t *read, size_t at, FILE *to)
{
    const struct point *p = &points->list[at];
    const struct step *step = &job->steps[read[at]];
    struct value value = {VALUE_NULL, false, ""};
    int power = 0;
    bool known = step->result == STEP_DONE;
    (void)plan;
    if (known && p->power_at >= 0) {
        const struct point *of = &points->list[p->power_at];
        const struct step *there = &job->steps[read[p->power_at]];
        known = there->result == STEP_DONE && value_power(there->data[of->address - there->address], &power);
    }
    if (known)
        value_decode(p, &step->data[p->address - step->address], power, &value);
    if (value.kind == VALUE_NULL)
        return;
    fprintf(to, "%5d  %-32s %s %s%s\n", p->address, p->name, value.text, p->units,
            p->writable ? "  (writable)" : "");
}

static int print_points(struct port *port, int unit, const struct points *points, FILE *to)
{
    struct plan plan;
    size_t *read = calloc(points->count + 1, sizeof *read);
    if (read == NULL || plan_make(points, READ_MAX, &plan) != BB_OK) {
        free(read);
        return 1;
    }
    struct job *job = job_of(unit, plan.count);
    for (size_t i = 0; i < plan.count && job != NULL; i++) {
        job->steps[i] = (struct step){
            .table = plan.reads[i].table, .address = plan.reads[i].address, .count = plan.reads[i].count};
        for (size_t k = 0; k < plan.reads[i].points; k++)
            read[plan.order[plan.reads[i].first + k]] = i;
    }
    if (job != NULL)
        line_run(port, job);
    for (size_t i = 0; i < points->count && job != NULL; i++)
        if (!points->list[i].hidden)
            print_point(points, &plan, job, read, i, to);
    free(job);
    free(read);
    plan_free(&plan);
    return 0;
}

static void dump(struct port *port, int unit, FILE *to)
{
    static const char *const names[] = {"coils", "discrete inputs", "input registers", "holding registers"};
    uint16_t registers[DUMP];
    char why[256];
    fprintf(to, "no SunSpec device; its first %d registers:\n", DUMP);
    for (int table = 0; table < 4; table++) {
        enum step_result result =
            read_at(port, unit, (enum point_table)table, 0, DUMP, registers, why, sizeof why);
        fprintf(to, "%s%s%s\n", names[table], result == STEP_DONE ? "" : ": ",
                result == STEP_DONE ? "" : why);
        for (int i = 0; i < DUMP && result == STEP_DONE; i++)
            if (registers[i] != 0)
                fprintf(to, "%5d  %5u  0x%04x\n", i, registers[i], registers[i]);
    }
}

static int look(struct port *port, int unit, FILE *to)
{
    static struct sunspec_walk walk;
    struct points points;
    uint16_t address, registers[2];
    char why[256] = "";
    for (sunspec_begin(&walk); sunspec_next(&walk, &address);) {
        enum step_result result = read_at(port, unit, TABLE_HOLDING, address, 2, registers, why, sizeof why);
        if (result == STEP_FAILED) {
            fprintf(stderr, "modbus-agent: %s\n", why);
            return 1;
        }
        sunspec_feed(&walk, result == STEP_DONE ? registers : NULL);
    }
    if (!walk.found) {
        dump(port, unit, to);
        return 0;
    }
    for (size_t i = 0; i < walk.count; i++)
        fprintf(to, "%5d  model %u%s%s, %u registers\n", walk.models[i].address, walk.models[i].model,
                walk.models[i].known != NULL ? ", " : "",
                walk.models[i].known != NULL ? walk.models[i].known->name : "", walk.models[i].length);
    if (sunspec_points(&walk, &points) != BB_OK)
        return 0;
    int code = print_points(port, unit, &points, to);
    free(points.list);
    return code;
}

/* tcp:HOST:PORT or rtu:PATH[:BAUD] (8E1). */
static enum status read_place(const char *text, struct port_place *out)
{
    if (strncmp(text, "tcp:", 4) == 0)
        return settings_tcp(text + 4, out);
    if (strncmp(text, "rtu:/", 5) != 0)
        return BB_MALFORMED;
    const char *path = text + 4, *colon = strrchr(path, ':');
    size_t size = colon == NULL ? strlen(path) : (size_t)(colon - path);
    long baud = colon == NULL ? 9600 : strtol(colon + 1, NULL, 10);
    *out = (struct port_place){.kind = PORT_RTU, .baud = (int)baud, .parity = 'E', .stop = 1};
    if (size >= sizeof out->target || baud < 1200 || baud > 230400)
        return BB_MALFORMED;
    memcpy(out->target, path, size);
    return BB_OK;
}

int scan(const char *place, int unit, FILE *to)
{
    struct port_place where;
    if (read_place(place, &where) != BB_OK) {
        fprintf(stderr, "modbus-agent: --scan wants tcp:HOST:PORT or rtu:PATH[:BAUD], not \"%s\"\n", place);
        return 2;
    }
    struct port *port = port_new(&where);
    int code = port == NULL ? 1 : look(port, unit, to);
    port_free(port);
    return code;
}
