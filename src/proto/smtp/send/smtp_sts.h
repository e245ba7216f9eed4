/* MTA-STS as a sender (RFC 8461): the policies of domains, found by DNS and HTTPS and kept for as
 * long as they say, in memory. A policy that can't be fetched anew counts until it ends. */
#ifndef PROTO_SMTP_SEND_SMTP_STS_H
#define PROTO_SMTP_SEND_SMTP_STS_H

#include "net/resolver.h"
#include "net/sts_policy.h"
#include "proc/role.h"

struct smtp_sts;

struct smtp_sts *smtp_sts_new(void);
/* No task may be in it. Accepts NULL. */
void smtp_sts_free(struct smtp_sts **sts);

/* How to look. Lent for the call. */
struct smtp_sts_means {
    struct resolver *resolver;
    const struct role_context *role; /* has the authorities' certificates */
    const struct settings *settings; /* names them, and the proxy for HTTP */
};
/* The policy of a domain, copied into arena; false: it has none, or one of mode "none". YIELDS. */
bool smtp_sts_find(struct smtp_sts *sts, const struct smtp_sts_means *means, struct text domain,
                   struct arena *arena, struct sts_policy *out);

#endif
