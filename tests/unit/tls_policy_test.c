#include <string.h>

#include "decide/tls_policy.h"
#include "test.h"

/* Each row: what is set, what the message asks for, what is published; and what follows. */

enum { NONE = TLS_MEANS_NONE, OFFER = TLS_MEANS_OFFER, REQUIRE = TLS_MEANS_REQUIRE };
enum { VERIFY = TLS_MEANS_VERIFY, DANE = TLS_MEANS_DANE, MTA_STS = TLS_MEANS_STS };
enum asks { NOTHING, REQUIRETLS, OPTIONAL, BOTH };
enum sts { NO_POLICY, TESTS_IT, TESTS_OTHER, ENFORCES_IT, ENFORCES_OTHER };
enum outcome { GO, SKIP, FINAL };

struct row {
    unsigned connector, policy;
    enum asks asks;
    bool is_named, mx_is_secure;
    enum tlsa_state tlsa;
    enum sts sts;
    enum outcome outcome;
    enum tls_need need;
    const char *rule; /* the first reason, or NULL for none */
};

static struct tls_decision decide(const struct row *row)
{
    struct setting_policy policy = {.name = TEXT("default"), .tls = row->policy};
    struct settings settings = {.policies = &policy, .policy_count = row->policy != 0};
    struct setting_connector connector = {.tls = row->connector};
    struct mail_terms terms = {.requires_tls = row->asks == REQUIRETLS || row->asks == BOTH,
                               .tls_is_optional = row->asks == OPTIONAL || row->asks == BOTH};
    struct tls_facts facts = {
        .settings = &settings,
        .connector = &connector,
        .domain = TEXT("a.example"),
        .terms = &terms,
        .is_named = row->is_named,
        .mx_is_secure = row->mx_is_secure,
        .tlsa = row->tlsa,
        .sts = row->sts == NO_POLICY                             ? STS_NONE
               : row->sts == TESTS_IT || row->sts == TESTS_OTHER ? STS_TESTING
                                                                 : STS_ENFORCE,
        .sts_names_host = row->sts == TESTS_IT || row->sts == ENFORCES_IT,
        .host = TEXT("mx.a.example"),
    };
    return decide_tls(&facts);
}

static void expect_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct tls_decision got = decide(&rows[i]);
        enum outcome outcome = got.is_final ? FINAL : got.skips_host ? SKIP : GO;
        const char *rule = got.reason_count == 0 ? "" : got.reasons[0].rule;
        if (outcome != rows[i].outcome || (outcome == GO && got.need != rows[i].need) ||
            strcmp(rule, rows[i].rule == NULL ? "" : rows[i].rule) != 0)
            fail_msg("row %zu: outcome %d need %d rule %s", i, outcome, (int)got.need, rule);
        EXPECT(got.needs_requiretls == (rows[i].asks == REQUIRETLS || rows[i].asks == BOTH));
    }
}
#define EXPECT_ROWS(rows) expect_rows(rows, sizeof(rows) / sizeof(*(rows)))

#define NEED(name) GO, TLS_NEED_##name
#define NO_HOST SKIP, TLS_NEED_NONE

TEST("without wishes TLS is taken when it is offered, and what a domain publishes is heeded")
{
    static const struct row rows[] = {
        {OFFER, 0, NOTHING, false, false, TLSA_ABSENT, NO_POLICY, NEED(OFFERED), NULL},
        {OFFER, 0, NOTHING, false, true, TLSA_USABLE, NO_POLICY, NEED(DANE), "dane"},
        {OFFER, 0, NOTHING, false, true, TLSA_UNUSABLE, NO_POLICY, NEED(ENCRYPTION),
         "dane-unusable"},
        {OFFER, 0, NOTHING, false, false, TLSA_ABSENT, ENFORCES_IT, NEED(NAME), "mta-sts"},
        {OFFER, 0, NOTHING, false, false, TLSA_ABSENT, ENFORCES_OTHER, NO_HOST,
         "mta-sts-other-host"},
        {OFFER, 0, NOTHING, false, false, TLSA_ABSENT, TESTS_IT, NEED(OFFERED), "mta-sts-testing"},
        {OFFER, 0, NOTHING, false, false, TLSA_ABSENT, TESTS_OTHER, NEED(OFFERED),
         "mta-sts-testing"},
    };
    EXPECT_ROWS(rows);
}

TEST("keys of DANE that do not fit are not overruled by a policy of MTA-STS")
{
    static const struct row rows[] = {
        {OFFER, 0, NOTHING, false, true, TLSA_USABLE, ENFORCES_IT, NEED(DANE), "dane"},
        {OFFER, 0, NOTHING, false, true, TLSA_USABLE, ENFORCES_OTHER, NEED(DANE), "dane"},
    };
    EXPECT_ROWS(rows);
}

TEST("keys of DANE that nobody can use do not spare a host what MTA-STS demands")
{
    static const struct row rows[] = {
        {OFFER, 0, NOTHING, false, true, TLSA_UNUSABLE, ENFORCES_IT, NEED(NAME), "mta-sts"},
        {OFFER, 0, NOTHING, false, true, TLSA_UNUSABLE, ENFORCES_OTHER, NO_HOST,
         "mta-sts-other-host"},
        {OFFER, 0, NOTHING, false, true, TLSA_UNUSABLE, TESTS_IT, NEED(ENCRYPTION),
         "dane-unusable"},
    };
    EXPECT_ROWS(rows);
}

/* shows: S60 */
TEST("a connector's wish is the least that is done")
{
    static const struct row rows[] = {
        {NONE, 0, NOTHING, false, true, TLSA_USABLE, ENFORCES_IT, NEED(NONE), "tls-none"},
        {REQUIRE, 0, NOTHING, false, false, TLSA_ABSENT, NO_POLICY, NEED(ENCRYPTION),
         "tls-require"},
        {REQUIRE, 0, NOTHING, false, true, TLSA_USABLE, NO_POLICY, NEED(DANE), "dane"},
        {REQUIRE, 0, NOTHING, false, false, TLSA_ABSENT, ENFORCES_OTHER, NO_HOST,
         "mta-sts-other-host"},
        {VERIFY, 0, NOTHING, true, false, TLSA_ABSENT, NO_POLICY, NEED(NAME), "tls-verify"},
        {VERIFY, 0, NOTHING, false, true, TLSA_USABLE, NO_POLICY, NEED(NAME), "tls-verify"},
    };
    EXPECT_ROWS(rows);
}

/* shows: S43 */
TEST("of several means the surest that is there is taken, and without any the mail waits")
{
    static const struct row rows[] = {
        {DANE, 0, NOTHING, false, true, TLSA_USABLE, NO_POLICY, NEED(DANE), "tls-dane"},
        {DANE, 0, NOTHING, false, false, TLSA_ABSENT, ENFORCES_IT, NO_HOST,
         "tls-nothing-published"},
        {DANE, 0, NOTHING, false, true, TLSA_UNUSABLE, NO_POLICY, NO_HOST, "tls-nothing-published"},
        {MTA_STS, 0, NOTHING, false, false, TLSA_ABSENT, TESTS_IT, NEED(NAME), "tls-mta-sts"},
        {MTA_STS, 0, NOTHING, false, false, TLSA_ABSENT, ENFORCES_OTHER, NO_HOST,
         "tls-nothing-published"},
        {DANE | MTA_STS | VERIFY, 0, NOTHING, false, true, TLSA_USABLE, ENFORCES_IT, NEED(DANE),
         "tls-dane"},
        {DANE | MTA_STS | VERIFY, 0, NOTHING, false, false, TLSA_ABSENT, ENFORCES_IT, NEED(NAME),
         "tls-mta-sts"},
        {DANE | MTA_STS | VERIFY, 0, NOTHING, false, false, TLSA_ABSENT, NO_POLICY, NEED(NAME),
         "tls-verify"},
    };
    EXPECT_ROWS(rows);
}

TEST("of a connector and a policy the stricter one holds")
{
    static const struct row rows[] = {
        {OFFER, VERIFY, NOTHING, false, false, TLSA_ABSENT, NO_POLICY, NEED(NAME), "tls-verify"},
        {VERIFY, OFFER, NOTHING, true, false, TLSA_ABSENT, NO_POLICY, NEED(NAME), "tls-verify"},
        {NONE, REQUIRE, NOTHING, false, false, TLSA_ABSENT, NO_POLICY, NEED(ENCRYPTION),
         "tls-require"},
        {VERIFY, DANE, NOTHING, false, false, TLSA_ABSENT, NO_POLICY, NO_HOST,
         "tls-nothing-published"},
        {NONE, NONE, NOTHING, false, true, TLSA_USABLE, NO_POLICY, NEED(NONE), "tls-none"},
    };
    EXPECT_ROWS(rows);
}

TEST("TLS-Required: No waives what the domain publishes, and not what the settings say")
{
    static const struct row rows[] = {
        {OFFER, 0, OPTIONAL, false, true, TLSA_USABLE, ENFORCES_OTHER, NEED(OFFERED),
         "tls-required-no"},
        {REQUIRE, 0, OPTIONAL, false, true, TLSA_USABLE, NO_POLICY, NEED(ENCRYPTION),
         "tls-required-no"},
        {OFFER, DANE, OPTIONAL, false, true, TLSA_USABLE, NO_POLICY, NEED(DANE), "tls-dane"},
        /* RFC 8689 3: with REQUIRETLS the field is ignored. */
        {OFFER, 0, BOTH, false, true, TLSA_USABLE, NO_POLICY, NEED(DANE), "dane"},
    };
    EXPECT_ROWS(rows);
}

TEST("REQUIRETLS goes only where the way is sure and the host proves itself")
{
    static const struct row rows[] = {
        {OFFER, 0, REQUIRETLS, false, false, TLSA_ABSENT, NO_POLICY, FINAL, 0, "requiretls"},
        {OFFER, 0, REQUIRETLS, false, true, TLSA_ABSENT, NO_POLICY, NEED(NAME), "requiretls"},
        {OFFER, 0, REQUIRETLS, false, true, TLSA_USABLE, NO_POLICY, NEED(DANE), "dane"},
        {OFFER, 0, REQUIRETLS, false, false, TLSA_ABSENT, TESTS_IT, NEED(NAME), "requiretls"},
        {OFFER, 0, REQUIRETLS, false, false, TLSA_ABSENT, TESTS_OTHER, FINAL, 0, "requiretls"},
        {OFFER, 0, REQUIRETLS, true, false, TLSA_ABSENT, NO_POLICY, NEED(NAME), "requiretls"},
        {NONE, 0, REQUIRETLS, true, false, TLSA_ABSENT, NO_POLICY, NEED(NAME), "requiretls"},
    };
    EXPECT_ROWS(rows);
}

TEST("what cannot matter is not looked up")
{
    struct settings settings = {0};
    struct setting_connector connector = {.tls = NONE};
    struct mail_terms terms = {0};
    struct tls_facts facts = {
        .settings = &settings, .connector = &connector, .terms = &terms, .domain = TEXT("a.b")};
    EXPECT(!decide_tls_wants_dane(&facts) && !decide_tls_wants_sts(&facts));
    connector.tls = VERIFY;
    EXPECT(!decide_tls_wants_dane(&facts) && !decide_tls_wants_sts(&facts));
    connector.tls = OFFER;
    EXPECT(decide_tls_wants_dane(&facts) && decide_tls_wants_sts(&facts));
    terms.tls_is_optional = true;
    EXPECT(!decide_tls_wants_dane(&facts) && !decide_tls_wants_sts(&facts));
    connector.tls = DANE | VERIFY;
    EXPECT(decide_tls_wants_dane(&facts) && !decide_tls_wants_sts(&facts));
    facts.is_named = true;
    connector.tls = OFFER;
    terms = (struct mail_terms){.requires_tls = true};
    EXPECT(decide_tls_wants_dane(&facts) && !decide_tls_wants_sts(&facts));
}

TEST("of several policies the longest match is taken")
{
    struct setting_policy policies[] = {{.name = TEXT("default"), .tls = OFFER},
                                        {.name = TEXT("*.example"), .tls = REQUIRE},
                                        {.name = TEXT("*.a.example"), .tls = VERIFY},
                                        {.name = TEXT("a.example"), .tls = DANE}};
    struct settings settings = {.policies = policies, .policy_count = 4};
    EXPECT(decide_policy_find(&settings, TEXT("b.test")) == &policies[0]);
    EXPECT(decide_policy_find(&settings, TEXT("b.example")) == &policies[1]);
    EXPECT(decide_policy_find(&settings, TEXT("x.A.example")) == &policies[2]);
    EXPECT(decide_policy_find(&settings, TEXT("A.EXAMPLE")) == &policies[3]);
    settings.policies++;
    settings.policy_count--;
    EXPECT(decide_policy_find(&settings, TEXT("b.test")) == NULL);
}
