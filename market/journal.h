/* The journal: how everything can be undone to the last byte.
 *
 * The whole state lies in one range of memory, cut into lines of 64 bytes. Before a line is written for the
 * first time since the last commit, its old bytes are put aside; a bitmap says which lines have been. So a
 * journal holds each line at most once, and cannot overflow: it is as long as the state. (Its memory is
 * virtual: a block that writes a thousand lines touches a thousand entries.) A second level of the same kind
 * does the same for one action, between journal_begin and journal_keep or journal_undo. */
#ifndef MARKET_JOURNAL_H
#define MARKET_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_LINE 64

/* Old bytes, by line. */
struct journal_level {
    uint64_t *bits;  /* a bit a line: it is put aside */
    uint32_t *lines; /* which, in the order of first write */
    uint8_t *saved;  /* JOURNAL_LINE bytes each */
    uint32_t count;
};

struct journal {
    uint8_t *base;   /* of the state; aligned to JOURNAL_LINE */
    uint64_t writes; /* how often journal_note was called, wrapping */
    bool off;        /* while rows are loaded */
    bool in_action;
    struct journal_level block, action;
};

/* Puts one line aside in a level where it is not yet. */
void journal_save(struct journal *journal, struct journal_level *level, uint32_t line);

/* Says that the `size` > 0 bytes at `place`, inside the state, are going to be written. */
static inline void journal_note(struct journal *journal, const void *place, size_t size)
{
    size_t offset = (size_t)((const uint8_t *)place - journal->base);
    uint32_t line = (uint32_t)(offset / JOURNAL_LINE), last = (uint32_t)((offset + size - 1) / JOURNAL_LINE);
    journal->writes++;
    if (__builtin_expect(journal->off, false))
        return;
    for (; line <= last; line++) {
        if (!(journal->block.bits[line >> 6] >> (line & 63) & 1))
            journal_save(journal, &journal->block, line);
        if (journal->in_action && !(journal->action.bits[line >> 6] >> (line & 63) & 1))
            journal_save(journal, &journal->action, line);
    }
}

/* From here on until one of the next two: the action that is going on can be undone by itself. */
void journal_begin(struct journal *journal);

/* Keeps what the action wrote, or undoes it. */
void journal_keep(struct journal *journal);
void journal_undo(struct journal *journal);

/* Forgets the old bytes, or puts them back. */
void journal_commit(struct journal *journal);
void journal_rollback(struct journal *journal);

#endif
