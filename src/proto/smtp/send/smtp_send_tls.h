/* A hop's TLS: what is looked up before the decision, the decision, and what a connection must then
 * expect of its peer. */
#ifndef PROTO_SMTP_SEND_SMTP_SEND_TLS_H
#define PROTO_SMTP_SEND_SMTP_SEND_TLS_H

#include "decide/tls_policy.h"
#include "proto/smtp/send/smtp_send_route.h"
#include "proto/smtp/send/smtp_sts.h"

/* What the facts of one attempt are gathered with. */
struct smtp_send_tls {
    struct smtp_sts *sts;
    struct smtp_sts_means means;
    const struct queue_job *job;
    struct arena *arena;
    struct tls_facts facts; /* of the route; those of a host are filled in for each */
    struct sts_policy policy;
    bool dane_applies; /* MX and host must be secure for TLSA records to count (RFC 7672 2.2.1) */
};

/* The facts of a route, MTA-STS included. settings and connector must stay. YIELDS. */
void smtp_send_tls_begin(struct smtp_send_tls *tls, const struct settings *settings,
                         const struct setting_connector *connector, const struct smtp_route *route);

/* A host's decision and what follows from it; in the attempt's arena. */
struct smtp_host_tls {
    struct tls_decision decision;
    struct tls_expectation expected;
    struct text reason; /* "mx.example.net: TLS for dane (dane mx.example.net)" */
};
/* OK; else *trouble says why the host can't be used: TRY_LATER, or REFUSED when it never can.
 * YIELDS. */
enum status smtp_send_tls_host(struct smtp_send_tls *tls, const struct smtp_route_host *host,
                               const struct resolver_host *found, struct smtp_host_tls *out,
                               struct smtp_client_trouble *trouble);

#endif
