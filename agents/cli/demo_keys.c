#include "agents/cli/demo_keys.h"

#include "agents/cli/call.h"
#include "agents/cli/home.h"
#include "ledger/crypto/keystore.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Opens in a blink; whoever can read the keystore can read the passphrase too. */
static const struct keystore_cost COST = {1024, 8, 1};
static const char passphrase[] = "demo";

static int remove_one(const char *path, const struct stat *found, int type, struct FTW *walk)
{
    (void)found;
    (void)type;
    return walk->level == 0 ? 0 : remove(path);
}

enum status demo_keys_clear(const char *home, struct bb_reason *reason)
{
    char path[600];
    snprintf(path, sizeof path, "%s/ledger", home);
    if (nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) != 0)
        return call_reason(reason, BB_IO, "%s cannot be emptied: %s", path, strerror(errno));
    return BB_OK;
}

static enum status write_one(const char *home, const char *name, struct signer *signer,
                             const struct secret *secret, struct bb_reason *reason)
{
    char path[600], *json = NULL;
    snprintf(path, sizeof path, "%s/wallet/%s.json", home, name);
    enum status status = keystore_seal(signer, secret, bytes_of(passphrase), COST, &json);
    if (status != BB_OK)
        return call_reason(reason, status, "the key of %s cannot be sealed", name);
    status = home_write(path, json, 0600, reason);
    free(json);
    return status;
}

enum status demo_keys_write(const struct founding *founding, struct signer *signer,
                            const struct secret *secrets, struct bb_reason *reason)
{
    char path[600];
    snprintf(path, sizeof path, "%s/" DEMO_KEYS_PASSPHRASE, founding->home);
    enum status status = home_write(path, "demo\n", 0600, reason);
    for (uint32_t i = 0; i < founding->genesis.participant_count && status == BB_OK; i++)
        status = write_one(founding->home, founding->participants[i].name, signer, &secrets[i], reason);
    return status;
}
