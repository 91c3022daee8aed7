#include "agents/cli/verbs.h"

#define LIST(...) ((const struct option *const[]){__VA_ARGS__, NULL})
/* What every verb on the bus takes. */
#define BUS &home, &address, &as, &timeout

static const struct option home = {"home", "DIR", "BUSBAR_HOME", NULL, "the home of the installation"};
static const struct option address = {"address", "ADDRESS", "BUSBAR_VIP", NULL,
                                      "the broker's address, with its key; else the home's run/vip.address"};
static const struct option as = {"as", "IDENTITY", "BUSBAR_IDENTITY", NULL,
                                 "the identity to take on the bus; cli.PID without it"};
static const struct option timeout = {"timeout", "SECONDS", "BUSBAR_TIMEOUT", NULL,
                                      "how long to wait for an answer; 5 without it"};
static const struct option json = {"json", NULL, NULL, NULL, "print one JSON document"};
static const struct option csv = {"csv", NULL, NULL, NULL,
                                  "print comma-separated values, units in the header"};

static const struct option headers = {"headers", "JSON", NULL, NULL, "headers to send beside the message"};
static const struct option count = {"count", "N", NULL, NULL, "end after N messages"};
static const struct option jsonl = {"jsonl", NULL, NULL, NULL, "print one JSON object a line"};
static const struct option patience = {"timeout", "SECONDS", NULL, NULL,
                                       "end after so long, with exit code 124 if messages are missing"};

static const struct option kw = {"kw", "KW", NULL, NULL, "power to apply, kW"};
static const struct option omega = {"omega", "USD_PER_KWH", NULL, NULL, "a consumer's ω"};
static const struct option sigma = {"sigma", "USD_PER_KWH_PER_KW", NULL, NULL, "a consumer's σ"};
static const struct option beta = {"beta", "USD_PER_KWH", NULL, NULL, "a generator's β"};
static const struct option alpha = {"alpha", "USD_PER_KWH_PER_KW", NULL, NULL, "a generator's α"};
static const struct option agent = {"agent", "NAME", NULL, NULL, "also a key for an agent of your own"};
static const struct option pmax_kw = {"pmax-kw", "KW", NULL, NULL, "the most it can give or take"};

static const struct option topology = {
    "topology", "TOPOLOGY", NULL, "ring circulant small-world random complete links",
    "who is whose neighbour; circulant (offsets 1 and 2) without it, or the file's links"};
static const struct option nodes = {"nodes", "N", NULL, NULL, "a random neighbourhood of N boards"};
static const struct option method = {"method", "METHOD", NULL, "curves incremental-cost",
                                     "how the boards agree"};
static const struct option loss = {"loss", "P", NULL, NULL, "probability that a copy of a broadcast is lost"};
static const struct option delay = {"delay", "MS", NULL, NULL,
                                    "each copy takes a random time from 0 to so many milliseconds"};
static const struct option duplicate = {"duplicate", "P", NULL, NULL, "probability that a copy comes twice"};
static const struct option seed = {"seed", "S", NULL, NULL, "the seed of all chance; 1 without it"};
static const struct option baud = {"baud", "BAUD", NULL, NULL,
                                   "speed of the boards' wires; 0: they cost no time"};
static const struct option limit = {"limit", "SECONDS", NULL, NULL,
                                    "virtual time after which it is given up; 3600 without it"};

static const struct option once = {"once", NULL, NULL, NULL, "end when every board is certified"};
static const struct option case_file = {"case", "FILE", NULL, NULL,
                                        "another neighbourhood, of 2 to 40 boards"};
static const struct option demo_baud = {"baud", "BAUD", NULL, NULL, "speed of the cables; 115200 without it"};
static const struct option demo_home = {"home", "DIR", NULL, NULL,
                                        "a home that is kept, instead of a temporary one"};
static const struct option keep = {"keep", NULL, NULL, NULL, "keep the temporary home, with its logs"};
static const struct option demo_timeout = {"timeout", "SECONDS", NULL, NULL,
                                           "how long to wait for the certificates; 120 without it"};

static const struct option rows = {"count", "N", NULL, NULL, "how many, the newest first; 50 without it"};
static const struct option blocks = {"count", "N", NULL, NULL, "how many, the newest first; 20 without it"};
static const struct option before = {"before", "HEIGHT", NULL, NULL, "those in blocks before this one only"};
static const struct option account = {"account", "NAME", NULL, NULL, "those of one account only"};
static const struct option interval = {
    "interval", "TIME", NULL, NULL, "start of the delivery interval; without it: none, deliver at any time"};
static const struct option depth = {"depth", "N", NULL, NULL, "orders of each side; 20 without it"};

static const struct option passphrase_file = {"passphrase-file", "FILE", "BUSBAR_PASSPHRASE_FILE", NULL,
                                              "its first line is the passphrase; asked for without it"};
static const struct option light = {"light", NULL, NULL, NULL,
                                    "a keystore that is cheap to open: for tests and small machines"};
static const struct option bare = {"secret", NULL, NULL, NULL, "print the bare secret key, not the keystore"};
static const struct option text = {"text", NULL, NULL, NULL,
                                   "sign a text, as wallets sign personal messages"};

static const struct verb table[] = {
    {"init", "", 0, 0, "make the home of an installation: folders, keys, access.json",
     "What is there stays: a key is never overwritten. --agent adds one of your own: it may hear all, and\n"
     "publish below its name and its heartbeat; access.json says so and can be edited.",
     LIST(&agent, &home, &json), "busbar(1)", verb_init, false},
    {"status", "", 0, 0, "show the broker, who is on the bus, and the boards", NULL, LIST(&json, BUS),
     "busbar-bus(1)", verb_status, false},
    {"pub", "TOPIC JSON", 2, 2, "publish one message", "JSON is the message, - reads it from standard input.",
     LIST(&headers, BUS), "busbar-bus(1)", verb_pub, false},
    {"sub", "[PREFIX…]", 0, VERB_ARGS_MAX, "print what is published under the prefixes", NULL,
     LIST(&count, &jsonl, &home, &address, &as, &patience), "busbar-bus(1)", verb_sub, false},
    {"rpc", "PEER METHOD [PARAMS]", 2, 3, "call a method of a peer and print its result",
     "PARAMS is a JSON list or object, - reads it from standard input.", LIST(&json, BUS), "busbar-bus(1)",
     verb_rpc, false},
    {"demo", "", 0, 0, "run a whole neighbourhood on this machine: boards, broker, agents",
     "Without --case it is Table 1 of the thesis. It stays up until Ctrl-C unless --once is given.",
     LIST(&once, &case_file, &method, &topology, &demo_baud, &demo_home, &keep, &demo_timeout, &json),
     "busbar-demo(1)", verb_demo, false},
    {"dispatch show", "", 0, 0, "show every board, the totals, λ and the certificate", NULL,
     LIST(&json, &csv, BUS), "busbar-dispatch(1)", verb_dispatch_show, false},
    {"dispatch hold", "NAME|all", 1, 1, "keep a board at the power it applies now", NULL, LIST(&json, BUS),
     "busbar-dispatch(1)", verb_dispatch_hold, false},
    {"dispatch override", "NAME", 1, 1, "have a board apply a power, whatever the dispatch says",
     "The power is exact to the milliwatt: six decimals.", LIST(&kw, &json, BUS), "busbar-dispatch(1)",
     verb_dispatch_override, false},
    {"dispatch release", "NAME|all", 1, 1, "give a board back to the dispatch", NULL, LIST(&json, BUS),
     "busbar-dispatch(1)", verb_dispatch_release, false},
    {"dispatch stop", "NAME|all", 1, 1, "stop a board at once: emergency stop", NULL, LIST(&json, BUS),
     "busbar-dispatch(1)", verb_dispatch_stop, false},
    {"dispatch parameter", "NAME", 1, 1, "change a board's own parameters",
     "What is not given stays as it is. The board writes them to its own file.",
     LIST(&omega, &sigma, &beta, &alpha, &pmax_kw, &json, BUS), "busbar-dispatch(1)", verb_dispatch_parameter,
     false},
    {"dispatch solve", "FILE", 1, 1, "compute the centralised optimum of a neighbourhood in a file",
     "FILE is JSON, - is standard input; busbar-dispatch(1) tells its format.", LIST(&json, &csv),
     "busbar-dispatch(1)", verb_dispatch_solve, false},
    {"dispatch simulate", "[FILE]", 0, 1, "run a neighbourhood in this process, with lossy links",
     "Without FILE and --nodes it is the shipped case, Table 1 of the thesis.",
     LIST(&topology, &nodes, &method, &loss, &delay, &duplicate, &seed, &baud, &limit, &json),
     "busbar-dispatch(1)", verb_dispatch_simulate, false},
    {"account list", "", 0, 0, "list the ledger's participants with their balances", NULL,
     LIST(&json, &csv, BUS), "busbar-account(1)", verb_account_list, false},
    {"account show", "NAME", 1, 1, "show one account with its open orders", "NAME is a name or an address.",
     LIST(&json, BUS), "busbar-account(1)", verb_account_show, false},
    {"account statement", "NAME", 1, 1, "show an account's balances after each transaction that touched it",
     NULL, LIST(&rows, &before, &json, &csv, BUS), "busbar-account(1)", verb_account_statement, false},
    {"market book", "", 0, 0, "show what is for sale and what is wanted", NULL,
     LIST(&interval, &depth, &json, &csv, BUS), "busbar-market(1)", verb_market_book, false},
    {"market trades", "", 0, 0, "show what was traded", NULL,
     LIST(&account, &rows, &before, &json, &csv, BUS), "busbar-market(1)", verb_market_trades, false},
    {"market simulate", "[FILE]", 0, 1, "run the contract alone on actions in a file: what if",
     "FILE holds one JSON action a line, - or none is standard input; busbar-market(1) tells its format.",
     LIST(&json), "busbar-market(1)", verb_market_simulate, false},
    {"chain status", "", 0, 0, "show the ledger's state: height, totals, genesis, policy", NULL,
     LIST(&json, BUS), "busbar-chain(1)", verb_chain_status, false},
    {"chain log", "", 0, 0, "list the last blocks", NULL, LIST(&blocks, &json, &csv, BUS), "busbar-chain(1)",
     verb_chain_log, false},
    {"chain block", "HEIGHT|head", 1, 1, "show one block", NULL, LIST(&json, BUS), "busbar-chain(1)",
     verb_chain_block, false},
    {"chain tx", "ID", 1, 1, "show one transaction: what was signed and what became of it", NULL,
     LIST(&json, BUS), "busbar-chain(1)", verb_chain_tx, false},
    {"key new", "NAME", 1, 1, "make a key to trade with",
     "The passphrase is asked for twice. A key is never overwritten.",
     LIST(&light, &passphrase_file, &home, &json), "busbar-key(1)", verb_key_new, false},
    {"key list", "", 0, 0, "list the keys in the wallet", NULL, LIST(&home, &json), "busbar-key(1)",
     verb_key_list, false},
    {"key show", "NAME|ADDRESS", 1, 1, "show the address and the file of a key", NULL, LIST(&home, &json),
     "busbar-key(1)", verb_key_show, false},
    {"key import", "NAME FILE", 2, 2, "take a key from a keystore or from 64 hexadecimal digits",
     "FILE may be - for standard input. A keystore keeps its passphrase; digits are sealed under a new one.",
     LIST(&light, &passphrase_file, &home, &json), "busbar-key(1)", verb_key_import, false},
    {"key export", "NAME|ADDRESS", 1, 1, "print the keystore of a key, for another wallet", NULL,
     LIST(&bare, &passphrase_file, &home), "busbar-key(1)", verb_key_export, false},
    {"key sign", "NAME|ADDRESS DIGEST|TEXT|-", 2, 2, "sign a digest, or with --text a text",
     "DIGEST is 0x and 64 hexadecimal digits. - reads the text from standard input.",
     LIST(&text, &passphrase_file, &home, &json), "busbar-key(1)", verb_key_sign, false},
    {"help", "[VERB]", 0, 3, "tell what a verb does and its options", NULL, LIST(&json), "busbar(1)",
     verb_help, false},
    {"completion", "bash|zsh|fish", 1, 1, "print the completion script of a shell",
     "bash: source <(busbar completion bash)\n"
     "zsh:  source <(busbar completion zsh)\n"
     "fish: busbar completion fish | source",
     NULL, "busbar(1)", verb_completion, false},
    {"__complete", "[WORD…]", 0, VERB_ARGS_MAX, "what can follow, for completion scripts", NULL, NULL,
     "busbar(1)", verb_complete, true},
};

const struct verb *verb_table(size_t *count_out)
{
    *count_out = sizeof table / sizeof *table;
    return table;
}
