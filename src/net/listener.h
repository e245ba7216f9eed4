/* Listening sockets and outgoing connections. */
#ifndef NET_LISTENER_H
#define NET_LISTENER_H

#include "base/status.h"
#include "net/address.h"
#include "task/task.h"

/* Bind and listen, non-blocking, close-on-exec. An "any" IPv6 address also takes IPv4. A stale Unix
 * socket file is replaced; mode is its permission. REFUSED with address and reason. */
enum status net_listen(const struct net_address *address, unsigned mode, int *fd);

/* Accept until cancelled: on_connection gets each descriptor (to own) and its peer, and must not
 * block (it spawns). Several processes may accept from one socket. Survives EMFILE by waiting.
 * YIELDS. */
typedef void net_on_connection(void *context, int fd, const struct net_address *peer);
void net_accept_loop(int listening_fd, net_on_connection *on_connection, void *context);

/* Connect. TRY_LATER with "connection refused", "timed out" ... YIELDS. */
enum status net_dial(const struct net_address *address, int64_t deadline_ms, int *fd);
/* The same from this address of ours, with port 0; NULL: the kernel chooses. YIELDS. */
enum status net_dial_from(const struct net_address *from, const struct net_address *address,
                          int64_t deadline_ms, int *fd);

#endif
