/* check_host() of RFC 7208, term by term. What a term comes to is a verdict: it matches or not, or
 * the whole evaluation ends with an error. */
#include "decide/spf.h"

#include <string.h>

#include "base/check.h"
#include "decide/spf_evaluation.h"

enum verdict { NO_MATCH, MATCH, TEMPERROR, PERMERROR };

static enum spf_result check_host(struct spf_evaluation *evaluation, struct text domain);

/* Noting */

static void note(struct spf_evaluation *evaluation, struct text domain, struct text term,
                 struct text what)
{
    struct spf_decision *out = &evaluation->out;
    if (out->step_count < SPF_STEPS_MAX)
        out->steps[out->step_count++] = (struct spf_step){evaluation->depth, domain, term, what};
}

static enum verdict permerror(struct spf_evaluation *evaluation, struct text problem)
{
    evaluation->out.problem = problem;
    return PERMERROR;
}

static enum verdict temperror(struct spf_evaluation *evaluation, struct text name)
{
    evaluation->out.problem = arena_printf(evaluation->arena, "%.*s: %s",
                                           TEXT_ARG(text_head(name, SPF_NAME_MAX)), fail_reason());
    return TEMPERROR;
}

/* Limits: 4.6.4 */

/* A term that asks DNS begins. */
static bool may_look_up(struct spf_evaluation *evaluation)
{
    if (evaluation->out.lookups < SPF_LOOKUPS_MAX) {
        evaluation->out.lookups++;
        return true;
    }
    permerror(evaluation, TEXT("more than 10 terms ask DNS"));
    return false;
}

/* A name that could be none was not asked about. */
static bool may_be_void(struct spf_evaluation *evaluation, struct text name, unsigned count)
{
    if (count > 0 || !spf_name_is_valid(name) || evaluation->voids++ < SPF_VOIDS_MAX)
        return true;
    permerror(evaluation, TEXT("more than 2 answers of DNS are empty"));
    return false;
}

/* Mechanisms: section 5 */

struct term {
    struct spf_evaluation *evaluation;
    const struct spf_directive *directive;
    struct text target;
    struct text what; /* to be noted, or "" */
};

static enum verdict match_network(struct term *term)
{
    const struct net_network *network = term->directive->network;
    bool is_of_v4 = spf_client_is_v4(term->evaluation);
    /* An IPv4 network written as IPv6 is of clients that there are not. */
    if (net_address_is_v4(&network->address) != is_of_v4 ||
        (term->directive->mechanism == SPF_IP4) != is_of_v4)
        return NO_MATCH;
    return net_network_contains(network, &term->evaluation->ip) ? MATCH : NO_MATCH;
}

static enum verdict match_addresses(struct term *term, struct text host)
{
    struct spf_evaluation *evaluation = term->evaluation;
    const struct spf_directive *directive = term->directive;
    unsigned prefix_bits = spf_client_is_v4(evaluation) ? directive->v4_bits : directive->v6_bits;
    struct spf_addresses addresses;
    if (spf_find_addresses(evaluation, spf_address_kind(evaluation), host, prefix_bits,
                           &addresses) != OK)
        return temperror(evaluation, host);
    if (!may_be_void(evaluation, host, addresses.count))
        return PERMERROR;
    if (addresses.count == 0)
        term->what =
            arena_printf(evaluation->arena, "no match: %.*s has no such address", TEXT_ARG(host));
    return addresses.has_client ? MATCH : NO_MATCH;
}

static enum verdict match_a(struct term *term)
{
    return match_addresses(term, term->target);
}

static enum verdict match_mx(struct term *term)
{
    struct spf_evaluation *evaluation = term->evaluation;
    struct resolver_records hosts;
    if (spf_find(evaluation, RESOLVER_MX, term->target, &hosts) != OK)
        return temperror(evaluation, term->target);
    if (!may_be_void(evaluation, term->target, hosts.count))
        return PERMERROR;
    if (hosts.count > SPF_HOSTS_MAX)
        return permerror(evaluation, TEXT("more than 10 MX records"));
    for (unsigned i = 0; i < hosts.count; i++) {
        enum verdict verdict = match_addresses(term, hosts.texts[i]);
        if (verdict != NO_MATCH)
            return verdict;
    }
    return NO_MATCH;
}

static enum verdict match_ptr(struct term *term)
{
    struct spf_evaluation *evaluation = term->evaluation;
    spf_validate(evaluation);
    for (unsigned i = 0; i < evaluation->validated_count; i++)
        if (spf_name_is_within(evaluation->validated[i], term->target))
            return MATCH;
    return NO_MATCH;
}

/* 5.7: always A, whatever the client's address is. */
static enum verdict match_exists(struct term *term)
{
    struct spf_evaluation *evaluation = term->evaluation;
    struct spf_addresses addresses;
    if (spf_find_addresses(evaluation, RESOLVER_A, term->target, 32, &addresses) != OK)
        return temperror(evaluation, term->target);
    if (!may_be_void(evaluation, term->target, addresses.count))
        return PERMERROR;
    return addresses.count > 0 ? MATCH : NO_MATCH;
}

/* The table of 5.2. */
static enum verdict match_include(struct term *term)
{
    struct spf_evaluation *evaluation = term->evaluation;
    evaluation->depth++;
    enum spf_result result = check_host(evaluation, term->target);
    evaluation->depth--;
    term->what = arena_printf(evaluation->arena, "%s: %.*s says %s",
                              result == SPF_PASS ? "match" : "no match", TEXT_ARG(term->target),
                              spf_result_name(result));
    switch (result) {
    case SPF_PASS:
        return MATCH;
    case SPF_FAIL:
    case SPF_SOFTFAIL:
    case SPF_NEUTRAL:
        return NO_MATCH;
    case SPF_TEMPERROR:
        return TEMPERROR;
    case SPF_NONE:
    case SPF_PERMERROR:
    case SPF_RESULTS:
        break;
    }
    return PERMERROR;
}

static enum verdict match_all(struct term *term)
{
    unused(term);
    return MATCH;
}

static const struct {
    enum verdict (*match)(struct term *term);
    bool asks_dns;
} mechanisms[SPF_MECHANISMS] = {
    [SPF_ALL] = {match_all, false},     [SPF_INCLUDE] = {match_include, true},
    [SPF_A] = {match_a, true},          [SPF_MX] = {match_mx, true},
    [SPF_PTR] = {match_ptr, true},      [SPF_IP4] = {match_network, false},
    [SPF_IP6] = {match_network, false}, [SPF_EXISTS] = {match_exists, true},
};

/* YIELDS. */
static enum verdict evaluate(struct spf_evaluation *evaluation, struct text domain,
                             const struct spf_directive *directive)
{
    static const char *const words[] = {"no match", "match", "temperror", "permerror"};
    struct term term = {.evaluation = evaluation, .directive = directive};
    enum verdict verdict;
    if (mechanisms[directive->mechanism].asks_dns && !may_look_up(evaluation)) {
        verdict = PERMERROR;
    } else {
        term.target = spf_target(evaluation, domain, directive->domain);
        verdict = mechanisms[directive->mechanism].match(&term);
    }
    if (verdict >= TEMPERROR && !text_is_empty(evaluation->out.problem))
        term.what = evaluation->out.problem;
    note(evaluation, domain, directive->term,
         text_is_empty(term.what) || verdict == MATCH ? text_from(words[verdict]) : term.what);
    return verdict;
}

/* The explanation: 6.2 */

static struct text printable(struct text text)
{
    for (size_t i = 0; i < text.length; i++)
        if (text.data[i] < ' ' || text.data[i] > '~')
            return TEXT("");
    return text_head(text, SPF_EXPLANATION_MAX);
}

/* Whatever goes wrong: there is none. YIELDS. */
static struct text explain(struct spf_evaluation *evaluation, struct text domain, struct text exp)
{
    struct resolver_records records;
    if (text_is_empty(exp) || spf_is_beyond_names(evaluation, exp))
        return TEXT("");
    struct text name = spf_name_shortened(spf_expand(evaluation, domain, exp, SPF_MACRO_DOMAIN));
    if (spf_find(evaluation, RESOLVER_TXT, name, &records) != OK || records.count != 1)
        return TEXT("");
    return printable(spf_expand(evaluation, domain, records.texts[0], SPF_MACRO_EXPLANATION));
}

/* Records: section 4 */

static enum spf_result none(struct spf_evaluation *evaluation, struct text domain, const char *why)
{
    evaluation->out.problem =
        arena_printf(evaluation->arena, "%.*s %s", TEXT_ARG(text_head(domain, SPF_NAME_MAX)), why);
    note(evaluation, domain, TEXT(""), evaluation->out.problem);
    return SPF_NONE;
}

static enum spf_result record_error(struct spf_evaluation *evaluation, struct text domain,
                                    enum spf_result result)
{
    evaluation->out.domain = domain;
    note(evaluation, domain, TEXT(""), evaluation->out.problem);
    return result;
}

/* OK: *out is the record. Else *result is the outcome. YIELDS. */
static bool find_record(struct spf_evaluation *evaluation, struct text domain,
                        struct spf_record *out, enum spf_result *result)
{
    struct resolver_records records;
    struct text record;
    if (!spf_name_is_valid(domain) || text_find(domain, '.') >= domain.length - 1) {
        *result = none(evaluation, domain, "is no domain name that could have a record");
        return false;
    }
    if (spf_find(evaluation, RESOLVER_TXT, domain, &records) != OK) {
        temperror(evaluation, domain);
        *result = record_error(evaluation, domain, SPF_TEMPERROR);
        return false;
    }
    unsigned count =
        spf_record_select(records.texts, records.count, evaluation->facts->scope, &record);
    if (count == 0) {
        *result = none(evaluation, domain, records.exists ? "has no record" : "does not exist");
        return false;
    }
    if (count == 1 && spf_record_parse(record, evaluation->arena, out) == OK) {
        note(evaluation, domain, TEXT(""), record);
        return true;
    }
    permerror(evaluation,
              arena_printf(evaluation->arena, "%.*s: %s", TEXT_ARG(domain),
                           count > 1 ? "there is more than one record" : fail_reason()));
    *result = record_error(evaluation, domain, SPF_PERMERROR);
    return false;
}

/* 6.1 */
static enum spf_result redirect(struct spf_evaluation *evaluation, struct text domain,
                                struct text spec)
{
    if (!may_look_up(evaluation))
        return record_error(evaluation, domain, SPF_PERMERROR);
    struct text name = spf_target(evaluation, domain, spec);
    enum spf_result result = check_host(evaluation, name);
    return result == SPF_NONE ? SPF_PERMERROR : result;
}

/* A directive matched, or failed to be evaluated. YIELDS. */
static enum spf_result decided(struct spf_evaluation *evaluation, struct text domain,
                               const struct spf_record *record,
                               const struct spf_directive *directive, enum verdict verdict)
{
    struct spf_decision *out = &evaluation->out;
    if (verdict == TEMPERROR || verdict == PERMERROR) {
        out->domain = domain;
        out->term = directive->term;
        return verdict == TEMPERROR ? SPF_TEMPERROR : SPF_PERMERROR;
    }
    if (evaluation->depth > 0) /* 6.2: an explanation is of the record that was asked for */
        return directive->result;
    out->domain = domain;
    out->term = directive->term;
    if (directive->result == SPF_FAIL)
        out->explanation = explain(evaluation, domain, record->exp);
    return directive->result;
}

/* YIELDS. */
static enum spf_result check_host(struct spf_evaluation *evaluation, struct text domain)
{
    struct spf_record record;
    enum spf_result result;
    if (!find_record(evaluation, domain, &record, &result))
        return result;
    for (unsigned i = 0; i < record.count; i++) {
        enum verdict verdict = evaluate(evaluation, domain, &record.directives[i]);
        if (verdict != NO_MATCH)
            return decided(evaluation, domain, &record, &record.directives[i], verdict);
    }
    if (!text_is_empty(record.redirect))
        return redirect(evaluation, domain, record.redirect);
    if (evaluation->depth == 0)
        evaluation->out.domain = domain;
    note(evaluation, domain, TEXT(""), TEXT("neutral: nothing matches")); /* 4.7 */
    return SPF_NEUTRAL;
}

/* IPv4 stays IPv4 however it is written: section 5. */
static struct net_address normal(const struct net_address *ip)
{
    if (ip->any.sa_family != AF_INET6 || !net_address_is_v4(ip))
        return *ip;
    struct net_address out = {.length = sizeof(out.v4)};
    out.v4.sin_family = AF_INET;
    memcpy(&out.v4.sin_addr, &ip->v6.sin6_addr.s6_addr[12], sizeof(out.v4.sin_addr));
    return out;
}

/* What strangers wrote, as it may stand in headers and replies. */
static struct text shown(struct spf_evaluation *evaluation, struct text text, size_t most)
{
    struct text copy = arena_copy(evaluation->arena, text_head(text, most));
    char *bytes = (char *)(uintptr_t)copy.data;
    for (size_t i = 0; i < copy.length; i++)
        if (bytes[i] < ' ' || bytes[i] > '~')
            bytes[i] = '?';
    return copy;
}

struct spf_decision decide_spf(const struct spf_facts *facts, spf_look_up *look_up, void *context,
                               struct arena *arena)
{
    struct spf_evaluation evaluation = {.facts = facts,
                                        .look_up = look_up,
                                        .context = context,
                                        .arena = arena,
                                        .ip = normal(facts->ip),
                                        .sender = facts->sender};
    size_t at = text_find_last(facts->sender, '@');
    if (at == facts->sender.length || at == 0)
        evaluation.sender = arena_printf(arena, "postmaster@%.*s", TEXT_ARG(facts->domain));
    evaluation.out.steps = arena_array(arena, SPF_STEPS_MAX, sizeof(*evaluation.out.steps));
    struct spf_decision *out = &evaluation.out;
    out->result = check_host(&evaluation, facts->domain);
    bool is_trouble = out->result == SPF_NONE || out->result >= SPF_TEMPERROR;
    out->problem = is_trouble ? shown(&evaluation, out->problem, SPF_EXPLANATION_MAX) : TEXT("");
    out->domain = shown(&evaluation, out->domain, SPF_NAME_MAX);
    out->term = shown(&evaluation, out->term, SPF_TERM_SHOWN_MAX);
    return *out;
}
