/* MTA-STS (RFC 8461): the grammar of its TXT record and of its policy, and what a policy says of a
 * host. Pure. */
#ifndef NET_STS_POLICY_H
#define NET_STS_POLICY_H

#include "base/arena.h"

enum { STS_POLICY_MAX = 64 << 10, STS_MX_MAX = 100, STS_ID_MAX = 32, STS_AGE_MAX = 31557600 };

/* The id in a domain's TXT records, borrowed from them. False: there is none, or more than one
 * record of this kind, which counts as none (3.1). */
bool sts_record_id(const struct text *records, unsigned count, struct text *id);

struct sts_policy {
    enum { STS_POLICY_NONE, STS_POLICY_TESTING, STS_POLICY_ENFORCE } mode;
    uint32_t max_age_s;
    struct text *mx; /* lower case: "mx.example.net", "*.example.net" */
    unsigned mx_count;
};
/* Everything in arena. False when it is no policy: then there is none (3.2). */
bool sts_policy_parse(struct text bytes, struct arena *arena, struct sts_policy *out);
/* One of the patterns is for this host (4.1). */
bool sts_policy_names(const struct sts_policy *policy, struct text host);

#endif
