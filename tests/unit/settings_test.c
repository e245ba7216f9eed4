/* The settings: what files mean, what their errors say, and that what is shown reads back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "proc/settings.h"
#include "proc/settings_table.h"
#include "test.h"

#define MAIN_FILE "/etc/mailroot/mailroot.conf"

/* One text parsed: the settings or NULL, and what was said. */
struct parsed {
    struct settings *settings;
    struct buffer errors;
    char *said; /* the errors as a string */
};

static struct parsed parse_source(struct settings_source *source)
{
    struct parsed parsed;
    buffer_init(&parsed.errors, 1 << 20);
    enum status status = settings_parse(source, 7, &parsed.errors, &parsed.settings);
    EXPECT((status == OK) == (parsed.settings != NULL));
    parsed.said = text_to_string(buffer_text(&parsed.errors));
    settings_source_free(&source);
    return parsed;
}

static struct parsed parse(const char *text)
{
    struct settings_source *source;
    EXPECT(settings_source_of(TEXT(MAIN_FILE), text_from(text), &source) == OK);
    return parse_source(source);
}

static void parsed_free(struct parsed *parsed)
{
    settings_release(&parsed->settings);
    buffer_finish(&parsed->errors);
    free(parsed->said);
}

/* Parse what has no error and no warning. */
static struct parsed parse_clean(const char *text)
{
    struct parsed parsed = parse(text);
    assert_string_equal(parsed.said, "");
    EXPECT(parsed.settings != NULL);
    return parsed;
}

static void expect_said(const char *text, const char *said)
{
    struct parsed parsed = parse(text);
    assert_string_equal(parsed.said, said);
    parsed_free(&parsed);
}

static char *shown(const struct settings *settings, bool all, bool where)
{
    struct buffer out;
    buffer_init(&out, 1 << 20);
    settings_show(settings, all, where, &out);
    EXPECT(!out.overflowed);
    char *string = text_to_string(buffer_text(&out));
    buffer_finish(&out);
    return string;
}

static void expect_round_trip(const struct settings *settings)
{
    char *first = shown(settings, true, false);
    struct parsed again = parse(first);
    if (again.settings == NULL)
        fail_msg("%s\n%s", again.said, first);
    char *second = shown(again.settings, true, false);
    assert_string_equal(first, second);
    free(first);
    free(second);
    parsed_free(&again);
}

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
    struct parsed parsed = parse_clean(demo);
    const struct settings *settings = parsed.settings;
    EXPECT(settings->version == 7);
    EXPECT_TEXT(settings->host, "mx.example.test");
    EXPECT_TEXT(settings->data_directory, "/etc/mailroot/data");
    EXPECT_TEXT(settings->run_directory, "/etc/mailroot");
    EXPECT_TEXT(settings->certificate_file, "/etc/mailroot/cert.pem");
    EXPECT_TEXT(settings->key_file, "/etc/mailroot/key.pem");
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
    EXPECT_TEXT(connector->spaces[0], "relay.test");
    EXPECT_TEXT(connector->smart_hosts[0].host, "[127.0.0.1]");
    EXPECT(connector->smart_hosts[0].port == 2526 && connector->cost == 1);
    EXPECT(connector->tls == TLS_OFFER && connector->max_connections == 20);

    EXPECT(settings->retry.after_count == 4 && settings->retry.after_ms[3] == 900000);
    EXPECT(settings->retry.glitch_count == 3 && settings->retry.expire_ms == 172800000);
    expect_round_trip(settings);
    parsed_free(&parsed);
}

TEST("a small site needs nine statements")
{
    struct parsed parsed =
        parse_clean("host mx.example.org                    # greeting name\n"
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
    EXPECT(connector->tls == TLS_VERIFY);
    EXPECT_TEXT(connector->login_user, "us@provider.net");
    EXPECT_TEXT(connector->login_secret, "partner");
    EXPECT(parsed.settings->server_count == 1);
    EXPECT_TEXT(parsed.settings->servers[0].name, "default");
    EXPECT(parsed.settings->servers[0].listen_count == 5);
    EXPECT(parsed.settings->servers[0].listens[2].service == SERVICE_SMTPS);
    expect_round_trip(parsed.settings);
    parsed_free(&parsed);
}

TEST("an unknown word is told with the nearest one")
{
    expect_said("host mx.example.org\n"
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
