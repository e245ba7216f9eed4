/* The settings: what files mean, what their errors say, and that what is shown reads back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "settings/extensions.h"
#include "settings/table.h"
#include "settings_scene.h"
#include "test.h"

static const char demo[] = "host mx.example.test\n"
                           "data data\n"
                           "run .\n"
                           "certificate cert.pem key key.pem\n"
                           "domain example.test { \n"
                           "    user alice bob \n"
                           "}\n"
                           "server demo {\n"
                           "    listen 127.0.0.1:2525 smtp\n"
                           "    listen 127.0.0.1:2587 submission\n"
                           "    listen 127.0.0.1:2465 smtps\n"
                           "    listen 127.0.0.1:2424 lmtp\n"
                           "    listen 127.0.0.1:2110 pop3\n"
                           "    listen 127.0.0.1:2995 pop3s\n"
                           "}\n"
                           "connector sink { \n"
                           "    to relay.test \n"
                           "    smart-host 127.0.0.1:2526\n"
                           "}\n";

TEST("the demo's settings mean what they say")
{
    struct parsed parsed = settings_of_clean(demo);
    const struct settings *settings = parsed.settings;
    EXPECT(settings->version == 7);
    EXPECT_TEXT(settings->host, "mx.example.test");
    EXPECT_TEXT(settings->data_directory, "/etc/mailroot/data");
    EXPECT_TEXT(settings->run_directory, "/etc/mailroot");
    EXPECT(settings->certificate_count == 1);
    EXPECT_TEXT(settings->certificates[0].certificate_file, "/etc/mailroot/cert.pem");
    EXPECT_TEXT(settings->certificates[0].key_file, "/etc/mailroot/key.pem");
    EXPECT_TEXT(settings->postmaster, "postmaster@example.test");

    EXPECT(settings->domain_count == 1 && settings->domains[0].user_count == 2);
    EXPECT_TEXT(settings->domains[0].users[1], "bob");
    EXPECT(settings_domain_find(settings, TEXT("EXAMPLE.Test")) == &settings->domains[0]);
    EXPECT(settings_domain_find(settings, TEXT("example.tes")) == NULL);

    EXPECT(settings->server_count == 1);
    const struct setting_server *server = &settings->servers[0];
    EXPECT_TEXT(server->name, "demo");
    EXPECT(server->place.line == 8);
    EXPECT(server->listen_count == 6);
    for (unsigned i = 0; i < 6; i++)
        EXPECT(server->listens[i].service == (enum service)i);
    EXPECT(net_address_port(&server->listens[5].address) == 2995);
    EXPECT_TEXT(server->host, "mx.example.test");
    EXPECT(server->tls == TLS_OFFER && server->relay_logged_in);
    EXPECT(server->relay_network_count == 0);
    EXPECT(server->max_message_bytes == 35u << 20 && server->idle_ms == 300000);

    EXPECT(settings->connector_count == 1);
    const struct setting_connector *connector = &settings->connectors[0];
    EXPECT_TEXT(connector->spaces[0].pattern, "relay.test");
    EXPECT_TEXT(connector->smart_hosts[0].host, "[127.0.0.1]");
    EXPECT(connector->smart_hosts[0].port == 2526 && connector->spaces[0].cost == 1);
    EXPECT(connector->tls == TLS_MEANS_OFFER && connector->max_connections == 20);

    EXPECT(settings->retry.after_count == 4 && settings->retry.after_ms[3] == 900000);
    EXPECT(settings->retry.glitch_count == 3 && settings->retry.expire_ms == 172800000);
    settings_expect_round_trip(settings);
    parsed_free(&parsed);
}

TEST("a small site needs nine statements")
{
    struct parsed parsed =
        settings_of_clean("host mx.example.org                    # greeting name\n"
                          "certificate mx.pem key mx.key\n"
                          "\n"
                          "domain example.org {\n"
                          "    user alice bob carol               # passwords: elsewhere\n"
                          "}\n"
                          "\n"
                          "connector partner {                    # all other mail goes by MX\n"
                          "    to partner.example\n"
                          "    smart-host smtp.provider.net:587 tls verify login us@provider.net "
                          "secret partner\n"
                          "}\n");
    const struct setting_connector *connector = &parsed.settings->connectors[0];
    EXPECT(connector->tls == TLS_MEANS_VERIFY);
    EXPECT_TEXT(connector->login.user, "us@provider.net");
    EXPECT_TEXT(connector->login.secret, "partner");
    EXPECT(parsed.settings->server_count == 1);
    EXPECT_TEXT(parsed.settings->servers[0].name, "default");
    EXPECT(parsed.settings->servers[0].listen_count == 8);
    EXPECT(parsed.settings->servers[0].listens[2].service == SERVICE_SMTPS);
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
}

TEST("an unknown word is told with the nearest one")
{
    settings_expect_said("host mx.example.org\n"
                         "certificate c key k\n"
                         "connector provider {\n"
                         "    to *\n"
                         "    smarthost [smtp1.provider.net]\n"
                         "}\n",
                         MAIN_FILE ":5:5: unknown word 'smarthost' in connector 'provider'\n"
                                   "     5 |     smarthost [smtp1.provider.net]\n"
                                   "       |     ^^^^^^^^^ did you mean 'smart-host'?   "
                                   "(mailroot help connector)\n");
}

TEST("an extension that does not exist is told with the nearest one")
{
    settings_expect_said("host a.b\n" QUIET "server quiet { without size chunkin }\n", MAIN_FILE
                         ":3:29: 'chunkin' is no value of 'without' in server 'quiet'\n"
                         "     3 | server quiet { without size chunkin }\n"
                         "       |                             ^^^^^^^ did you mean 'CHUNKING'?\n");
}

TEST("what is shown reads back as the same settings")
{
    struct parsed parsed = settings_of(
        "host mx.example.org\n"
        "certificate \"my cert.pem\" key /k\n"
        "dns server 192.0.2.53 [2001:db8::53]:5353\n"
        "domain example.org { user \"a\\\"b\" \"#x\" }\n"
        "server x {\n"
        "  listen *:25 [2001:db8::1]:587 /run/a lmtp\n"
        "  relay only 10.0.0.0/8\n  relay 2001:db8::/32\n  refuse 192.0.2.1\n"
        "  limit message 25MB  session 0  recipients 1000  idle 10m\n"
        "  login cleartext\n"
        "  greeting \"no spam, please\"\n  proxy 127.0.0.1\n  peer b@x.test c@x.test\n"
        "  without chunking BINARYMIME\n  without vrfy\n"
        "}\n"
        "connector a { to * *.Foo.example \"cost\" cost 10 }\n"
        "connector a {\n by mx port 2525\n }\n"
        "connector b {\n to b.example\n smart-host [mx.b.example]:587 [::1] \"tls\" tls verify "
        "login \"secret\" secret s\n}\n"
        "retry {\n glitch 60s x5\n after 5m then 10m\n}\n");
    EXPECT(parsed.settings != NULL);
    const struct settings *settings = parsed.settings;
    EXPECT(settings->servers[0].relay_network_count == 2);
    EXPECT(!settings->servers[0].relay_logged_in && settings->servers[0].session_ms == 0);
    EXPECT(settings->servers[0].login_plain_without_tls);
    EXPECT(settings->servers[0].without ==
           (EXTENSION_BIT(EXTENSION_CHUNKING) | EXTENSION_BIT(EXTENSION_BINARYMIME) |
            EXTENSION_BIT(EXTENSION_VRFY)));
    EXPECT(settings->connectors[0].space_count == 3 &&
           settings->connectors[0].spaces[0].cost == 10);
    EXPECT(settings->connectors[0].port == 2525 && settings->connectors[0].smart_host_count == 0);
    EXPECT_TEXT(settings->connectors[1].smart_hosts[0].host, "mx.b.example");
    EXPECT_TEXT(settings->connectors[1].smart_hosts[1].host, "[::1]");
    EXPECT_TEXT(settings->connectors[1].smart_hosts[2].host, "tls");
    EXPECT(settings->retry.glitch_count == 5 && settings->retry.after_count == 2);
    EXPECT(net_address_port(&settings->dns_servers[0]) == 53);
    settings_expect_round_trip(settings);
    parsed_free(&parsed);
}

TEST("showing changed settings leaves out defaults, and tells where the rest was written")
{
    struct parsed parsed = settings_of("host mx.example.org\n"
                                       "log info\n"
                                       "domain example.org\n"
                                       "server x {\n"
                                       "  listen *:25\n"
                                       "  limit message 25MB\n"
                                       "}\n");
    char *plain = settings_shown(parsed.settings, false, false), *where;
    assert_string_equal(plain, "host mx.example.org\n"
                               "\n"
                               "domain example.org {\n"
                               "}\n"
                               "\n"
                               "server x {\n"
                               "    listen *:25 smtp\n"
                               "    limit message 25MB\n"
                               "}\n");
    where = settings_shown(parsed.settings, true, true);
    char line[200];
    snprintf(line, sizeof(line), "\n%-56s# " MAIN_FILE ":6\n", "    limit message 25MB");
    EXPECT(strstr(where, line) != NULL);
    snprintf(line, sizeof(line), "\n%-56s# " MAIN_FILE ":2\n", "log info");
    EXPECT(strstr(where, line) != NULL);
    snprintf(line, sizeof(line), "\n%-56s# default\n", "    limit idle 5m");
    EXPECT(strstr(where, line) != NULL);
    free(plain);
    free(where);
    parsed_free(&parsed);
}

/* What its block has to have besides. */
static const char *needed_beside(const struct setting_row *row)
{
    if (row->kind == KIND_CONNECTOR && strncmp(row->name, "to", 3) != 0)
        return "to a.example\n";
    return row->kind == KIND_BLOCK_LIST ? "zone a.example\n" : "";
}

/* A file in which the row's statement is set to what its default is written as. */
static char *file_with(const struct setting_row *row)
{
    const struct setting_kind *kind = &setting_kinds[row->kind];
    struct text clause = setting_row_clause(row);
    bool times = text_equals(clause, TEXT("times"));
    char *out;
    /* A clause behind a statement may stand without the statement's own value. */
    int length = asprintf(&out, "%s%s%s%s%.*s %s\n%s%s", row->kind == KIND_TOP ? "" : kind->word,
                          kind->names_most > 0 ? " x" : "", row->kind == KIND_TOP ? "" : " {\n",
                          needed_beside(row),
                          times ? (int)setting_row_statement(row).length : (int)strlen(row->name),
                          row->name, row->standard, row->kind == KIND_TOP ? "" : "}\n",
                          row->kind == KIND_SERVER ? "server x { listen *:25 }\n" : "");
    EXPECT(length > 0);
    return out;
}

static void expect_sound(const struct setting_row *row)
{
    EXPECT(row->help != NULL && strlen(row->help) > 10);
    EXPECT(row->help[strlen(row->help) - 1] == '.');
    EXPECT(row->standard != NULL || row->otherwise != NULL || row->same_as != NULL);
    EXPECT(row->low <= row->high);
    EXPECT(setting_row_kept(row) != NULL && setting_row_kept(row)->offset == row->offset);
    if (row->standard == NULL)
        return;
    char *statement = file_with(row), *file;
    EXPECT(asprintf(&file, "host a.example\n%s", statement) > 0);
    struct parsed parsed = settings_of(file);
    if (parsed.settings == NULL)
        fail_msg("%s\n%s", file, parsed.said);
    /* Written as the default it is not shown as a change. */
    char *changed = settings_shown(parsed.settings, false, false);
    EXPECT(strstr(changed, row->standard) == NULL || strlen(row->standard) < 3);
    free(changed);
    free(file);
    free(statement);
    parsed_free(&parsed);
}

TEST("every row has help, and a default that reads within its bounds and is written the same way")
{
    for (enum setting_kind_id kind = 0; kind < KIND_COUNT; kind++) {
        unsigned count;
        const struct setting_row *rows = setting_kind_rows(kind, &count);
        EXPECT(count > 0);
        for (unsigned i = 0; i < count; i++)
            expect_sound(&rows[i]);
    }
}

TEST("a value out of bounds is told the bounds")
{
    settings_expect_said("host a.b\nconnector direct {\n    to * cost 150\n}\n", MAIN_FILE
                         ":3:15: cost 150 is outside 1..100\n"
                         "     3 |     to * cost 150\n"
                         "       |               ^^^\n"
                         "warning: there is no certificate, so ports 465, 993 and 995 are not "
                         "served\n" NO_TLS_WARNINGS);
    settings_expect_said("host a.b\n" QUIET "retry { expire 0s }\n", MAIN_FILE
                         ":3:16: 'expire' in retry: 0s is outside 1s..60d\n"
                         "     3 | retry { expire 0s }\n"
                         "       |                ^^\n"
                         "warning: 'delay-notice' is not before 'expire', so no notice is sent\n");
    settings_expect_said(
        "host a.b\n" QUIET "trace keep 99999999999999999d\n",
        MAIN_FILE ":3:12: '99999999999999999d' is no value of 'trace keep'\n"
                  "     3 | trace keep 99999999999999999d\n"
                  "       |            ^^^^^^^^^^^^^^^^^^ write it like 90s, 10m, 2h or 30d\n");
}

TEST("an unclosed block is told where it was opened")
{
    settings_expect_said("host a.b\n" QUIET "retry {\n  expire 3d\n",
                         MAIN_FILE ":3:1: this block is not closed\n"
                                   "     3 | retry {\n"
                                   "       | ^^^^^ a '}' is missing\n");
    settings_expect_said("host a.b\n" QUIET "retry {\nserver y {\n listen *:26 smtp\n}\n",
                         MAIN_FILE ":4:1: blocks do not nest: one is open since line 3\n"
                                   "     4 | server y {\n"
                                   "       | ^^^^^^ a '}' may be missing before this line\n");
    settings_expect_said("host a.b\n" QUIET "}\n", MAIN_FILE ":3:1: this '}' closes nothing\n"
                                                             "     3 | }\n"
                                                             "       | ^\n");
}

TEST("a setting that is set twice is told the first place")
{
    settings_expect_said("host a.b\n" QUIET "log info\nlog debug\n",
                         MAIN_FILE ":4:1: 'log' is already set at " MAIN_FILE ":3\n"
                                   "     4 | log debug\n"
                                   "       | ^^^\n");
    settings_expect_said("host a.b\nserver x { listen 192.0.2.1:25 }\nserver y { listen *:25 }\n",
                         MAIN_FILE ":3:19: '*:25' is already listened on at " MAIN_FILE ":2\n");
    settings_expect_said("host a.b\n" QUIET
                         "domain d.example {\n  user alice bob\n  user ALICE\n}\n",
                         MAIN_FILE ":4:8: user 'ALICE' is named twice in domain 'd.example'\n");
}

TEST("what a later version knows is said to be not supported")
{
    settings_expect_said("host a.b\n" QUIET "acme admin@example.org\n"
                         "policy default {\n  format mime\n}\n",
                         MAIN_FILE
                         ":3:1: 'acme' is not supported by this version\n"
                         "     3 | acme admin@example.org\n"
                         "       | ^^^^\n" MAIN_FILE
                         ":5:3: 'format' in policy 'default' is not supported by this version\n"
                         "     5 |   format mime\n"
                         "       |   ^^^^^^\n");
}

TEST("words in the wrong place are told the right one")
{
    settings_expect_said("host a.b\n" QUIET "listen *:25\n", MAIN_FILE
                         ":3:1: unknown word 'listen'\n"
                         "     3 | listen *:25\n"
                         "       | ^^^^^^ it belongs in a server block   (mailroot help server)\n");
    settings_expect_said("host a.b {\n}\n" QUIET, MAIN_FILE
                         ":1:1: 'host' opens no block\n"
                         "     1 | host a.b {\n"
                         "       | ^^^^ leave out the '{'\n" MAIN_FILE ": 'host' is not set\n"
                         "       | add a line like: host "
                         "mx.example.org\n");
    settings_expect_said("host a.b\n" QUIET "log loud\n",
                         MAIN_FILE ":3:5: 'loud' is no value of 'log'\n"
                                   "     3 | log loud\n"
                                   "       |     ^^^^ write 'debug' or 'info' or 'warning'\n");
    settings_expect_said("host a.b\nserver x {\n\tlisten 127.0.0.1:99\n}\n", MAIN_FILE
                         ":3:9: the port of '127.0.0.1:99' tells no service, and none is named\n"
                         "     3 | \tlisten 127.0.0.1:99\n"
                         "       | \t       ^^^^^^^^^^^^ add smtp, submission, smtps, lmtp, pop3, "
                         "pop3s, imap, imaps, odmr, managesieve or link-state behind it\n");
}

TEST("broken lines are told by what is broken")
{
    settings_expect_said("host a.b\n" QUIET "postmaster \"a@b\n",
                         MAIN_FILE ":3:12: this quote is not closed\n"
                                   "     3 | postmaster \"a@b\n"
                                   "       |            ^^^^\n");
    settings_expect_said("host a.b\n" QUIET "log\x01\n",
                         MAIN_FILE ":3:4: there is a control character here\n"
                                   "     3 | log?\n"
                                   "       |    ^\n");
    settings_expect_said("host a.b\n" QUIET "log \xff\n", MAIN_FILE ":3:1: this line is not UTF-8\n"
                                                                    "     3 | log ?\n"
                                                                    "       | ^\n");
}

TEST("the caret stands under the word, whatever characters are before it")
{
    settings_expect_said(
        "host a.b\n" QUIET "connector x { to \xc3\xbc.example cots 3 }\n", MAIN_FILE
        ":3:34: '3' is no value of 'to' in connector 'x'\n"
        "     3 | connector x { to \xc3\xbc.example cots 3 }\n"
        "       |                                 ^ write a domain, *.domain, *domain or *\n");
}

TEST("contradictions between settings are errors, unwise ones are warnings")
{
    settings_expect_said("host a.b\ncertificate c\n" QUIET "connector x { by mx }\n", MAIN_FILE
                         ":2:13: the certificate has no key\n"
                         "     2 | certificate c\n"
                         "       |             ^ write: certificate FILE key FILE\n" MAIN_FILE
                         ":4: connector 'x' is for no domain\n"
                         "       | add a line like: to example.net\n");
    settings_expect_said("host a.b\nserver x {\n listen *:465\n tls require\n}\n",
                         MAIN_FILE ":4:6: server 'x' has TLS but there is no certificate\n"
                                   "       | add: certificate FILE key FILE\n" MAIN_FILE
                                   ":3:9: '*:465' needs a certificate\n"
                                   "       | add: certificate FILE key FILE\n");
    settings_expect_said(
        "host a.b\nserver x {\n listen *:25\n relay 0.0.0.0/0\n login cleartext\n}\n",
        "warning: " MAIN_FILE ":5:8: server 'x' takes passwords in clear text on '*:25'\n"
        "warning: " MAIN_FILE ":4:8: server 'x' is an open relay: '0.0.0.0/0' may send anywhere\n");
    settings_expect_said("host a.b\n" QUIET "connector x {\n to *\n login u secret s\n}\n",
                         MAIN_FILE ":5:8: connector 'x' would log in at strangers\n"
                                   "       | add a smart-host, or remove the login\n");
    settings_expect_said("host a.b\n" QUIET "connector x {\n to *\n smart-host a.b\n login u\n}\n",
                         MAIN_FILE ":6:8: connector 'x' has a login without a secret\n"
                                   "       | write: login USER secret NAME\n");
    settings_expect_said(
        "host a.b\n" QUIET "connector x {\n to *\n smart-host a.b\n login u secret s "
        "mechanism gssapi\n}\n",
        MAIN_FILE ":6:29: connector 'x' has not what its mechanisms need to log in\n"
                  "       | see login in mailroot.conf(5)\n");
    settings_expect_said("host a.b\n" QUIET "forward srs on domain c.d\n", MAIN_FILE
                         ":3:23: 'c.d' is not a domain of ours, so what bounces would not come "
                         "back\n"
                         "       | name one that has a domain statement\n");
    settings_expect_said("host a.b\n" QUIET
                         "connector x {\n to *\n smart-host a.b\n x-exps try\n}\n",
                         MAIN_FILE ":6:9: connector 'x' has nothing to log in with by X-EXPS\n"
                                   "       | write: login USER secret NAME\n");
}

TEST("all errors are told, up to fifty")
{
    struct buffer text;
    buffer_init(&text, 10000);
    for (int i = 0; i < 70; i++)
        buffer_append(&text, TEXT("zzzzzz\n"));
    char *string = text_to_string(buffer_text(&text));
    struct parsed parsed = settings_of(string);
    EXPECT(strstr(parsed.said, ":50:1:") != NULL && strstr(parsed.said, ":51:1:") == NULL);
    EXPECT(strstr(parsed.said, "and 21 more errors\n") != NULL);
    free(string);
    buffer_finish(&text);
    parsed_free(&parsed);
}

TEST("a later block of the same name continues the first")
{
    struct parsed parsed =
        settings_of("host a.b\n" QUIET "domain x.example y.example {\n user a\n}\n"
                    "domain X.Example { user b }\n"
                    "domain b\xc3\xbc"
                    "cher.example\n");
    const struct settings *settings = parsed.settings;
    EXPECT(settings != NULL && settings->domain_count == 3);
    EXPECT(settings->domains[0].user_count == 2 && settings->domains[1].user_count == 1);
    EXPECT_TEXT(settings->domains[0].users[1], "b");
    EXPECT_TEXT(settings->domains[2].name, "xn--bcher-kva.example");
    EXPECT_TEXT(settings->postmaster, "postmaster@x.example");
    parsed_free(&parsed);
}

TEST("a source that is sent arrives, and a damaged one is refused")
{
    struct settings_source *source, *copy;
    struct buffer wire, again;
    buffer_init(&wire, 1 << 20);
    buffer_init(&again, 1 << 20);
    EXPECT(settings_source_of(TEXT(MAIN_FILE), text_from(demo), &source) == OK);
    EXPECT(settings_source_encode(source, &wire) == OK);
    EXPECT(settings_source_decode(buffer_text(&wire), &copy) == OK);
    EXPECT(settings_source_encode(copy, &again) == OK);
    EXPECT(text_equals(buffer_text(&wire), buffer_text(&again)));
    settings_source_free(&copy);
    for (size_t length = 0; length < wire.length; length++) {
        EXPECT(settings_source_decode(text_head(buffer_text(&wire), length), &copy) == REFUSED);
        EXPECT(copy == NULL);
    }
    settings_source_free(&source);
    buffer_finish(&wire);
    buffer_finish(&again);
}

TEST("settings end with their last holder")
{
    struct parsed parsed = settings_of_clean(demo);
    struct settings *held = settings_hold(parsed.settings);
    settings_release(&parsed.settings);
    EXPECT(parsed.settings == NULL);
    EXPECT_TEXT(held->host, "mx.example.test");
    settings_release(&held);
    settings_release(&held);
    parsed_free(&parsed);
}

TEST("settings larger than four megabytes are refused, and large ones take no time")
{
    struct buffer text;
    struct settings_source *source;
    buffer_init(&text, 8 << 20);
    buffer_append(&text, TEXT("host a.b\n" QUIET "domain x.example {\n"));
    for (int i = 0; text.length < 4 << 20; i++)
        buffer_printf(&text, "user u%d\n", i);
    EXPECT(settings_source_of(TEXT(MAIN_FILE), buffer_text(&text), &source) == REFUSED);
    buffer_cut(&text, text_find_last(text_head(buffer_text(&text), 1 << 20), '\n'));
    buffer_append(&text, TEXT("\n}\n"));
    EXPECT(settings_source_of(TEXT(MAIN_FILE), buffer_text(&text), &source) == OK);
    struct parsed parsed = settings_parse_source(source);
    EXPECT(parsed.settings != NULL && parsed.settings->domains[0].user_count > 50000);
    settings_expect_round_trip(parsed.settings);
    parsed_free(&parsed);
    buffer_finish(&text);
}

static void expect_told(enum setting_kind_id kind, struct text manual)
{
    unsigned count;
    const struct setting_row *rows = setting_kind_rows(kind, &count);
    struct buffer help;
    buffer_init(&help, 1 << 20);
    EXPECT(settings_help(text_from(setting_kinds[kind].word), &help));
    for (unsigned i = 0; i < count; i++) {
        struct text line = text_from(rows[i].help);
        EXPECT(text_find_text(buffer_text(&help), line) < help.length);
        struct text first = text_head(line, text_find(line, '.'));
        EXPECT(text_find_text(manual, first) < manual.length);
    }
    buffer_finish(&help);
}

TEST("the manual and the help name every row")
{
    struct buffer manual, help;
    buffer_init(&manual, 1 << 20);
    settings_manual(&manual);
    for (enum setting_kind_id kind = 0; kind < KIND_COUNT; kind++)
        expect_told(kind, buffer_text(&manual));
    buffer_init(&help, 100);
    EXPECT(!settings_help(TEXT("nonsense"), &help));
    buffer_finish(&manual);
    buffer_finish(&help);
}
