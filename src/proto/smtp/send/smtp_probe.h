/* Probes: the sender looks at a host as it would for a message, and tells every step. It stops
 * before a message: the most that is said are MAIL and RCPT, and then RSET. */
#ifndef PROTO_SMTP_SEND_SMTP_PROBE_H
#define PROTO_SMTP_SEND_SMTP_PROBE_H

#include "proto/smtp/send/smtp_send_attempt.h"
#include "queue/look/probe.h"

/* What a probe finds, in words for people; findings is what becomes of it. YIELDS. */
void smtp_probe(const struct smtp_sender *sender, const struct queue_probe *probe,
                struct findings *findings);

/* Parts of it. */

/* One address of a host: connect and talk. host_tls: as decided for it. True: it would take mail,
 * as far as it was asked. YIELDS. */
struct smtp_probe_peer {
    const struct smtp_sender *sender;
    const struct settings *settings;
    const struct setting_connector *connector;
    const struct queue_probe *probe;
    const struct smtp_route_host *host;
    const struct smtp_host_tls *host_tls;
    const struct net_address *address;
};
bool smtp_probe_address(const struct smtp_probe_peer *peer, struct findings *findings);
/* How the world sees us: MX records of our domain, addresses and reverse names of our host, and our
 * own server from outside. YIELDS. */
void smtp_probe_own(const struct smtp_sender *sender, const struct settings *settings,
                    const struct queue_probe *probe, struct findings *findings);

#endif
