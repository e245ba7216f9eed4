/* The ways in which servers have been talked into relaying, tried on one. Each is asked over a
 * connection of its own, up to RCPT; no message is sent. For the command line: needs no role. */
#ifndef PROTO_SMTP_SEND_SMTP_RELAY_AUDIT_H
#define PROTO_SMTP_SEND_SMTP_RELAY_AUDIT_H

#include "net/stream.h"
#include "net/tls.h"

struct smtp_relay_audit {
    struct net_address server;
    const struct net_address *from;             /* our end of the connections; NULL: any */
    struct text our_domain, our_host, our_user; /* a local part of the domain */
    struct tls_context *tls;                    /* taken where it is offered; NULL: never */
};

struct smtp_relay_try {
    struct text sender, recipient; /* as written behind MAIL FROM: and RCPT TO: */
    bool is_taken;                 /* RCPT was answered 2xx: it would relay */
    struct text reply;             /* that decided, to MAIL or to RCPT */
};
/* Told of each in turn; lent. */
typedef void smtp_relay_visit(void *context, const struct smtp_relay_try *tried);

/* OK: all were tried. TRY_LATER: the server could not be spoken to; those before it were told.
 * YIELDS. */
enum status smtp_relay_audit(const struct smtp_relay_audit *audit, smtp_relay_visit *visit,
                             void *context);

#endif
