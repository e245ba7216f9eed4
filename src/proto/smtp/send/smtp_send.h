/* The sender: leases jobs from the queue, gives each to its hop, and reports what became of it. A
 * hop has its own connections, so that a slow or dead one holds up no other. */
#ifndef PROTO_SMTP_SEND_SMTP_SEND_H
#define PROTO_SMTP_SEND_SMTP_SEND_H

#include "proc/role.h"

struct smtp_send;

/* No I/O; context must outlive it. */
struct smtp_send *smtp_send_new(struct role_context *context);
/* Starts leasing. REFUSED or TRY_LATER when DNS cannot be set up. YIELDS. */
enum status smtp_send_start(struct smtp_send *send);
/* Stops leasing, gives running deliveries some seconds, ends the rest. Frees *send. YIELDS. */
void smtp_send_stop(struct smtp_send **send);

/* What the store may ask of it; context is the sender. */
enum { SMTP_SEND_METHODS = 3 };
extern const struct rpc_method smtp_send_methods[SMTP_SEND_METHODS];

#endif
