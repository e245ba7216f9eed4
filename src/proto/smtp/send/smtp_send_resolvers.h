/* The resolvers of the sender: one for all, and those of connectors that ask servers of their own.
 */
#ifndef PROTO_SMTP_SEND_SMTP_SEND_RESOLVERS_H
#define PROTO_SMTP_SEND_SMTP_SEND_RESOLVERS_H

#include "net/resolver.h"
#include "proc/role.h"

struct smtp_resolvers;

/* Sets up the one for all. REFUSED or TRY_LATER: DNS can't be set up. YIELDS. */
enum status smtp_resolvers_open(const struct role_context *role, struct smtp_resolvers **out);
/* No task may be waiting in any. Accepts NULL. */
void smtp_resolvers_close(struct smtp_resolvers **resolvers);

/* The one to ask for a connector's hosts; NULL: no connector's. A list of servers has its resolver
 * from its first use until the end. TRY_LATER: it can't be set up, there are too many, or resolvers
 * is NULL, as it is for who asks while the sender starts. YIELDS. */
enum status smtp_resolver_for(struct smtp_resolvers *resolvers,
                              const struct setting_connector *connector, struct resolver **out);

#endif
