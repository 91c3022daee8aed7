/* busbar demo: a whole neighbourhood on this machine: boards on virtual cables, the broker, both agents;
 * until every board is certified, and on until Ctrl-C. */
#include "agents/cli/decimal.h"
#include "agents/cli/demo.h"
#include "agents/cli/demo_crew.h"
#include "agents/cli/demo_keys.h"
#include "agents/cli/demo_whole.h"
#include "agents/cli/home.h"
#include "agents/cli/plan.h"
#include "agents/cli/verbs.h"

#include <busbar/check.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define DEMO_BOARDS_MIN 2
#define DEMO_BOARDS_MAX 40
#define DEMO_LOOK_MS    100
/* Each byte of a whole board's link costs the machine that emulates it a hundred times what it costs a board:
 * sixteen of them on two processors have no time for more. */
#define WHOLE_SLOWNESS 6

struct demo {
    const struct call *call;
    struct scenario scenario;
    struct plan plan;
    char home[256], log_folder[300];
    bool own_home; /* made here: to be removed */
    bool json, once;
    const char *web; /* --web; NULL: not given */
    bool has_web;
    bool full;               /* whole emulated boards */
    char firmware[PATH_MAX]; /* busbar-node for ARM; empty: this machine's is run */
    int64_t baud;
    struct crew crew;
    struct bb_loop *loop;
    struct bb_client *client;
    struct watch watch;
    struct demo_market market;
    bool certified; /* and told: what the boards say no longer ends the loop */
    int64_t started_ms, deadline_ms;
    char last_line[160];
    enum status ended; /* why the loop was stopped: BB_OK certified, BB_TIMEOUT, BB_CLOSED a process, … */
    struct bb_reason reason;
};

static enum status fail(struct demo *d, enum status status)
{
    d->ended = status;
    bb_loop_stop(d->loop);
    return status;
}

static enum status take_options(struct demo *d)
{
    const struct call *call = d->call;
    const char *file = call_value(call, "case"), *method = call_value(call, "method");
    const char *topology = call_value(call, "topology"), *boards = call_value(call, "boards");
    bool whole = boards != NULL && strcmp(boards, "full") == 0;
    double timeout_s;
    enum status status = file == NULL ? scenario_shipped(&d->reason, &d->scenario)
                                      : scenario_read(file, &d->reason, &d->scenario);
    if (status == BB_MALFORMED)
        return BB_RANGE;
    if (status == BB_OK && (d->scenario.count < DEMO_BOARDS_MIN || d->scenario.count > DEMO_BOARDS_MAX))
        return call_reason(&d->reason, BB_RANGE, "%s: %zu nodes; the demo takes %d to %d", d->scenario.name,
                           d->scenario.count, DEMO_BOARDS_MIN, DEMO_BOARDS_MAX);
    if (status == BB_OK)
        status = call_integer(call, "baud", 1200, 4000000, 115200, &d->reason, &d->baud);
    if (status == BB_OK)
        status = call_number(call, "timeout", 1, 3600, whole ? 300 : 120, &d->reason, &timeout_s);
    if (status != BB_OK)
        return status;
    d->deadline_ms = bb_loop_mono_ms() + (int64_t)(timeout_s * 1000);
    d->json = call_flag(call, "json");
    d->once = call_flag(call, "once");
    d->web = call_value(call, "web");
    d->plan = (struct plan){.scenario = &d->scenario,
                            .home = d->home,
                            .method = method == NULL ? "curves" : method,
                            .topology = topology == NULL ? simulation_topology(&d->scenario) : topology,
                            .seed = 1};
    d->full = whole;
    if (d->full)
        d->plan.slowness = WHOLE_SLOWNESS;
    if (boards != NULL && strcmp(boards, "process") != 0)
        status = demo_crew_firmware(&d->reason, d->firmware);
    if (status != BB_OK)
        return status;
    if (strcmp(d->plan.topology, "links") == 0 && d->scenario.link_count == 0)
        return call_reason(&d->reason, BB_RANGE, "--topology links: the case gives no \"links\"");
    return BB_OK;
}

/* True when the folder is not there, or holds nothing but perhaps what an earlier demo made. */
static bool may_furnish(const char *home)
{
    char mark[512];
    snprintf(mark, sizeof mark, "%s/demo", home);
    if (access(mark, F_OK) == 0)
        return true;
    DIR *folder = opendir(home);
    if (folder == NULL)
        return true;
    size_t entries = 0;
    while (readdir(folder) != NULL)
        entries++;
    closedir(folder);
    return entries <= 2; /* . and .. */
}

/* A home of its own under $TMPDIR or /tmp, or that of --home: empty, or of an earlier demo. */
static enum status choose_home(struct demo *d)
{
    const char *given = call_value(d->call, "home"), *folder = getenv("TMPDIR");
    char path[1024];
    if (given != NULL) {
        char here[512] = "";
        if (*given != '/' && getcwd(here, sizeof here) == NULL)
            return call_reason(&d->reason, BB_IO, "the present folder has no name");
        snprintf(path, sizeof path, "%s%s%s", here, *given == '/' ? "" : "/", given);
        enum status status = home_find(path, &d->reason, d->home, sizeof d->home);
        if (status == BB_OK && !may_furnish(d->home))
            return call_reason(&d->reason, BB_EXISTS, "%s holds what no demo has made; choose another --home",
                               d->home);
        return status;
    }
    bool fits = folder != NULL && *folder == '/' && strlen(folder) < 60;
    snprintf(d->home, sizeof d->home, "%s/busbar-XXXXXX", fits ? folder : "/tmp");
    if (mkdtemp(d->home) == NULL)
        return call_reason(&d->reason, BB_IO, "%s cannot be made", d->home);
    d->own_home = true;
    return BB_OK;
}

/* Holds the home for this demo alone, as long as the process lives. */
static enum status hold_home(struct demo *d)
{
    static const char text[] = "made by `busbar demo`; it may be used again\n";
    char path[512];
    snprintf(path, sizeof path, "%s/demo", d->home);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return call_reason(&d->reason, BB_IO, "%s cannot be made", path);
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        close(fd);
        return call_reason(&d->reason, BB_EXISTS, "another demo runs in %s; choose another --home", d->home);
    }
    bool said = pwrite(fd, text, sizeof text - 1, 0) == (ssize_t)(sizeof text - 1);
    return said ? BB_OK : call_reason(&d->reason, BB_IO, "%s cannot be written", path);
}

static enum status furnish(struct demo *d)
{
    struct home_item items[HOME_ITEMS_MAX];
    size_t count;
    bool rounded = false;
    enum status status = home_make(d->home, NULL, &d->reason, items, &count);
    if (status == BB_OK)
        status = hold_home(d);
    if (status == BB_OK)
        status = plan_write(&d->plan, &d->reason, &rounded);
    if (rounded)
        fputs("busbar demo: parameters with more than six decimals are rounded: boards count millionths\n",
              stderr);
    snprintf(d->log_folder, sizeof d->log_folder, "%s/log", d->home);
    d->crew.log_folder = d->log_folder;
    d->crew.home = d->home;
    return status;
}

static void on_pause(void *context)
{
    bb_loop_stop(context);
}

/* Lets the loop run for `ms`. BB_INTERRUPTED after a signal. */
static enum status pause_for(struct demo *d, uint32_t ms)
{
    int timer;
    enum status status = bb_loop_after(d->loop, ms, on_pause, d->loop, &timer);
    return status == BB_OK ? bb_loop_run(d->loop) : status;
}

/* Waits until the file is there, with all processes alive. */
static enum status wait_for_file(struct demo *d, const char *path)
{
    enum status status = BB_OK;
    while (status == BB_OK && access(path, F_OK) != 0) {
        status = crew_check(&d->crew, &d->reason);
        if (status == BB_OK && bb_loop_mono_ms() > d->deadline_ms)
            return call_reason(&d->reason, BB_TIMEOUT, "%s has not come; logs are in %s", path,
                               d->log_folder);
        if (status == BB_OK)
            status = pause_for(d, 10);
    }
    return status;
}

static enum status wait_for_cables(struct demo *d)
{
    enum status status = BB_OK;
    for (size_t i = 0; i < d->scenario.count && status == BB_OK; i++) {
        char agent[128], board[128];
        plan_cable(&d->plan, i, agent, board);
        status = wait_for_file(d, agent);
        if (status == BB_OK)
            status = wait_for_file(d, board);
    }
    return status;
}

static void on_message(void *context, const char *topic, const char *sender, const char *headers,
                       const char *message)
{
    struct demo *d = context;
    (void)topic;
    (void)sender;
    (void)headers;
    watch_take(&d->watch, message);
    if (!d->certified && watch_certified(&d->watch))
        (void)!fail(d, BB_OK);
}

static enum status connect_client(struct demo *d)
{
    char path[512];
    snprintf(path, sizeof path, "%s/run/vip.address", d->home);
    enum status status = wait_for_file(d, path);
    if (status != BB_OK)
        return status;
    char address[1024] = "", identity[32];
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        (void)!fgets(address, sizeof address, file);
        fclose(file);
    }
    address[strcspn(address, "\r\n")] = '\0';
    snprintf(identity, sizeof identity, "cli.%ld", (long)getpid());
    struct bb_client_options options = {
        .identity = identity, .address = address, .home = d->home, .reason = &d->reason};
    status = bb_client_open(d->loop, &options, &d->client);
    return status == BB_OK ? bb_subscribe(d->client, "Data/", on_message, d) : status;
}

/* The boards: programs, or whole ones that go on from where one was started. */
static enum status start_boards(struct demo *d, const struct whole *whole)
{
    if (!d->full)
        return demo_crew_boards(&d->crew, &d->plan, *d->firmware != '\0' ? d->firmware : NULL, &d->reason);
    enum status status = demo_whole_start(whole);
    return status == BB_OK ? demo_whole_enroll(whole, d->client, d->watch.boards) : status;
}

/* Before the boards, so that it sees them agree. Where the package with the dashboard is not installed, the
 * demo does without, unless it was asked for. */
static enum status open_web(struct demo *d)
{
    if (!demo_crew_web_wanted(d->web, d->once))
        return BB_OK;
    enum status status = demo_crew_web_start(&d->crew, d->web, &d->reason);
    d->has_web = status == BB_OK;
    if (status != BB_NOT_FOUND || d->web != NULL)
        return status;
    fputs("busbar demo: busbar-webd is not installed: no dashboard\n", stderr);
    return BB_OK;
}

static enum status start_all(struct demo *d)
{
    const struct whole whole = {&d->crew,       &d->plan, d->loop,   d->firmware,
                                d->deadline_ms, d->json,  &d->reason};
    enum status status = d->full ? demo_whole_boot(&whole) : BB_OK;
    if (status == BB_OK)
        status = demo_crew_cables(&d->crew, &d->plan, d->baud, &d->reason);
    if (status == BB_OK)
        status = demo_crew_broker(&d->crew, &d->plan, &d->reason);
    if (status == BB_OK)
        status = wait_for_cables(d);
    if (status == BB_OK)
        status = connect_client(d);
    if (status == BB_OK)
        status = open_web(d);
    if (status == BB_OK)
        status = demo_crew_agents(&d->crew, &d->plan, &d->reason);
    d->started_ms = bb_loop_mono_ms();
    if (status == BB_OK)
        status = start_boards(d, &whole);
    return status;
}

/* One line of the convergence, when something has changed. */
static void tell_progress(struct demo *d)
{
    struct board_totals t = boards_total(d->watch.boards);
    char low[DECIMAL_TEXT_MAX], high[DECIMAL_TEXT_MAX], mismatch[DECIMAL_TEXT_MAX], line[sizeof d->last_line];
    if (d->json || t.online == 0)
        return;
    snprintf(line, sizeof line, "λ %9s … %9s $/kWh   mismatch %11s kW   online %2zu   certified %2zu of %zu",
             decimal_format(t.lambda_min, 4, low), decimal_format(t.lambda_max, 4, high),
             decimal_format(t.load_mw - t.generation_mw, 3, mismatch), t.online, t.certified,
             d->scenario.count);
    if (strcmp(line, d->last_line) == 0)
        return;
    memcpy(d->last_line, line, sizeof line);
    printf("%6.2f s   %s\n", (double)(bb_loop_mono_ms() - d->started_ms) / 1e3, line);
    fflush(stdout);
}

static void on_look(void *context)
{
    struct demo *d = context;
    tell_progress(d);
    enum status status = crew_check(&d->crew, &d->reason);
    if (status != BB_OK) {
        (void)!fail(d, status);
    } else if (d->deadline_ms > 0 && bb_loop_mono_ms() > d->deadline_ms) {
        struct board_totals t = boards_total(d->watch.boards);
        (void)!fail(
            d, call_reason(&d->reason, BB_TIMEOUT,
                           "not certified in time: %zu of %zu boards online, %zu certified; logs are in %s",
                           t.online, d->scenario.count, t.certified, d->log_folder));
    }
}

static void on_hangup(void *context)
{
    (void)!fail(context, BB_INTERRUPTED);
}

/* Runs the loop until something is to be told: d->ended, or BB_INTERRUPTED. */
static enum status run_loop(struct demo *d)
{
    d->ended = BB_OK;
    enum status status = bb_loop_run(d->loop);
    return status == BB_OK ? d->ended : status;
}

/* Waits until the ledger answers, with all processes alive: it may be unknown to the bus yet, or busy with
 * its start on a slow machine. */
static enum status wait_for_ledger(struct demo *d)
{
    for (;;) {
        char *answer = NULL;
        enum status status = bb_call(d->client, "ledger", "status", NULL, 1000, &answer);
        free(answer);
        enum status crew = crew_check(&d->crew, &d->reason);
        if (crew != BB_OK || status == BB_OK || status == BB_INTERRUPTED)
            return crew != BB_OK ? crew : status;
        if (bb_loop_mono_ms() > d->deadline_ms)
            return call_reason(&d->reason, BB_TIMEOUT, "the ledger does not answer: %s; logs are in %s",
                               bb_client_reason(d->client), d->log_folder);
        if (pause_for(d, 10) == BB_INTERRUPTED)
            return BB_INTERRUPTED;
    }
}

/* The ledger starts when the boards are certified: it takes nothing from them. */
static enum status trade(struct demo *d)
{
    d->market = (struct demo_market){.home = d->home, .client = d->client, .reason = &d->reason};
    enum status status = demo_market_found(&d->market);
    if (status == BB_OK)
        status = demo_crew_ledger(&d->crew, &d->plan, &d->reason);
    if (status == BB_OK)
        status = wait_for_ledger(d);
    return status == BB_OK ? demo_market_run(&d->market) : status;
}

static enum status report(struct demo *d)
{
    struct demo_result *r = calloc(1, sizeof *r);
    CHECK(r != NULL);
    *r = (struct demo_result){.scenario = &d->scenario,
                              .method = d->plan.method,
                              .topology = d->plan.topology,
                              .boards = d->watch.boards,
                              .seconds = (double)(bb_loop_mono_ms() - d->started_ms) / 1e3};
    tell_progress(d);
    d->certified = true;
    enum status status = demo_result_complete(r, d->plan.seed, &d->reason);
    if (status == BB_OK && !d->json)
        demo_result_people(r);
    fflush(stdout);
    if (status == BB_OK)
        status = trade(d);
    if (status == BB_OK && d->json)
        demo_result_json(r, &d->market);
    else if (status == BB_OK)
        demo_market_people(&d->market);
    fflush(stdout);
    free(r);
    return status;
}

/* What to type elsewhere: it must work as it stands, in a shell that knows nothing of this tree. */
static void print_hints(const struct demo *d)
{
    char folder[1024] = "";
    struct bb_reason reason;
    if (crew_find("busbar", &reason, folder, sizeof folder) == BB_OK)
        *strrchr(folder, '/') = '\0';
    printf("\nIt keeps running; Ctrl-C stops it. In another terminal:\n\n"
           "  export BUSBAR_HOME=%s PATH=%s:$PATH\n"
           "  busbar sub Data/\n"
           "  busbar dispatch show\n"
           "  busbar dispatch override %s --kw 10\n"
           "  busbar dispatch release all\n\n"
           "and trade, as C1, P1, P2 or P3 (the keys are the demo's):\n\n"
           "  export BUSBAR_PASSPHRASE_FILE=%s/" DEMO_KEYS_PASSPHRASE "\n"
           "  busbar sell --kwh 2 --price 9.50 --key P1\n"
           "  busbar market book\n"
           "  busbar buy --kwh 1 --max-price 10 --key C1\n"
           "  busbar account statement C1\n"
           "  busbar chain verify\n\n",
           d->home, folder, d->scenario.nodes[0].id, d->home);
    fflush(stdout);
}

/* The last line is the address alone: it can be clicked, and taken by a script. */
static enum status print_web(struct demo *d)
{
    char url[DEMO_CREW_URL_SIZE], path[512];
    snprintf(path, sizeof path, "%s/run/web.address", d->home);
    enum status status = d->has_web ? wait_for_file(d, path) : BB_OK;
    if (status == BB_OK && d->has_web && demo_crew_web_url(d->home, url))
        printf("The dashboard, in a browser; its buttons take a token: busbar web token add me --role "
               "operator\n\n%s\n",
               url);
    fflush(stdout);
    return status;
}

/* Stays up until a signal or a process's end. */
static enum status stay(struct demo *d)
{
    if (!d->json)
        print_hints(d);
    enum status told = d->json ? BB_OK : print_web(d);
    if (told != BB_OK)
        return told == BB_INTERRUPTED ? BB_OK : told;
    d->deadline_ms = 0;
    d->json = true; /* all has been said */
    enum status status;
    do
        status = run_loop(d);
    while (status == BB_OK);
    return status == BB_INTERRUPTED ? BB_OK : status;
}

static const char *boards_text(const struct demo *d)
{
    if (d->full)
        return " (whole, in QEMU)";
    return *d->firmware != '\0' ? " (ARM programs, by qemu-arm)" : "";
}

static enum status course(struct demo *d)
{
    int timer;
    enum status status = start_all(d);
    if (status == BB_OK && !d->json)
        printf("%s: %zu boards%s, %s, %s, cables at %lld baud, home %s\n\n", d->scenario.name,
               d->scenario.count, boards_text(d), d->plan.method, d->plan.topology, (long long)d->baud,
               d->home);
    if (status == BB_OK)
        status = bb_loop_every(d->loop, DEMO_LOOK_MS, on_look, d, &timer);
    if (status == BB_OK)
        status = run_loop(d);
    if (status == BB_OK)
        status = report(d);
    return status == BB_OK && !d->once ? stay(d) : status;
}

static int remove_one(const char *path, const struct stat *found, int type, struct FTW *walk)
{
    (void)found;
    (void)type;
    (void)walk;
    return remove(path);
}

static enum exit_code finish(struct demo *d, enum status status)
{
    bool failed = status != BB_OK && status != BB_INTERRUPTED;
    bb_client_close(d->client);
    crew_stop(&d->crew);
    bb_loop_close(d->loop);
    watch_close(&d->watch);
    demo_market_close(&d->market);
    if (status == BB_INTERRUPTED)
        call_fail(d->call, EXIT_INTERRUPTED, "interrupted");
    else if (failed)
        call_fail(d->call, exit_of(status), "%s",
                  *d->reason.text == '\0' ? bb_status_text(status) : d->reason.text);
    bool keep = !d->own_home || call_flag(d->call, "keep") || failed;
    if (!keep)
        nftw(d->home, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    else if (failed && *d->log_folder != '\0')
        fprintf(stderr, "busbar demo: the home is kept, with its logs: %s\n", d->home);
    return exit_of(status);
}

enum exit_code verb_demo(const struct call *call)
{
    struct demo *d = calloc(1, sizeof *d);
    if (d == NULL)
        return call_fail(call, EXIT_FAILED, "no memory");
    d->call = call;
    enum status status = take_options(d);
    if (status != BB_OK) {
        call_fail(call, exit_of(status), "%s", d->reason.text);
        free(d);
        return exit_of(status);
    }
    status = bb_loop_open(&d->loop);
    if (status == BB_OK) {
        bb_loop_on_hangup(d->loop, on_hangup, d);
        status = choose_home(d);
    }
    watch_open(&d->watch, &d->scenario, strcmp(d->plan.method, "curves") == 0);
    if (status == BB_OK)
        status = furnish(d);
    if (status == BB_OK)
        status = course(d);
    enum exit_code code = finish(d, status);
    free(d);
    return code;
}
