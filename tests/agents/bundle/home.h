/* A folder of a test's own below /tmp, with what is put into it; gone afterwards. */
#ifndef TESTS_AGENTS_BUNDLE_HOME_H
#define TESTS_AGENTS_BUNDLE_HOME_H

/* Makes it, with a manifest, an executable `run` and `data/table.csv` in the folder `agent`, and opens it;
 * the caller closes it. */
int home_open(void);

/* Writes the file `path` of `folder`, with the folders above it. */
void home_put(int folder, const char *path, const char *text, unsigned mode);

/* Removes everything and closes it. */
void home_close(int home);

#define HOME_MANIFEST                                                                                        \
    "{\"version\":1,\"name\":\"listener\",\"release\":\"1.0.0\",\"command\":[\"./run\",\"--all\"]}\n"

#endif
