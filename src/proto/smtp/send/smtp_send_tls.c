#include "proto/smtp/send/smtp_send_tls.h"

#include "base/logline.h"

void smtp_send_tls_begin(struct smtp_send_tls *tls, const struct settings *settings,
                         const struct setting_connector *connector, const struct smtp_route *route)
{
    tls->facts = (struct tls_facts){.settings = settings,
                                    .connector = connector,
                                    .domain = tls->job->domain,
                                    .terms = &tls->job->terms,
                                    .is_named = !route->by_mx,
                                    .mx_is_secure = route->is_secure};
    tls->dane_applies = (!route->by_mx || route->is_secure) && decide_tls_wants_dane(&tls->facts);
    if (!decide_tls_wants_sts(&tls->facts) ||
        !smtp_sts_find(tls->sts, &tls->means, tls->job->domain, tls->arena, &tls->policy))
        return;
    tls->facts.sts = tls->policy.mode == STS_POLICY_ENFORCE ? STS_ENFORCE : STS_TESTING;
}

/* TLSA records below one name: none, unusable, usable. YIELDS. */
static enum status look_below(struct smtp_send_tls *tls, struct text base, uint16_t port,
                              struct smtp_host_tls *out)
{
    struct tls_tlsa *records;
    unsigned count;
    enum status status =
        resolver_find_tlsa(tls->means.resolver, base, port, tls->arena, &records, &count);
    if (status != OK || count == 0)
        return status;
    unsigned usable = 0;
    for (unsigned i = 0; i < count; i++)
        if (tls_tlsa_is_usable(&records[i]))
            records[usable++] = records[i];
    tls->facts.tlsa = usable > 0 ? TLSA_USABLE : TLSA_UNUSABLE;
    out->expected.records = records;
    out->expected.record_count = usable;
    out->expected.server_name = arena_copy(tls->arena, base).data;
    return OK;
}

/* RFC 7672 2.2.2: first where the host's aliases lead, then the host as it is named; and when the
 * way from the alias on is not proven, the alias alone. YIELDS. */
static enum status look_for_tlsa(struct smtp_send_tls *tls, const struct smtp_route_host *host,
                                 const struct resolver_host *found, struct smtp_host_tls *out)
{
    bool is_alias = !text_equals_nocase(found->canonical, host->name);
    bool alias_is_secure = found->is_secure;
    enum status status = OK;
    if (is_alias && !found->is_secure)
        status = resolver_has_secure_alias(tls->means.resolver, host->name, &alias_is_secure);
    if (status == OK && is_alias && found->is_secure)
        status = look_below(tls, found->canonical, host->port, out);
    if (status == OK && tls->facts.tlsa == TLSA_ABSENT && alias_is_secure)
        status = look_below(tls, host->name, host->port, out);
    return status;
}

static const char *reason_word(const char *rule)
{
    static const struct {
        const char *rule, *words;
    } words[] = {
        {"dane", "there are TLSA records for"},
        {"dane-unusable", "there are TLSA records, though none to use, for"},
        {"mta-sts", "an MTA-STS policy is published by"},
        {"mta-sts-other-host", "the domain's MTA-STS policy does not name"},
        {"mta-sts-testing", "an MTA-STS policy is being tested by"},
        {"tls-required-no", "the message says TLS-Required: No"},
        {"tls-none", "the settings want no TLS with"},
        {"tls-require", "the settings require TLS with"},
        {"tls-verify", "the settings require a certificate for"},
        {"tls-dane", "the settings require DANE, and there are TLSA records for"},
        {"tls-mta-sts", "the settings require MTA-STS, and there is a policy of"},
        {"tls-nothing-published", "the settings require DANE or MTA-STS, and neither is there for"},
        {"requiretls", "the message says REQUIRETLS, with"},
        {"requiretls-way-unsure", "neither DNSSEC nor MTA-STS proves the MX records of"},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (text_equals(text_from(words[i].rule), text_from(rule)))
            return words[i].words;
    return rule;
}

/* The last reason, which is the one that decided. */
static struct text describe(struct smtp_send_tls *tls, const struct tls_decision *decision)
{
    if (decision->reason_count == 0)
        return TEXT("");
    const struct decision_reason *reason = &decision->reasons[decision->reason_count - 1];
    struct text words = text_from(reason_word(reason->rule));
    struct text place = TEXT("");
    if (reason->place.line > 0)
        place = arena_printf(tls->arena, " (%.*s:%u)", TEXT_ARG(reason->place.file),
                             reason->place.line);
    return arena_printf(tls->arena, "%.*s %.*s%.*s", TEXT_ARG(words), TEXT_ARG(reason->fact),
                        TEXT_ARG(place));
}

static enum status refuse_host(const struct smtp_host_tls *out, struct smtp_client_trouble *trouble)
{
    const struct tls_decision *decision = &out->decision;
    if (decision->is_final)
        return smtp_trouble_set(trouble, REFUSED, "5.7.30", out->reason);
    return smtp_trouble_set(trouble, TRY_LATER, "4.7.5", out->reason);
}

static void expect(const struct smtp_send_tls *tls, const struct smtp_route_host *host,
                   struct smtp_host_tls *out)
{
    static const enum tls_check checks[] = {
        [TLS_NEED_NONE] = TLS_CHECK_NONE,       [TLS_NEED_OFFERED] = TLS_CHECK_NONE,
        [TLS_NEED_ENCRYPTION] = TLS_CHECK_NONE, [TLS_NEED_NAME] = TLS_CHECK_NAME,
        [TLS_NEED_DANE] = TLS_CHECK_DANE,
    };
    struct text name = host->name;
    out->expected.check = checks[out->decision.need];
    if (text_starts_with(name, TEXT("[")))
        name = text_before(text_from_position(name, 1), ']');
    /* RFC 7672 3.2.2: with DANE the name is the one the records stand below. */
    if (out->expected.check != TLS_CHECK_DANE)
        out->expected.server_name = arena_copy(tls->arena, name).data;
    if (!tls->facts.is_named)
        out->expected.other_name = arena_copy(tls->arena, tls->facts.domain).data;
}

enum status smtp_send_tls_host(struct smtp_send_tls *tls, const struct smtp_route_host *host,
                               const struct resolver_host *found, struct smtp_host_tls *out,
                               struct smtp_client_trouble *trouble)
{
    *out = (struct smtp_host_tls){0};
    bool is_literal = text_starts_with(host->name, TEXT("["));
    tls->facts.host = host->name;
    tls->facts.tlsa = TLSA_ABSENT;
    tls->facts.sts_names_host =
        tls->facts.sts != STS_NONE && sts_policy_names(&tls->policy, host->name);
    if (tls->dane_applies && !is_literal && look_for_tlsa(tls, host, found, out) != OK) {
        /* Whether the host has keys cannot be told: to go on would be what a forger wants. */
        struct text words =
            arena_printf(tls->arena, "%.*s: TLSA: %s", TEXT_ARG(host->name), fail_reason());
        return smtp_trouble_set(trouble, TRY_LATER, "4.7.5", words);
    }
    out->decision = decide_tls(&tls->facts);
    out->reason = describe(tls, &out->decision);
    if (out->decision.skips_host)
        return refuse_host(out, trouble);
    if (out->decision.tests_sts && !tls->facts.sts_names_host)
        log_warning("mta-sts.testing", "domain=%s host=%s reason=\"the policy does not name it\"",
                    log_text(tls->facts.domain), log_text(host->name));
    expect(tls, host, out);
    return OK;
}
