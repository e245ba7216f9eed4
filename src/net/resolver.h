/* DNS for mail, over libunbound: answers as mail wants them. */
#ifndef NET_RESOLVER_H
#define NET_RESOLVER_H

#include "base/arena.h"
#include "base/status.h"
#include "net/address.h"
#include "net/tls.h"

struct resolver;

struct resolver_options {
    const struct net_address *servers; /* where to ask; none: those of /etc/resolv.conf */
    unsigned server_count;
    /* Keys to validate answers by (DNSSEC): DS or DNSKEY records, one a line, ";" begins a comment.
     * "": the root's, as the system has them, unless a server is on this machine. */
    struct text trust_anchors;
};
/* Starts a thread of libunbound at the first question. REFUSED: what is wrong with the options.
 * YIELDS. */
enum status resolver_new(const struct resolver_options *options, struct resolver **out);
/* No task may be waiting in it. */
void resolver_free(struct resolver **resolver);

struct resolver_mx {
    struct text host; /* A-labels, no final dot */
    uint16_t preference;
};
struct resolver_mx_facts {
    bool is_null;   /* RFC 7505: the domain takes no mail */
    bool is_secure; /* the answer, or that there are no MX records, is proven by DNSSEC */
};

/* The MX records of a domain, following CNAMEs, in the order to try (preference, random among
 * equals: RFC 5321 5.1). None but the name exists: one implicit entry, the domain itself. OK;
 * REFUSED: "domain does not exist" (NXDOMAIN) or null MX; TRY_LATER: time-out, SERVFAIL, an answer
 * that fails validation. YIELDS. */
enum status resolver_find_mx(struct resolver *resolver, struct text domain, struct arena *arena,
                             struct resolver_mx **out, unsigned *count,
                             struct resolver_mx_facts *facts);

struct resolver_host {
    struct net_address *addresses; /* IPv6 first, each with the port set */
    unsigned count;
    bool is_secure;        /* proven by DNSSEC, all the way */
    struct text canonical; /* where its CNAMEs lead; the host itself when it has none */
};
/* The addresses of a host. REFUSED when it has none. YIELDS. */
enum status resolver_find_host(struct resolver *resolver, struct text host, uint16_t port,
                               struct arena *arena, struct resolver_host *out);
struct resolver_peer {
    struct text name;  /* lower case; "": the address has none */
    bool is_confirmed; /* the name has that address */
};
/* How DNS calls an address (PTR, RFC 1035 3.5): the first name that leads back to it, or else the
 * first. TRY_LATER: not known at the deadline, or as above. YIELDS. */
enum status resolver_find_peer(struct resolver *resolver, const struct net_address *address,
                               int64_t deadline_ms, struct arena *arena, struct resolver_peer *out);
/* The host is an alias (CNAME), and that much is proven by DNSSEC. TRY_LATER as above. YIELDS. */
enum status resolver_has_secure_alias(struct resolver *resolver, struct text host, bool *out);

/* The TLSA records for a port of a host (RFC 6698 3), none unless they are proven by DNSSEC. OK,
 * *count may be 0; TRY_LATER: whether there are any cannot be told now. YIELDS. */
enum status resolver_find_tlsa(struct resolver *resolver, struct text host, uint16_t port,
                               struct arena *arena, struct tls_tlsa **out, unsigned *count);
/* The names an address resolves back to (PTR). OK, *count may be 0; TRY_LATER. YIELDS. */
enum status resolver_find_names(struct resolver *resolver, const struct net_address *address,
                                struct arena *arena, struct text **out, unsigned *count);
/* The records of a name as they are, for rules that are none of the above (SPF). */
enum resolver_kind { RESOLVER_A, RESOLVER_AAAA, RESOLVER_MX, RESOLVER_PTR, RESOLVER_TXT };
struct resolver_records {
    bool exists; /* the name does, whatever records it has */
    unsigned count;
    struct net_address *addresses; /* of A and AAAA, without a port */
    struct text *texts; /* of TXT as below; of MX and PTR host names, "" for one that no host has */
};
/* OK, *out may have none; TRY_LATER as above, and when deadline_ms passed. YIELDS. */
enum status resolver_find_records(struct resolver *resolver, enum resolver_kind kind,
                                  struct text name, int64_t deadline_ms, struct arena *arena,
                                  struct resolver_records *out);
/* The TXT records of a name, the strings of each joined. OK, *count may be 0; TRY_LATER. YIELDS. */
enum status resolver_find_txt(struct resolver *resolver, struct text name, struct arena *arena,
                              struct text **out, unsigned *count);

/* What a block list says of an address (RFC 5782 2.1). */
struct resolver_listing {
    struct text zone;   /* asked; the rest is the answer */
    enum status status; /* OK; TRY_LATER: not known at the deadline, or as above */
    uint32_t *codes;    /* its A records as numbers: 127.0.0.2 is 0x7f000002. None: not listed */
    unsigned count;
};
/* Ask several, all at once. REFUSED, and nothing was asked: it is no Internet address. YIELDS. */
enum status resolver_find_listings(struct resolver *resolver, const struct net_address *address,
                                   int64_t deadline_ms, struct arena *arena,
                                   struct resolver_listing *listings, unsigned count);

#endif
