/* What a DNS answer's bytes mean: MX data and the names in it (RFC 1035 3.1, 3.3.9), TLSA, TXT.
 * Pure, so that tests and the fuzz target reach it without a server. */
#ifndef NET_DNS_ANSWER_H
#define NET_DNS_ANSWER_H

#include "net/resolver.h"

enum dns_mx_kind {
    DNS_MX_HOST,    /* usable */
    DNS_MX_NULL,    /* "." : the domain accepts no mail (RFC 7505) */
    DNS_MX_GARBAGE, /* malformed, an address, or no host name: to be skipped */
};

enum { DNS_NAME_TEXT_MAX = 253 };

/* One MX record's data. out->host is in arena; set for DNS_MX_HOST alone. */
enum dns_mx_kind dns_mx_parse(struct text data, struct arena *arena, struct resolver_mx *out);

/* An uncompressed wire name, which must fill `wire`, as lower-case text without the final dot: ""
 * for the root. False when malformed or when it cannot be a host's name. */
bool dns_host_parse(struct text wire, struct arena *arena, struct text *out);

/* A TLSA record's data (RFC 6698 2.1), its certificate data in arena. False when malformed. */
bool dns_tlsa_parse(struct text data, struct arena *arena, struct tls_tlsa *out);
/* A TXT record's strings joined (RFC 1035 3.3.14), in arena. False when malformed. */
bool dns_txt_parse(struct text data, struct arena *arena, struct text *out);

/* Into the order to try: by preference, random among equals (RFC 5321 5.1). */
void dns_mx_order(struct resolver_mx *list, unsigned count);

#endif
