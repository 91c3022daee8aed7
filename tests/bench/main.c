/* busbar-bench: figures, measured; not a test. */
#include "tests/bench/bus.h"
#include "tests/bench/chain.h"
#include "tests/bench/crypto.h"
#include "tests/bench/historian.h"
#include "tests/bench/ledger.h"
#include "tests/bench/ledger_bus.h"
#include "tests/bench/market.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct {
    const char *name;
    int (*run)(int argc, char **argv);
} SUBCOMMANDS[] = {{"bus", bus_bench},       {"chain", chain_bench},
                   {"crypto", crypto_bench}, {"historian", historian_bench},
                   {"ledger", ledger_bench}, {"ledger-bus", ledger_bus_bench},
                   {"market", market_bench}};

static int run(int argc, char **argv, int (*subcommand)(int argc, char **argv))
{
    if (argc != 3 || strcmp(argv[2], "--help") != 0)
        return subcommand(argc - 1, argv + 1);
    /* What they say on standard error of arguments that they do not know is the help. */
    opterr = 0;
    return dup2(STDOUT_FILENO, STDERR_FILENO) >= 0 && subcommand(argc - 1, argv + 1) == 2 ? 0 : 1;
}

int main(int argc, char **argv)
{
    for (size_t i = 0; argc > 1 && i < sizeof SUBCOMMANDS / sizeof *SUBCOMMANDS; i++)
        if (strcmp(argv[1], SUBCOMMANDS[i].name) == 0)
            return run(argc, argv, SUBCOMMANDS[i].run);
    fputs("usage: busbar-bench bus|chain|crypto|historian|ledger|ledger-bus|market [--help]\n", stderr);
    return 2;
}
