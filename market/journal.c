#include "market/journal.h"

#include <busbar/check.h>
#include <string.h>

void journal_save(struct journal *journal, struct journal_level *level, uint32_t line)
{
    level->bits[line >> 6] |= UINT64_C(1) << (line & 63);
    level->lines[level->count] = line;
    memcpy(level->saved + (size_t)level->count * JOURNAL_LINE, journal->base + (size_t)line * JOURNAL_LINE,
           JOURNAL_LINE);
    level->count++;
}

static void forget(struct journal_level *level)
{
    for (uint32_t i = 0; i < level->count; i++)
        level->bits[level->lines[i] >> 6] = 0;
    level->count = 0;
}

/* Each line is there once, so the order does not matter. */
static void put_back(struct journal *journal, struct journal_level *level)
{
    for (uint32_t i = 0; i < level->count; i++)
        memcpy(journal->base + (size_t)level->lines[i] * JOURNAL_LINE,
               level->saved + (size_t)i * JOURNAL_LINE, JOURNAL_LINE);
    forget(level);
}

void journal_begin(struct journal *journal)
{
    CHECK(!journal->in_action && journal->action.count == 0);
    journal->in_action = true;
}

void journal_keep(struct journal *journal)
{
    CHECK(journal->in_action);
    journal->in_action = false;
    forget(&journal->action);
}

void journal_undo(struct journal *journal)
{
    CHECK(journal->in_action);
    journal->in_action = false;
    put_back(journal, &journal->action);
}

void journal_commit(struct journal *journal)
{
    CHECK(!journal->in_action);
    forget(&journal->block);
}

void journal_rollback(struct journal *journal)
{
    CHECK(!journal->in_action);
    put_back(journal, &journal->block);
}
