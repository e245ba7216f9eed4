/* SPF records as the DNS has them: which of a domain's TXT records counts (RFC 7208 4.5, RFC 4406
 * 4.4), and what it says (RFC 7208 4.6, 5, 6). Pure. */
#ifndef DECIDE_SPF_RECORD_H
#define DECIDE_SPF_RECORD_H

#include "base/arena.h"
#include "base/status.h"
#include "net/address.h"

enum spf_result {
    SPF_NONE,
    SPF_NEUTRAL,
    SPF_PASS,
    SPF_FAIL,
    SPF_SOFTFAIL,
    SPF_TEMPERROR,
    SPF_PERMERROR,
    SPF_RESULTS
};
/* "softfail", as headers have it (RFC 8601 2.7.2). */
const char *spf_result_name(enum spf_result result);

/* For what a record is looked for. "v=spf1" alone counts for SPF; for Sender ID it stands for both
 * scopes unless a record of version 2 names the scope. */
enum spf_scope { SPF_SCOPE_SPF, SPF_SCOPE_MFROM, SPF_SCOPE_PRA };

/* How many of the records compete for the scope; the first of them is *out. More than one is a
 * permerror (4.5). */
unsigned spf_record_select(const struct text *records, unsigned count, enum spf_scope scope,
                           struct text *out);

enum spf_mechanism {
    SPF_ALL,
    SPF_INCLUDE,
    SPF_A,
    SPF_MX,
    SPF_PTR,
    SPF_IP4,
    SPF_IP6,
    SPF_EXISTS,
    SPF_MECHANISMS
};
struct spf_directive {
    enum spf_result result; /* of its qualifier, when it matches */
    enum spf_mechanism mechanism;
    struct text domain;                /* domain-spec as written, or "" */
    const struct net_network *network; /* of ip4 and ip6 */
    unsigned v4_bits, v6_bits;         /* of a and mx */
    struct text term;                  /* the whole of it */
};

enum { SPF_RECORD_MAX = 16 << 10, SPF_TERMS_MAX = 1000 };
struct spf_record {
    struct spf_directive *directives;
    unsigned count;
    struct text redirect, exp; /* domain-specs, or "" */
};
/* Read a record. All of it is in arena or borrowed from the record. REFUSED: what is wrong with it,
 * which is a permerror whatever the record says beside that (4.6). */
enum status spf_record_parse(struct text record, struct arena *arena, struct spf_record *out);

#endif
