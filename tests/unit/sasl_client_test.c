#include "sasl/client_internal.h"

#include <string.h>

#include "base/encoding.h"
#include "test.h"

static struct sasl_identity identity(void)
{
    return (struct sasl_identity){
        .user = TEXT("user"), .password = TEXT("pencil"), .allowed = SASL_ANY_MECHANISM};
}

static struct sasl_peer peer(uint32_t offered)
{
    return (struct sasl_peer){.offered = offered,
                              .service = "smtp",
                              .host = TEXT("server.example.com"),
                              .port = 587,
                              .is_tls = true,
                              .is_verified = true};
}

static const char *choice(const struct sasl_identity *who, const struct sasl_peer *at)
{
    enum sasl_mechanism mechanism = sasl_client_choose(who, at, 0);
    return mechanism == SASL_MECHANISMS ? "none" : sasl_mechanism_names[mechanism];
}

#define EXPECT_CHOICE(who, at, name) EXPECT_TEXT(text_from(choice(who, at)), name)

/* ---- The choice ---- */

TEST("the strongest that is offered is taken, bound to the channel where it can be")
{
    struct sasl_identity who = identity();
    struct sasl_peer at = peer(sasl_mechanisms_of(
        TEXT("LOGIN PLAIN SCRAM-SHA-1 X-UNKNOWN scram-sha-256 SCRAM-SHA-256-PLUS CRAM-MD5")));
    EXPECT_CHOICE(&who, &at, "SCRAM-SHA-256");
    at.binding_type = "tls-exporter";
    EXPECT_CHOICE(&who, &at, "SCRAM-SHA-256-PLUS");
    at.offered = sasl_mechanisms_of(TEXT("LOGIN CRAM-MD5 PLAIN"));
    EXPECT_CHOICE(&who, &at, "CRAM-MD5");
    at.offered = sasl_mechanisms_of(TEXT("LOGIN PLAIN"));
    EXPECT_CHOICE(&who, &at, "PLAIN");
}

TEST("only what the settings allow is taken, and what has failed is not taken again")
{
    struct sasl_identity who = identity();
    struct sasl_peer at = peer(sasl_mechanisms_of(TEXT("LOGIN PLAIN SCRAM-SHA-1")));
    who.allowed = SASL_BIT(SASL_PLAIN) | SASL_BIT(SASL_LOGIN);
    EXPECT_CHOICE(&who, &at, "PLAIN");
    EXPECT(sasl_client_choose(&who, &at, SASL_BIT(SASL_PLAIN)) == SASL_LOGIN);
    who.allowed = SASL_BIT(SASL_GSSAPI);
    EXPECT_CHOICE(&who, &at, "none");
    EXPECT_TEXT(text_from(fail_reason()), "the peer offers no login that the settings allow");
    at.offered = 0;
    EXPECT_CHOICE(&who, &at, "none");
    EXPECT_TEXT(text_from(fail_reason()), "the peer offers no login that we know");
}

TEST("a password is shown to a verified peer alone, unless the settings say otherwise")
{
    struct sasl_identity who = identity();
    struct sasl_peer at = peer(sasl_mechanisms_of(TEXT("PLAIN LOGIN")));
    at.is_verified = false;
    EXPECT_CHOICE(&who, &at, "none");
    EXPECT(strstr(fail_reason(), "not verified") != NULL);
    who.secrecy = SASL_OVER_TLS;
    EXPECT_CHOICE(&who, &at, "PLAIN");
    at.is_tls = false;
    EXPECT_CHOICE(&who, &at, "none");
    EXPECT(strstr(fail_reason(), "without TLS") != NULL);
    who.secrecy = SASL_OVER_ANYTHING;
    EXPECT_CHOICE(&who, &at, "PLAIN");
    who.secrecy = SASL_OVER_VERIFIED_TLS;
    at.is_local = true;
    EXPECT_CHOICE(&who, &at, "PLAIN");
    at.is_local = false;
    at.offered |= SASL_BIT(SASL_CRAM_MD5);
    EXPECT_CHOICE(&who, &at, "CRAM-MD5");
}

TEST("each identity is good for some mechanisms and for no others")
{
    struct sasl_peer at = peer(SASL_ANY_MECHANISM & ~SASL_BIT(SASL_NTLM));
    struct sasl_identity token = {
        .user = TEXT("u"), .token = TEXT("t"), .allowed = SASL_ANY_MECHANISM};
    EXPECT_CHOICE(&token, &at, "OAUTHBEARER");
    at.offered &= ~SASL_BIT(SASL_OAUTHBEARER);
    EXPECT_CHOICE(&token, &at, "XOAUTH2");
    struct sasl_identity certificate = {.has_certificate = true, .allowed = SASL_ANY_MECHANISM};
    EXPECT_CHOICE(&certificate, &at, "EXTERNAL");
    at.is_tls = false;
    EXPECT_CHOICE(&certificate, &at, "none");
    struct sasl_identity kerberos = {.keytab = TEXT("/k"), .allowed = SASL_ANY_MECHANISM};
    EXPECT_CHOICE(&kerberos, &at, "GSSAPI");
    EXPECT(sasl_identity_suffices(&kerberos));
    kerberos.allowed = SASL_BIT(SASL_PLAIN);
    EXPECT(!sasl_identity_suffices(&kerberos));
}

/* ---- Messages ---- */

struct talk {
    struct sasl_identity who;
    struct sasl_peer at;
    struct sasl_client *client;
    struct buffer response;
};

static struct talk talk_by(enum sasl_mechanism mechanism)
{
    struct talk talk = {.who = identity(), .at = peer(SASL_ANY_MECHANISM)};
    talk.client = sasl_client_new(mechanism, &talk.who, &talk.at);
    buffer_init(&talk.response, 10000);
    return talk;
}

static enum status say(struct talk *talk, const char *challenge)
{
    buffer_reset(&talk->response, 10000);
    return sasl_client_step(talk->client, text_from(challenge), &talk->response);
}

static void done(struct talk *talk)
{
    sasl_client_free(&talk->client);
    buffer_finish(&talk->response);
}

static void expect_said(struct talk *talk, const char *challenge, const char *expected)
{
    EXPECT(say(talk, challenge) == OK);
    EXPECT_TEXT(buffer_text(&talk->response), expected);
}

TEST("PLAIN sends user and password behind an empty authorization identity")
{
    struct talk talk = talk_by(SASL_PLAIN);
    EXPECT(say(&talk, "") == OK);
    EXPECT(text_equals(buffer_text(&talk.response), TEXT("\0user\0pencil")));
    EXPECT(sasl_client_succeed(talk.client) == OK);
    EXPECT(say(&talk, "more?") == REFUSED);
    done(&talk);
}

TEST("LOGIN sends the user, then the password, and nothing a third time")
{
    struct talk talk = talk_by(SASL_LOGIN);
    expect_said(&talk, "Username:", "user");
    EXPECT(sasl_client_succeed(talk.client) != OK);
    expect_said(&talk, "Password:", "pencil");
    EXPECT(sasl_client_succeed(talk.client) == OK);
    EXPECT(say(&talk, "Password:") == REFUSED);
    done(&talk);
}

TEST("CRAM-MD5 answers as in RFC 2195")
{
    struct talk talk = talk_by(SASL_CRAM_MD5);
    talk.client->identity.user = TEXT("tim");
    talk.client->identity.password = TEXT("tanstaaftanstaaf");
    expect_said(&talk, "<1896.697170952@postoffice.reston.mci.net>",
                "tim b913a602c7eda7a495b4e6e7334d3890");
    done(&talk);
    talk = talk_by(SASL_CRAM_MD5);
    EXPECT(say(&talk, "") == REFUSED);
    done(&talk);
}

TEST("OAUTHBEARER sends what RFC 7628 shows, and acknowledges an error with one byte")
{
    struct talk talk = talk_by(SASL_OAUTHBEARER);
    talk.client->identity.user = TEXT("user@example.com");
    talk.client->identity.token = TEXT("vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==");
    expect_said(&talk, "",
                "n,a=user@example.com,\1host=server.example.com\1port=587\1"
                "auth=Bearer vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==\1\1");
    expect_said(&talk, "{\"status\":\"invalid_token\"}", "\1");
    EXPECT(say(&talk, "") == REFUSED);
    done(&talk);
}

TEST("XOAUTH2 sends user and token, and acknowledges an error with nothing")
{
    struct talk talk = talk_by(SASL_XOAUTH2);
    talk.client->identity.token = TEXT("ya29");
    expect_said(&talk, "", "user=user\1auth=Bearer ya29\1\1");
    expect_said(&talk, "{\"status\":\"400\"}", "");
    done(&talk);
}

TEST("EXTERNAL sends who it wants to be, if it says so")
{
    struct talk talk = talk_by(SASL_EXTERNAL);
    expect_said(&talk, "", "user");
    done(&talk);
    talk = talk_by(SASL_EXTERNAL);
    talk.client->identity.user = TEXT("");
    expect_said(&talk, "", "");
    EXPECT(sasl_client_succeed(talk.client) == OK);
    done(&talk);
}

/* ---- SCRAM ---- */

#define NONCE_1 "fyko+d2lbbFgONRv9qkxdawL"
#define FIRST_1 "r=" NONCE_1 "3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"

static struct talk scram_talk(enum sasl_mechanism mechanism, const char *nonce)
{
    struct talk talk = talk_by(mechanism);
    buffer_append(&talk.client->nonce, text_from(nonce));
    return talk;
}

TEST("SCRAM-SHA-1 says what RFC 5802 shows")
{
    struct talk talk = scram_talk(SASL_SCRAM_SHA_1, NONCE_1);
    expect_said(&talk, "", "n,,n=user,r=" NONCE_1);
    expect_said(&talk, FIRST_1,
                "c=biws,r=" NONCE_1 "3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
    EXPECT(sasl_client_succeed(talk.client) == REFUSED);
    expect_said(&talk, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ=", "");
    EXPECT(sasl_client_succeed(talk.client) == OK);
    EXPECT(say(&talk, "") == REFUSED);
    done(&talk);
}

TEST("SCRAM-SHA-256 says what RFC 7677 shows")
{
    struct talk talk = scram_talk(SASL_SCRAM_SHA_256, "rOprNGfwEbeRWgbNEkqO");
    expect_said(&talk, "", "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
    expect_said(&talk,
                "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096",
                "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
    expect_said(&talk, "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "");
    EXPECT(sasl_client_succeed(talk.client) == OK);
    done(&talk);
}

TEST("a server that does not know the password is not believed")
{
    static const char *const wrong[] = {
        "v=rmF9pqV8S7suAoZWja4dJRkFsKR=", "v=", "v=????", "", "e=invalid-proof\r\n", "x=y"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct talk talk = scram_talk(SASL_SCRAM_SHA_1, NONCE_1);
        EXPECT(say(&talk, "") == OK && say(&talk, FIRST_1) == OK);
        EXPECT(say(&talk, wrong[i]) == REFUSED);
        EXPECT(strchr(fail_reason(), '\r') == NULL);
        EXPECT(sasl_client_succeed(talk.client) == REFUSED);
        done(&talk);
    }
}

TEST("a challenge that is not SCRAM's, or another's, is refused")
{
    static const char *const wrong[] = {
        "",
        "r=" NONCE_1,
        "r=" NONCE_1 ",s=QSXCR+Q6sek8bf92,i=4096", /* the server added nothing */
        "r=other3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096",
        "r=" NONCE_1 "x,s=,i=4096",
        "r=" NONCE_1 "x,s=?,i=4096",
        "r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92",
        "r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=",
        "r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=-1",
        "r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=1",
        "r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=4000000000",
        "r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=99999999999999999999",
        "m=ext,r=" NONCE_1 "x,s=QSXCR+Q6sek8bf92,i=4096",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct talk talk = scram_talk(SASL_SCRAM_SHA_1, NONCE_1);
        EXPECT(say(&talk, "") == OK);
        EXPECT(say(&talk, wrong[i]) == REFUSED);
        done(&talk);
    }
}

TEST("what the channel is known by goes into the proof, and its absence is told truly")
{
    struct talk talk = scram_talk(SASL_SCRAM_SHA_1, NONCE_1);
    talk.client->peer.binding_type = "tls-exporter"; /* the server offers it, the settings do not */
    expect_said(&talk, "", "n,,n=user,r=" NONCE_1);
    done(&talk);
    talk = scram_talk(SASL_SCRAM_SHA_1, NONCE_1);
    talk.client->peer.binding_type = "tls-exporter";
    talk.client->peer.offered = sasl_mechanisms_of(TEXT("PLAIN SCRAM-SHA-1"));
    expect_said(&talk, "", "y,,n=user,r=" NONCE_1);
    done(&talk);
    talk = scram_talk(SASL_SCRAM_SHA_1_PLUS, NONCE_1);
    talk.client->peer.binding_type = "tls-exporter";
    talk.client->peer.binding = TEXT("channel");
    expect_said(&talk, "", "p=tls-exporter,,n=user,r=" NONCE_1);
    EXPECT(say(&talk, FIRST_1) == OK);
    struct buffer bound;
    buffer_init(&bound, 1000);
    struct text said = buffer_text(&talk.response), value;
    EXPECT(scram_attribute(&said, 'c', &value) && base64_decode(value, &bound));
    EXPECT_TEXT(buffer_text(&bound), "p=tls-exporter,,channel");
    buffer_finish(&bound);
    done(&talk);
}

TEST("names with commas go into SCRAM escaped")
{
    struct talk talk = scram_talk(SASL_SCRAM_SHA_256, "n");
    talk.client->identity.user = TEXT("a,b=c");
    expect_said(&talk, "", "n,,n=a=2Cb=3Dc,r=n");
    done(&talk);
}

TEST("names and passwords go into SCRAM as SASLprep has them")
{
    struct talk talk = scram_talk(SASL_SCRAM_SHA_1, NONCE_1);
    talk.client->identity.user = TEXT("us\xc2\xad"
                                      "er"); /* a soft hyphen */
    talk.client->identity.password = TEXT("\xef\xbd\x90"
                                          "encil"); /* a wide p */
    expect_said(&talk, "", "n,,n=user,r=" NONCE_1);
    expect_said(&talk, FIRST_1,
                "c=biws,r=" NONCE_1 "3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
    done(&talk);
    talk = scram_talk(SASL_SCRAM_SHA_1, NONCE_1);
    talk.client->identity.password = TEXT("a\x07");
    EXPECT(say(&talk, "") == OK && say(&talk, FIRST_1) == TRY_LATER);
    done(&talk);
}

/* ---- GSS ---- */

TEST("without a ticket GSSAPI fails on our side, before anything is said")
{
    struct talk talk = talk_by(SASL_GSSAPI);
    talk.client->identity.user = TEXT("nobody@NOWHERE.TEST");
    talk.client->identity.tickets = TEXT("FILE:/nonexistent/cache");
    EXPECT(say(&talk, "") == TRY_LATER);
    EXPECT(talk.response.length == 0 && strlen(fail_reason()) > 0);
    done(&talk);
}
