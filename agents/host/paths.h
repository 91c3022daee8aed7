/* Where things are in the home. Source: docs/platform.md, "The home". */
#ifndef AGENTS_HOST_PATHS_H
#define AGENTS_HOST_PATHS_H

#include <busbar/limits.h>
#include <busbar/reason.h>
#include <busbar/status.h>

/* Below <home>/agents/<name>/ */
enum path_of_agent {
    PATH_FOLDER, /* itself */
    PATH_HOME,   /* home/ */
    PATH_KEYS,   /* home/keys/ */
    PATH_STATE,  /* state/ */
    PATH_CONFIG, /* config.json */
    PATH_LOCK,   /* lock */
    PATH_LOG,    /* log */
    PATH_LOG_OLD /* log.1 */
};

/* A home is so much shorter than a path that all of these fit behind it. */
#define PATHS_HOME_SIZE (BB_PATH_MAX - 1024)

struct paths {
    char home[PATHS_HOME_SIZE]; /* absolute */
};

/* The home as an absolute path; `given` "": BUSBAR_HOME, or ~/.local/share/busbar. BB_NOT_FOUND, BB_RANGE. */
BB_MUST_CHECK enum status paths_open(const char *given, struct paths *out, struct bb_reason *reason);

/* <home>/<below>. path_out[BB_PATH_MAX]. Returns it. */
char *paths_below(const struct paths *paths, const char *below, char *path_out);

/* Of an agent. path_out[BB_PATH_MAX]. Returns it. */
char *paths_agent(const struct paths *paths, const char *name, enum path_of_agent which, char *path_out);

/* <home>/agents/bundles/<digest>, the unpacked bundle. path_out[BB_PATH_MAX]. Returns it. */
char *paths_bundle(const struct paths *paths, const char *digest, char *path_out);

/* The same with .agent: the bundle itself. */
char *paths_archive(const struct paths *paths, const char *digest, char *path_out);

/* An open folder, O_DIRECTORY, made with mode 0755 (`secret`: 0700) with those above it when it is not there;
 * to be closed. BB_IO. */
BB_MUST_CHECK enum status paths_folder(const char *path, int secret, int *fd_out, struct bb_reason *reason);

#endif
