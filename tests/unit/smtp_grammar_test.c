/* The pure parts of the SMTP server: grammar, dots, stamps, SASL messages, the relay decision. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "decide/peer.h"
#include "proto/line/dots.h"
#include "proto/smtp/server/smtp_answers.h"
#include "proto/smtp/server/smtp_stamp.h"
#include "proto/smtp/smtp_grammar.h"
#include "queue/client.h"
#include "settings/table.h"
#include "settings_scene.h"
#include "test.h"

static const struct smtp_style style = {0};

static enum smtp_syntax mail_of(const char *arguments)
{
    struct arena arena;
    struct smtp_mail mail;
    arena_init(&arena);
    enum smtp_syntax syntax = smtp_parse_mail(text_from(arguments), &style, &arena, &mail);
    arena_finish(&arena);
    return syntax;
}

static enum smtp_syntax rcpt_of(const char *arguments)
{
    struct arena arena;
    struct smtp_rcpt rcpt;
    arena_init(&arena);
    enum smtp_syntax syntax = smtp_parse_rcpt(text_from(arguments), &style, &arena, &rcpt);
    arena_finish(&arena);
    return syntax;
}

TEST("an address without < and > is taken where that is set, and means the same")
{
    static const struct smtp_style bare = {.takes_bare = true};
    static const struct {
        const char *arguments;
        enum smtp_syntax syntax;
    } rows[] = {
        {"FROM: a@b.test", SMTP_SYNTAX_FINE},
        {"FROM:a@b.test SIZE=1", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test>", SMTP_SYNTAX_FINE},
        {"FROM:<>", SMTP_SYNTAX_FINE},
        {"FROM:", SMTP_SYNTAX_ADDRESS},
        {"FROM: SIZE=1", SMTP_SYNTAX_ADDRESS},
        {"FROM:a", SMTP_SYNTAX_ADDRESS},
        {"FROM:a@b.test>", SMTP_SYNTAX_ADDRESS},
        {"FROM:a@<b.test", SMTP_SYNTAX_ADDRESS},
        {"FROM:\"a b\"@b.test", SMTP_SYNTAX_ADDRESS},
        {"FROM:a@b.test c@d.test", SMTP_SYNTAX_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct arena arena;
        struct smtp_mail mail;
        arena_init(&arena);
        enum smtp_syntax syntax =
            smtp_parse_mail(text_from(rows[i].arguments), &bare, &arena, &mail);
        if (syntax != rows[i].syntax)
            fail_msg("%s: %u", rows[i].arguments, syntax);
        if (syntax == SMTP_SYNTAX_FINE && !mail.is_null)
            EXPECT(text_equals(mail_address_text(&mail.sender, &arena), TEXT("a@b.test")));
        arena_finish(&arena);
    }
}

TEST("MAIL takes what was offered and nothing else")
{
    static const struct {
        const char *arguments;
        enum smtp_syntax syntax;
    } rows[] = {
        {"FROM:<>", SMTP_SYNTAX_FINE},
        {"from:<a@b.test>", SMTP_SYNTAX_FINE},
        {"FROM: <a@b.test>", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> SIZE=1 BODY=7BIT RET=FULL ENVID=x AUTH=<>", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> size=1 body=8bitmime smtputf8", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test>SIZE=1", SMTP_SYNTAX_BAD},
        {"<a@b.test>", SMTP_SYNTAX_BAD},
        {"FROM <a@b.test>", SMTP_SYNTAX_BAD},
        {"", SMTP_SYNTAX_BAD},
        {"FROM:a@b.test", SMTP_SYNTAX_ADDRESS},
        {"FROM:<a@b.test", SMTP_SYNTAX_ADDRESS},
        {"FROM:<postmaster>", SMTP_SYNTAX_ADDRESS},
        {"FROM:<a@b.test> SIZE", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> SIZE=", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> SIZE=-1", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> SIZE=99999999999999999999", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> SIZE=1 SIZE=1", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> BODY=BINARYMIME REQUIRETLS", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> BODY=BINARY", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> AUTH=b+2Bc@d.test", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> AUTH=nobody", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> AUTH=+3C+3E", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> AUTH=a+40b+0D", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> REQUIRETLS=1", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> BY=1;R", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> BY=+999999999;rT", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> BY=-999999999;NT", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> BY=0;N", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> BY=0;R", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> BY=-1;R", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> BY=1000000000;N", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> BY=1", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> BY=1;", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> BY=;R", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> BY=+;N", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> BY=+-1;N", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> BY=1;T", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> BY=1;RX", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> BY=1;RTT", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> HOLDFOR=86400", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> HOLDFOR=1234567890", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> HOLDFOR=-1", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> HOLDUNTIL=2031-12-31T23:59:60Z", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> HOLDUNTIL=2031-12-31t23:59:59.123456789-08:00", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> HOLDUNTIL=2031-12-31T23:59:59", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> HOLDUNTIL=2031-13-01T00:00:00Z", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> HOLDUNTIL=2031-02-29T00:00:00Z", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> HOLDUNTIL=2031-01-01T00:00:00.Z", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> HOLDUNTIL=1931-01-01T00:00:00Z", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> HOLDFOR=1 HOLDUNTIL=2031-01-01T00:00:00Z", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> HOLDUNTIL=2031-01-01T00:00:00Z HOLDFOR=1", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> MT-PRIORITY=-9", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> MT-PRIORITY=0", SMTP_SYNTAX_FINE},
        {"FROM:<a@b.test> MT-PRIORITY=-0", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> MT-PRIORITY=10", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> MT-PRIORITY=+1", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> MT-PRIORITY=x", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> SMTPUTF8=yes", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> ENVID=a+0D+0ABcc:", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> RET=SOME", SMTP_SYNTAX_VALUE},
        {"FROM:<a@b.test> NOTIFY=NEVER", SMTP_SYNTAX_UNKNOWN},
        {"FROM:<a@b.test> XYZZY=1", SMTP_SYNTAX_UNKNOWN},
        {"FROM:<a@b.test> garbage", SMTP_SYNTAX_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (mail_of(rows[i].arguments) != rows[i].syntax)
            fail_msg("%s: %d", rows[i].arguments, mail_of(rows[i].arguments));
}

TEST("RCPT takes NOTIFY and ORCPT as RFC 3461 writes them")
{
    static const struct {
        const char *arguments;
        enum smtp_syntax syntax;
    } rows[] = {
        {"TO:<a@b.test>", SMTP_SYNTAX_FINE},
        {"TO:<Postmaster>", SMTP_SYNTAX_FINE},
        {"TO:<a@b.test> NOTIFY=NEVER", SMTP_SYNTAX_FINE},
        {"TO:<a@b.test> notify=success,failure,delay orcpt=RFC822;x+3Dy@z", SMTP_SYNTAX_FINE},
        {"TO:<a@b.test> ORCPT=utf-8;\\x{1F600}@b.test", SMTP_SYNTAX_FINE},
        {"TO:<>", SMTP_SYNTAX_ADDRESS},
        {"TO:<somebody>", SMTP_SYNTAX_ADDRESS},
        {"TO:<a@b.test> NOTIFY=NEVER,DELAY", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> NOTIFY=", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> NOTIFY=DELAY,", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> NOTIFY=DELAY,DELAY", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=rfc822", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=rfc822;", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=rf/c;x", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=rfc822;a+0Ab", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=rfc822;a+b", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=utf-8;a\\x{e9}b@c", SMTP_SYNTAX_FINE},
        {"TO:<a@b.test> ORCPT=UTF-8;\xe4\xb8\xad@c", SMTP_SYNTAX_FINE},
        {"TO:<a@b.test> ORCPT=utf-8;\xe4\xb8@c", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=utf-8;\xc2\x85@c", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=rfc822;\xe4\xb8\xad@c", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=rfc822;a+FFb@c", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=utf-8;a\\x{41}@c", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=utf-8;a\\x{5C}\\x{2B}\\x{3D}\\x{20}@c", SMTP_SYNTAX_FINE},
        {"TO:<a@b.test> ORCPT=utf-8;a\\x{D800}@c", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=utf-8;a\\x{110000}@c", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=utf-8;a\\x{0000E9}@c", SMTP_SYNTAX_FINE},
        {"TO:<a@b.test> ORCPT=utf-8;a\\x{00000E9}@c", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=utf-8;a\\x{E9", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=utf-8;a\\x{9}", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=utf-8;a\\x{0D}@c", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> ORCPT=utf-8;a+41@c", SMTP_SYNTAX_VALUE},
        {"TO:<a@b.test> SIZE=1", SMTP_SYNTAX_UNKNOWN},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rcpt_of(rows[i].arguments) != rows[i].syntax)
            fail_msg("%s: %d", rows[i].arguments, rcpt_of(rows[i].arguments));
}

TEST("BDAT takes a number of octets and LAST")
{
    struct smtp_bdat bdat;
    EXPECT(smtp_parse_bdat(TEXT("86"), &bdat) && bdat.size == 86 && !bdat.is_last);
    EXPECT(smtp_parse_bdat(TEXT("0 last"), &bdat) && bdat.size == 0 && bdat.is_last);
    EXPECT(!smtp_parse_bdat(TEXT(""), &bdat) && !smtp_parse_bdat(TEXT("-1"), &bdat));
    EXPECT(!smtp_parse_bdat(TEXT("1 FIRST"), &bdat) && !smtp_parse_bdat(TEXT("1 LAST 2"), &bdat));
    EXPECT(!smtp_parse_bdat(TEXT("18446744073709551616"), &bdat));
}

TEST("BURL names a URL and whether it is the last")
{
    struct smtp_burl burl;
    EXPECT(smtp_parse_burl(TEXT("imap://a@h/x/;UID=1"), &burl) && !burl.is_last);
    EXPECT_TEXT(burl.url, "imap://a@h/x/;UID=1");
    EXPECT(smtp_parse_burl(TEXT("x  last"), &burl) && burl.is_last);
    EXPECT(!smtp_parse_burl(TEXT(""), &burl) && !smtp_parse_burl(TEXT("x FIRST"), &burl));
    EXPECT(!smtp_parse_burl(TEXT("x LAST y"), &burl));
}

TEST("a hello name can't disturb a header")
{
    EXPECT(smtp_is_helo_name(TEXT("mx_1.example.test")) && smtp_is_helo_name(TEXT("[192.0.2.1]")));
    EXPECT(smtp_is_helo_name(TEXT("[IPv6:2001:db8::1]")) && smtp_is_helo_name(TEXT("localhost")));
    EXPECT(!smtp_is_helo_name(TEXT("")) && !smtp_is_helo_name(TEXT("a b")));
    EXPECT(!smtp_is_helo_name(TEXT("a(b")) && !smtp_is_helo_name(TEXT("a;b")));
    EXPECT(!smtp_is_helo_name(TEXT("\xc3\xbc")) && !smtp_is_helo_name(TEXT("a]b")));
}

/* The message in one go, and whether it ended, was bare. */
static struct dots_reader unstuff(struct text in, size_t cut, struct buffer *out, size_t *used)
{
    struct dots_reader reader = {0};
    *used = 0;
    while (*used < in.length && !reader.ended) {
        struct text part = text_head(text_from_position(in, *used), cut);
        size_t length = part.length;
        while (part.length > 0 && !reader.ended)
            buffer_append(out, dots_read(&reader, &part));
        *used += length - part.length;
    }
    return reader;
}

TEST("however data is cut, the same message comes out and ends at the same byte")
{
    random_seed_for_test(11);
    for (int round = 0; round < 3000; round++) {
        char input[64];
        size_t length = 1 + random_below(sizeof(input) - 5);
        for (size_t i = 0; i < length; i++)
            input[i] = "\r\n..\r\na"[random_below(7)];
        memcpy(input + length, "\r\n.\r\n", 5);
        struct buffer whole, pieces;
        buffer_init(&whole, 100);
        buffer_init(&pieces, 100);
        size_t used, used_in_pieces;
        struct dots_reader a = unstuff(text_of(input, length + 5), 100, &whole, &used);
        struct dots_reader b =
            unstuff(text_of(input, length + 5), 1 + random_below(4), &pieces, &used_in_pieces);
        EXPECT(a.has_bare == b.has_bare && a.ended == b.ended);
        if (!a.has_bare) {
            EXPECT(a.ended && used == used_in_pieces);
            EXPECT(text_equals(buffer_text(&whole), buffer_text(&pieces)));
        }
        buffer_finish(&whole);
        buffer_finish(&pieces);
    }
}

TEST("what is stuffed comes out as it went in, with a CRLF at the end")
{
    random_seed_for_test(12);
    for (int round = 0; round < 3000; round++) {
        char input[64];
        size_t length = 0;
        while (length < 50) {
            const char *piece =
                (const char *const[]){"\r\n", ".", "..", "a", "\r\n."}[random_below(5)];
            memcpy(input + length, piece, strlen(piece));
            length += strlen(piece);
        }
        struct text message = text_head(text_of(input, length), random_below(50));
        /* No half CRLF: that would be a bare CR. */
        if (message.length > 0 && message.data[message.length - 1] == '\r')
            message.length--;
        struct buffer wire, back;
        buffer_init(&wire, 300);
        buffer_init(&back, 300);
        struct dots_writer writer = {0};
        for (struct text rest = message; rest.length > 0;) {
            struct text part = text_head(rest, 1 + random_below(9));
            rest = text_from_position(rest, part.length);
            while (part.length > 0) {
                bool dot;
                struct text slice = dots_write(&writer, &part, &dot);
                if (dot)
                    buffer_append_byte(&wire, '.');
                buffer_append(&wire, slice);
            }
        }
        buffer_append(&wire, dots_finish(&writer));
        size_t used;
        struct dots_reader reader = unstuff(buffer_text(&wire), 300, &back, &used);
        EXPECT(reader.ended && !reader.has_bare && used == wire.length);
        EXPECT(text_starts_with(buffer_text(&back), message));
        bool ends = message.length == 0 || text_ends_with_nocase(message, TEXT("\r\n"));
        EXPECT(back.length == message.length + (ends ? 0 : 2));
        buffer_finish(&wire);
        buffer_finish(&back);
    }
}

TEST("the protocol in Received follows RFC 3848 and RFC 6531")
{
    char out[16];
    assert_string_equal(smtp_stamp_protocol(&(struct smtp_stamp){0}, out), "SMTP");
    assert_string_equal(smtp_stamp_protocol(&(struct smtp_stamp){.is_extended = true}, out),
                        "ESMTP");
    assert_string_equal(
        smtp_stamp_protocol(&(struct smtp_stamp){.is_extended = true, .is_tls = true}, out),
        "ESMTPS");
    assert_string_equal(
        smtp_stamp_protocol(&(struct smtp_stamp){.is_logged_in = true, .is_tls = true}, out),
        "ESMTPSA");
    assert_string_equal(
        smtp_stamp_protocol(&(struct smtp_stamp){.is_lmtp = true, .is_extended = true}, out),
        "LMTP");
    assert_string_equal(smtp_stamp_protocol(&(struct smtp_stamp){.is_international = true,
                                                                 .is_tls = true,
                                                                 .is_logged_in = true,
                                                                 .is_extended = true},
                                            out),
                        "UTF8SMTPSA");
}

TEST("every reply is in the table, errors and only errors beginning with 4 or 5")
{
    for (int i = 0; i < SMTP_ANSWERS; i++) {
        const struct smtp_answer_row *row = smtp_answer_row((enum smtp_answer)i);
        EXPECT(row->code >= 200 && row->code < 560);
        EXPECT(row->enhanced[0] == '\0' || row->enhanced[0] == (char)('0' + row->code / 100));
    }
}

/* The relay decision as a table: who sends where, and what becomes of it. */
static const struct relay_row {
    const char *lines, *peer, *login, *domain;
    enum service service;
    enum relay_verdict verdict;
    const char *rule; /* of the last reason */
} relay_rows[] = {
    {"", "192.0.2.1", "", "example.test", SERVICE_SMTP, RELAY_LOCAL, "own-domain"},
    {"", "192.0.2.1", "", "EXAMPLE.test", SERVICE_LMTP, RELAY_LOCAL, "own-domain"},
    {"", "192.0.2.1", "", "", SERVICE_SMTP, RELAY_LOCAL, "postmaster"},
    {"", "192.0.2.1", "", "else.test", SERVICE_SMTP, RELAY_DENIED, "no-relay-network"},
    {"", "192.0.2.1", "", "sub.example.test", SERVICE_SMTP, RELAY_DENIED, "no-relay-network"},
    {"", "127.0.0.1", "", "else.test", SERVICE_SMTP, RELAY_DENIED, "no-relay-network"},
    {"", "192.0.2.1", "a@example.test", "else.test", SERVICE_SMTP, RELAY_ONWARD, "relay-logged-in"},
    {"relay 192.0.2.0/24", "192.0.2.1", "", "else.test", SERVICE_SMTP, RELAY_ONWARD,
     "relay-network"},
    {"relay 192.0.2.0/24", "192.0.3.1", "", "else.test", SERVICE_SMTP, RELAY_DENIED,
     "no-relay-network"},
    {"relay 192.0.2.0/24", "192.0.2.1", "", "else.test", SERVICE_LMTP, RELAY_DENIED,
     "lmtp-is-local"},
    {"", "192.0.2.1", "a@example.test", "[192.0.2.7]", SERVICE_SUBMISSION, RELAY_ONWARD,
     "relay-logged-in"},
    {"relay all-except 192.0.2.0/24", "192.0.3.1", "", "else.test", SERVICE_SMTP, RELAY_ONWARD,
     "relay-all-except"},
    {"relay all-except 192.0.2.0/24", "192.0.2.1", "", "else.test", SERVICE_SMTP, RELAY_DENIED,
     "relay-excepted"},
    {"relay all-except 192.0.2.0/24", "192.0.2.1", "a@example.test", "else.test", SERVICE_SMTP,
     RELAY_ONWARD, "relay-logged-in"},
};

static struct settings *settings_with(const char *lines)
{
    return settings_made("host mx.example.test\ndomain example.test { user a }\n"
                         "server main {\n listen 127.0.0.1:25 smtp\n%s\n}\n",
                         lines);
}

TEST("the relay decision follows its table and gives the rule")
{
    for (size_t i = 0; i < sizeof(relay_rows) / sizeof(relay_rows[0]); i++) {
        const struct relay_row *row = &relay_rows[i];
        struct settings *settings = settings_with(row->lines);
        struct net_address peer;
        EXPECT(net_address_parse(text_from(row->peer), 1, &peer));
        struct relay_facts facts = {.settings = settings,
                                    .server = &settings->servers[0],
                                    .service = row->service,
                                    .peer = &peer,
                                    .login = text_from(row->login),
                                    .domain = text_from(row->domain)};
        struct relay_decision decision = decide_relay(&facts);
        EXPECT(decision.reason_count > 0);
        const char *rule = decision.reasons[decision.reason_count - 1].rule;
        if (decision.verdict != row->verdict || strcmp(rule, row->rule) != 0)
            fail_msg("row %zu: %d %s", i, decision.verdict, rule);
        settings_release(&settings);
    }
}

TEST("who may relay because all but a few may is not trusted for it")
{
    struct settings *settings = settings_with("relay all-except 192.0.2.0/24");
    struct net_address peer;
    EXPECT(net_address_parse(TEXT("198.51.100.1"), 1, &peer));
    struct relay_facts facts = {
        .settings = settings, .server = &settings->servers[0], .peer = &peer};
    EXPECT(!decide_is_trusted(&facts));
    settings_release(&settings);
}

/* Who is talked to, as a table. */
static const struct peer_row {
    const char *lines, *peer, *name;
    bool is_confirmed, is_unknown;
    enum peer_verdict verdict;
} peer_rows[] = {
    {"", "192.0.2.1", "", false, true, PEER_WELCOME},
    {"refuse 192.0.2.0/24", "192.0.2.1", "", false, false, PEER_REFUSED},
    {"refuse 192.0.2.0/24", "192.0.3.1", "", false, false, PEER_WELCOME},
    {"refuse *.dyn.test", "192.0.2.1", "a.dyn.test", false, false, PEER_REFUSED},
    {"refuse *.dyn.test", "192.0.2.1", "dyn.test", true, false, PEER_WELCOME},
    {"refuse *.dyn.test", "192.0.2.1", "", false, true, PEER_WELCOME},
    {"admit 192.0.2.0/24", "192.0.2.1", "", false, false, PEER_WELCOME},
    {"admit 192.0.2.0/24", "192.0.3.1", "a.good.test", true, false, PEER_REFUSED},
    {"admit 192.0.2.0/24", "192.0.3.1", "", false, true, PEER_REFUSED},
    {"admit *good.test", "192.0.2.1", "a.good.test", true, false, PEER_WELCOME},
    {"admit *good.test", "192.0.2.1", "good.test", true, false, PEER_WELCOME},
    {"admit *good.test", "192.0.2.1", "a.good.test", false, false, PEER_REFUSED},
    {"admit *good.test", "192.0.2.1", "notgood.test", true, false, PEER_REFUSED},
    {"admit *good.test", "192.0.2.1", "", false, false, PEER_REFUSED},
    {"admit *good.test", "192.0.2.1", "", false, true, PEER_LATER},
    {"admit *good.test\nrefuse 192.0.2.1", "192.0.2.1", "a.good.test", true, false, PEER_REFUSED},
    {"admit ::/0\nrefuse bad.test", "2001:db8::1", "bad.test", false, false, PEER_REFUSED},
};

/* shows: S14 */
TEST("who is refused or not admitted, by network and by name, is not talked to")
{
    for (size_t i = 0; i < sizeof(peer_rows) / sizeof(peer_rows[0]); i++) {
        const struct peer_row *row = &peer_rows[i];
        struct settings *settings = settings_with(row->lines);
        struct net_address peer;
        EXPECT(net_address_parse(text_from(row->peer), 1, &peer));
        struct peer_facts facts = {.server = &settings->servers[0],
                                   .address = &peer,
                                   .name = text_from(row->name),
                                   .is_confirmed = row->is_confirmed,
                                   .is_unknown = row->is_unknown};
        struct peer_decision decision = decide_peer(&facts);
        if (decision.verdict != row->verdict)
            fail_msg("row %zu: %d %s", i, decision.verdict, decision.reason.rule);
        settings_release(&settings);
    }
}

static bool decodes(const char *name, bool is_confirmed, struct line_peer *out)
{
    struct buffer bytes;
    buffer_init(&bytes, 1000);
    wire_put_u8(&bytes, is_confirmed);
    wire_put_text(&bytes, text_from(name));
    bool good = line_peer_decode(buffer_text(&bytes), out);
    buffer_finish(&bytes);
    return good;
}

TEST("a peer's name is taken from another role only when it may stand in a header")
{
    struct line_peer peer;
    EXPECT(decodes("mx.example.net", true, &peer) && peer.is_confirmed);
    assert_string_equal(peer.name, "mx.example.net");
    EXPECT(decodes("", false, &peer) && peer.name[0] == '\0');
    EXPECT(!decodes("", true, &peer));
    EXPECT(!decodes("mx.example.net)\r\nX: y", true, &peer));
    EXPECT(!decodes("mx (x)", false, &peer));
    EXPECT(!line_peer_decode(TEXT("\1"), &peer));
}

TEST("who guesses addresses waits longer each time, with all of his network, until it is forgotten")
{
    struct harvest *harvest = harvest_new();
    static const int64_t waits[] = {0, 0, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    unsigned count;
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        struct text peer = i % 2 ? TEXT("[2001:db8::1]:4711") : TEXT("[2001:db8::2]:99");
        EXPECT(harvest_guess(harvest, peer, 2, 1000, &count) == waits[i]);
        EXPECT(count == i + 1);
    }
    EXPECT(harvest_guess(harvest, TEXT("192.0.2.1:25"), 2, 1000, &count) == 0);
    int64_t later_ms = 1000 + HARVEST_FORGET_MS;
    EXPECT(harvest_guess(harvest, TEXT("[2001:db8::1]:5"), 2, later_ms, &count) == 0);
    EXPECT(count == 1);
    harvest_free(&harvest);
}

static void expect_received_spf(const struct spf_decision *decision, const char *ip,
                                const char *expected)
{
    struct net_address peer;
    struct buffer out;
    EXPECT(net_address_parse(text_from(ip), 4711, &peer));
    struct smtp_stamp_spf stamp = {.decision = decision,
                                   .peer = &peer,
                                   .sender = TEXT("\"a\\\"b\r\n\"@example.org"),
                                   .helo = TEXT("j\xc3\xb6"),
                                   .identity = "mailfrom",
                                   .host = TEXT("mx.example")};
    buffer_init(&out, 1000);
    smtp_stamp_received_spf(&stamp, &out);
    EXPECT_TEXT(buffer_text(&out), expected);
    buffer_finish(&out);
}

TEST(
    "Received-SPF has what strangers wrote in quotes and comments that nothing ends (RFC 7208 9.1)")
{
    struct spf_decision decision = {.result = SPF_FAIL,
                                    .domain = TEXT("example.org"),
                                    .term = TEXT("-exists:%{i}.x(y)\\.example")};
    expect_received_spf(&decision, "192.0.2.1",
                        "Received-SPF: fail (mx.example: -exists:%{i}.x?y??.example of "
                        "example.org)\r\n"
                        "\tclient-ip=\"192.0.2.1\";\r\n"
                        "\tenvelope-from=\"\\\"a\\\\\\\"b??\\\"@example.org\";\r\n"
                        "\thelo=\"j??\"; identity=mailfrom; receiver=mx.example\r\n");
    decision = (struct spf_decision){.result = SPF_NEUTRAL, .domain = TEXT("example.org")};
    expect_received_spf(&decision, "2001:db8::1",
                        "Received-SPF: neutral (mx.example: no term of example.org)\r\n"
                        "\tclient-ip=\"2001:db8::1\";\r\n"
                        "\tenvelope-from=\"\\\"a\\\\\\\"b??\\\"@example.org\";\r\n"
                        "\thelo=\"j??\"; identity=mailfrom; receiver=mx.example\r\n");
}
