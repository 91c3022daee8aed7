/* Child processes of the demo: started with their logs, watched, and ended on every way out. A child dies
 * with this process even when that is killed (PR_SET_PDEATHSIG). */
#ifndef AGENTS_CLI_CREW_H
#define AGENTS_CLI_CREW_H

#include <busbar/reason.h>
#include <busbar/status.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* 40 boards with a cable each, the broker, two agents, and room. */
#define CREW_MAX 96

struct crew_member {
    char name[32];
    pid_t pid; /* 0: ended and reaped */
};

struct crew {
    const char *log_folder; /* borrowed; <log_folder>/<name>.log */
    const char *home;       /* what BUSBAR_HOME is for them; borrowed */
    struct crew_member members[CREW_MAX];
    size_t count;
};

/* The path of one of Busbar's programs: beside this one, else on PATH. path_out[size]. BB_NOT_FOUND. */
BB_MUST_CHECK enum status crew_find(const char *program, struct bb_reason *reason, char *path_out,
                                    size_t size);

/* Starts arguments[0] (a path; NULL-terminated list) in a process group of its own; standard output and error
 * go to its log. BB_IO, BB_FULL. */
BB_MUST_CHECK enum status crew_start(struct crew *crew, const char *name, const char *const *arguments,
                                     struct bb_reason *reason);

/* BB_OK while all run. BB_CLOSED when one has ended by itself: the reason names it, how it ended, its log and
 * the log's last lines. */
BB_MUST_CHECK enum status crew_check(struct crew *crew, struct bb_reason *reason);

/* For one that is to end by itself: *ended_out becomes true when it has, with exit code 0, and it is
 * forgotten. BB_CLOSED with the reason, as crew_check, when it has ended otherwise. */
BB_MUST_CHECK enum status crew_finish(struct crew *crew, const char *name, bool *ended_out,
                                      struct bb_reason *reason);

/* Asks all to end, kills after two seconds those that do not, reaps every one. */
void crew_stop(struct crew *crew);

/* Appends the last lines of a log to the reason. */
void crew_tail(const struct crew *crew, const char *name, struct bb_reason *reason);

#endif
