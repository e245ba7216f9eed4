/* The TLS decision: what a hop's TLS must be before a message may go there. Pure, from settings,
 * the message's terms, and what the domain publishes. */
#ifndef DECIDE_TLS_POLICY_H
#define DECIDE_TLS_POLICY_H

#include "decide/relay.h"
#include "mail/terms.h"

/* What the DNS says of a host's keys (RFC 7672 2.2). */
enum tlsa_state {
    TLSA_ABSENT,   /* none, or nothing proves them */
    TLSA_UNUSABLE, /* proven, but SMTP can use none of them */
    TLSA_USABLE,
};

/* What a domain's MTA-STS policy says (RFC 8461 5). */
enum sts_mode { STS_NONE, STS_TESTING, STS_ENFORCE };

struct tls_facts {
    const struct settings *settings;
    const struct setting_connector *connector; /* or NULL */
    struct text domain;                        /* of the recipients */
    const struct mail_terms *terms;
    bool is_named;        /* the host stands in the settings or in the address; else MX led here */
    bool mx_is_secure;    /* by DNSSEC */
    enum tlsa_state tlsa; /* of the host */
    enum sts_mode sts;    /* of the domain; STS_NONE for a host that is_named */
    bool sts_names_host;  /* the policy's mx patterns match it */
    struct text host;     /* for reasons */
};

/* From the least to the most. */
enum tls_need {
    TLS_NEED_NONE,       /* in plain text */
    TLS_NEED_OFFERED,    /* TLS when it is offered, plain text when it fails */
    TLS_NEED_ENCRYPTION, /* TLS with whoever answers */
    TLS_NEED_NAME,       /* a certificate for the host's name, by a known authority */
    TLS_NEED_DANE,       /* a certificate that fits the TLSA records */
};

enum { TLS_REASONS_MAX = 4 };
struct tls_decision {
    enum tls_need need;
    bool skips_host;       /* nothing that host can do is enough: try the next */
    bool is_final;         /* nor will it be later: the message asked for too much */
    bool needs_requiretls; /* the peer must offer REQUIRETLS, and is told it (RFC 8689 4.2.1) */
    bool tests_sts;        /* that the name does not verify is told, and no obstacle (RFC 8461 5) */
    unsigned reason_count;
    struct decision_reason reasons[TLS_REASONS_MAX];
};
struct tls_decision decide_tls(const struct tls_facts *facts);

/* The most specific policy that is for the domain, or NULL. */
const struct setting_policy *decide_policy_find(const struct settings *settings,
                                                struct text domain);
/* What is looked up before decide_tls: whether TLSA records, and an MTA-STS policy, can matter. The
 * other facts need not be there yet. */
bool decide_tls_wants_dane(const struct tls_facts *facts);
bool decide_tls_wants_sts(const struct tls_facts *facts);

#endif
