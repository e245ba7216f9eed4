#include "decide/tls_policy.h"

#include "decide/route.h"

static void because(struct tls_decision *decision, const char *rule, struct setting_place place,
                    struct text fact)
{
    if (decision->reason_count < TLS_REASONS_MAX)
        decision->reasons[decision->reason_count++] =
            (struct decision_reason){.rule = rule, .place = place, .fact = fact};
}

const struct setting_policy *decide_policy_find(const struct settings *settings, struct text domain)
{
    const struct setting_policy *best = NULL;
    size_t best_match = 0;
    for (unsigned i = 0; i < settings->policy_count; i++) {
        const struct setting_policy *policy = &settings->policies[i];
        bool is_default = text_equals(policy->name, TEXT("default"));
        size_t match = is_default ? 1 : decide_space_match(policy->name, domain);
        if (match > best_match) {
            best_match = match;
            best = policy;
        }
    }
    return best;
}

/* What the settings ask of this hop, from two sides. */
struct wishes {
    unsigned connector, policy; /* enum tls_means; policy may be 0 */
    struct setting_place connector_place, policy_place;
};

static struct wishes wishes_of(const struct tls_facts *facts)
{
    struct wishes wishes = {.connector = TLS_MEANS_OFFER};
    const struct setting_policy *policy = decide_policy_find(facts->settings, facts->domain);
    if (facts->connector != NULL) {
        wishes.connector = facts->connector->tls;
        wishes.connector_place = facts->connector->place;
    }
    if (policy != NULL) {
        wishes.policy = policy->tls;
        wishes.policy_place = policy->place;
    }
    return wishes;
}

/* RFC 8689 3: the sender prefers delivery to what the recipient's domain demands. REQUIRETLS, which
 * says the opposite, is heard before. */
static bool is_optional(const struct tls_facts *facts)
{
    return facts->terms->tls_is_optional && !facts->terms->requires_tls;
}

/* Plain text is all that is wanted. */
static bool wants_nothing(const struct tls_facts *facts)
{
    struct wishes wishes = wishes_of(facts);
    return wishes.connector == TLS_MEANS_NONE &&
           (wishes.policy == 0 || wishes.policy == TLS_MEANS_NONE) && !facts->terms->requires_tls;
}

/* What is published counts unless the sender waives it and the settings do not name it. */
static bool wants_published(const struct tls_facts *facts, unsigned means)
{
    struct wishes wishes = wishes_of(facts);
    unsigned open = TLS_MEANS_OFFER | TLS_MEANS_REQUIRE;
    if (wants_nothing(facts))
        return false;
    if (((wishes.connector | wishes.policy) & means) != 0 || facts->terms->requires_tls)
        return true;
    return ((wishes.connector | wishes.policy) & open) != 0 && !is_optional(facts);
}

bool decide_tls_wants_dane(const struct tls_facts *facts)
{
    return wants_published(facts, TLS_MEANS_DANE);
}

bool decide_tls_wants_sts(const struct tls_facts *facts)
{
    return !facts->is_named && wants_published(facts, TLS_MEANS_STS);
}

/* No more than the settings ask for, but what the domain publishes, published to be heeded. DANE
 * first: a policy of MTA-STS must not overrule keys that do not fit (RFC 8461 2). Keys that nobody
 * can use say less than a policy, which then holds. */
static struct tls_decision heed_published(const struct tls_facts *facts, enum tls_need least)
{
    struct tls_decision decision = {.need = least};
    struct setting_place nowhere = {0};
    if (is_optional(facts)) {
        because(&decision, "tls-required-no", nowhere, TEXT(""));
        return decision;
    }
    if (facts->tlsa == TLSA_USABLE) {
        decision.need = TLS_NEED_DANE;
        because(&decision, "dane", nowhere, facts->host);
    } else if (facts->sts == STS_ENFORCE && !facts->sts_names_host) {
        decision.skips_host = true;
        because(&decision, "mta-sts-other-host", nowhere, facts->host);
    } else if (facts->sts == STS_ENFORCE) {
        decision.need = TLS_NEED_NAME;
        because(&decision, "mta-sts", nowhere, facts->domain);
    } else if (facts->tlsa == TLSA_UNUSABLE) {
        /* RFC 7672 2.2.3: TLS, though with whom cannot be told. */
        decision.need = TLS_NEED_ENCRYPTION;
        because(&decision, "dane-unusable", nowhere, facts->host);
    } else if (facts->sts == STS_TESTING) {
        decision.tests_sts = true;
        because(&decision, "mta-sts-testing", nowhere, facts->domain);
    }
    return decision;
}

/* One of several means is enough; the surest that is there is taken. */
static struct tls_decision take_surest(const struct tls_facts *facts, unsigned means,
                                       struct setting_place place)
{
    struct tls_decision decision = {0};
    if ((means & TLS_MEANS_DANE) != 0 && facts->tlsa == TLSA_USABLE) {
        decision.need = TLS_NEED_DANE;
        because(&decision, "tls-dane", place, facts->host);
    } else if ((means & TLS_MEANS_STS) != 0 && facts->sts != STS_NONE && facts->sts_names_host) {
        decision.need = TLS_NEED_NAME;
        because(&decision, "tls-mta-sts", place, facts->domain);
    } else if ((means & TLS_MEANS_VERIFY) != 0) {
        decision.need = TLS_NEED_NAME;
        because(&decision, "tls-verify", place, facts->host);
    } else {
        decision.skips_host = true;
        because(&decision, "tls-nothing-published", place, facts->host);
    }
    return decision;
}

static struct tls_decision decide_means(const struct tls_facts *facts, unsigned means,
                                        struct setting_place place)
{
    struct tls_decision decision = {0};
    if (means == TLS_MEANS_NONE) {
        because(&decision, "tls-none", place, facts->host);
        return decision;
    }
    if (means == TLS_MEANS_OFFER)
        return heed_published(facts, TLS_NEED_OFFERED);
    if (means != TLS_MEANS_REQUIRE)
        return take_surest(facts, means, place);
    decision = heed_published(facts, TLS_NEED_ENCRYPTION);
    because(&decision, "tls-require", place, facts->host);
    return decision;
}

/* RFC 8689 4.2.1: the way to the host must be sure (by DNSSEC, by MTA-STS, or because the settings
 * name it), and then the host must prove that it is the one. */
static struct tls_decision decide_requiretls(const struct tls_facts *facts)
{
    struct tls_decision decision = {.needs_requiretls = true};
    struct setting_place nowhere = {0};
    bool is_sure =
        facts->is_named || facts->mx_is_secure || (facts->sts != STS_NONE && facts->sts_names_host);
    because(&decision, "requiretls", nowhere, facts->host);
    if (!is_sure) {
        decision.skips_host = decision.is_final = true;
        because(&decision, "requiretls-way-unsure", nowhere, facts->domain);
    } else {
        decision.need = facts->tlsa == TLSA_USABLE ? TLS_NEED_DANE : TLS_NEED_NAME;
    }
    return decision;
}

static bool is_stricter(const struct tls_decision *a, const struct tls_decision *b)
{
    return a->skips_host != b->skips_host ? a->skips_host : a->need > b->need;
}

struct tls_decision decide_tls(const struct tls_facts *facts)
{
    struct wishes wishes = wishes_of(facts);
    struct tls_decision decision = decide_means(facts, wishes.connector, wishes.connector_place);
    if (wishes.policy != 0) {
        struct tls_decision other = decide_means(facts, wishes.policy, wishes.policy_place);
        if (is_stricter(&other, &decision))
            decision = other;
    }
    if (!facts->terms->requires_tls)
        return decision;
    struct tls_decision other = decide_requiretls(facts);
    if (is_stricter(&other, &decision))
        return other;
    decision.needs_requiretls = true;
    return decision;
}
