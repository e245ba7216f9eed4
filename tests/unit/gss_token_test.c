#include "sasl/gss_token.h"

#include <string.h>

#include "test.h"

#define KERBEROS "\x60\x0d\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00"

static bool is_kind(struct text token, enum sasl_gss_kind wanted)
{
    enum sasl_gss_kind kind;
    return sasl_gss_token_kind(token, &kind) && kind == wanted;
}

TEST("first tokens are told apart by their framing")
{
    EXPECT(is_kind(TEXT(KERBEROS), SASL_GSS_KERBEROS));
    EXPECT(is_kind(TEXT("\x60\x81\x09\x06\x06\x2b\x06\x01\x05\x05\x02\xa0"), SASL_GSS_NEGOTIATE));
    EXPECT(is_kind(TEXT("NTLMSSP\0\1\0\0\0"), SASL_GSS_NTLMSSP));
}

TEST("what is cut short, lies about its length or is of another mechanism is none")
{
    struct text whole = TEXT(KERBEROS);
    enum sasl_gss_kind kind;
    for (size_t length = 0; length < whole.length; length++)
        EXPECT(!sasl_gss_token_kind(text_head(whole, length), &kind));
    EXPECT(!sasl_gss_token_kind(
        TEXT("\x60\x0e\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x00"), &kind));
    EXPECT(!sasl_gss_token_kind(TEXT("\x60\x80\x06\x01\x2a"), &kind));
    EXPECT(!sasl_gss_token_kind(TEXT("\x60\x85\x00\x00\x00\x00\x03\x06\x01\x2a"), &kind));
    EXPECT(!sasl_gss_token_kind(TEXT("\x60\x03\x06\x01\x2a"), &kind));
    EXPECT(!sasl_gss_token_kind(TEXT("\x60\x03\x06\x7f\x2a"), &kind));
    EXPECT(!sasl_gss_token_kind(TEXT("NTLMSSP"), &kind));
}

/* An AUTHENTICATE_MESSAGE with its domain and its user behind the fixed part. */
static struct text authenticate(char out[200], struct text domain, struct text user, bool unicode)
{
    memset(out, 0, 200);
    memcpy(out, "NTLMSSP\0\3", 9);
    out[28] = (char)domain.length;
    out[32] = 64;
    out[36] = (char)user.length;
    out[40] = (char)(64 + domain.length);
    out[60] = unicode;
    memcpy(out + 64, domain.data, domain.length);
    memcpy(out + 64 + domain.length, user.data, user.length);
    return text_of(out, 64 + domain.length + user.length);
}

static void expect_claim(struct text token, const char *expected)
{
    struct buffer claim;
    buffer_init(&claim, 100);
    EXPECT(sasl_ntlm_claim(token, &claim) == (expected != NULL));
    if (expected != NULL)
        EXPECT_TEXT(buffer_text(&claim), expected);
    buffer_finish(&claim);
}

TEST("the user that an NTLM message speaks for is read, in both alphabets")
{
    char bytes[200];
    expect_claim(authenticate(bytes, TEXT("EX"), TEXT("alice"), false), "EX\\alice");
    expect_claim(authenticate(bytes, TEXT("E\0X\0"), TEXT("a\0l\0"), true), "EX\\al");
    expect_claim(authenticate(bytes, TEXT(""), TEXT("a\0\xe9\0\xe9\x01"), true), "a??");
    expect_claim(authenticate(bytes, TEXT(""), TEXT("a\r\n"), false), "a??");
}

TEST("an NTLM message whose fields point outside of it claims nothing")
{
    char bytes[200];
    struct text whole = authenticate(bytes, TEXT("EX"), TEXT("alice"), false);
    for (size_t length = 0; length < whole.length; length++)
        expect_claim(text_head(whole, length), NULL);
    bytes[43] = 0x7f;
    expect_claim(whole, NULL);
    expect_claim(authenticate(bytes, TEXT("EX"), TEXT("abc"), true), NULL);
    expect_claim(authenticate(bytes, TEXT("EX"), TEXT(""), false), NULL);
    expect_claim(TEXT("NTLMSSP\0\1\0\0\0"), NULL);
}
