/* SPF (RFC 7208): may this host send mail for this domain? check_host() of section 4, for the
 * scopes of Sender ID (RFC 4406) as well. Pure but for the look-ups, which the caller does: against
 * DNS, or against a table. */
#ifndef DECIDE_SPF_H
#define DECIDE_SPF_H

#include "decide/spf_name.h"
#include "decide/spf_record.h"
#include "net/resolver.h"

struct spf_facts {
    const struct net_address *ip; /* of the client */
    struct text helo;
    struct text domain;   /* A-labels; what check_host() is asked about */
    struct text sender;   /* local@domain; without a local part it is postmaster's (4.3) */
    struct text receiver; /* our own name, for macros */
    enum spf_scope scope;
    int64_t now_s; /* wall */
};

/* As resolver_find_records: OK, also for none; TRY_LATER. May YIELD. */
typedef enum status spf_look_up(void *context, enum resolver_kind kind, struct text name,
                                struct arena *arena, struct resolver_records *out);

/* 4.6.4: terms that ask DNS, answers with nothing in them, and hosts of one term. */
enum { SPF_LOOKUPS_MAX = 10, SPF_VOIDS_MAX = 2, SPF_HOSTS_MAX = 10 };
enum { SPF_STEPS_MAX = 200, SPF_EXPLANATION_MAX = 400, SPF_TERM_SHOWN_MAX = 200 };

/* One line of how it came to the result. */
struct spf_step {
    unsigned depth;     /* of includes */
    struct text domain; /* whose record; these three as strangers wrote them */
    struct text term;   /* "mx:example.org", or "" for the record as a whole */
    struct text what;   /* "match", "no match: mx.example.org has no such address" */
};

/* Its texts are printable ASCII. */
struct spf_decision {
    enum spf_result result;
    struct text domain;      /* whose record decided, behind redirects */
    struct text term;        /* what decided: "-all"; "" for none, or when no term matched */
    struct text problem;     /* why TEMPERROR, PERMERROR or NONE; else "" */
    struct text explanation; /* the domain's words for FAIL (6.2); or "" */
    unsigned lookups;
    struct spf_step *steps;
    unsigned step_count;
};
/* Everything in arena, or borrowed from the facts. YIELDS if look_up does. */
struct spf_decision decide_spf(const struct spf_facts *facts, spf_look_up *look_up, void *context,
                               struct arena *arena);

#endif
