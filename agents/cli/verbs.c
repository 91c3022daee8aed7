#include "agents/cli/verbs.h"

#define LIST(...) ((const struct option *const[]){__VA_ARGS__, NULL})
/* What every verb on the bus takes. */
#define BUS &home, &address, &as, &timeout
/* The same for what busbar-agentd does: an agent may take its time to end. */
#define ACTS &home, &address, &as, &done_timeout

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

static const struct option retained = {"retained", NULL, NULL, NULL,
                                       "first the last message of each topic, then what comes"};

static const struct option resolve = {"resolve", NULL, NULL, NULL,
                                      "replace config:// links by what they lead to"};
static const struct option config_type = {"type", "TYPE", NULL, "raw json csv", "what the text is"};
static const struct option all_of_it = {"all", NULL, NULL, NULL, "everything that the agent has"};
static const struct option durable = {
    "durable", "NAME", NULL, NULL,
    "durable topics, as the subscriber NAME: nothing that was not acknowledged is missed"};
static const struct option from_where = {
    "from", "WHERE", NULL, NULL,
    "with --durable, begin at an offset, a time, -15m, start or now; without it where NAME was"};

static const struct option moves_list = {"list", NULL, NULL, NULL, "list the moves of this platform"};
static const struct option move_resolve = {
    "resolve", "WHERE", NULL, "here there",
    "decide where an agent runs when the other platform does not answer"};
static const struct option with_method = {"method", "METHOD", NULL, NULL, "only services that have it"};
static const struct option of_peer = {"peer", "PEER", NULL, NULL, "only those of one peer"};
static const struct option on_platform = {"platform", "PLATFORM", NULL, NULL,
                                          "ask the directory of another platform, over the link"};

static const struct option kw = {"kw", "KW", NULL, NULL, "power to apply, kW"};
static const struct option omega = {"omega", "USD_PER_KWH", NULL, NULL, "a consumer's ω"};
static const struct option sigma = {"sigma", "USD_PER_KWH_PER_KW", NULL, NULL, "a consumer's σ"};
static const struct option beta = {"beta", "USD_PER_KWH", NULL, NULL, "a generator's β"};
static const struct option alpha = {"alpha", "USD_PER_KWH_PER_KW", NULL, NULL, "a generator's α"};
static const struct option agent = {"agent", "NAME", NULL, NULL,
                                    "also a key for an agent of your own, or for one that comes with Busbar"};
static const struct option federation = {"federation", "PLATFORM", NULL, NULL,
                                         "also what links to other platforms need; this one's name"};
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
static const struct option demo_boards = {
    "boards", "KIND", NULL, "process emulated full",
    "programs of this machine, programs for ARM, or whole emulated boards; process without it"};
static const struct option demo_home = {"home", "DIR", NULL, NULL,
                                        "a home that is kept, instead of a temporary one"};
static const struct option demo_web = {
    "web", "ADDRESS:PORT", NULL, NULL,
    "where the dashboard is, or none; without it 127.0.0.1:8087 or the next free port, with --once none"};
static const struct option web_role = {"role", "ROLE", NULL, "viewer operator",
                                       "viewer may look, operator may act; viewer without it"};
static const struct option keep = {"keep", NULL, NULL, NULL, "keep the temporary home, with its logs"};
static const struct option demo_timeout = {
    "timeout", "SECONDS", NULL, NULL,
    "how long to wait for the certificates; 120 without it, 300 for whole boards"};

static const struct option card_board = {"board", "BOARD", NULL, "cubietruck emulated",
                                         "which board; emulated is for QEMU's orangepi-pc"};
static const struct option card_config = {
    "config", "FILE|DIR", NULL, NULL,
    "the board's own file, or a folder of *.board: an image each; without it the board is not enrolled"};
static const struct option card_id = {"id", "N", NULL, NULL, "of those files only the one with this id"};
static const struct option card_output = {"output", "FILE|DIR", NULL, NULL,
                                          "where to; BOARD.img or BOARD-NAME.img here without it"};
static const struct option card_node = {
    "node", "FILE", NULL, NULL, "busbar-node for ARM; build/armhf/bin or /usr/lib/busbar/armhf without it"};
static const struct option card_cache = {
    "cache", "DIR", "BUSBAR_CACHE", NULL,
    "where Debian's packages are kept; ~/.cache/busbar/image without it"};
static const struct option card_mirror = {"mirror", "URL", NULL, NULL, "a mirror of Debian"};
static const struct option card_refresh = {"refresh", NULL, NULL, NULL,
                                           "ask Debian again for the newest packages"};

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

/* What every verb that signs takes. */
#define SIGNS &key, &passphrase_file, &nonce, &deadline, &dry_run, &receipt, &json, BUS

static const struct option key = {"key", "NAME", "BUSBAR_KEY", NULL,
                                  "the key of the wallet to sign with; without it the only one there is"};
static const struct option nonce = {"nonce", "N", NULL, NULL,
                                    "the transaction's nonce; asked for without it"};
static const struct option deadline = {"deadline", "SECONDS", NULL, NULL,
                                       "how long the signature is good; 300 without it, 0: for ever"};
static const struct option dry_run = {"dry-run", NULL, NULL, NULL,
                                      "print what would be signed, sign and send nothing"};
static const struct option receipt = {"receipt", "FILE", NULL, NULL,
                                      "also save the proof that it is in the chain"};
static const struct option kwh = {"kwh", "KWH", NULL, NULL, "energy, kWh: three decimals are a Wh"};
static const struct option cents = {"cents", "CENTS", NULL, NULL, "money, cent: seven decimals are a nano-$"};
static const struct option price = {"price", "CENTS_PER_KWH", NULL, NULL,
                                    "price, cent/kWh: up to four decimals"};
static const struct option max_price = {"max-price", "CENTS_PER_KWH", NULL, NULL,
                                        "the most to pay, cent/kWh"};
static const struct option expires = {"expires", "TIME", NULL, NULL,
                                      "when the order ends by itself; never without it"};
static const struct option fill = {"fill", "FILL", NULL, "all-or-nothing partial rest",
                                   "what may happen when not all is there; all-or-nothing without it"};
static const struct option role = {"role", "ROLE", NULL, "prosumer consumer meter operator distribution",
                                   "its role"};
static const struct option successor = {"to", "ADDRESS|KEY", NULL, NULL,
                                        "the new address, or a key in the wallet"};
static const struct option from = {"from", "NAME", NULL, NULL, "who gives"};
static const struct option to = {"to", "NAME", NULL, NULL, "who receives"};
static const struct option reason = {"reason", "TEXT", NULL, NULL, "why, for everyone to read"};
static const struct option unlimited = {"unlimited", NULL, NULL, NULL, "the line has no limit any more"};
static const struct option mode = {"mode", "MODE", NULL, "none limit penalty",
                                   "what lines do beyond their capacity"};
static const struct option penalty = {"penalty", "CENTS_PER_KWH", NULL, NULL,
                                      "price beyond a line's capacity"};
static const struct option recipient = {"recipient", "WHO", NULL, "distribution seller",
                                        "who gets the penalty"};
static const struct option band_low = {"band-low", "CENTS_PER_KWH", NULL, NULL, "the lowest price allowed"};
static const struct option band_high = {"band-high", "CENTS_PER_KWH", NULL, NULL,
                                        "the highest price allowed; 0 with --band-low 0: no band"};
static const struct option interval_seconds = {"interval-seconds", "SECONDS", NULL, NULL,
                                               "length of a delivery interval; 0: any start"};
static const struct option gate_seconds = {"gate-seconds", "SECONDS", NULL, NULL,
                                           "orders are taken until so long before an interval's start"};
static const struct option operator_key = {"operator", "KEY|ADDRESS", NULL, NULL,
                                           "the operator; the key named operator without it"};
static const struct option distribution_key = {"distribution", "KEY|ADDRESS", NULL, NULL,
                                               "the distribution company; the key named edc without it"};
static const struct option chain_id = {"chain-id", "N", NULL, NULL, "the chain's number; 1337 without it"};
static const struct option opening_cents = {"cents", "CENTS", NULL, NULL, "everybody's opening money, cent"};
static const struct option opening_kwh = {"kwh", "KWH", NULL, NULL, "everybody's opening energy, kWh"};
static const struct option output = {"output", "FILE", NULL, NULL, "where to; standard output without it"};
static const struct option genesis_file = {"genesis-file", "FILE", NULL, NULL,
                                           "the chain's genesis; the home's ledger/genesis without it"};
static const struct option genesis = {"genesis", "HASH", NULL, NULL,
                                      "the hash of the chain's genesis, instead of a file"};
static const struct option contract = {"contract", "ADDRESS", NULL, NULL,
                                       "with --genesis: the contract's address"};
static const struct option sealer = {
    "sealer", "ADDRESS", NULL, NULL,
    "who must have sealed the last block in it; the genesis' sealer without it"};

static const struct option identities = {"identity", "IDENTITY…", NULL, NULL,
                                         "an identity, or NAME.* for all that begin so"};
static const struct option owner = {"identity", "IDENTITY", NULL, NULL,
                                    "whose keystore it is; the name of its folder without it"};
static const struct option publishes = {"publish", "PREFIX…", NULL, NULL, "topics to publish"};
static const struct option subscribes = {"subscribe", "PREFIX…", NULL, NULL, "topics to hear"};
static const struct option capabilities = {"capability", "NAME…", NULL, NULL,
                                           "a capability; NAME={…} with parameters"};
static const struct option comment = {"comment", "TEXT", NULL, NULL, "a word for people"};
static const struct option only_show = {"dry-run", NULL, NULL, NULL,
                                        "show what would be written, write nothing"};
static const struct option broker_patience = {"timeout", "SECONDS", "BUSBAR_TIMEOUT", NULL,
                                              "how long to wait for the broker; 5 without it"};

static const struct option done_timeout = {"timeout", "SECONDS", "BUSBAR_TIMEOUT", NULL,
                                           "how long to wait until it is done; 120 without it"};
static const struct option bundle_output = {"output", "FILE", NULL, NULL,
                                            "where to; NAME-RELEASE.agent without it"};
static const struct option signed_output = {"output", "FILE", NULL, NULL,
                                            "where to; the bundle itself without it"};
static const struct option typed_data = {"typed-data", NULL, NULL, NULL,
                                         "print what another wallet is to sign, sign nothing"};
static const struct option signature = {"signature", "HEX", NULL, NULL,
                                        "the signature that another wallet made"};
static const struct option agent_name = {"name", "NAME", NULL, NULL,
                                         "what it is called here; the manifest's name without it"};
static const struct option agent_identity = {"identity", "IDENTITY", NULL, NULL,
                                             "its identity on the bus; the manifest's without it"};
static const struct option agent_config = {"config", "FILE", NULL, NULL, "its configuration, a JSON file"};
static const struct option agent_priority = {"priority", "N", NULL, NULL, "0 starts first, 100 last"};
static const struct option without = {"without", "ITEM…", NULL, NULL,
                                      "a topic or a capability that it asks for and does not get"};
static const struct option yes = {"yes", NULL, NULL, NULL, "agree without being asked"};
static const struct option enable = {"enable", NULL, NULL, NULL, "start it now, and with busbar-agentd"};
static const struct option replace = {"replace", NULL, NULL, NULL,
                                      "take the place of the agent of that name"};
static const struct option keep_state = {"keep-state", NULL, NULL, NULL, "what it has saved stays"};
static const struct option follow = {"follow", NULL, NULL, NULL, "go on with what it prints, until Ctrl-C"};
static const struct option log_lines = {"count", "N", NULL, NULL,
                                        "how many of the last lines; 50 without it"};
static const struct option state_folder = {"state", "DIR", NULL, NULL,
                                           "where it saves its state; a folder that goes with it without it"};
static const struct option signer_name = {"name", "NAME", NULL, NULL, "who that is"};
static const struct option signs_for = {
    "agent", "NAME…", NULL, NULL,
    "the agents that are taken from it, or NAME* for all that begin so; all without it"};
static const struct option for_host = {"host", NULL, NULL, NULL, "the homes of this host's services"};
static const struct option root = {"root", "DIR", NULL, NULL, "with --host, below the folder of an image"};
static const struct option only_check = {"check", NULL, NULL, NULL,
                                         "look whether the backup is whole, make nothing"};
static const struct option nagios = {"nagios", NULL, NULL, NULL,
                                     "print one line for a monitor, exit 0, 1 or 2 as Nagios has it"};
/* What every verb of the historian takes. */
#define PAST &historian, BUS

static const struct option historian = {"historian", "IDENTITY", NULL, NULL,
                                        "which historian to ask; historian without it"};
static const struct option past_from = {"from", "TIME", NULL, NULL,
                                        "from this time on: 2026-11-28T18:00:00Z, -15m, -2h, -30d, seconds"};
static const struct option past_to = {"to", "TIME", NULL, NULL, "before this time; the same forms, and now"};
static const struct option past_count = {
    "count", "N", NULL, NULL,
    "at most so many; without it the newest 50, or all when --from or --to is given"};
static const struct option past_csv = {"csv", NULL, NULL, NULL, "print comma-separated values"};
static const struct option every = {"every", "PERIOD", NULL, NULL,
                                    "one value for each period: 15m, 1h, 1d, 90s"};
static const struct option aggregate = {"aggregate", "KIND", NULL, "avg min max sum count first last",
                                        "what of the period's readings; avg without it"};

static const struct option board_file = {"config", "FILE", NULL, NULL,
                                         "the board's own file, as in busbar-board(5); - is standard input"};
static const struct option other_slot = {"other-slot", NULL, NULL, NULL,
                                         "with the image of the other slot: roll back by hand"};
static const struct option forget = {"forget", NULL, NULL, NULL,
                                     "without its settings: it is not enrolled any more"};
static const struct option board_lines = {"count", "N", NULL, NULL,
                                          "how many of the last lines, at most 64; all without it"};
static const struct option follow_board = {"follow", NULL, NULL, NULL,
                                           "go on with what it says, until Ctrl-C"};
static const struct option update_timeout = {"timeout", "SECONDS", "BUSBAR_TIMEOUT", NULL,
                                             "how long to wait until all is done; 900 without it"};
static const struct option board_timeout = {"timeout", "SECONDS", "BUSBAR_TIMEOUT", NULL,
                                            "how long to wait until it is done; 70 without it"};
#define TELLS_BOARD &home, &address, &as, &board_timeout

static const struct verb table[] = {
    {"init", "", 0, 0, "make the home of an installation: folders, keys, access.json",
     "What is there stays: a key is never overwritten. --agent adds one of your own: it may hear all, and\n"
     "publish below its name and its heartbeat; access.json says so and can be edited. --host makes, as "
     "root, the\n"
     "users, homes and settings of the system's services: /etc/busbar, /var/lib/busbar, "
     "/var/lib/busbar-ledger.",
     LIST(&agent, &federation, &for_host, &root, &home, &json), "busbar(1)", verb_init, false},
    {"status", "", 0, 0, "show the broker, who is on the bus, and the boards", NULL, LIST(&json, BUS),
     "busbar-bus(1)", verb_status, false},
    {"doctor", "", 0, 0, "name what is wrong with the installation, with the remedy",
     "Looks at the home, the machine, serial ports, databases, the bus, agents and the ledger; changes "
     "nothing.\n"
     "Exit status 1 when something fails; warnings alone are 0.",
     LIST(&json, &nagios, BUS), "busbar-doctor(1)", verb_doctor, false},
    {"backup", "DIR", 1, 1, "copy the whole home into a new folder, while its programs run",
     "Databases are copied as each is at one moment, with keys and settings, and a manifest of all hashes.",
     LIST(&home, &json), "busbar-backup(1)", verb_backup, false},
    {"restore", "DIR", 1, 1, "check a backup, and make a home of it",
     "Only where no home is: one that is there is to be moved away first.", LIST(&only_check, &home, &json),
     "busbar-backup(1)", verb_restore, false},
    {"platforms", "", 0, 0, "show the links to other platforms",
     "Asks this platform's federation-agent; exit status 4 when there is none.", LIST(&json, BUS),
     "busbar-bus(1)", verb_platforms, false},
    {"pub", "TOPIC JSON", 2, 2, "publish one message", "JSON is the message, - reads it from standard input.",
     LIST(&headers, BUS), "busbar-bus(1)", verb_pub, false},
    {"sub", "[PREFIX…]", 0, VERB_ARGS_MAX, "print what is published under the prefixes", NULL,
     LIST(&retained, &durable, &from_where, &count, &jsonl, &home, &address, &as, &patience), "busbar-bus(1)",
     verb_sub, false},
    {"rpc", "PEER METHOD [PARAMS]", 2, 3, "call a method of a peer and print its result",
     "PARAMS is a JSON list or object, - reads it from standard input.", LIST(&json, BUS), "busbar-bus(1)",
     verb_rpc, false},
    {"access list", "", 0, 0, "list the keys and what each may do", NULL, LIST(&home, &json),
     "busbar-access(1)", verb_access_list, false},
    {"access show", "KEY|IDENTITY", 1, 1, "show one key's entry",
     "Also the beginning of a fingerprint will do, with four characters or more.", LIST(&home, &json),
     "busbar-access(1)", verb_access_show, false},
    {"access pending", "", 0, 0, "show what was refused, and the commands that would grant it",
     "The key that asks must have the capability admin.", LIST(&json, BUS), "busbar-access(1)",
     verb_access_pending, false},
    {"access approve", "KEY|FINGERPRINT", 1, 1, "let a new key in",
     "FINGERPRINT begins one of `busbar access pending`. Without --publish and --subscribe it may publish "
     "and\n"
     "hear what is below its identities, and publish their heartbeats.",
     LIST(&identities, &publishes, &subscribes, &capabilities, &comment, &only_show, &json, BUS),
     "busbar-access(1)", verb_access_approve, false},
    {"access grant", "KEY|IDENTITY", 1, 1, "let a key do more",
     "Each option may be given again. Also the beginning of a fingerprint names a key.",
     LIST(&identities, &publishes, &subscribes, &capabilities, &comment, &only_show, &json, &home,
          &broker_patience),
     "busbar-access(1)", verb_access_grant, false},
    {"access revoke", "KEY|IDENTITY", 1, 1, "take a key's entry away, or with options a part of it",
     "What it is doing ends within a second.",
     LIST(&identities, &publishes, &subscribes, &capabilities, &only_show, &json, &home, &broker_patience),
     "busbar-access(1)", verb_access_revoke, false},
    {"access import", "FILE…", 1, VERB_ARGS_MAX, "take keys over from VOLTTRON's files",
     "A keystore, known_hosts, auth.json or protected_topics.json each. What cannot be said here is told.",
     LIST(&owner, &publishes, &subscribes, &only_show, &json, &home, &broker_patience), "busbar-access(1)",
     verb_access_import, false},
    {"config list", "[IDENTITY]", 0, 1, "list the agents that have configurations, or one agent's", NULL,
     LIST(&json, BUS), "busbar-config(1)", verb_config_list, false},
    {"config show", "IDENTITY NAME", 2, 2, "print one configuration", NULL, LIST(&resolve, &json, BUS),
     "busbar-config(1)", verb_config_show, false},
    {"config set", "IDENTITY NAME FILE", 3, 3, "store a configuration and push it to its agent",
     "- is standard input. Without --type the end of the file's name says it: .json, .config, .csv, else "
     "raw.",
     LIST(&config_type, BUS), "busbar-config(1)", verb_config_set, false},
    {"config delete", "IDENTITY [NAME]", 1, 2, "delete one configuration, or with --all all of an agent",
     NULL, LIST(&all_of_it, BUS), "busbar-config(1)", verb_config_delete, false},
    {"peers", "", 0, 0, "show every peer: where from, how much it sends and gets, what was dropped",
     "A key without the capability watch or admin sees its own row.", LIST(&json, BUS), "busbar-bus(1)",
     verb_peers, false},
    {"topic stats", "[PREFIX]", 0, 1, "show what is published: how much, how often, by whom last", NULL,
     LIST(&json, BUS), "busbar-bus(1)", verb_topic_stats, false},
    {"durable list", "", 0, 0, "list the durable subscribers, and what is kept for them",
     "A key without the capability admin sees its own.", LIST(&json, BUS), "busbar-bus(1)", verb_durable_list,
     false},
    {"durable drop", "NAME", 1, 1, "forget a durable subscriber", NULL, LIST(&json, BUS), "busbar-bus(1)",
     verb_durable_drop, false},
    {"agent pack", "DIR", 1, 1, "make a bundle of an agent's folder",
     "DIR holds manifest.json. The same files make the same bytes.", LIST(&bundle_output, &json),
     "busbar-agent(1)", verb_agent_pack, false},
    {"agent sign", "FILE", 1, 1, "sign a bundle with a key of the wallet",
     "Another wallet signs what --typed-data prints; --signature puts it in.",
     LIST(&key, &passphrase_file, &typed_data, &signature, &signed_output, &home, &json), "busbar-agent(1)",
     verb_agent_sign, false},
    {"agent verify", "FILE", 1, 1,
     "check a bundle: every file, the signature, and whether its signer is trusted here",
     "Exit status 7: it is none or was altered; 5: nobody trusts its signer.", LIST(&home, &json),
     "busbar-agent(1)", verb_agent_verify, false},
    {"agent install", "FILE", 1, 1,
     "have busbar-agentd take a bundle in, after a look at what its agent asks for", NULL,
     LIST(&agent_name, &agent_identity, &agent_config, &agent_priority, &enable, &replace, &without, &yes,
          &json, ACTS),
     "busbar-agent(1)", verb_agent_install, false},
    {"agent list", "", 0, 0, "list the agents that are hosted", NULL, LIST(&json, &csv, BUS),
     "busbar-agent(1)", verb_agent_list, false},
    {"agent show", "NAME", 1, 1, "show one agent with its manifest and its configuration", NULL,
     LIST(&json, BUS), "busbar-agent(1)", verb_agent_show, false},
    {"agent start", "NAME", 1, 1, "start an agent, also one that has crashed too often", NULL,
     LIST(&json, ACTS), "busbar-agent(1)", verb_agent_start, false},
    {"agent stop", "NAME", 1, 1, "stop an agent, and kill it if it does not end", NULL, LIST(&json, ACTS),
     "busbar-agent(1)", verb_agent_stop, false},
    {"agent restart", "NAME", 1, 1, "stop an agent and start it", NULL, LIST(&json, ACTS), "busbar-agent(1)",
     verb_agent_restart, false},
    {"agent enable", "NAME", 1, 1, "have an agent start with busbar-agentd", NULL, LIST(&json, ACTS),
     "busbar-agent(1)", verb_agent_enable, false},
    {"agent disable", "NAME", 1, 1, "have it not start with busbar-agentd any more", NULL, LIST(&json, ACTS),
     "busbar-agent(1)", verb_agent_disable, false},
    {"agent configure", "NAME FILE", 2, 2,
     "give an agent another configuration; it is restarted when it runs",
     "FILE is a JSON object, - is standard input.", LIST(&json, ACTS), "busbar-agent(1)",
     verb_agent_configure, false},
    {"agent remove", "NAME", 1, 1, "take an agent away, with what it has saved", NULL,
     LIST(&keep_state, &yes, &json, ACTS), "busbar-agent(1)", verb_agent_remove, false},
    {"agent logs", "NAME", 1, 1, "print what an agent has printed", NULL,
     LIST(&follow, &log_lines, &json, &jsonl, BUS), "busbar-agent(1)", verb_agent_logs, false},
    {"agent stats", "[NAME]", 0, 1, "show what agents use: processor, memory, processes, files, messages",
     NULL, LIST(&json, &csv, BUS), "busbar-agent(1)", verb_agent_stats, false},
    {"agent move", "[NAME [PLATFORM]]", 0, 2, "move an agent with its state to another platform",
     "At most one of the two platforms runs it at any time. --list shows the moves; what the other platform "
     "does not answer for is decided by --resolve.",
     LIST(&moves_list, &move_resolve, &json, &csv, BUS), "busbar-agent(1)", verb_agent_move, false},
    {"agent run", "DIR", 1, 1,
     "run an agent's folder in the foreground, as busbar-agentd would: for who writes one",
     "Its key is keys/IDENTITY.json of the home: busbar init --agent IDENTITY makes one.",
     LIST(&agent_config, &state_folder, &home, &address), "busbar-agent(1)", verb_agent_run, false},
    {"agent signers list", "", 0, 0, "list whose bundles are taken", NULL, LIST(&json, &csv, &home),
     "busbar-agent(1)", verb_agent_signers_list, false},
    {"agent signers add", "ADDRESS|KEY", 1, 1, "take the bundles of a signer", "KEY is a key in the wallet.",
     LIST(&signer_name, &signs_for, &passphrase_file, &home, &json), "busbar-agent(1)",
     verb_agent_signers_add, false},
    {"agent signers remove", "ADDRESS|NAME|KEY", 1, 1, "take no more bundles of a signer",
     "What is installed already stays.", LIST(&passphrase_file, &home, &json), "busbar-agent(1)",
     verb_agent_signers_remove, false},
    {"directory find", "[NAME]", 0, 1, "list what peers offer: services with their methods and topics",
     "NAME may end in *.", LIST(&with_method, &of_peer, &on_platform, &json, &csv, BUS),
     "busbar-directory(1)", verb_directory_find, false},
    {"directory show", "PEER", 1, 1, "show what one peer offers, with the schemas of its methods", NULL,
     LIST(&on_platform, &json, BUS), "busbar-directory(1)", verb_directory_show, false},
    {"historian query", "TOPIC", 1, 1, "show the readings of one series",
     "TOPIC is a name that `busbar historian topics` lists.",
     LIST(&past_from, &past_to, &past_count, &every, &aggregate, &json, &past_csv, &jsonl, PAST),
     "busbar-historian(1)", verb_historian_query, false},
    {"historian topics", "[PREFIX]", 0, 1, "list the series that are kept", NULL, LIST(&json, PAST),
     "busbar-historian(1)", verb_historian_topics, false},
    {"historian export", "[PREFIX]", 0, 1, "write all readings of the series under a prefix",
     "Numbers are exact. How far it is stands on standard error.",
     LIST(&past_from, &past_to, &past_csv, &jsonl, &output, PAST), "busbar-historian(1)",
     verb_historian_export, false},
    {"historian status", "", 0, 0, "show what the historian takes in, what waits, and how its target is",
     NULL, LIST(&json, PAST), "busbar-historian(1)", verb_historian_status, false},
    {"demo", "", 0, 0, "run a whole neighbourhood on this machine: boards, broker, agents",
     "Without --case it is Table 1 of the thesis. It stays up until Ctrl-C unless --once is given.",
     LIST(&once, &case_file, &method, &topology, &demo_boards, &demo_baud, &demo_home, &demo_web, &keep,
          &demo_timeout, &json),
     "busbar-demo(1)", verb_demo, false},
    {"image build", "", 0, 0, "make the image of a board's SD card, or of many",
     "Debian's kernel and U-Boot with busbar-node as the only process; needs no root. Prints SHA-256 and "
     "FILE.",
     LIST(&card_board, &card_config, &card_id, &card_output, &card_node, &card_cache, &card_mirror,
          &card_refresh, &json),
     "busbar-image(1)", verb_image_build, false},
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
    {"node list", "", 0, 0, "list the boards as machines: firmware, slots, starts, ports",
     "Also boards that answer on an agent's port and are not enrolled.", LIST(&json, &csv, BUS),
     "busbar-nodes(1)", verb_node_list, false},
    {"node show", "NAME", 1, 1, "show all that is known of one board as a machine", NULL, LIST(&json, BUS),
     "busbar-nodes(1)", verb_node_show, false},
    {"node enroll", "PORT NAME", 2, 2, "give a board that is not enrolled its place",
     "PORT is one that `busbar node list` shows. The file's id, name and kind are those of the site file.",
     LIST(&board_file, &json, TELLS_BOARD), "busbar-nodes(1)", verb_node_enroll, false},
    {"node configure", "NAME [KEY=VALUE…]", 1, VERB_ARGS_MAX, "change a board's own file",
     "The board checks it, keeps it and restarts with it. With --config it gets a whole new one.",
     LIST(&board_file, &json, TELLS_BOARD), "busbar-nodes(1)", verb_node_configure, false},
    {"node update", "NAME|all FILE", 2, 2, "send boards another firmware",
     "FILE is a busbar-node for the boards' processor, of at most 1 MiB. Ends when each board runs it and "
     "has "
     "confirmed it,\n"
     "with exit code 6 when one has refused it or rolled back. The dispatch goes on meanwhile.",
     LIST(&json, &home, &address, &as, &update_timeout), "busbar-nodes(1)", verb_node_update, false},
    {"node log", "NAME", 1, 1, "print the last lines of a board's log",
     "Each begins with the uptime, seconds.", LIST(&board_lines, &follow_board, &json, BUS),
     "busbar-nodes(1)", verb_node_log, false},
    {"node reset", "NAME", 1, 1, "restart a board", NULL,
     LIST(&other_slot, &forget, &yes, &json, TELLS_BOARD), "busbar-nodes(1)", verb_node_reset, false},
    {"account list", "", 0, 0, "list the ledger's participants with their balances", NULL,
     LIST(&json, &csv, BUS), "busbar-account(1)", verb_account_list, false},
    {"account show", "NAME", 1, 1, "show one account with its open orders", "NAME is a name or an address.",
     LIST(&json, BUS), "busbar-account(1)", verb_account_show, false},
    {"account statement", "NAME", 1, 1, "show an account's balances after each transaction that touched it",
     NULL, LIST(&rows, &before, &json, &csv, BUS), "busbar-account(1)", verb_account_statement, false},
    {"account admit", "NAME ADDRESS|KEY", 2, 2, "admit a participant (operator)",
     "KEY is a key in the wallet.", LIST(&role, SIGNS), "busbar-account(1)", verb_account_admit, false},
    {"account revoke", "NAME", 1, 1, "stop a participant (operator)", NULL, LIST(SIGNS), "busbar-account(1)",
     verb_account_revoke, false},
    {"account rekey", "NAME", 1, 1, "move an account to another key (operator)", NULL,
     LIST(&successor, SIGNS), "busbar-account(1)", verb_account_rekey, false},
    {"account mint", "NAME", 1, 1, "give new money and energy to an account (operator)", NULL,
     LIST(&cents, &kwh, SIGNS), "busbar-account(1)", verb_account_mint, false},
    {"account correct", "TX", 1, 1, "move money and energy back, naming the transaction (operator)", NULL,
     LIST(&from, &to, &cents, &kwh, &reason, SIGNS), "busbar-account(1)", verb_account_correct, false},
    {"sell", "", 0, 0, "post energy for sale", NULL, LIST(&kwh, &price, &interval, &expires, SIGNS),
     "busbar-market(1)", verb_sell, false},
    {"buy", "", 0, 0, "buy energy, the cheapest first", NULL,
     LIST(&kwh, &max_price, &fill, &interval, &expires, SIGNS), "busbar-market(1)", verb_buy, false},
    {"transfer", "NAME", 1, 1, "send money to an account", NULL, LIST(&cents, SIGNS), "busbar-market(1)",
     verb_transfer, false},
    {"market book", "", 0, 0, "show what is for sale and what is wanted", NULL,
     LIST(&interval, &depth, &json, &csv, BUS), "busbar-market(1)", verb_market_book, false},
    {"market trades", "", 0, 0, "show what was traded", NULL,
     LIST(&account, &rows, &before, &json, &csv, BUS), "busbar-market(1)", verb_market_trades, false},
    {"market simulate", "[FILE]", 0, 1, "run the contract alone on actions in a file: what if",
     "FILE holds one JSON action a line, - or none is standard input; busbar-market(1) tells its format.",
     LIST(&json), "busbar-market(1)", verb_market_simulate, false},
    {"market post update", "ORDER", 1, 1, "change the energy or the price of a post of one's own", NULL,
     LIST(&kwh, &price, SIGNS), "busbar-market(1)", verb_market_post_update, false},
    {"market post cancel", "ORDER", 1, 1, "withdraw a post", NULL, LIST(SIGNS), "busbar-market(1)",
     verb_market_post_cancel, false},
    {"market bid cancel", "ORDER", 1, 1, "withdraw a resting bid", NULL, LIST(SIGNS), "busbar-market(1)",
     verb_market_bid_cancel, false},
    {"market policy", "", 0, 0, "show the market's policy, or set it (distribution company)",
     "What is not given stays as it is; without any of them it shows what is in force.",
     LIST(&mode, &penalty, &recipient, &band_low, &band_high, &interval_seconds, &gate_seconds, SIGNS),
     "busbar-market(1)", verb_market_policy, false},
    {"market line", "BUYER SELLER", 2, 2,
     "set what a line carries per delivery interval (distribution company)", NULL,
     LIST(&kwh, &unlimited, SIGNS), "busbar-market(1)", verb_market_line, false},
    {"market halt", "", 0, 0, "take no orders but cancellations (operator)", NULL, LIST(SIGNS),
     "busbar-market(1)", verb_market_halt, false},
    {"market open", "", 0, 0, "take orders again (operator)", NULL, LIST(SIGNS), "busbar-market(1)",
     verb_market_open, false},
    {"chain init", "[NAME:ROLE[:KEY[:CENTS[:KWH]]]…]", 0, VERB_ARGS_MAX,
     "found a chain: sealer's key and genesis",
     "KEY is an address or a key of the wallet, the one called NAME without it. What is there stays.",
     LIST(&operator_key, &distribution_key, &opening_cents, &opening_kwh, &chain_id, &home, &json),
     "busbar-chain(1)", verb_chain_init, false},
    {"chain status", "", 0, 0, "show the ledger's state: height, totals, genesis, policy", NULL,
     LIST(&json, BUS), "busbar-chain(1)", verb_chain_status, false},
    {"chain log", "", 0, 0, "list the last blocks", NULL, LIST(&blocks, &json, &csv, BUS), "busbar-chain(1)",
     verb_chain_log, false},
    {"chain block", "HEIGHT|head", 1, 1, "show one block", NULL, LIST(&json, BUS), "busbar-chain(1)",
     verb_chain_block, false},
    {"chain tx", "ID", 1, 1, "show one transaction: what was signed and what became of it", NULL,
     LIST(&json, BUS), "busbar-chain(1)", verb_chain_tx, false},
    {"chain receipt", "ID", 1, 1, "save the proof that a transaction is in the chain", NULL,
     LIST(&output, &json, BUS), "busbar-chain(1)", verb_chain_receipt, false},
    {"chain verify-receipt", "FILE", 1, 1, "check such a proof, without the ledger", NULL,
     LIST(&genesis_file, &genesis, &chain_id, &contract, &sealer, &home, &json), "busbar-chain(1)",
     verb_chain_verify_receipt, false},
    {"chain genesis", "", 0, 0, "save the chain's genesis, which receipts are checked against", NULL,
     LIST(&output, &json, BUS), "busbar-chain(1)", verb_chain_genesis, false},
    {"chain verify", "[FILE]", 0, 1, "replay the whole chain, checking everything",
     "FILE is an exported chain; without it the running ledger is asked for its blocks.", LIST(&json, BUS),
     "busbar-chain(1)", verb_chain_verify, false},
    {"chain export", "FILE", 1, 1, "write the chain to a file", NULL, LIST(&home, &json), "busbar-chain(1)",
     verb_chain_export, false},
    {"chain import", "FILE", 1, 1, "make the home's chain out of such a file, checking everything", NULL,
     LIST(&home, &json), "busbar-chain(1)", verb_chain_import, false},
    {"chain backup", "FILE", 1, 1, "copy the database while the ledger runs", NULL, LIST(&home, &json),
     "busbar-chain(1)", verb_chain_backup, false},
    {"chain sealer", "ADDRESS|KEY", 1, 1, "say who seals blocks from now on (operator)", NULL, LIST(SIGNS),
     "busbar-chain(1)", verb_chain_sealer, false},
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
    {"web token add", "NAME", 1, 1, "make a token for the dashboard and print it, once",
     "Only its hash is kept, in web-tokens.json.", LIST(&web_role, &home, &json), "busbar-web(1)",
     verb_web_token_add, false},
    {"web token list", "", 0, 0, "list who has a token for the dashboard", NULL, LIST(&json, &csv, &home),
     "busbar-web(1)", verb_web_token_list, false},
    {"web token remove", "NAME", 1, 1, "take a token back", "The dashboard refuses it within a second.",
     LIST(&home), "busbar-web(1)", verb_web_token_remove, false},
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
