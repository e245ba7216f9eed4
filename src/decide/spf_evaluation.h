/* An evaluation of SPF under way, shared by its files. Included only from decide. */
#ifndef DECIDE_SPF_EVALUATION_H
#define DECIDE_SPF_EVALUATION_H

#include "decide/spf.h"
#include "decide/spf_macro.h"

struct spf_evaluation {
    const struct spf_facts *facts;
    spf_look_up *look_up;
    void *context;
    struct arena *arena;
    struct net_address ip; /* normal: IPv4 is never written as IPv6 */
    struct text sender;
    unsigned depth, voids;
    bool has_validated;
    struct text *validated; /* the client's names, by PTR */
    unsigned validated_count;
    struct spf_decision out;
};

bool spf_client_is_v4(const struct spf_evaluation *evaluation);
/* A or AAAA: what the client's address is. */
enum resolver_kind spf_address_kind(const struct spf_evaluation *evaluation);

/* All of these YIELD if the look-up does. What could be no name has no records. */
enum status spf_find(struct spf_evaluation *evaluation, enum resolver_kind kind, struct text name,
                     struct resolver_records *out);
/* What is to be known of an answer with addresses. They are not kept, for there may be a hundred
 * such answers. */
struct spf_addresses {
    unsigned count;
    bool has_client; /* so many bits of one of them are his */
};
enum status spf_find_addresses(struct spf_evaluation *evaluation, enum resolver_kind kind,
                               struct text name, unsigned prefix_bits, struct spf_addresses *out);
/* Find the client's names that lead back to him (RFC 7208 5.5), once. An error of DNS is as if
 * there were none. */
void spf_validate(struct spf_evaluation *evaluation);

/* RFC 8616 4: a local part that is not ASCII matches nothing. */
bool spf_is_beyond_names(const struct spf_evaluation *evaluation, struct text spec);
/* In the evaluation's arena; "" when it is malformed or too long. */
struct text spf_expand(struct spf_evaluation *evaluation, struct text domain, struct text spec,
                       enum spf_macro_kind kind);
/* 4.8: the domain a term of domain's record is about; "" when it could be none. */
struct text spf_target(struct spf_evaluation *evaluation, struct text domain, struct text spec);

#endif
