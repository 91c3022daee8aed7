/* Who is on the bus, and telling the directory of `busbar-agentd` what one offers there. */
#ifndef BUSBAR_DIRECTORY_H
#define BUSBAR_DIRECTORY_H

#include <busbar/client.h>

/* Registers `services` with the directory: a JSON array of
 * {"name","version","methods":[{"name","params":SCHEMA,"result":SCHEMA} or a name],"topics":[…],
 * "properties":{…}} in which all but the name may be left out; [] takes everything back. It is told now, and
 * again after each reconnection and whenever `agentd` comes onto the bus, for as long as the client lives;
 * without an agentd nothing happens. A refusal of the directory is logged. A later call replaces the list.
 * BB_RANGE: no JSON array.
 * Source: docs/platform.md, "Calls to agentd", directory.register. */
BB_MUST_CHECK enum status bb_offer(struct bb_client *client, const char *services);

/* The same with one service `name`, of this release of Busbar, that has all methods that the client serves by
 * now; `topics` is a JSON array of what it publishes, or NULL. BB_RANGE: no JSON array. */
BB_MUST_CHECK enum status bb_offer_served(struct bb_client *client, const char *name, const char *topics);

enum bb_peers_change {
    BB_PEERS_LIST, /* all that are there now, as a JSON array: after each connection, and after bb_watch_peers
                    */
    BB_PEERS_CAME, /* one has come, or come back: its identity */
    BB_PEERS_LEFT  /* one has gone */
};

/* `text` is borrowed for the call. */
typedef void bb_on_peers(void *context, enum bb_peers_change change, const char *text);

/* Calls `on_peers` whenever peers come and go. BB_EXISTS: there is a watch already. */
BB_MUST_CHECK enum status bb_watch_peers(struct bb_client *client, bb_on_peers *on_peers, void *context);

#endif
