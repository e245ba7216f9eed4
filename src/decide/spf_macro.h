/* The macros of SPF records (RFC 7208 7): what "%{ir}.%{v}._spf.%{d2}" stands for. Pure. */
#ifndef DECIDE_SPF_MACRO_H
#define DECIDE_SPF_MACRO_H

#include "base/buffer.h"
#include "net/address.h"

/* What the letters stand for. */
struct spf_names {
    struct text sender;           /* local@domain; both parts are there */
    struct text domain;           /* whose record it is */
    const struct net_address *ip; /* of the client; not an IPv4 address written as IPv6 */
    struct text helo;
    struct text receiver;  /* our own name */
    struct text validated; /* of the client by PTR, or "unknown" */
    int64_t now_s;         /* wall, since 1970 */
};

enum spf_macro_kind {
    SPF_MACRO_ANY,         /* an unknown modifier's value */
    SPF_MACRO_DOMAIN,      /* a domain-spec: ends like a name, or with a macro (7.1) */
    SPF_MACRO_EXPLANATION, /* may hold spaces, and the letters c, r and t */
};
/* Is it well formed? */
bool spf_macro_check(struct text string, enum spf_macro_kind kind);
/* The macro of this letter, in lower case, stands in it. */
bool spf_macro_has(struct text string, char letter);
/* Append what it stands for. False when it is malformed or out is full. */
bool spf_macro_expand(struct text string, enum spf_macro_kind kind, const struct spf_names *names,
                      struct buffer *out);

#endif
