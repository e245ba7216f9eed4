/* Where a job goes: the hosts to try, in order, from its connector's smart hosts or the MX records
 * of its domain. */
#ifndef PROTO_SMTP_SEND_SMTP_SEND_ROUTE_H
#define PROTO_SMTP_SEND_SMTP_SEND_ROUTE_H

#include "net/resolver.h"
#include "proto/smtp/client/smtp_client.h"
#include "settings/settings.h"

struct smtp_route_host {
    struct text name; /* "mx.example.net" or "[192.0.2.1]" */
    uint16_t port;
};

struct smtp_route {
    struct smtp_route_host *hosts;
    unsigned count;
    bool by_mx;     /* else the settings or the address name the hosts */
    bool is_secure; /* by_mx: DNSSEC proves the MX records */
};

/* Mail is never sent on to ourselves, by the name of any server of ours, or to hosts less preferred
 * (RFC 5321 5.1). OK; else *trouble says why there is nowhere to go. YIELDS. */
enum status smtp_route_find(struct resolver *resolver, const struct setting_connector *connector,
                            const struct queue_job *job, const struct settings *settings,
                            struct arena *arena, struct smtp_route *route,
                            struct smtp_client_trouble *trouble);

/* The addresses of one host of a route; TRY_LATER or REFUSED with *trouble. YIELDS. */
enum status smtp_route_addresses(struct resolver *resolver, const struct smtp_route_host *host,
                                 struct arena *arena, struct resolver_host *out,
                                 struct smtp_client_trouble *trouble);

/* How many of these MX hosts, in order of preference, come before our own; all when it is not among
 * them. Pure. */
unsigned smtp_route_before_own(const struct resolver_mx *list, unsigned count,
                               struct text our_host);

/* Set *trouble; returns status. */
enum status smtp_trouble_set(struct smtp_client_trouble *trouble, enum status status,
                             const char *enhanced, struct text words);

#endif
