/* What one server knows of links, and what it makes of it: its table, what it says of its own
 * connectors, and, while it is the master of its group, what the other members said. Pure: time and
 * what happened come in. Who talks to whom is not known here. */
#ifndef ROUTING_SERVER_H
#define ROUTING_SERVER_H

#include "routing/table.h"
#include "settings/settings.h"

struct link_server;

struct link_server *link_server_new(void);
void link_server_free(struct link_server **server); /* accepts NULL */

/* The settings of now on, or NULL; they must outlive this until the next call. A server whose
 * settings newly name it as the master takes over from the one before; one whose settings newly
 * name another hands over. */
void link_server_configure(struct link_server *server, const struct settings *settings);
/* The settings have a routing group. */
bool link_server_is_on(const struct link_server *server);

const struct link_table *link_server_table(const struct link_server *server);
/* Our group as the table has it, or NULL. */
const struct link_group *link_server_group(const struct link_server *server);
/* Who is master as far as we know: by the table, else by the settings. */
struct text link_server_master(const struct link_server *server);
bool link_server_is_master(const struct link_server *server);

/* Our own bridgehead of a connector works, or does not. True: that is news. */
bool link_server_set_reach(struct link_server *server, struct text connector, bool works);
/* What a member was when it was talked to last. */
void link_server_note_member(struct link_server *server, struct text member, bool answers);

/* What we say of our own connectors; its block is a REPORT. NULL: we are in no group. Lent until
 * anything changes. */
const struct link_group *link_server_own(const struct link_server *server);
/* What another member says of its own. REFUSED: malformed, or not its own. Only the master keeps
 * it. */
enum status link_server_take_report(struct link_server *server, struct text bytes);
/* What another server knows: of each group the higher version is kept. REFUSED: malformed. */
enum status link_server_take_table(struct link_server *server, struct text bytes);

/* Do what is due of a master: begin to be one, say anew what the group is, under the next version.
 * asked_all: every server that we talk to was asked once. True: the table is another. */
bool link_server_settle(struct link_server *server, bool asked_all, int64_t now_ms);
/* When to settle without news (for a connector that came and went too often); INT64_MAX: never. */
int64_t link_server_due(const struct link_server *server);

#endif
