/* Who orders blocks where none can be written: nobody. Reads are answered, every transaction is refused. */
#ifndef LEDGER_READING_H
#define LEDGER_READING_H

#include "ledger/sequencer.h"

/* A sequencer that takes nothing; make_sequencer's shape. `why` is a text: the reason, borrowed. */
struct sequencer *reading_sequencer(void *why, struct store *store, const struct sequencer_events *events);

#endif
