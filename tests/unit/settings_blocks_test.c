/* What the words of single blocks mean: TLS, connectors, routing groups, holds and requests,
 * folders, profiles, roles. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/extensions.h"
#include "settings_scene.h"
#include "test.h"

TEST("the words about TLS read back as they were meant")
{
    struct parsed parsed =
        settings_of("host mx.example.org\n"
                    "certificate a.pem key a.key\n"
                    "certificate b.pem key b.key \"key\" key key\n"
                    "tls authorities ca.pem\n"
                    "dns trust-anchor root.key\n"
                    "http proxy 192.0.2.1:3128\n"
                    "server x {\n"
                    "  listen *:25\n"
                    "  certificate own.pem key own.key\n"
                    "  tls require for mail minimum 1.3 strength 256\n"
                    "  tls client-certificate ask authorities clients.pem\n"
                    "}\n"
                    "server y { listen *:26 smtp }\n"
                    "connector c {\n to *\n by mx\n tls dane or verify\n }\n"
                    "policy default { tls offer }\n"
                    "policy *.partner.example { tls mta-sts or dane or verify }\n");
    const struct settings *settings = parsed.settings;
    if (settings == NULL)
        fail_msg("%s", parsed.said);
    EXPECT(settings->certificate_count == 3);
    EXPECT_TEXT(settings->certificates[2].certificate_file, "/etc/mailroot/key");
    EXPECT_TEXT(settings->authorities_file, "/etc/mailroot/ca.pem");
    EXPECT_TEXT(settings->trust_anchor_file, "/etc/mailroot/root.key");
    EXPECT(net_address_port(&settings->http_proxy) == 3128);
    const struct setting_server *server = &settings->servers[0];
    EXPECT(server->certificate_count == 1 && settings->servers[1].certificate_count == 3);
    EXPECT(server->tls == TLS_REQUIRE && server->tls_for == TLS_FOR_MAIL);
    EXPECT(server->tls_only_1_3 && server->tls_strength_256);
    EXPECT(server->client_certificate == TLS_CERTIFICATE_ASK);
    EXPECT_TEXT(server->client_authorities_file, "/etc/mailroot/clients.pem");
    EXPECT(settings->servers[1].tls == TLS_OFFER && !settings->servers[1].tls_only_1_3);
    EXPECT(settings->connectors[0].tls == (TLS_MEANS_DANE | TLS_MEANS_VERIFY));
    EXPECT(settings->policy_count == 2 && settings->policies[0].tls == TLS_MEANS_OFFER);
    EXPECT_TEXT(settings->policies[1].name, "*.partner.example");
    EXPECT(settings->policies[1].tls == (TLS_MEANS_DANE | TLS_MEANS_STS | TLS_MEANS_VERIFY));
    settings_expect_round_trip(settings);
    parsed_free(&parsed);
}

TEST("words about TLS that contradict each other are refused with the remedy")
{
    settings_expect_said("host a.b\ncertificate c key k\nserver x {\n listen *:25\n"
                         " tls client-certificate require\n}\n",
                         MAIN_FILE
                         ":5:25: server 'x' requires certificates that nothing can verify\n"
                         "       | add: tls authorities FILE\n");
    settings_expect_said(
        "host a.b\ncertificate c key k\nserver x {\n listen *:25\n tls offer for mail\n}\n",
        MAIN_FILE ":5:16: server 'x' does not require TLS\n"
                  "       | write: tls require for mail\n");
    settings_expect_said("host a.b\n" QUIET "policy b.example { tls none or dane }\n", MAIN_FILE
                         ":3:32: 'dane' stands alone\n"
                         "     3 | policy b.example { tls none or dane }\n"
                         "       |                                ^^^^ only verify, dane and "
                         "mta-sts can be joined\n");
    settings_expect_said("host a.b\n" QUIET "policy b.example { tls dane or }\n", MAIN_FILE
                         ":3:29: '' is no value of 'tls' in policy 'b.example'\n"
                         "     3 | policy b.example { tls dane or }\n"
                         "       |                             ^^ write none, offer or require, or "
                         "some of verify, dane and mta-sts\n");
    settings_expect_said("host a.b\n" QUIET "policy *.* { tls dane }\n",
                         MAIN_FILE ":3:8: '*.*' is no name of a policy\n"
                                   "     3 | policy *.* { tls dane }\n"
                                   "       |        ^^^ write a domain, *.domain or default\n");
}

TEST("mail that no connector takes goes under TLS where that is offered")
{
    struct parsed parsed = settings_of_clean("host a.b\n" QUIET);
    EXPECT(parsed.settings->direct.tls == TLS_MEANS_OFFER);
    EXPECT(parsed.settings->direct.port == 25 && parsed.settings->direct.max_connections == 20);
    parsed_free(&parsed);
}

TEST("who logs in at a host verifies it, unless the settings say otherwise")
{
    struct parsed parsed = settings_of_clean(
        "host a.b\n" QUIET "connector a {\n to a.a\n smart-host a.b\n login u secret s\n}\n"
        "connector b {\n to b.b\n smart-host [127.0.0.1] login u secret s\n}\n"
        "connector c {\n to c.c\n smart-host a.b tls require\n login u keytab k domain d "
        "mechanism gssapi ntlm over tls\n x-exps require\n}\n"
        "connector d {\n to d.d\n smart-host a.b\n}\n");
    const struct setting_connector *connectors = parsed.settings->connectors;
    EXPECT(connectors[0].tls == TLS_MEANS_VERIFY && connectors[1].tls == TLS_MEANS_OFFER);
    EXPECT(connectors[0].login.secrecy == SASL_OVER_VERIFIED_TLS);
    EXPECT(connectors[2].tls == TLS_MEANS_REQUIRE && connectors[3].tls == TLS_MEANS_OFFER);
    EXPECT_TEXT(connectors[2].login.keytab_file, "/etc/mailroot/k");
    EXPECT_TEXT(connectors[2].login.domain, "d");
    EXPECT(connectors[2].login.mechanisms == (SASL_BIT(SASL_GSSAPI) | SASL_BIT(SASL_NTLM)));
    EXPECT(connectors[2].login.secrecy == SASL_OVER_TLS && connectors[2].exps == EXPS_REQUIRE);
    EXPECT(!setting_client_logs_in(&connectors[3].login));
    parsed_free(&parsed);
}

TEST("a routing group reads back, and is told what it cannot work without")
{
    static const char group[] =
        "routing-group north {\n    organisation example\n"
        "    member a.b c.d at [192.0.2.1] mail [192.0.2.1]:2525\n    master c.d\n"
        "    login lsa@a.b secret lsa\n    link-state suppress check 2m retry 10s\n}\n\n"
        "connector south {\n    to-group south cost 10 east\n    bridgehead a.b c.d\n"
        "    scope group\n    smart-host s.test t.test:26\n}\n";
    char text[1000];
    snprintf(text, sizeof(text), "host a.b\n" QUIET "%s", group);
    struct parsed parsed = settings_of_clean(text);
    const struct setting_group *read = settings_group(parsed.settings);
    EXPECT_TEXT(read->self, "a.b");
    EXPECT(read->members[1].at.port == 691 && read->members[1].mail.port == 2525);
    EXPECT(read->suppresses && read->check_ms == 120000 && read->retry_ms == 10000);
    char *again = settings_shown(parsed.settings, false, false);
    EXPECT(strstr(again, "    member a.b c.d at [192.0.2.1] mail [192.0.2.1]:2525\n") != NULL);
    EXPECT(strstr(again, "    to-group south cost 10 east\n    bridgehead a.b c.d\n") != NULL);
    free(again);
    parsed_free(&parsed);
    settings_expect_said("host a.b\n" QUIET "connector x {\n to-group south\n by mx\n}\n",
                         MAIN_FILE ":4:11: connector 'x' names no host of the other group\n"
                                   "       | add: smart-host HOST\n" MAIN_FILE
                                   ":4:11: connector 'x': this server is in no routing group\n"
                                   "       | add a block: routing-group NAME { ... }\n");
    settings_expect_said("host a.b\n" QUIET "routing-group n {\n member c.d e.f\n}\n",
                         MAIN_FILE ":3: this server, 'a.b', is no member of routing group 'n'\n"
                                   "       | add: member HOST, or write: server MEMBER\n" MAIN_FILE
                                   ":3: routing group 'n' has no login for its members\n"
                                   "       | write: login USER secret NAME\n");
}

#define HOLDING "domain a.b { user u }\n" QUIET "connector c {\n to x.example\n"

/* shows: S34 */
TEST("hold stands alone or names accounts, and reads back")
{
    struct parsed parsed = settings_of_clean("host a.b\n" HOLDING " hold\n}\n");
    EXPECT(parsed.settings->connectors[0].holds);
    EXPECT(parsed.settings->connectors[0].hold_account_count == 0);
    char *text = settings_shown(parsed.settings, false, false);
    EXPECT(strstr(text, "    hold\n") != NULL);
    free(text);
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
    parsed = settings_of_clean("host a.b\n" HOLDING " hold for u@A.b v@a.b\n hold for w@a.b\n}\n");
    const struct setting_connector *connector = &parsed.settings->connectors[0];
    EXPECT(connector->holds && connector->hold_account_count == 3);
    EXPECT_TEXT(connector->hold_accounts[0], "u@a.b");
    EXPECT_TEXT(connector->hold_accounts[2], "w@a.b");
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
    settings_expect_said("host a.b\n" HOLDING " hold until later\n}\n", MAIN_FILE
                         ":6:7: 'hold' in connector 'c': 'for' and an account are missing\n"
                         "     6 |  hold until later\n"
                         "       |       ^^^^^ write: hold, or: hold for branch@example.org\n");
    settings_expect_said("host a.b\n" HOLDING " hold for u@else.where\n}\n",
                         "warning: " MAIN_FILE
                         ":6:7: nobody can log in as 'u@else.where': its domain is "
                         "not one of ours\n");
}

/* shows: S37 */
TEST("what is requested, where and how often, reads back and must make sense")
{
    struct parsed parsed =
        settings_of_clean("host a.b\n" HOLDING " smart-host h.example login u secret s\n"
                          " request etrn a.b @b.example \"#q\" at o.example:366 every 15m\n}\n");
    const struct setting_request *request = &parsed.settings->connectors[0].request;
    EXPECT(request->node_count == 3 && !request->turns && request->every_ms == 15 * 60 * 1000);
    EXPECT_TEXT(request->nodes[1], "@b.example");
    EXPECT_TEXT(request->at.host, "o.example");
    EXPECT(request->at.port == 366);
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
    parsed = settings_of_clean("host a.b\n" HOLDING " smart-host h.example login u secret s\n"
                               " request atrn every 1h\n}\n");
    request = &parsed.settings->connectors[0].request;
    EXPECT(request->turns && request->domain_count == 0 && request->every_ms == 60 * 60 * 1000);
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
    static const char *const wrong[][2] = {
        {"request every 1h", "requests nothing"},
        {"request etrn a.b", "has no host to request mail from"},
        {"smart-host h.example\n request atrn every 1h", "can't fetch mail without a login"},
        {"smart-host h.example login u secret s\n request atrn", "never fetches mail"},
        {"smart-host h.example\n request etrn a..b", "is no value of 'request etrn'"},
    };
    for (unsigned i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char text[300];
        snprintf(text, sizeof(text), "host a.b\n" HOLDING " %s\n}\n", wrong[i][0]);
        parsed = settings_of(text);
        if (parsed.settings != NULL || strstr(parsed.said, wrong[i][1]) == NULL)
            fail_msg("%s: %s", wrong[i][0], parsed.said);
        parsed_free(&parsed);
    }
}

TEST("who may ask for mail is anybody unless networks alone are written")
{
    const char *const lines[] = {"", "etrn 192.0.2.0/24", "etrn logged-in", "etrn any 192.0.2.1",
                                 "etrn nobody 2001:db8::/32"};
    const enum etrn_policy meant[] = {ETRN_ANY, ETRN_LOGGED_IN, ETRN_LOGGED_IN, ETRN_ANY,
                                      ETRN_NOBODY};
    const unsigned networks[] = {0, 1, 0, 1, 1};
    for (unsigned i = 0; i < 5; i++) {
        char text[200];
        snprintf(text, sizeof(text), "host a.b\nserver s {\n listen *:25\n %s\n}\n", lines[i]);
        struct parsed parsed = settings_of_clean(text);
        EXPECT(parsed.settings->servers[0].etrn == meant[i]);
        EXPECT(parsed.settings->servers[0].etrn_network_count == networks[i]);
        settings_expect_round_trip(parsed.settings);
        parsed_free(&parsed);
    }
    struct parsed parsed =
        settings_of("host a.b\nserver s {\n listen *:25\n etrn any\n etrn nobody\n}\n");
    EXPECT(parsed.settings == NULL && strstr(parsed.said, "belong in the first etrn") != NULL);
    parsed_free(&parsed);
}

/* shows: T15 */
TEST("a folder can't be both dropped into and picked up from")
{
    static const char *const texts[] = {
        "host mx.example\nserver a {\n listen *:25\n folders /m\n}\n"
        "domain b.example {\n drop /m/Pickup\n}\n",
        "host mx.example\npickup /p\ndomain b.example {\n drop /p\n}\n"};
    for (unsigned i = 0; i < 2; i++) {
        struct parsed parsed = settings_of(texts[i]);
        EXPECT(parsed.settings == NULL);
        EXPECT(strstr(parsed.said, "the drop folder of 'b.example' is a pickup folder too"));
        parsed_free(&parsed);
    }
}

TEST("folders are those of the first server that has some, or in the data directory")
{
    struct parsed parsed = settings_of("host mx.example\ndata /d\ndomain b.example {\n drop\n}\n");
    EXPECT_TEXT(parsed.settings->pickup_folder, "/d/pickup");
    EXPECT_TEXT(parsed.settings->badmail_folder, "/d/badmail");
    EXPECT_TEXT(parsed.settings->domains[0].drop_folder, "/d/drop");
    EXPECT(parsed.settings->badmail_most == 0);
    parsed_free(&parsed);
    parsed =
        settings_of("host mx.example\ndomain b.example {\n drop\n}\nbadmail size unlimited\n"
                    "server a {\n listen *:25\n}\nserver b {\n listen *:26 smtp\n folders /m\n}\n");
    EXPECT_TEXT(parsed.settings->badmail_folder, "/m/BadMail");
    EXPECT_TEXT(parsed.settings->domains[0].drop_folder, "/m/Drop");
    EXPECT(parsed.settings->badmail_most == UINT64_MAX);
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
}

TEST("which mail a connector takes, and when, reads back")
{
    struct parsed parsed = settings_of(
        "host a.b\nserver office {\n  listen 127.0.0.1:25\n}\n"
        "domain d.example {\n  unresolved forward old.example:2525\n}\n"
        "copy of reports to p@d.example\n"
        "connector x {\n  to * *.a.example cost 10 relay b.example \"cost\" cost 3\n"
        "  from office\n  accept from everyone except i@d.example @contractors *@x.example\n"
        "  reject from @externals@d.example\n  only priority normal high  size < 20MB\n"
        "  only messages non-system\n  smart-host [192.0.2.1] direct-first\n"
        "  schedule mon-fri,sun 07:00-20:00 every 15m sat at 23:00 22:00-04:00\n"
        "  oversize > 10MB send at 01:00-05:00\n  masquerade public.example\n"
        "  note \"Branch office\"\n}\n");
    if (parsed.settings == NULL)
        fail_msg("%s", parsed.said);
    const struct setting_connector *connector = &parsed.settings->connectors[0];
    EXPECT(connector->space_count == 4 && connector->spaces[0].cost == 10);
    EXPECT(connector->spaces[1].relays && !connector->spaces[2].relays);
    EXPECT(connector->spaces[2].cost == 3 && connector->spaces[3].cost == 3);
    EXPECT_TEXT(connector->accepted.names[1], "@contractors@d.example");
    EXPECT(connector->schedule.window_count == 3 && connector->schedule.windows[0].every == 15);
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
}

static void expect_shown(const struct settings *settings, const char *line)
{
    char *all = settings_shown(settings, true, false);
    if (strstr(all, line) == NULL)
        fail_msg("no '%s' in:\n%s", line, all);
    free(all);
}

TEST("a profile gives defaults, what is written counts, and show tells which is which")
{
    struct parsed parsed =
        settings_of_clean("host a.b\nprofile iis6\n"
                          "server old {\n  listen 127.0.0.1:25\n  limit hops 40\n}\n"
                          "server new {\n  listen 127.0.0.2:25\n  profile internet\n"
                          "  limit hops 15\n}\n"
                          "connector x {\n  to *\n  limit messages 100\n}\n");
    const struct setting_server *old = &parsed.settings->servers[0], *new = old + 1;
    EXPECT(old->max_message_bytes == 2 << 20 && old->max_session_bytes == 10 << 20);
    EXPECT(old->max_recipients == 100 && old->max_hops == 40 && old->idle_ms == 600000);
    EXPECT(old->takes_bare_addresses && !old->needs_hello_name);
    EXPECT((old->without & EXTENSION_BIT(EXTENSION_XEXCH50)) != 0);
    EXPECT(new->max_message_bytes == 35 << 20 && new->without == 0 && new->max_hops == 15);
    EXPECT(parsed.settings->connectors[0].max_messages == 100);
    EXPECT(parsed.settings->direct.max_messages == 20);
    EXPECT(parsed.settings->retry.after_count == 4 &&
           parsed.settings->retry.after_ms[3] == 14400000);
    expect_shown(parsed.settings,
                 "    limit recipients 100                                # profile iis6\n");
    expect_shown(parsed.settings, "    limit hops 40\n");
    expect_shown(parsed.settings, "    limit recipients 1000\n");
    char *changed = settings_shown(parsed.settings, false, false);
    assert_string_equal(changed,
                        "host a.b\nprofile iis6\n\n"
                        "server old {\n    listen 127.0.0.1:25 smtp\n    limit hops 40\n}\n\n"
                        "server new {\n    listen 127.0.0.2:25 smtp\n    profile internet\n"
                        "    limit hops 15\n}\n\n"
                        "connector x {\n    to * cost 1\n    limit messages 100\n}\n");
    free(changed);
    parsed_free(&parsed);
}

TEST("a server like Exchange 2003 has that one's defaults")
{
    struct parsed parsed = settings_of_clean("host a.b\nprofile exchange2003\n" QUIET);
    const struct setting_server *server = &parsed.settings->servers[0];
    EXPECT(server->max_message_bytes == 0 && server->max_session_bytes == 0);
    EXPECT(server->max_recipients == 64000 && server->max_hops == 30);
    EXPECT((server->without & EXTENSION_BIT(EXTENSION_XEXCH50)) == 0);
    EXPECT((server->without & EXTENSION_BIT(EXTENSION_SMTPUTF8)) != 0);
    EXPECT(parsed.settings->direct.max_connections == 100);
    EXPECT(parsed.settings->max_outbound == 1000);
    EXPECT(parsed.settings->retry.after_ms[0] == 600000 &&
           parsed.settings->retry.glitch_count == 3);
    parsed_free(&parsed);
}

TEST("a server's retry intervals are its own, the retry block's, or those of its own profile")
{
    struct parsed parsed =
        settings_of_clean("host a.b\nretry {\n  glitch 2m x5\n  after 7m\n  expire 3d\n}\n"
                          "server own {\n  listen 127.0.0.1:25\n  retry local-delay-notice 1h\n"
                          "  retry glitch 30s x1 after 1m 2m then 3m expire 1d\n}\n"
                          "server plain {\n  listen 127.0.0.2:25\n}\n"
                          "server old {\n  listen 127.0.0.3:25\n  profile iis6\n  retry x9\n}\n");
    const struct setting_server *own = &parsed.settings->servers[0], *plain = own + 1;
    const struct setting_retry *retry = &own->retry, *old = &plain[1].retry;
    EXPECT(retry->glitch_ms == 30000 && retry->glitch_count == 1 && retry->after_ms[2] == 180000);
    EXPECT(retry->local_notice_ms == 3600000 && retry->delay_notice_ms == 43200000);
    EXPECT(setting_retry_equals(&plain->retry, &parsed.settings->retry));
    EXPECT(old->after_count == 4 && old->after_ms[3] == 14400000 && old->glitch_count == 9);
    EXPECT(settings_retry_place(parsed.settings, retry, "glitch").line == 10);
    EXPECT(settings_retry_place(parsed.settings, &plain->retry, "after").line == 4);
    expect_shown(parsed.settings, "    retry after 1m 2m then 3m\n");
    parsed_free(&parsed);
}

static bool listens(const struct setting_server *server, unsigned port)
{
    for (unsigned i = 0; i < server->listen_count; i++)
        if (net_address_port(&server->listens[i].address) == port)
            return true;
    return false;
}

/* shows: T39 */
TEST("front-end, bridgehead and mailbox each listen and limit as their part demands")
{
    struct parsed parsed = settings_of("host a.b\nrole front-end\n");
    const struct setting_server *server = &parsed.settings->servers[0];
    EXPECT(server->listen_count == 2 && listens(server, 25) && listens(server, 587));
    EXPECT(server->names_peers && server->tarpit_ms == 5000 && !server->needs_login);
    EXPECT(server->max_connections_per_address == 50 && server->etrn == ETRN_LOGGED_IN);
    expect_shown(parsed.settings,
                 "    reverse-lookup on                                   # role front-end\n");
    parsed_free(&parsed);
    parsed = settings_of("host a.b\nrole bridgehead\n"
                         "routing-group g {\n  member a.b\n  member c.d\n"
                         "  login x@a.b secret y\n}\n");
    server = &parsed.settings->servers[0];
    EXPECT(server->listen_count == 2 && listens(server, 25) && listens(server, 691));
    EXPECT(parsed.settings->direct.max_connections == 100 && server->tarpit_ms == 0);
    parsed_free(&parsed);
    parsed = settings_of("host a.b\nrole mailbox\nserver s {\n  listen *:143 *:25\n"
                         "  limit connections-per-address 7\n}\n");
    server = &parsed.settings->servers[0];
    EXPECT(server->needs_login && server->etrn == ETRN_NOBODY && server->listen_count == 2);
    EXPECT(server->max_connections_per_address == 7 && !server->names_peers);
    expect_shown(parsed.settings, "role mailbox\n");
    expect_shown(parsed.settings, "    limit connections-per-address 7\n");
    parsed_free(&parsed);
}

/* What is said of a member of a group with these statements. */
static bool is_said(const char *statements, const char *warning)
{
    char text[1000];
    snprintf(text, sizeof(text),
             "host a.b\n%s"
             "routing-group g {\n  member a.b\n  member c.d\n  login x@a.b secret y\n}\n",
             statements);
    struct parsed parsed = settings_of(text);
    bool said = parsed.settings != NULL && strstr(parsed.said, warning) != NULL;
    parsed_free(&parsed);
    return said;
}

#define WAY "connector south {\n  to-group south\n  smart-host [192.0.2.1]\n}\n"
#define EVERYTHING "this one does everything"

/* shows: T39 */
TEST("a member of a routing group that does everything is warned of, and what fits no role")
{
    EXPECT(is_said(WAY, "routing group 'g' has 2 members, and " EVERYTHING));
    EXPECT(!is_said("", EVERYTHING)); /* it sends to no other site */
    EXPECT(!is_said(WAY "server s {\n  listen *:25\n}\n", EVERYTHING));
    EXPECT(!is_said(WAY "server s {\n  listen 127.0.0.1:25 *:143\n}\n", EVERYTHING));
    EXPECT(!is_said("role bridgehead\n" WAY, EVERYTHING));
    EXPECT(!is_said("connector south {\n  to-group south\n  smart-host [192.0.2.1]\n"
                    "  bridgehead c.d\n}\n",
                    EVERYTHING));
    EXPECT(is_said("role bridgehead\nserver s {\n  listen *:25 *:143\n}\n",
                   "server 's' serves mailboxes, and the role bridgehead has none"));
    EXPECT(is_said("role mailbox\nserver s {\n  listen *:25 *:143\n  anonymous yes\n}\n",
                   "server 's' takes mail from strangers"));
    EXPECT(!is_said("role mailbox\n", "takes mail from strangers"));
    EXPECT(is_said("role mailbox\n" WAY, "connector 'south' leads to other groups from here"));
}

TEST("what is said of reports reads back, and a policy's words with the profile's")
{
    struct parsed parsed = settings_of_clean(
        "host mx.example.org\nprofile exchange2003\n" QUIET
        "reports texts texts language de bilingual on\n"
        "reports original 100KB limit 20 within 2h\n"
        "domain example.org {\n    language fr\n}\n"
        "policy partner.example {\n    allow out-of-office\n}\n"
        "policy noisy.example {\n    deny delivery-reports non-delivery-reports\n}\n");
    const struct settings *settings = parsed.settings;
    const uint32_t absences = 1U << POLICY_OUT_OF_OFFICE | 1U << POLICY_AUTOMATIC_REPLY;
    EXPECT_TEXT(settings->report_texts_folder, "/etc/mailroot/texts");
    EXPECT_TEXT(settings->report_language, "de");
    EXPECT_TEXT(settings->domains[0].language, "fr");
    EXPECT(settings->reports_are_bilingual && settings->report_original_bytes == 100 << 10);
    EXPECT(settings->report_limit == 20 && settings->report_limit_ms == 7200000);
    EXPECT(settings->unnamed.deny == absences && settings->policies[0].deny == absences);
    EXPECT(settings->policies[0].allow == 1U << POLICY_OUT_OF_OFFICE);
    EXPECT(settings->policies[1].deny ==
           (1U << POLICY_DELIVERY_REPORTS | 1U << POLICY_NON_DELIVERY_REPORTS));
    EXPECT(settings_top_place(settings, "reports limit").line == 5);
    expect_shown(settings, "reports limit 20\n");
    expect_shown(settings, "    deny delivery-reports non-delivery-reports\n");
    parsed_free(&parsed);
}

TEST("what a policy can deny is told to who writes another word")
{
    settings_expect_said("host a.b\n" QUIET "policy x.example {\n    deny receipts\n}\n",
                         MAIN_FILE ":4:10: 'receipts' is no value of 'deny' in policy "
                                   "'x.example'\n"
                                   "     4 |     deny receipts\n"
                                   "       |          ^^^^^^^^ the words are delivery-reports "
                                   "non-delivery-reports out-of-office automatic-reply\n");
}
