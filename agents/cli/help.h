/* Help made from the table of verbs. */
#ifndef AGENTS_CLI_HELP_H
#define AGENTS_CLI_HELP_H

#include "agents/cli/verb.h"

#include <stdio.h>

/* One line for each verb; with `group` ("market post"), of that group's verbs only. */
void help_overview(FILE *to, const char *group);

/* Synopsis, options and details of one verb. */
void help_verb(FILE *to, const struct verb *verb);

/* The verb or option that comes closest to `word` among the table's first words; NULL when none is near. */
const char *help_nearest(const char *word);

#endif
