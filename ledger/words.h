/* The words that JSON has for the contract's enums, in their order; each list ends in NULL. */
#ifndef LEDGER_WORDS_H
#define LEDGER_WORDS_H

extern const char *const words_roles[]; /* from ROLE_OPERATOR = 1 on */
extern const char *const words_modes[];
extern const char *const words_recipients[];
extern const char *const words_states[];

/* Word `number` of a list; "unknown" beyond its end. */
const char *words_of(const char *const *list, unsigned number);

#endif
