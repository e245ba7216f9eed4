/* DNS for mail, over libunbound: answers as mail wants them. */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "base/arena.h"
#include "base/status.h"
#include "net/address.h"

struct resolver;

/* servers: where to ask; none: those of /etc/resolv.conf. Answers are validated (DNSSEC) unless a
 * server is on this machine. Starts a thread of libunbound at the first question. YIELDS. */
enum status resolver_new(const struct net_address *servers, unsigned count, struct resolver **out);
/* No task may be waiting in it. */
void resolver_free(struct resolver **resolver);

struct resolver_mx {
    struct text host; /* A-labels, no final dot */
    uint16_t preference;
};

/* The MX records of a domain, following CNAMEs, in the order to try (preference, random among
 * equals: RFC 5321 5.1). None but the name exists: one implicit entry, the domain itself. OK;
 * REFUSED: "domain does not exist" (NXDOMAIN) or null MX (RFC 7505: *null_mx set); TRY_LATER:
 * time-out, SERVFAIL. YIELDS. */
enum status resolver_find_mx(struct resolver *resolver, struct text domain, struct arena *arena,
                             struct resolver_mx **out, unsigned *count, bool *null_mx);
/* The addresses of a host, IPv6 first, each with the port set. REFUSED when it has none. YIELDS. */
enum status resolver_find_addresses(struct resolver *resolver, struct text host, uint16_t port,
                                    struct arena *arena, struct net_address **out, unsigned *count);

#endif
