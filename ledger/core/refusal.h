/* Why a transaction never enters the chain: it is not what its sender signed, or not his turn. No nonce is
 * consumed and nothing is recorded. What the contract says to a transaction that did enter is a verdict
 * (market/verdict.h). */
#ifndef LEDGER_CORE_REFUSAL_H
#define LEDGER_CORE_REFUSAL_H

#define LEDGER_REFUSALS(X)                                                                                   \
    X(REFUSAL_NONE, "none", "it is accepted")                                                                \
    X(REFUSAL_MALFORMED, "malformed", "these are not the bytes of a transaction of any type")                \
    X(REFUSAL_BAD_V, "bad-recovery-id", "the last byte of the signature is neither 27 nor 28")               \
    X(REFUSAL_HIGH_S, "high-s",                                                                              \
      "the signature's s is in the upper half: the malleable twin of the right one")                         \
    X(REFUSAL_BAD_SIGNATURE, "bad-signature",                                                                \
      "the signature's numbers are outside their range, or no key fits")                                     \
    X(REFUSAL_WRONG_SIGNER, "wrong-signer",                                                                  \
      "the signature is not the actor's: another key, another chain, or an altered word")                    \
    X(REFUSAL_NOT_ADMITTED, "signer-not-admitted", "the operator has not admitted this address")             \
    X(REFUSAL_REVOKED, "signer-revoked", "the operator has stopped this account or moved it to another key") \
    X(REFUSAL_NONCE, "wrong-nonce", "the nonce is not the account's next one")                               \
    X(REFUSAL_DEADLINE, "deadline-passed",                                                                   \
      "the transaction's deadline is not in the future of the ledger's time")                                \
    X(REFUSAL_BUSY, "busy", "too much is waiting; try again")                                                \
    X(REFUSAL_READ_ONLY, "read-only", "the service takes no transactions now; its status says why")

enum refusal {
#define LEDGER_X(name, word, text) name,
    LEDGER_REFUSALS(LEDGER_X)
#undef LEDGER_X
        REFUSAL_COUNT
};

/* The stable word and the sentence; static storage. */
const char *refusal_word(enum refusal refusal);
const char *refusal_text(enum refusal refusal);

#endif
